//go:build !linux

package app

import (
	"errors"
	"net"
)

// refuseHandshakes is not to be had everywhere.
func refuseHandshakes(*net.TCPListener) error { return errors.ErrUnsupported }
