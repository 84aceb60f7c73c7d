// Package store keeps users, their keys and their sessions, and is the only package with SQL.
//
// A Store is one SQLite file held by one process. Reads run on a small pool of connections. All writes go through one
// goroutine, which commits what is waiting in one transaction; a write has returned nil only after its commit was flushed to
// the disk. The contract is in storetest, so that another engine can be held to it.
//
// Times are kept to the millisecond and come back in UTC.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"

	"latchkey/internal/model"
)

// The kinds of refusal a caller can act on. They come wrapped with what was being done; match them with errors.Is.
var (
	// ErrInUse means that another Store, most likely of another process, has the file open.
	ErrInUse = errors.New("the file is in use by another process")
	// ErrNewer means that a newer version of the program made the file. It was not changed.
	ErrNewer = errors.New("the file was made by a newer version of this program")
)

// errClosed answers every call after Close.
var errClosed = errors.New("the store is closed")

// Store is an open database. Its methods may be called from any number of goroutines.
type Store struct {
	path     string // without links, from the root
	lock     *flock.Flock
	readers  *sql.DB
	writers  *sql.DB // one connection, held by writer
	prepared statements
	writer   *writer
	counters counters

	filtering chan struct{} // an entry for each connection that goes through many rows

	recordingSince atomic.Int64 // of key uses, in milliseconds

	clockMu sync.Mutex
	clock   belief

	closeOnce sync.Once
	closeErr  error
}

// Stats counts what a Store did since Open.
type Stats struct {
	Reads   int64 // read statements
	Writes  int64 // jobs the writer ran, whatever their outcome
	Commits int64 // transactions committed; Writes / Commits is the average batch
}

type counters struct{ reads, writes, commits atomic.Int64 }

// Open opens the SQLite file at path, makes it when it is absent, and brings its schema up to date.
//
// It fails with ErrInUse when another Store has the file, and, leaving the file as it was, with ErrNewer when a newer version made
// it and with ErrForeignLog when the log beside it is of another. The file stays locked until Close.
func Open(ctx context.Context, path string) (*Store, error) {
	s := &Store{}
	if err := s.open(ctx, path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, errors.Join(err, s.release()))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	if path, err = findFile(path); err != nil {
		return err
	}
	s.path = path
	if s.lock, err = lockFile(path); err != nil {
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
	if s.writers, err = openPool(path, writerPragmas(), 1); err != nil {
		return err
	}
	if err = migrate(ctx, s.writers); err != nil {
		return err
	}
	if s.writer, err = newWriter(ctx, path, s.writers, &s.counters); err != nil {
		return err
	}
	if err = s.openReaders(ctx, path); err != nil {
		return err
	}
	return errors.Join(s.readRecordingSince(ctx), s.readClock(ctx))
}

// Close finishes the writes that were accepted, moves everything into the one file and gives it free. Calls made afterwards
// fail. Closing again does nothing.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		if err := s.release(); err != nil {
			s.closeErr = fmt.Errorf("close database: %w", err)
		}
	})
	return s.closeErr
}

// release undoes as much of open as was done, last thing first.
func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		s.writer.stop()
	}
	if s.readers != nil {
		errs = append(errs, s.prepared.close(), s.readers.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.writers != nil {
		errs = append(errs, s.writers.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Ping reads from the database, for a health check.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	err := s.row(ctx, selectNobody, nil, &one)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Stats returns the counters.
func (s *Store) Stats() Stats {
	return Stats{
		Reads:   s.counters.reads.Load(),
		Writes:  s.counters.writes.Load(),
		Commits: s.counters.commits.Load(),
	}
}

// Changes counts the transactions that were committed since Open. While it stands still, nothing that is read changes.
func (s *Store) Changes() uint64 { return uint64(s.counters.commits.Load()) } //nolint:gosec // it only grows

// doing adds to an error what was being done.
func doing(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
