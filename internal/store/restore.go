package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"latchkey/internal/fileowner"
)

// Restored is what Restore did.
type Restored struct {
	Path  string   // of the database, from the root
	Aside []string // the files that were there, by the names that they have now
	Rows  Counts   // what is in the database now
	Older bool     // an older version wrote it: it is brought up to date when it is opened
}

// Restore puts a backup in the place of the database at path, or where none is yet. Any copy of a database of Latchkey will do, of this
// version or an older one, with the log that belongs to it. It is copied, and read back before it gets its name.
//
// What was there is moved aside and not deleted, with its log. Files that root makes belong to whom those did that were there or, where
// none was, the directory. When the process dies on the way, either the old database is there with its log, or the new one is, beside a
// log that is known not to be its own.
//
// It fails with ErrInUse when a Store has the database, with ErrNewer when a newer version wrote the backup, and with ErrForeignLog when
// the log beside the backup is of another database.
func Restore(ctx context.Context, backup, path string, now time.Time) (Restored, error) {
	r, err := restore(ctx, backup, path, now)
	if err != nil {
		return Restored{}, fmt.Errorf("restore %s: %w", backup, err)
	}
	return r, nil
}

func restore(ctx context.Context, backup, path string, now time.Time) (r Restored, err error) {
	if r.Path, err = placeOf(path); err != nil {
		return r, err
	}
	path = r.Path
	lock, err := lockFile(path)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := checkBackup(ctx, backup, path); err != nil {
		return r, err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".restoring-*") // 0600
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, discard(draft.Name())) }()
	if err := likeBefore(draft, path); err != nil {
		return r, errors.Join(err, draft.Close())
	}
	if err := fillDraft(ctx, draft, backup); err != nil {
		return r, err
	}
	isOurs := func(ctx context.Context, db *sql.DB) (err error) {
		if err = verifyOurs(ctx, db); err == nil {
			r.Older, err = isOlder(ctx, db)
		}
		return err
	}
	if err := verifyAs(ctx, draft.Name(), isOurs); err != nil {
		return r, fmt.Errorf("the copy is damaged: %w", err)
	}
	if r.Rows, err = CountBackup(ctx, draft.Name()); err != nil {
		return r, err
	}
	if r.Aside, err = replace(draft.Name(), path, now); err != nil {
		return r, err
	}
	return r, syncDirectory(filepath.Dir(path))
}

// placeOf is the one name of the file at path, as findFile gives it, which makes none.
func placeOf(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	found, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		return filepath.Join(dir, filepath.Base(path)), err
	}
	return found, err
}

// checkBackup refuses what could not be the database at path, without changing it.
func checkBackup(ctx context.Context, backup, path string) error {
	info, err := os.Stat(backup)
	if err != nil {
		return withoutPath(err)
	}
	if there, err := os.Stat(path); err == nil && os.SameFile(info, there) {
		return errors.New("it is the database itself")
	}
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is not a file")
	case info.Size() == 0:
		return errors.New("it is empty")
	}
	if err := checkOwnLog(backup); err != nil {
		return err
	}
	if err := refuseNewer(ctx, backup); err != nil {
		return err
	}
	return verifyAs(ctx, backup, verifyOurs)
}

// verifyOurs says whether a database has a schema of Latchkey, of this version or an earlier one.
func verifyOurs(ctx context.Context, db *sql.DB) error {
	version, err := schemaVersion(ctx, db)
	if err == nil && version > 0 {
		const ours = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('users', 'identities', 'api_keys')"
		var tables int
		if err = db.QueryRowContext(ctx, ours).Scan(&tables); tables == 3 {
			return err
		}
	}
	if err == nil {
		err = errors.New("it is not a database of Latchkey")
	}
	return err
}

// isOlder says whether the schema of a database is one that this program brings up to date.
func isOlder(ctx context.Context, db *sql.DB) (bool, error) {
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return false, err
	}
	provider, err := newProvider(db)
	if err != nil {
		return false, err
	}
	return version < newestVersion(provider), nil
}

// likeBefore gives a new file the mode and the owner of the one whose place it takes.
func likeBefore(draft *os.File, path string) error {
	before, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return giveToOwnerOf(draft, filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	return errors.Join(fileowner.Give(draft, before), draft.Chmod(before.Mode().Perm()&0o660)) // never for everybody
}

// besides are the files that SQLite puts beside a database. Each acts on whatever database it finds there.
func besides() []string { return []string{"-wal", "-shm", "-journal"} }

// replace gives a draft the name of the database. That has a second name by then, and keeps its log until it has lost the first.
func replace(draft, path string, now time.Time) (aside []string, err error) {
	kept, err := asideOf(path, now)
	if err != nil {
		return nil, err
	}
	there, err := setAside(path, kept)
	if err != nil {
		return nil, err
	}
	if there {
		aside = append(aside, kept)
	}
	if err := os.Rename(draft, path); err != nil {
		return aside, err
	}
	for _, suffix := range besides() {
		switch err := os.Rename(path+suffix, kept+suffix); {
		case err == nil:
			aside = append(aside, kept+suffix)
		case !errors.Is(err, fs.ErrNotExist):
			return aside, err
		}
	}
	return aside, nil
}

// setAside gives a database a second name, and says whether there is one. Where a file system has no second names it has lost the
// first, and a log without a database is noticed.
func setAside(path, kept string) (there bool, err error) {
	err = os.Link(path, kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(path, kept)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// asideOf finds a name for the database that was there, and its log, that nothing has.
func asideOf(path string, now time.Time) (string, error) {
	first := path + ".before-" + now.UTC().Format("20060102T150405Z")
	name := first
	for n := 2; ; n++ {
		free := true
		for _, suffix := range append(besides(), "") {
			if _, err := os.Lstat(name + suffix); err == nil {
				free = false
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
		if free {
			return name, nil
		}
		name = fmt.Sprintf("%s-%d", first, n)
	}
}
