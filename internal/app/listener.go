package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"latchkey/internal/app/config"
)

// maxConnections keeps a flood of connections from taking all memory. It leaves room for ten thousand devices.
const maxConnections = 16384

func listen(ctx context.Context, addr string, log *slog.Logger) (net.Listener, error) {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, config.Refuse("addr", addr, "it cannot be listened on ("+err.Error()+")")
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("the listener is not one of TCP"), listener.Close())
	}
	return &boundedListener{TCPListener: tcp, most: maxConnections, log: log}, nil
}

// boundedListener hangs up on whoever comes while there are as many connections as there may be. Waiting instead would
// keep people waiting behind those who flood.
type boundedListener struct {
	*net.TCPListener
	most int64
	log  *slog.Logger

	open    atomic.Int64
	refuses bool // since the last connection that was let in; Accept has one caller
}

// Accept gives the next connection that there is room for.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			l.refuses = false
			return &boundedConn{TCPConn: conn, ended: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		_ = conn.Close() // it has had nothing from us that could be lost
		if !l.refuses {
			l.refuses = true
			l.log.Warn("no more connections are taken", "open", l.most)
		}
	}
}

// boundedConn is a whole TCP connection: the server closes it half before it hangs up, so that a client which is still
// sending gets to read why.
type boundedConn struct {
	*net.TCPConn
	ended func()
}

// Close makes room for another connection.
func (c *boundedConn) Close() error {
	c.ended()
	return c.TCPConn.Close()
}
