//go:build !unix

package store

import "net"

// quiet cannot look: that a connection has ended is found out by using it.
func quiet(net.Conn) bool { return true }
