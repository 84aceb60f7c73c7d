//go:build !linux

package listen

import (
	"errors"
	"net"
)

// refuseHandshakes is not to be had everywhere.
func refuseHandshakes(*net.TCPListener) error { return errors.ErrUnsupported }
