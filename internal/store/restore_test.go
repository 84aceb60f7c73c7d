package store

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestARestoreReplacesADatabaseAndItsLogAndKeepsBoth(t *testing.T) {
	s := openFile(t, newFile(t))
	kept := mustUser(t, s)
	backup := newFile(t)
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	later := mustUser(t, s)
	for name, path := range map[string]string{"after a crash": killed(t, s), "after a crash that left a journal too": killed(t, s)} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "journal") {
				copyFile(t, path, path+"-journal")
			}
			now := time.Date(2026, time.November, 27, 4, 15, 0, 0, time.UTC)
			r, err := Restore(t.Context(), backup, path, now)
			if err != nil {
				t.Fatal(err)
			}
			aside := path + ".before-20261127T041500Z"
			if r.Path != path || r.Rows.Users != 1 || len(r.Aside) < 3 || r.Aside[0] != aside || r.Aside[1] != aside+"-wal" {
				t.Errorf("restored %+v", r)
			}
			wantOpens(t, path, later, false)
			wantOpens(t, path, kept, true)
			_ = os.Remove(aside + "-journal") // which was made up
			wantOpens(t, aside, later, true)
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			again, err := Restore(t.Context(), aside, path, now) // within the same second
			if err != nil || again.Aside[0] != aside+"-2" {
				t.Errorf("restored %+v, %v", again, err)
			}
			wantOpens(t, path, later, true)
			if drafts, _ := filepath.Glob(path + ".restoring*"); len(drafts) > 0 {
				t.Errorf("left behind: %v", drafts)
			}
		})
	}
}

func TestARestoreWorksWhereThereIsNoDatabaseYet(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	backup, path := newFile(t), newFile(t)
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if r, err := Restore(t.Context(), backup, path, time.Now()); err != nil || len(r.Aside) != 0 {
		t.Fatalf("restored %+v, %v", r, err)
	}
	wantOpens(t, path, userID, true)
}

func TestARestoreOfACrashedCopyTakesItsLogAlong(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	path := newFile(t)
	if _, err := Restore(t.Context(), killed(t, s), path, time.Now()); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, path, userID, true)
}

func TestWhatCannotBeRestoredChangesNothing(t *testing.T) {
	s := openFile(t, newFile(t))
	mustUser(t, s)
	good := newFile(t)
	if err := s.Backup(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	damaged, newer, foreign, other := newFile(t), newerFile(t), killed(t, s), newFile(t)
	copyFile(t, good, damaged)
	overwritePages(t, damaged)
	copyFile(t, good, foreign)
	run(t, openRaw(t, other), "CREATE TABLE shopping (item TEXT)")
	path := newFile(t)
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	before := contents(t, path)
	for name, test := range map[string]struct {
		backup, says string
		is           error
	}{
		"damaged": {damaged, "malformed", nil}, "newer": {newer, "newer version", ErrNewer}, "beside another log": {foreign, "belongs to another", ErrForeignLog},
		"of something else": {other, "not a database of Latchkey", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Restore(t.Context(), test.backup, path, time.Now())
			if err == nil || !strings.Contains(err.Error(), test.says) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error is %v", err)
			}
		})
	}
	if _, err := Restore(t.Context(), good, s.file.path, time.Now()); !errors.Is(err, ErrInUse) {
		t.Errorf("a database that is open: %v", err)
	}
	if contents(t, path) != before {
		t.Error("the database changed")
	}
	wantFiles(t, filepath.Dir(path), "test.db", "test.db.lock")
}

func TestARestoreSaysWhetherAnOlderVersionWroteTheBackup(t *testing.T) {
	s := openFile(t, newFile(t))
	backup := newFile(t)
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if r, err := Restore(t.Context(), backup, newFile(t), time.Now()); err != nil || r.Older {
		t.Errorf("this version's: restored %+v, %v", r, err)
	}
	db, err := sql.Open(driverName, backup)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if r, err := Restore(t.Context(), backup, newFile(t), time.Now()); err != nil || !r.Older {
		t.Errorf("an older version's: restored %+v, %v", r, err)
	}
}
