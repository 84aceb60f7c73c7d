//go:build !unix

package operate

import (
	"context"
	"net"
)

// listenPrivately creates a socket. Where there is no umask, what can be opened is a matter of the directory alone.
func listenPrivately(ctx context.Context, name string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "unix", name)
}
