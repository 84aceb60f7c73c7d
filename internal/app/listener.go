package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"latchkey/handlers"
	"latchkey/internal/app/config"
)

const (
	// maxConnections keeps a flood of connections from taking all memory: an idle one holds about 30 KB. Ten thousand devices do
	// not need one each, since those that have nothing to say are hung up on for those that have.
	maxConnections = 8192
	// adminConnections are enough for a few who measure and a few who look.
	adminConnections = 64
	// otherFiles are those that are left for all that is no connection to the public listener: the database, which holds three for
	// each reader, the listener for operators, commands, mails and files. It is at most half of what there may be.
	otherFiles = 256

	// connectionsOfStream is for how many connections there may be one stream, which cannot be hung up on for a newcomer.
	connectionsOfStream = 4

	// handshakes is how long connections that are being made when the program stops may take. Few ways are longer than that, there
	// and back.
	handshakes = 250 * time.Millisecond
	// backlogLook is how long one look into a backlog waits, when it must not wait for anything new.
	backlogLook = 5 * time.Millisecond
	// longestBacklog ends a stop beside people who come faster than they are taken, where the system cannot keep them out.
	longestBacklog = 2 * time.Second
)

// errDrained ends the serving of a listener that has let in all who came before it closed.
var errDrained = errors.New("the listener takes no more connections")

// connectionsFor is how many connections there may be beside so many open files as the system allows, which is 0 when that is not
// known. With an upstream, each may want another one to it.
func connectionsFor(files uint64, upstream bool) int {
	if files == 0 || files > 4*maxConnections {
		return maxConnections
	}
	places := int(files) - min(otherFiles, int(files)/2) //nolint:gosec // G115: it is small
	if upstream {
		places /= 2
	}
	return max(1, min(places, maxConnections))
}

// listen takes the address of the public listener.
func listen(ctx context.Context, cfg config.Settings, log *slog.Logger) (*boundedListener, error) {
	most := connectionsFor(openFiles(), cfg.Upstream != nil)
	l, err := listenWithin(ctx, cfg.Addr, most, log)
	if err != nil {
		return nil, config.Refuse("addr", cfg.Addr, "it cannot be listened on ("+err.Error()+")")
	}
	l.trusted = handlers.NewProxies(cfg.TrustedProxies).Has
	return l, nil
}

// listenWithin listens for so many connections at once.
func listenWithin(ctx context.Context, addr string, most int, log *slog.Logger) (*boundedListener, error) {
	var listening net.ListenConfig
	listening.SetMultipathTCP(false) // which knows no filter, see refuseHandshakes
	listener, err := listening.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("the listener is not one of TCP"), listener.Close())
	}
	return &boundedListener{
		TCPListener: tcp, connections: newConnections(most), log: log,
		trusted:  func(netip.Addr) bool { return false },
		draining: make(chan time.Time, 1), closed: make(chan struct{}),
	}, nil
}

// boundedListener lets in no more connections than there may be. Waiting instead would keep people waiting behind those who flood.
type boundedListener struct {
	*net.TCPListener
	*connections
	trusted func(netip.Addr) bool // proxies, which stand for many
	log     *slog.Logger

	draining chan time.Time // is told by when to stop, once
	closed   chan struct{}

	// Accept has one caller.
	refuses bool      // since the last connection that was let in
	until   time.Time // handshakes may go on; zero while it is not draining
	empty   int       // looks into the backlog after that, one after the other, that found nothing
}

// Accept gives the next connection that there is room for.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.next()
		if err != nil {
			return nil, err
		}
		if taken := l.take(conn, l.trusted); taken != nil {
			l.refuses = false
			return taken, nil
		}
		_ = conn.Close() // it has had nothing from us that could be lost
		if !l.refuses {
			l.refuses = true
			l.log.Warn("no more connections are taken", "open", l.count(), "from", conn.RemoteAddr())
		}
	}
}

// next is AcceptTCP until the listener is to be drained, and goes on from there until nobody is left in the backlog.
func (l *boundedListener) next() (*net.TCPConn, error) {
	for {
		if l.until.IsZero() {
			conn, err := l.AcceptTCP()
			if !errors.Is(err, os.ErrDeadlineExceeded) { // which drain has set
				return conn, err
			}
			l.until = <-l.draining
		}
		now := time.Now()
		look := now.Add(backlogLook)
		if look.Before(l.until) {
			look = l.until
		}
		if err := l.SetDeadline(look); err != nil {
			return nil, err
		}
		conn, err := l.AcceptTCP()
		switch {
		case err == nil && now.Before(l.until.Add(longestBacklog)):
			l.empty = 0
			return conn, nil
		case err == nil:
			_ = conn.Close() // nobody has heard of it yet
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return nil, err
		default:
			if l.empty++; l.empty < 2 {
				continue
			}
		}
		_ = l.Close() // it is of no use any more
		return nil, errDrained
	}
}

// drain closes the listener when all who came before are let in, or when the context ends. New ones are kept out meanwhile, where
// the system can do that: the others may go on to whoever listens next.
func (l *boundedListener) drain(ctx context.Context) {
	if err := refuseHandshakes(l.TCPListener); err != nil {
		l.log.Debug("the system lets connections be made until the listener is closed", "cause", err)
	}
	select {
	case l.draining <- time.Now().Add(handshakes):
		_ = l.SetDeadline(time.Unix(1, 0)) // wakes Accept
	default: // it is draining
	}
	select {
	case <-l.closed:
	case <-ctx.Done():
		_ = l.Close() // there is no time for those who wait
	}
}

// Close is like that of any listener, and may be called more than once.
func (l *boundedListener) Close() error {
	err := l.TCPListener.Close()
	if !errors.Is(err, net.ErrClosed) {
		close(l.closed)
	}
	return err
}
