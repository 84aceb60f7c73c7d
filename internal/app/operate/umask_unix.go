//go:build unix

package operate

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// umask guards the umask, of which the whole process has one.
var umask sync.Mutex

// listenPrivately creates a socket that was never open to others. What is created elsewhere in this moment is closed to them too; a mask
// that took the x as well would make directories there that nobody can enter.
func listenPrivately(ctx context.Context, name string) (net.Listener, error) {
	umask.Lock()
	defer umask.Unlock()
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	var config net.ListenConfig
	return config.Listen(ctx, "unix", name)
}
