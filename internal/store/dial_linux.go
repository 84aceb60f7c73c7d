package store

import (
	"syscall"
	"time"
)

// unanswered is for how long what was sent may stay without an acknowledgement before the connection counts as broken.
const unanswered = 15 * time.Second

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name.
const tcpUserTimeout = 0x12

// giveUpUnanswered has a connection break when the machine at its other end is gone without a word.
func giveUpUnanswered(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unanswered.Milliseconds())) //nolint:gosec // a descriptor is small
	})
	if err != nil {
		return err
	}
	return failed
}
