//go:build unix

package store

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// quiet says that a connection on which nothing is awaited has nothing to read: neither its end nor the server's last words. What is
// sent on one that has ended looks as if it had been received.
func quiet(conn net.Conn) bool {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = over.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, peeked = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT) //nolint:gosec // a descriptor is small
	})
	return err == nil && errors.Is(peeked, unix.EAGAIN)
}
