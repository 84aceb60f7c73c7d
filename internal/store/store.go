// Package store keeps users, their keys and their sessions, and is the only package with SQL.
//
// A Store is one SQLite file held by one process, or a database of PostgreSQL that several share. What the two do differently is behind
// engine; the statements are the same, and so is the contract, which is in storetest. A write has returned nil only after its commit
// was flushed to the disk.
//
// Times are kept to the millisecond and come back in UTC.
package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"latchkey/internal/model"
)

// The kinds of refusal a caller can act on. They come wrapped with what was being done; match them with errors.Is.
var (
	// ErrInUse means that another Store, most likely of another process, has the file open.
	ErrInUse = errors.New("the file is in use by another process")
	// ErrNewer means that a newer version of the program wrote the file. It was not changed.
	ErrNewer = errors.New("the file was written by a newer version of this program")
)

// errClosed answers every call after Close.
var errClosed = errors.New("the store is closed")

// Store is an open database. Its methods may be called from any number of goroutines.
type Store struct {
	engine   engine
	file     *sqliteEngine   // the engine, if it is SQLite
	server   *postgresEngine // the engine, if it is PostgreSQL
	counters counters

	filtering chan struct{} // an entry for each read that goes through many rows

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

// Open opens the SQLite file at path, creates it when it is absent, and brings its schema up to date.
//
// It fails with ErrInUse when another Store has the file, and, leaving the file as it was, with ErrNewer when a newer version wrote
// it and with ErrForeignLog when the log beside it is of another. The file stays locked until Close.
func Open(ctx context.Context, path string) (*Store, error) {
	s := &Store{}
	s.file = &sqliteEngine{counters: &s.counters}
	err := s.file.open(ctx, path)
	if err == nil {
		err = s.begin(ctx, s.file)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, errors.Join(err, s.file.close()))
	}
	return s, nil
}

// begin reads what the store remembers of a database.
func (s *Store) begin(ctx context.Context, e engine) error {
	s.engine, s.filtering = e, make(chan struct{}, e.filters())
	return errors.Join(s.readRecordingSince(ctx), s.readClock(ctx))
}

// Close finishes the writes that were accepted, moves everything into the one file and gives it free, or ends the connections to the
// server. Calls made afterwards fail. Closing again does nothing.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		if err := s.engine.close(); err != nil {
			s.closeErr = fmt.Errorf("close database: %w", err)
		}
	})
	return s.closeErr
}

// Ping reads from the database, for a health check.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	err := s.engine.row(ctx, selectNobody, nil, &one)
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

// Changes counts the transactions that this process committed since Open.
func (s *Store) Changes() uint64 { return uint64(s.counters.commits.Load()) } //nolint:gosec // it only grows

// Alone says that nobody but this process writes: while Changes stands still, nothing that is read changes.
func (s *Store) Alone() bool { return s.engine.alone() }

// Settled returns when every write whose outcome was model.ErrUnclear has happened or never will: a look then sees what came of
// it. It fails while the database cannot be reached.
func (s *Store) Settled(ctx context.Context) error {
	return doing("settle what is unclear", s.engine.settled(ctx))
}

// write runs a job in one transaction.
func (s *Store) write(ctx context.Context, of lock, run func(tx) error) error {
	return s.engine.write(ctx, of, run)
}

func (s *Store) row(ctx context.Context, text string, args []any, dest ...any) error {
	return s.engine.row(ctx, text, args, dest...)
}

// list runs a read and returns what get makes of every row, which was scanned into dest. A list that begins has room for so many:
// growing it costs more than reading it.
func list[T any](ctx context.Context, s *Store, room int, text string, args, dest []any, get func() T) ([]T, error) {
	l := lister[T]{room: room, get: get}
	if err := s.engine.rows(ctx, text, args, dest, &l); err != nil {
		return nil, err
	}
	return l.rows, nil
}

// lister is the rows of a read so far.
type lister[T any] struct {
	rows []T
	room int
	get  func() T
}

func (l *lister[T]) begin() { l.rows = l.rows[:0] }

func (l *lister[T]) take() {
	if l.rows == nil {
		l.rows = make([]T, 0, l.room)
	}
	l.rows = append(l.rows, l.get())
}

// doing adds to an error what was being done.
func doing(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
