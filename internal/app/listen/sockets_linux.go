package listen

import (
	"net"

	"golang.org/x/sys/unix"
)

// refuseHandshakes has the system drop what would begin a new connection, and let pass what ends a handshake that has begun. A client that
// asks meanwhile asks again a second later, and finds the listener closed, or another one. Without it a connection could be established
// between the last look into the backlog and the close, which resets it.
func refuseHandshakes(l *net.TCPListener) error {
	const (
		flags    = 13 // where a TCP header has them
		syn, ack = 0x02, 0x10
	)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},          // none of it
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff}, // all of it
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{ //nolint:gosec // G115: a descriptor is small
			Len: uint16(len(filter)), Filter: &filter[0], //nolint:gosec // G115: it is five
		})
	})
	if err != nil {
		return err
	}
	return refused
}
