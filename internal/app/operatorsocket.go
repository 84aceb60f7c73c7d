package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// operatorSocket is where in the data directory a running program takes commands.
const operatorSocket = "operator.sock"

// longestSocketName fits everywhere: systems allow 104 to 108 bytes.
const longestSocketName = 100

// socketName is a name by which the socket of a directory can be reached, good until release is called. That of a directory deep
// down is too long for the system; on Linux an open directory has a short one too.
func socketName(dir string) (name string, release func(), err error) {
	name = filepath.Join(dir, operatorSocket)
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
	name = fmt.Sprintf("/proc/self/fd/%d/%s", opened.Fd(), operatorSocket)
	return name, func() { _ = opened.Close() }, nil // it was only looked into
}

// operatorDoor serves commands. A nil one does nothing.
type operatorDoor struct {
	listener *operatorListener
	server   *http.Server
}

// openOperatorDoor is called by whoever holds the lock of the database: a socket that is there was left by a program that was
// killed. Without a socket the program runs as well, and commands must wait until it is stopped.
func openOperatorDoor(ctx context.Context, dir dataDir, handler http.Handler, log *slog.Logger) *operatorDoor {
	listener, err := listenForOperator(ctx, dir.path, log)
	if err != nil {
		log.Warn("commands such as latchkey user work only while this is stopped: there can be no socket in the data directory", "error", err)
		return nil
	}
	return &operatorDoor{listener: listener, server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
}

func listenForOperator(ctx context.Context, dir string, log *slog.Logger) (*operatorListener, error) {
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
	l := &operatorListener{UnixListener: listener.(*net.UnixListener), release: release, log: log}
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// operatorListener hangs up on other users of the machine. The directory and the socket are closed to them, but on volumes whose
// modes cannot be changed.
type operatorListener struct {
	*net.UnixListener
	release func()
	log     *slog.Logger
}

// Accept gives the next connection of somebody who may command the program.
func (l *operatorListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peerUser(conn)
		if err == nil && mayOperate(uid, os.Geteuid()) {
			return conn, nil
		}
		l.log.Warn("hung up on somebody who may not give commands", "uid", uid, "error", err)
		_ = conn.Close() // it has had nothing from us that could be lost
	}
}

// mayOperate lets in whoever runs the program, and root, who could do everything anyway.
func mayOperate(uid, own int) bool { return uid == own || uid == 0 }

// Close removes the socket.
func (l *operatorListener) Close() error {
	defer l.release()
	return l.UnixListener.Close()
}

// start serves until stop is called, which is before the store is closed and its lock given to somebody else: they will make
// a socket of the same name.
func (d *operatorDoor) start(log *slog.Logger) (stop func()) {
	if d == nil {
		return func() {}
	}
	ended := serveBeside(d.server, d.listener, func(err error) { log.Error("the socket for commands broke", "cause", err) })
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		if err := d.server.Shutdown(ctx); err != nil {
			log.Warn("cut off a command that did not end in time", "time", shutdownTime)
			_ = d.server.Close() // what it would say is known
		}
		<-ended
	}
}
