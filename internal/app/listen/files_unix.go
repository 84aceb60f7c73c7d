//go:build unix

package listen

import (
	"net"

	"golang.org/x/sys/unix"
)

// openFiles is how many files the process may have open: Go has raised that to all that it may be raised to.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur) //nolint:unconvert // it is signed on some systems
}

// hasInput says whether something has come that nobody has read yet, the end included.
func hasInput(conn *net.TCPConn) (some bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { // when it is closed there is nothing
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT) //nolint:gosec // G115: a descriptor is small
		some = err == nil
	})
	return some
}
