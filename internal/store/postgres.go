package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/internal/model"
)

const (
	// poolSize is how many connections a node has unless its URL says otherwise: with more the server's cores only wait for each other.
	poolSize = 8
	// patience is for how long a connection is tried to be had: longer than a restart of the server takes.
	patience = 8 * time.Second
	// readTime is what one try of a read may take, writeTime what a write may with all its waiting.
	readTime, writeTime = 5 * time.Second, 10 * time.Second
	// maxWaiting is how many may wait for a connection, or for their turn to write about a user.
	maxWaiting = 4000
	// maxUnsettled bounds what is remembered of connections that broke while they committed. Nearly all are settled at once.
	maxUnsettled = 1000
	// oldestServer is the oldest PostgreSQL that this runs on, as the server numbers itself.
	oldestServer = 150000
)

// neverEnds is the context of what is sent to the server: pgx would close the connection of a caller who leaves, and a new one costs
// handshakes. What bounds it is the deadline of the connection.
var neverEnds = context.Background()

// postgresEngine is a database of PostgreSQL, which several processes share. Every write about a user takes the row of that user first:
// what it counts and asks for stays so until its commit. Transactions are READ COMMITTED.
type postgresEngine struct {
	pool     *pgxpool.Pool
	texts    map[string]string // as PostgreSQL takes them, by the texts of the lists
	counters *counters
	turns    turns // of those who write about one user

	closed  atomic.Bool
	waiting atomic.Int64

	conflicts, reconnects, unclear atomic.Int64

	mu        sync.Mutex
	unsettled []backend
}

// backend is one connection, as the server tells it from all others that there have been.
type backend struct {
	pid     uint32
	started time.Time
}

// Options say how a node uses a shared database.
type Options struct {
	// Migrate brings the schema up to date. Without it, a schema that is not makes Connect fail.
	Migrate bool
	// Exact refuses a newer schema, too, which has only been added to.
	Exact bool

	patience time.Duration // for a server that is away; 0: patience
}

// Connect opens the database of PostgreSQL that a URL names, which other programs may have open too.
//
// It fails with one sentence when the server is not what the promises of this package rest on. The URL is in no error.
func Connect(ctx context.Context, url model.Secret, o Options) (*Store, error) {
	s := &Store{}
	p := &postgresEngine{counters: &s.counters, turns: turns{of: map[string]*turn{}}}
	s.server = p
	err := p.open(ctx, url, o)
	if err == nil {
		err = s.begin(ctx, p)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", errors.Join(err, p.close()))
	}
	return s, nil
}

func (p *postgresEngine) open(ctx context.Context, url model.Secret, o Options) error {
	cfg, err := postgresConfig(url)
	if err != nil {
		return err
	}
	cfg.AfterConnect = checkServer
	cfg.ConnConfig.OnNotice = func(conn *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			conn.CustomData()[warned] = n.Message
		}
	}
	p.texts = reboundTexts()
	if p.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return errors.New(oneLine(err))
	}
	if err := p.prepareAll(ctx, cfg.ConnConfig, o); err != nil {
		return err
	}
	return nil
}

// prepareAll brings the schema up to date, if it may, and has the server look at every statement once: a mistake in one is found at start.
func (p *postgresEngine) prepareAll(ctx context.Context, cfg *pgx.ConnConfig, o Options) error {
	conn, err := p.connect(ctx, time.Now().Add(cmp.Or(o.patience, patience)))
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := checkWrites(ctx, conn.Conn()); err != nil {
		return err
	}
	if err := migratePostgres(ctx, conn.Conn(), cfg, o); err != nil {
		return err
	}
	if err := checkRights(ctx, conn.Conn()); err != nil {
		return err
	}
	for text, rebound := range p.texts {
		if _, err := conn.Conn().PgConn().Prepare(ctx, "", rebound, nil); err != nil {
			return fmt.Errorf("prepare %q: %s", text, oneLine(err))
		}
	}
	return nil
}

// connect gives a connection. It waits for one while the server cannot be reached, and fails when it is too late or the server will not do.
func (p *postgresEngine) connect(ctx context.Context, until time.Time) (*pgxpool.Conn, error) {
	if p.waiting.Add(1) > maxWaiting {
		p.waiting.Add(-1)
		return nil, errCrowded
	}
	defer p.waiting.Add(-1)
	// With a working pool, a caller waits for a connection as long as it may be used at all.
	wait, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for {
		conn, err := p.pool.Acquire(wait)
		if err == nil {
			p.turns.away.Store(0)
			return conn, nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case p.closed.Load():
			return nil, errClosed
		case willNotDo(err):
			return nil, errors.New(oneLine(err))
		case wait.Err() != nil && p.pool.Stat().TotalConns() > 0: // the server answers, but others have all connections
			return nil, fmt.Errorf("%w: %s", errAway, oneLine(err))
		}
		p.lost()
		select {
		case <-wait.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("%w: %s", errAway, oneLine(err))
		case <-time.After(betweenTries()):
		}
	}
}

// willNotDo says whether a connection failed for what waiting does not mend.
func willNotDo(err error) bool {
	if _, is := errors.AsType[unfit](err); is {
		return true
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return true
	}
	return isPgError(err) && meaningOf(err) == isRefusal || strings.Contains(err.Error(), "server refused TLS connection") // which is no type
}

// betweenTries is the pause before a server is tried again that was not there, or would not do.
func betweenTries() time.Duration {
	return 50*time.Millisecond + rand.N(200*time.Millisecond) //nolint:gosec // nobody gains by guessing it
}

func isPgError(err error) bool {
	_, is := errors.AsType[*pgconn.PgError](err)
	return is
}

// lost remembers since when the server is away.
func (p *postgresEngine) lost() { p.turns.away.CompareAndSwap(0, time.Now().UnixMilli()) }

// deadline is when whatever is sent on a connection from now on has failed.
func (p *postgresEngine) deadline(conn *pgxpool.Conn, at time.Time) {
	_ = conn.Conn().PgConn().Conn().SetDeadline(at) // of a connection that is closed there is none
}

// discard ends a connection that will not do any more, though it may be open: a server that cannot be written to keeps it.
func (p *postgresEngine) discard(conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		return
	}
	p.deadline(conn, time.Now().Add(time.Second))
	_ = conn.Conn().Close(neverEnds)
}

// release gives a connection back to the pool.
func (p *postgresEngine) release(conn *pgxpool.Conn) {
	p.deadline(conn, time.Time{})
	conn.Release()
}

// rebound is the text of a statement as PostgreSQL takes it.
func (p *postgresEngine) rebound(text string) (string, error) {
	rebound, ok := p.texts[text]
	if !ok {
		return "", errUnlisted(text)
	}
	return rebound, nil
}

func (p *postgresEngine) row(ctx context.Context, text string, args []any, dest ...any) error {
	return p.read(ctx, text, func(conn *pgxpool.Conn, text string) error {
		return conn.QueryRow(neverEnds, text, cleaned(args)...).Scan(dest...)
	})
}

func (p *postgresEngine) rows(ctx context.Context, text string, args, dest []any, to taker) error {
	return p.read(ctx, text, func(conn *pgxpool.Conn, text string) error {
		to.begin()
		rows, err := conn.Query(neverEnds, text, cleaned(args)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			to.take()
		}
		return rows.Err()
	})
}

// read runs a read, again if its connection is lost. It cannot be cancelled once it has begun.
func (p *postgresEngine) read(ctx context.Context, text string, run func(*pgxpool.Conn, string) error) error {
	rebound, err := p.rebound(text)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	p.counters.reads.Add(1)
	until := time.Now().Add(patience)
	for {
		conn, err := p.connect(ctx, until)
		if err != nil {
			return err
		}
		lost, err := p.readOver(conn, rebound, run)
		if err == nil || !lost || pgconn.Timeout(err) || time.Now().After(until) {
			return translated(neverEnds, err)
		}
		p.lost()
		p.reconnects.Add(1)
	}
}

// readOver runs a read over a connection, which goes back to the pool whatever comes of it.
func (p *postgresEngine) readOver(conn *pgxpool.Conn, text string, run func(*pgxpool.Conn, string) error) (lost bool, err error) {
	defer p.release(conn)
	p.deadline(conn, time.Now().Add(readTime))
	err = run(conn, text)
	return conn.Conn().IsClosed(), err
}

// write runs a job in a transaction of its own. It is run again when it meets another, or when its connection is lost before the commit was
// sent: nothing of it was saved. From then on an answer that is lost is model.ErrUnclear, and nothing is tried again.
func (p *postgresEngine) write(ctx context.Context, of lock, run func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if of.kind == user {
		leave, err := p.turns.wait(ctx, of.user)
		if err != nil {
			return err
		}
		defer leave()
	}
	p.counters.writes.Add(1)
	started := time.Now()
	for careful, orphan, losses := false, false, 0; ; {
		conn, err := p.connect(ctx, started.Add(patience))
		if err != nil {
			return err
		}
		t := &postgresTx{engine: p, conn: conn, careful: careful, until: started.Add(writeTime)}
		err = t.run(of, run)
		unclear, b := t.unclear(), backendOf(conn)
		t.rollback()
		if !t.committed && t.failed != nil && meaningOf(t.failed) == isLost {
			p.discard(conn)
		}
		p.release(conn)
		switch {
		case t.committed:
			p.counters.commits.Add(1)
			return err
		case err == nil: // nothing was to be saved
			return nil
		case t.nothing:
			careful = true
		case unclear:
			p.lost()
			p.unclear.Add(1)
			p.remember(b)
			return fmt.Errorf("%w: %s", model.ErrUnclear, oneLine(t.failed))
		case t.failed == nil: // the job's own refusal
			return err
		case pgconn.Timeout(t.failed):
			p.lost()
			return translated(neverEnds, t.failed)
		case time.Since(started) > patience:
			return translated(neverEnds, t.failed)
		case meaningOf(t.failed) == isConflict:
			p.conflicts.Add(1)
		case meaningOf(t.failed) == isOrphan && !orphan:
			orphan = true
			p.conflicts.Add(1)
		case meaningOf(t.failed) == isLost:
			p.lost()
			p.reconnects.Add(1)
			if losses++; losses > 1 {
				time.Sleep(betweenTries())
			}
		default:
			return err
		}
	}
}

// run runs a job once, to its commit.
func (t *postgresTx) run(of lock, run func(tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while writing: %v", p)
		}
	}()
	t.queue = make([]queued, 0, 8)
	if err = t.later(beginPostgres); err == nil {
		err = t.lock(of)
	}
	if err == nil {
		err = run(t)
	}
	if err == nil {
		err = t.told(t.commit())
	}
	return err
}

func backendOf(conn *pgxpool.Conn) backend {
	b, _ := conn.Conn().PgConn().CustomData()["backend"].(backend)
	return b
}

func (p *postgresEngine) remember(b backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.unsettled) == maxUnsettled {
		p.unsettled = p.unsettled[1:]
	}
	p.unsettled = append(p.unsettled, b)
}

// settled has the server end what it may still be doing for connections that broke: what was not saved by then never will be. Each is
// named by when it began, too: its number may be another's by now.
func (p *postgresEngine) settled(ctx context.Context) error {
	p.mu.Lock()
	open := slices.Clone(p.unsettled)
	p.mu.Unlock()
	if len(open) == 0 {
		return nil
	}
	for _, b := range open {
		if err := p.end(ctx, b); err != nil {
			return err
		}
	}
	err := p.read(ctx, barrier, func(conn *pgxpool.Conn, text string) error {
		return unlessWarned(conn, func() error { return conn.QueryRow(neverEnds, text).Scan(new(int)) })
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unsettled = slices.DeleteFunc(p.unsettled, func(b backend) bool { return slices.Contains(open, b) })
	return nil
}

// end has the server end a connection, if there still is one. One that ends by itself between being found and being told is not there to
// be told, and not there to be found after that.
func (p *postgresEngine) end(ctx context.Context, b backend) error {
	for range 2 {
		var ended bool
		err := p.read(ctx, endBackend, func(conn *pgxpool.Conn, text string) error {
			return conn.QueryRow(neverEnds, text, int64(b.pid), b.started).Scan(&ended)
		})
		switch {
		case errors.Is(err, model.ErrNotFound):
			return nil
		case err != nil || ended:
			return err
		}
	}
	return errAway
}

// endBackend ends a connection of this pool, and waits until it has.
const endBackend = `SELECT pg_terminate_backend(pid, 4000) FROM pg_stat_activity WHERE pid = ?1 AND backend_start = ?2`

// barrier is a commit of nothing. A commit that waits for a standby stops waiting when its connection ends or the driver gives up: it is
// there for all to see, and is lost if the standby takes over before it has it. When this one is answered, the standby has all before it.
const barrier = `SELECT 1 FROM pg_logical_emit_message(TRUE, 'latchkey', '')`

func (p *postgresEngine) filters() int { return max(1, int(p.pool.Config().MaxConns)/4) }

func (p *postgresEngine) alone() bool { return false }

func (p *postgresEngine) close() error {
	p.closed.Store(true)
	if p.pool != nil {
		p.pool.Close()
	}
	return nil
}

// PoolStats is how a node gets on with a shared database.
type PoolStats struct {
	Up                                      bool
	Conflicts, Reconnects, Unclear          int64 // since Connect
	Connections, InUse, WaitingForAny, Most int64
}

// Pool says how this node gets on with a shared database; nil when there is none.
func (s *Store) Pool() *PoolStats {
	p := s.server
	if p == nil {
		return nil
	}
	stat := p.pool.Stat()
	return &PoolStats{
		Up: p.turns.away.Load() == 0, Conflicts: p.conflicts.Load(), Reconnects: p.reconnects.Load(), Unclear: p.unclear.Load(),
		Connections: int64(stat.TotalConns()), InUse: int64(stat.AcquiredConns()), WaitingForAny: p.waiting.Load(), Most: int64(stat.MaxConns()),
	}
}

// Away is for how long the database has not been reached, 0 while it is, or when nothing was asked of it.
func (s *Store) Away() time.Duration {
	if s.server == nil {
		return 0
	}
	since := s.server.turns.away.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.UnixMilli(since))
}
