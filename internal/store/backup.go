package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"latchkey/internal/fileowner"
)

// ErrExists means that there is a file where a new one was to be put. It was not touched.
var ErrExists = errors.New("the file already exists")

// copyInto copies what one moment's snapshot holds. The alternative, SQLite's backup API, begins again whenever somebody else
// writes, and would never end under load; done in one step it holds a snapshot as this does, but takes along the pages that
// deleted rows lie in. This leaves them behind: a backup has nothing in it that was deleted before it.
const copyInto = `VACUUM INTO ?`

// Backup puts a copy of the database at path while the store goes on working: every write acknowledged before the call is in it,
// and of the others each whole or not at all. Restore puts it back.
//
// The copy has the name only when it was read back, found sound and flushed. Until then it is a file beside it that only its owner
// can read, and that goes when anything fails. A file that is there is never replaced: the answer is ErrExists.
//
// Nothing waits for a backup, but the write-ahead log grows until it is done.
func (s *Store) Backup(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err == nil {
		err = s.backup(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("back up to %s: %w", path, withoutPath(err))
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return existing(err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, discard(draft.Name())) }()
	if err := s.giveToOurs(draft); err != nil {
		return errors.Join(err, draft.Close())
	}
	// SQLite fills the empty file under its name. The descriptor is for the flush.
	if err := fillDraft(ctx, draft, s.file.path); err != nil {
		return err
	}
	if err := verify(ctx, draft.Name()); err != nil {
		return fmt.Errorf("the copy is damaged: %w", err)
	}
	if err := giveName(draft.Name(), path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// giveToOurs gives a backup that root makes to whom the database belongs, when it is put into a directory of theirs: they will want
// to open it. A directory of anybody else's tells nothing of who may read it.
func (s *Store) giveToOurs(draft *os.File) error {
	ours, err := os.Stat(s.file.path)
	if err != nil {
		return err
	}
	dir, err := os.Stat(filepath.Dir(draft.Name()))
	if err != nil || !fileowner.Same(dir, ours) {
		return err
	}
	return fileowner.Give(draft, ours)
}

// fillDraft copies a database into a draft, flushes and closes that.
func fillDraft(ctx context.Context, draft *os.File, from string) error {
	err := copyTo(ctx, from, draft.Name())
	if err == nil {
		err = drawNumber(draft)
	}
	if err == nil {
		err = draft.Sync()
	}
	return errors.Join(err, draft.Close())
}

// copyTo fills an empty file. It has a connection of its own, which cannot change the database: those of the pool would be missed
// by the readers for as long as it takes, and may not write to any file.
func copyTo(ctx context.Context, from, to string) (err error) {
	db, err := sql.Open(driverName, fileURL(from, url.Values{"_error_rc": {"1"}, "mode": {"ro"}}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, copyInto, to)
	return err
}

// existing is what looking for a file says when it was not simply absent.
func existing(err error) error {
	if err == nil {
		return ErrExists
	}
	return err
}

// giveName moves a finished file to its name, unless something has that. A second link is refused when there is a file, which
// a rename is not; on the few file systems without links a look must do.
func giveName(draft, path string) error {
	err := os.Link(draft, path)
	switch {
	case err == nil:
		return nil // discard takes the first name away
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return existing(err)
	}
	return os.Rename(draft, path)
}

// discard removes a draft, which may have become the file.
func discard(draft string) error {
	if err := os.Remove(draft); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// verify reads all of a copy, through a connection that cannot change it, and checks that it could be opened as a database of Latchkey.
func verify(ctx context.Context, path string) error { return verifyAs(ctx, path, verifySchema) }

// verifyAs reads all of a copy as verify does, and has its schema checked.
func verifyAs(ctx context.Context, path string, checkSchema func(context.Context, *sql.DB) error) (err error) {
	db, err := sql.Open(driverName, readOnlyName(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	var orphans int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM pragma_foreign_key_check").Scan(&orphans); err != nil {
		return err
	}
	if orphans > 0 {
		return fmt.Errorf("%d rows refer to rows that are gone", orphans)
	}
	return checkSchema(ctx, db)
}

func verifySchema(ctx context.Context, db *sql.DB) error {
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if newest := newestVersion(provider); version != newest {
		return fmt.Errorf("its schema is version %d, not %d", version, newest)
	}
	return nil
}
