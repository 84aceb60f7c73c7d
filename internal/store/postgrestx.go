package store

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/internal/model"
)

const (
	// Roles and databases may have another level: on REPEATABLE READ what is counted would be as it was before the wait for the lock.
	beginPostgres    = "BEGIN ISOLATION LEVEL READ COMMITTED"
	commitPostgres   = "COMMIT"
	rollbackPostgres = "ROLLBACK"

	// A lock keeps others from the same one, and no insert that refers to the user from being created.
	lockUser = `SELECT 1 FROM users WHERE id = ? FOR NO KEY UPDATE`
	lockName = `SELECT 1 FROM locks WHERE name = ? FOR NO KEY UPDATE`
)

// onlyPostgres are the statements that there are for PostgreSQL alone.
func onlyPostgres() []string {
	return append(nodeStatements(), beginPostgres, commitPostgres, rollbackPostgres, lockUser, lockName, endBackend, barrier,
		lockTries, saveTries, sweepTries, lockAnonymous, sweepLockedEvents, sweepLocked)
}

// warned is under what a connection remembers the server's last warning.
const warned = "warned"

// errAfterCommit is a mistake in a job.
var errAfterCommit = errors.New("a job goes on after its last statements")

// postgresTx is a job's access to its transaction. What is queued goes to the server in one message with the next statement whose
// outcome is needed; the transaction begins with the first.
//
// On the first run of a job, last sends its statements with the commit, guarded: one that must change a row and changes none is an error
// for the server, and so none is saved. Then the job is run once more, statement by statement, to find out why.
type postgresTx struct {
	engine  *postgresEngine
	conn    *pgxpool.Conn
	careful bool
	until   time.Time // for how long the server may take

	queue     []queued
	sent      bool // something was
	asked     bool // the commit was
	committed bool
	doubtful  bool // the server has committed, and warned
	nothing   bool // a guard found that nothing was changed
	reached   int  // how many statements of the last message were answered
	failed    error
}

// queued is a statement on its way, and what takes its answer.
type queued struct {
	text string
	args []any
	take func(pgx.BatchResults) error // nil: nobody
}

func (t *postgresTx) add(text string, args []any, take func(pgx.BatchResults) error) error {
	if t.committed {
		return errAfterCommit
	}
	if t.failed != nil { // a job must not go on after an error
		return t.failed
	}
	rebound, err := t.engine.rebound(text)
	if err != nil {
		return err
	}
	t.queue = append(t.queue, queued{rebound, cleaned(args), take})
	return nil
}

// flush sends what is queued in one message and takes the answers.
func (t *postgresTx) flush() error {
	if len(t.queue) == 0 {
		return nil
	}
	var batch pgx.Batch
	for _, q := range t.queue {
		batch.Queue(q.text, q.args...)
	}
	t.sent, t.reached = true, 0
	t.engine.deadline(t.conn, t.until)
	results := t.conn.SendBatch(neverEnds, &batch)
	var err error
	for _, q := range t.queue {
		if q.take != nil {
			err = q.take(results)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			break
		}
		t.reached++
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.failed = err
		return err
	}
	t.queue = t.queue[:0]
	return nil
}

func (t *postgresTx) exec(text string, args ...any) (changed int64, err error) {
	err = t.add(text, args, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		changed = tag.RowsAffected()
		return err
	})
	if err == nil {
		err = t.flush()
	}
	return changed, t.told(err)
}

func (t *postgresTx) execOne(text string, args ...any) error {
	n, err := t.exec(text, args...)
	if err == nil && n == 0 {
		return model.ErrNotFound
	}
	return err
}

func (t *postgresTx) row(text string, args []any, dest ...any) error {
	found := true
	err := t.add(text, args, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(dest...)
		if errors.Is(err, pgx.ErrNoRows) {
			found, err = false, nil
		}
		return err
	})
	if err == nil {
		err = t.flush()
	}
	if err == nil && !found {
		return model.ErrNotFound
	}
	return t.told(err)
}

func (t *postgresTx) later(text string, args ...any) error { return t.add(text, args, nil) }

func (t *postgresTx) last(steps ...step) (stopped int, err error) {
	if !t.careful {
		return all, t.told(t.lastAtOnce(steps))
	}
	return oneByOne(t, steps)
}

// lastAtOnce sends the steps with the commit.
func (t *postgresTx) lastAtOnce(steps []step) error {
	for _, s := range steps {
		text := s.text
		if s.must {
			text = guard(text)
		}
		var take func(pgx.BatchResults) error
		if s.changed != nil {
			take = func(r pgx.BatchResults) error {
				tag, err := r.Exec()
				*s.changed = tag.RowsAffected()
				return err
			}
		}
		if err := t.add(text, s.args, take); err != nil {
			return err
		}
	}
	err := t.commit()
	t.nothing = err != nil && meaningOf(err) == isNothing
	return err
}

// guard makes it an error that a statement changes no row: it divides by how many there were.
func guard(text string) string {
	return "WITH done AS (" + text + " RETURNING 1) SELECT 1 / count(*) FROM done"
}

func (t *postgresTx) lock(of lock) error {
	switch of.kind {
	case user:
		return t.later(lockUser, of.user)
	case grants:
		return t.later(lockName, "device_grants")
	case spellings:
		return t.later(lockName, "spellings")
	case knocks:
		return t.later(lockName, "knocks")
	case serverKeys:
		return t.later(lockName, "server_keys")
	case operators:
		return t.later(lockName, "operators")
	case webhooks:
		return t.later(lockName, "webhooks")
	default:
		return nil
	}
}

func (t *postgresTx) full() openers { return nil }

// commit sends what is queued and the commit, unless nothing was ever to be sent.
func (t *postgresTx) commit() error {
	if t.committed || !t.sent && len(t.queue) <= 1 { // BEGIN alone
		return nil
	}
	if err := t.add(commitPostgres, nil, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		if err == nil && tag.String() != commitPostgres { // it was a rollback
			err = fmt.Errorf("the commit was answered with %s", tag)
		}
		t.committed = err == nil
		return err
	}); err != nil {
		return err
	}
	t.asked = true
	err := unlessWarned(t.conn, func() error {
		if err := t.flush(); err != nil && !t.committed {
			return err
		}
		return nil // whatever else the server said after its answer, such as that it is shutting down
	})
	if err != nil && t.committed {
		t.committed, t.doubtful, t.failed = false, true, err
	}
	return err
}

// unlessWarned does something that commits. It is an error that the server warns.
func unlessWarned(conn *pgxpool.Conn, do func() error) error {
	of := conn.Conn().PgConn().CustomData()
	delete(of, warned)
	err := do()
	if warning, is := of[warned]; is && err == nil {
		err = fmt.Errorf("the commit was answered with a warning: %v", warning)
	}
	return err
}

// rollback undoes what was sent, unless the server does.
func (t *postgresTx) rollback() {
	if !t.sent || t.committed || t.conn.Conn().IsClosed() {
		return
	}
	t.engine.deadline(t.conn, t.until)
	_, _ = t.conn.Exec(neverEnds, rollbackPostgres) // a connection that cannot is not used again
}

// unclear says whether nobody knows if the transaction was saved. An answer that is an error says that it was not, and so does one that
// ends the connection in place of the answer to a statement before the commit, or that the server gives only before it commits. What was
// never sent was not either. What was committed with a warning is on this server, and perhaps not on the standby that it should have
// waited for: somebody, or a time limit, has put an end to that.
func (t *postgresTx) unclear() bool {
	if t.doubtful {
		return true
	}
	if !t.asked || t.committed || t.failed == nil || pgconn.SafeToRetry(t.failed) {
		return false
	}
	if beforeBatch(t.failed) {
		return false
	}
	if told, is := errors.AsType[*pgconn.PgError](t.failed); is {
		return meaningOf(told) == isLost && t.reached == len(t.queue)-1 && !onlyBeforeCommit(told)
	}
	return t.conn.Conn().IsClosed() // or the mistake is on this side, and nothing was sent
}

// beforeBatch says whether a message failed in what the driver sends ahead of it: names of statements that the server is to know, or to
// forget. For the latter there is no type; were it to be called otherwise one day, the outcome would count as not known.
func beforeBatch(err error) bool {
	_, preparing := errors.AsType[pgx.ErrPreprocessingBatch](err)
	return preparing || strings.HasPrefix(err.Error(), "failed to deallocate cached statement(s): ")
}

// told is an error in the terms of this package. What it means for the transaction is asked of t.failed.
func (t *postgresTx) told(err error) error {
	if err == nil || !errors.Is(err, t.failed) {
		return err
	}
	return translated(neverEnds, err)
}

// cleaned are the arguments of a statement, without what PostgreSQL refuses in a text and SQLite keeps: what looks for such a text must
// find nothing rather than fail.
func cleaned(args []any) []any {
	var out []any
	for i, arg := range args {
		text, ok := arg.(string)
		if !ok {
			v := reflect.ValueOf(arg)
			if v.Kind() != reflect.String {
				continue
			}
			text = v.String()
		}
		clean := cleanText(text)
		if ok && clean == text {
			continue
		}
		if out == nil {
			out = append(out, args...)
		}
		out[i] = clean
	}
	if out == nil {
		return args
	}
	return out
}

func cleanText(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}
