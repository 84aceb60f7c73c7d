package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"latchkey/internal/model"
)

// statements are prepared statements by their text.
type statements map[string]*sql.Stmt

// preparer is a pool or one connection.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// prepare prepares each text once, so that no call pays for parsing and planning and a mistake in one is found at start.
func prepare(ctx context.Context, db preparer, texts []string) (statements, error) {
	prepared := make(statements, len(texts))
	for _, text := range texts {
		stmt, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // closed by statements.close
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prepare %q: %w", text, err), prepared.close())
		}
		prepared[text] = stmt
	}
	return prepared, nil
}

func (p statements) close() error {
	var errs []error
	for _, stmt := range p {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// check fails when text is not one of the statements.
func (p statements) check(text string) error {
	if p[text] == nil {
		return errUnlisted(text)
	}
	return nil
}

// openReaders opens the pool of reading connections. More than two for a core bring nothing, and each keeps its own cache of
// pages.
func (f *sqliteEngine) openReaders(ctx context.Context, path string) (err error) {
	if f.readers, err = openPool(path, readerPragmas(), 2*runtime.GOMAXPROCS(0)); err != nil {
		return err
	}
	f.prepared, err = prepare(ctx, f.readers, readStatements())
	return err
}

func (f *sqliteEngine) row(ctx context.Context, text string, args []any, dest ...any) error {
	ctx, err := f.startRead(ctx, text)
	if err != nil {
		return err
	}
	return found(f.prepared[text].QueryRowContext(ctx, args...).Scan(dest...))
}

func (f *sqliteEngine) rows(ctx context.Context, text string, args, dest []any, to taker) (err error) {
	ctx, err = f.startRead(ctx, text)
	if err != nil {
		return err
	}
	rows, err := f.prepared[text].QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		to.take()
	}
	return rows.Err()
}

// startRead counts a read, unless its caller has gone. From there on it cannot be cancelled: it takes microseconds, a third of
// which again would go into being ready to interrupt it, with a goroutine in database/sql and one in the driver.
func (f *sqliteEngine) startRead(ctx context.Context, text string) (context.Context, error) {
	if err := errors.Join(ctx.Err(), f.prepared.check(text)); err != nil {
		return nil, err
	}
	f.counters.reads.Add(1)
	return context.WithoutCancel(ctx), nil
}

// found gives the absence of a row its name in this package.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return model.ErrNotFound
	}
	return err
}

// fromMillis is the inverse of time.Time.UnixMilli.
func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// millisOrZero keeps a time that may not be there in a column that says 0 then, and fromMillisOrZero reads it.
func millisOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillisOrZero(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return fromMillis(ms)
}

// nullMillis is the inverse of fromNullMillis: the zero time is NULL.
func nullMillis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
