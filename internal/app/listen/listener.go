// Package listen is a TCP listener with a limit of connections, which holds also in a flood, and that loses no accepted
// connection when it stops.
package listen

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

const (
	// maxConnections keeps a flood of connections from taking all memory: an idle one holds about 30 KB. Ten thousand devices do
	// not need one each, since those that have nothing to say are hung up on for those that have.
	maxConnections = 8192
	// otherFiles are those that are left for all that is no connection to the public listener: the database, which holds three for
	// each reader, the listener for operators, commands, emails and files. It is at most half of what there may be.
	otherFiles = 256

	// handshakes is how long connections that are being established when the program stops may take. Few ways are longer than that, there
	// and back.
	handshakes = 250 * time.Millisecond
	// backlogLook is how long one look into a backlog waits, when it must not wait for anything new.
	backlogLook = 5 * time.Millisecond
	// longestBacklog ends a stop beside people who come faster than they are taken, where the system cannot keep them out.
	longestBacklog = 2 * time.Second
)

// errDrained ends the serving of a listener that has let in all who came before it closed.
var errDrained = errors.New("the listener accepts no more connections")

// AsFilesAllow is how many connections there may be beside so many open files as the system allows, when each takes so many of them.
func AsFilesAllow(each int) int { return within(openFiles(), each) }

// within takes 0 for a number of files that is not known.
func within(files uint64, each int) int {
	if files == 0 || files > 4*maxConnections {
		return maxConnections
	}
	places := int(files) - min(otherFiles, int(files)/2) //nolint:gosec // G115: it is small
	return max(1, min(places/each, maxConnections))
}

// Config says who is let in.
type Config struct {
	Most    int                   // connections at once
	Trusted func(netip.Addr) bool // proxies, which stand for many; nil: nobody is one
	AtOnce  bool                  // when it ends, it waits neither for connections that are being made nor for their first requests
	Log     *slog.Logger
}

// New listens at an address of TCP.
func New(ctx context.Context, addr string, cfg Config) (*Listener, error) {
	var listening net.ListenConfig
	listening.SetMultipathTCP(false) // which knows no filter, see refuseHandshakes
	listener, err := listening.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("not a TCP listener"), listener.Close())
	}
	if cfg.Trusted == nil {
		cfg.Trusted = func(netip.Addr) bool { return false }
	}
	return &Listener{
		tcp: tcp, all: newConnections(cfg.Most), trusted: cfg.Trusted, atOnce: cfg.AtOnce, log: cfg.Log,
		draining: make(chan time.Time, 1), closed: make(chan struct{}),
	}, nil
}

// Listener lets in no more connections than there may be. Waiting instead would keep people waiting behind those who flood.
type Listener struct {
	tcp     *net.TCPListener
	all     *connections
	trusted func(netip.Addr) bool // proxies, which stand for many
	atOnce  bool                  // waits for nobody who may be on the way
	log     *slog.Logger

	draining chan time.Time // gets the time by which to stop, once
	closed   chan struct{}

	// Accept has one caller.
	refuses bool      // since the last connection that was let in
	until   time.Time // handshakes may go on; zero while it is not draining
	empty   int       // looks into the backlog after that, one after the other, that found nothing
}

// Accept gives the next connection that there is room for.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.next()
		if err != nil {
			return nil, err
		}
		if taken := l.all.take(conn, l.trusted); taken != nil {
			l.refuses = false
			return taken, nil
		}
		_ = conn.Close() // it has had nothing from us that could be lost
		if !l.refuses {
			l.refuses = true
			l.log.Warn("connection limit reached", "open", l.all.count(), "from", conn.RemoteAddr())
		}
	}
}

// next accepts until the listener is to be drained, and goes on from there until nobody is left in the backlog.
func (l *Listener) next() (*net.TCPConn, error) {
	for {
		if l.until.IsZero() {
			conn, err := l.tcp.AcceptTCP()
			if !errors.Is(err, os.ErrDeadlineExceeded) { // which Drain has set
				return conn, err
			}
			l.until = <-l.draining
		}
		now := time.Now()
		look := now.Add(backlogLook)
		if look.Before(l.until) {
			look = l.until
		}
		if err := l.tcp.SetDeadline(look); err != nil {
			return nil, err
		}
		conn, err := l.tcp.AcceptTCP()
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

// Drain closes the listener when all who came before are let in, or when the context ends. New ones are kept out meanwhile, where
// the system can do that: the others may go on to the next listener.
func (l *Listener) Drain(ctx context.Context) {
	if err := refuseHandshakes(l.tcp); err != nil {
		l.log.Debug("the system accepts connections until the listener is closed", "cause", err)
	}
	until := time.Now()
	if !l.atOnce {
		until = until.Add(handshakes)
	}
	select {
	case l.draining <- until:
		_ = l.tcp.SetDeadline(time.Unix(1, 0)) // wakes Accept
	default: // it is draining
	}
	select {
	case <-l.closed:
	case <-ctx.Done():
		_ = l.Close() // there is no time for those who wait
	}
}

// Close is like that of any listener, and no error when it is closed already: one that has drained is, and the server closes it again
// when it stops.
func (l *Listener) Close() error {
	err := l.tcp.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	close(l.closed)
	return err
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// Most is how many connections it lets in at once.
func (l *Listener) Most() int { return l.all.most }

// Count is how many connections are open.
func (l *Listener) Count() int { return l.all.count() }

// Follow is to be the ConnState of the http.Server that serves the connections: it tells which of them wait for a request.
func (l *Listener) Follow(conn net.Conn, state http.ConnState) { l.all.follow(conn, state) }

// LetGo closes what has waited for another request since before then, and says how many are left. A connection that has had no
// answer yet is waited for, since its request is on its way, unless all has to end at once: the server has a limit for that.
func (l *Listener) LetGo(before time.Time) (left int) { return l.all.letGo(before, !l.atOnce) }
