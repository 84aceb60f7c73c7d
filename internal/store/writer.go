package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"latchkey/internal/model"
)

// maxBatch bounds how many jobs share a transaction, and with it how long the first of them waits for the last.
const maxBatch = 256

// writer is the only one who writes. Callers queue jobs; its goroutine runs what has queued up in one transaction, so that
// fifty callers pay for one flush to the disk and not for fifty, and nobody ever finds the database locked.
//
// When a job fails, it alone is undone and it alone hears of it. When the transaction itself fails, all its jobs do, also those
// that had been refused already: what they were refused for was never saved.
//
// To be undone alone, a job needs a savepoint, and savepoints are a tenth of what a job costs. Nearly all jobs succeed, or are
// refused before they change anything, so a batch is first run without. When one leaves something behind after all, the
// batch is rolled back and run once more with a savepoint for each: a job may be run twice, of which one run counts.
type writer struct {
	conn     *sql.Conn
	prepared statements
	counters *counters
	maxBatch int
	full     openers // of the goroutine alone
	log      logMark // of the goroutine alone

	mu     sync.Mutex
	queue  []*job
	closed bool

	wake    chan struct{} // holds one token while the queue may have something
	stopped chan struct{} // closed when the goroutine has ended
}

// job is one caller's write. It is taken exactly once: by the writer, who then answers, or by a caller who leaves.
type job struct {
	ctx   context.Context
	run   func(tx) error
	taken atomic.Bool
	err   error
	done  chan error
}

// take claims the job and reports whether the claim was the first.
func (j *job) take() bool { return j.taken.CompareAndSwap(false, true) }

// newWriter starts the writer on a connection of db, which is the file at path.
func newWriter(ctx context.Context, path string, db *sql.DB, c *counters) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	prepared, err := prepare(ctx, conn, append(writeStatements(), transactionStatements()...))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	w := &writer{
		conn: conn, prepared: prepared, counters: c, maxBatch: maxBatch, full: openers{}, log: logMark{path: path},
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go w.loop()
	return w, nil
}

// do has run executed in a transaction and returns after the commit, or with the reason why nothing was saved.
//
// The answer is always the truth about the database. A caller whose context ends while the job is still waiting takes it back
// and gets the context's error: it was not run and never will be. Once the job is in a transaction it cannot be taken back,
// and the caller waits for the outcome, which is a matter of one commit.
func (w *writer) do(ctx context.Context, run func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, run: run, done: make(chan error, 1)}
	if err := w.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.take() {
			return ctx.Err()
		}
		return <-j.done
	}
}

func (w *writer) enqueue(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	w.queue = append(w.queue, j)
	select {
	case w.wake <- struct{}{}:
	default: // the token is there already
	}
	return nil
}

// loop commits batches until stop was called and the queue is empty.
func (w *writer) loop() {
	defer close(w.stopped)
	var batch []*job
	for range w.wake {
		for {
			// With one processor the scheduler runs this goroutine as soon as the first job arrives, and every batch would be
			// a batch of one. Letting the callers who are ready queue up first makes it ten times that.
			runtime.Gosched()
			if batch = w.next(batch[:0]); len(batch) == 0 {
				break
			}
			w.commit(batch)
		}
	}
}

// next moves the oldest jobs of the queue to batch.
func (w *writer) next(batch []*job) []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), w.maxBatch)
	batch = append(batch, w.queue[:n]...)
	rest := copy(w.queue, w.queue[n:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
	return batch
}

// commit runs the jobs that still have a caller in one transaction and answers them.
func (w *writer) commit(batch []*job) {
	batch = withCaller(batch)
	if len(batch) == 0 {
		return
	}
	w.counters.writes.Add(int64(len(batch)))
	failed := w.transact(batch)
	for _, j := range batch {
		if failed != nil {
			j.err = failed
		}
		j.done <- j.err
	}
	clear(batch)
	w.log.mark(w)
}

// withCaller keeps the jobs whose caller is still there, and takes them. A job whose context has ended is answered unrun, also
// when its caller has not noticed yet.
func withCaller(batch []*job) []*job {
	kept := batch[:0]
	for _, j := range batch {
		if !j.take() {
			continue
		}
		if err := j.ctx.Err(); err != nil {
			j.done <- err
			continue
		}
		kept = append(kept, j)
	}
	clear(batch[len(kept):])
	return kept
}

// errRemains says that a job failed in the middle of something, or broke the transaction that it ran in.
var errRemains = errors.New("a job left something behind")

// transact runs the jobs and commits. Each job's own outcome is left in the job; the error returned is that of all of them.
func (w *writer) transact(batch []*job) error {
	err := w.attempt(batch, w.runBare)
	if errors.Is(err, errRemains) {
		err = w.attempt(batch, w.runInSavepoint)
	}
	return err
}

func (w *writer) attempt(batch []*job, run func(*job) error) error {
	if err := w.begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	succeeded := 0
	for _, j := range batch {
		if err := run(j); err != nil {
			w.rollback()
			return fmt.Errorf("transaction lost: %w", err)
		}
		if j.err == nil {
			succeeded++
		}
	}
	if succeeded == 0 {
		w.rollback()
		return nil
	}
	if err := w.control(commitTransaction); err != nil {
		w.rollback()
		return fmt.Errorf("commit: %w", err)
	}
	w.counters.commits.Add(1)
	return nil
}

// begin opens a transaction. Should an earlier one have been left open by a failure, it ends that one first: the writer must
// go on when a disk that was full or broken is well again.
func (w *writer) begin() error {
	err := w.control(beginTransaction)
	if err == nil || w.control(rollbackTransaction) != nil {
		return err
	}
	return w.control(beginTransaction)
}

// runBare runs one job and leaves its outcome in j.err. An error returned means that the job has not just been refused.
func (w *writer) runBare(j *job) error {
	t := w.tx()
	if j.err = runGuarded(j.run, t); j.err != nil && t.touched {
		return errRemains
	}
	return nil
}

// runInSavepoint runs one job in a savepoint and leaves its outcome in j.err. An error returned means that the transaction is gone:
// on a full disk, say, SQLite rolls all of it back by itself, and a savepoint that is no longer there is how one learns of it.
func (w *writer) runInSavepoint(j *job) error {
	if err := w.control(setSavepoint); err != nil {
		return err
	}
	if j.err = runGuarded(j.run, w.tx()); j.err != nil {
		if err := w.control(rollbackToSavepoint); err != nil {
			// In words only: the neighbours must not take this job's refusal for theirs.
			return fmt.Errorf("%w, after: %s", err, j.err.Error())
		}
	}
	return w.control(releaseSavepoint)
}

// runGuarded turns a panic of a job into its error: the writer belongs to all callers.
func runGuarded(run func(tx) error, t *sqliteTx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.touched, err = true, fmt.Errorf("panic while writing: %v", p)
		}
	}()
	return run(t)
}

// rollback ends the transaction if there is still one; SQLite may have ended it by itself, which is why the error tells
// nothing.
func (w *writer) rollback() { _ = w.control(rollbackTransaction) }

// control runs a statement that steers the transaction. What is undone may be what was known of the sessions.
func (w *writer) control(text string) error {
	if text == rollbackTransaction || text == rollbackToSavepoint {
		clear(w.full)
	}
	_, err := w.tx().exec(text)
	return err
}

func (w *writer) tx() *sqliteTx { return &sqliteTx{prepared: w.prepared, openers: w.full} }

// stop refuses further jobs and waits for those accepted.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	<-w.stopped
}

// close gives the connection back. The writer must have been stopped, and the readers be gone, or the log stays.
func (w *writer) close() error {
	return errors.Join(w.log.close(), w.prepared.close(), checkpoint(context.Background(), w.conn), w.conn.Close())
}

// sqliteTx is a job's access to the transaction of its batch.
type sqliteTx struct {
	prepared statements
	openers  openers
	touched  bool // something was changed, or a statement failed, of which the transaction may have broken
}

func (t *sqliteTx) exec(text string, args ...any) (int64, error) {
	if err := t.prepared.check(text); err != nil {
		return 0, err
	}
	// No caller's context: it would interrupt the neighbours of the same transaction.
	result, err := t.prepared[text].ExecContext(context.Background(), args...)
	if err != nil {
		t.touched = true
		return 0, duplicate(err)
	}
	changed, err := result.RowsAffected()
	t.touched = t.touched || changed > 0 || err != nil
	if (changed > 0 || err != nil) && mayEndSessions(text) {
		clear(t.openers)
	}
	return changed, err
}

func (t *sqliteTx) execOne(text string, args ...any) error {
	n, err := t.exec(text, args...)
	if err == nil && n == 0 {
		return model.ErrNotFound
	}
	return err
}

func (t *sqliteTx) later(text string, args ...any) error {
	_, err := t.exec(text, args...)
	return err
}

func (t *sqliteTx) last(steps ...step) (stopped int, err error) { return oneByOne(t, steps) }

// lock is granted already: there is one writer.
func (t *sqliteTx) lock(lock) error { return nil }

func (t *sqliteTx) full() openers { return t.openers }

// row runs a query that finds one row or, as ErrNotFound, none.
func (t *sqliteTx) row(text string, args []any, dest ...any) error {
	if err := t.prepared.check(text); err != nil {
		return err
	}
	err := found(t.prepared[text].QueryRowContext(context.Background(), args...).Scan(dest...))
	switch {
	case err == nil: // what was found may have been changed, unless it was only looked at
		t.touched = t.touched || !strings.HasPrefix(strings.TrimSpace(text), "SELECT")
		if mayEndSessions(text) {
			clear(t.openers)
		}
	case !errors.Is(err, model.ErrNotFound):
		t.touched = true
	}
	return err
}

// duplicate gives the refusal of a second row of the same key its name in this package.
func duplicate(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE) {
		return fmt.Errorf("%w: %w", errDuplicate, err)
	}
	return err
}
