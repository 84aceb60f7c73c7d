package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
)

// socketFile is where in the data directory a running program takes commands.
const socketFile = "operator.sock"

// longestSocketName fits everywhere: systems allow 104 to 108 bytes.
const longestSocketName = 100

// socketName is a name by which the socket of a directory can be reached, good until release is called. That of a directory deep
// down is too long for the system; on Linux an open directory has a short one too.
func socketName(dir string) (name string, release func(), err error) {
	name = filepath.Join(dir, socketFile)
	if len(name) <= longestSocketName {
		return name, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("its path %s is longer than %d bytes", name, longestSocketName)
	}
	opened, err := os.Open(dir) //nolint:gosec // the operator names the directory
	if err != nil {
		return "", nil, err
	}
	name = fmt.Sprintf("/proc/self/fd/%d/%s", opened.Fd(), socketFile)
	return name, func() { _ = opened.Close() }, nil // it was only looked into
}

// Listen creates the command socket of a data directory. The caller holds the lock of the database: a socket that is
// there was left by a program that was killed.
func Listen(ctx context.Context, dir string, log *slog.Logger) (net.Listener, error) {
	name, release, err := socketName(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		release()
		return nil, err
	}
	listener, err := listenPrivately(ctx, name)
	if err != nil {
		release()
		return nil, err
	}
	l := &socketListener{UnixListener: listener.(*net.UnixListener), release: release, log: log}
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// socketListener hangs up on other users of the machine. The directory and the socket are closed to them, but on volumes whose
// modes cannot be changed.
type socketListener struct {
	*net.UnixListener
	release func()
	log     *slog.Logger
}

// Accept gives the next connection of somebody who may command the program.
func (l *socketListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peerUser(conn)
		if err == nil && mayOperate(uid, os.Geteuid()) {
			return conn, nil
		}
		l.log.Warn("refused a command from another user of this machine", "uid", uid, "error", err)
		_ = conn.Close() // it has had nothing from us that could be lost
	}
}

// mayOperate lets in the operator, and root, who could do everything anyway.
func mayOperate(uid, own int) bool { return uid == own || uid == 0 }

// Close removes the socket.
func (l *socketListener) Close() error {
	defer l.release()
	return l.UnixListener.Close()
}
