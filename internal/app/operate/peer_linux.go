package operate

import (
	"net"
	"syscall"
)

// peerUser is the user of the process at the other end, as the system knows it.
func peerUser(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	uid = -1
	controlErr := raw.Control(func(fd uintptr) {
		var peer *syscall.Ucred
		if peer, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil { //nolint:gosec // G115: a descriptor is small
			uid = int(peer.Uid)
		}
	})
	if err == nil {
		err = controlErr
	}
	return uid, err
}
