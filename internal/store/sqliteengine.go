package store

import (
	"context"
	"database/sql"
	"errors"
	"runtime"

	"github.com/gofrs/flock"
)

// sqliteEngine is one file, held by one process. Reads run on a small pool of connections; all writes go through one goroutine.
type sqliteEngine struct {
	path     string // without links, from the root
	lock     *flock.Flock
	readers  *sql.DB
	writers  *sql.DB // one connection, held by writer
	prepared statements
	writer   *writer
	counters *counters
}

func (f *sqliteEngine) open(ctx context.Context, path string) (err error) {
	if path, err = findFile(path); err != nil {
		return err
	}
	f.path = path
	if f.lock, err = lockFile(path); err != nil {
		return err
	}
	if err = checkOwnLog(path); err != nil {
		return err
	}
	if err = refuseNewer(ctx, path); err != nil {
		return err
	}
	if err = checkWritable(path); err != nil {
		return err
	}
	if err = makeSchema(ctx, path); err != nil {
		return err
	}
	if err = numberOldFile(path); err != nil {
		return err
	}
	if f.writers, err = openPool(path, writerPragmas(), 1); err != nil {
		return err
	}
	if err = migrate(ctx, f.writers); err != nil {
		return err
	}
	if f.writer, err = newWriter(ctx, path, f.writers, f.counters); err != nil {
		return err
	}
	return f.openReaders(ctx, path)
}

// close undoes as much of open as was done, last thing first.
func (f *sqliteEngine) close() error {
	var errs []error
	if f.writer != nil {
		f.writer.stop()
	}
	if f.readers != nil {
		errs = append(errs, f.prepared.close(), f.readers.Close())
	}
	if f.writer != nil {
		errs = append(errs, f.writer.close())
	}
	if f.writers != nil {
		errs = append(errs, f.writers.Close())
	}
	if f.lock != nil {
		errs = append(errs, f.lock.Close())
	}
	return errors.Join(errs...)
}

func (f *sqliteEngine) write(ctx context.Context, _ lock, run func(tx) error) error {
	return f.writer.do(ctx, run)
}

// settled waits for what was queued before: it is a write of nothing. A commit here is never in doubt.
func (f *sqliteEngine) settled(ctx context.Context) error {
	return f.writer.do(ctx, func(tx) error { return nil })
}

// filters are a quarter of the readers, on half of the cores.
func (f *sqliteEngine) filters() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func (f *sqliteEngine) alone() bool { return true }
