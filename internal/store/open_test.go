package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	u := mustUser(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log is still there after Close: %v", err)
	}
	if _, err := openFile(t, path).Identities(t.Context(), u); err != nil {
		t.Error(err)
	}
}

func TestOpeningACurrentFileWritesNothing(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	mustUser(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := contents(t, path)
	s = openFile(t, path)
	if stats := s.Stats(); stats.Writes != 0 || stats.Commits != 0 {
		t.Errorf("opening cost %+v", stats)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if contents(t, path) != before {
		t.Error("the file changed")
	}
}

func TestNewFilesAreReadableByTheirOwnerAlone(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	mustUser(t, s)
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(name), mode)
		}
	}
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%20c?mode=memory&x=1#d", "é%.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, path)
	mustUser(t, s)
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the database is not at its path: %v", err)
	}
}

func TestASecondStoreOnTheSameFileIsRefused(t *testing.T) {
	path := newFile(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here")
	}
	s := openFile(t, path)
	for _, name := range []string{path, link} {
		_, err := Open(t.Context(), name)
		if !errors.Is(err, ErrInUse) {
			t.Errorf("opening %s again: %v", name, err)
		}
		if want := "open database " + name + ": the file is in use by another process"; err != nil && err.Error() != want {
			t.Errorf("message is %q, want %q", err, want)
		}
	}
	mustUser(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openFile(t, path)
}

func TestAFileOfANewerVersionIsRefusedUntouched(t *testing.T) {
	path := newerFile(t)
	before := contents(t, path)
	wantNewer(t, path)
	if contents(t, path) != before {
		t.Error("the file changed")
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 2 {
		t.Errorf("beside the file and its lock there is %v (%v)", files, err)
	}
}

func TestAFileWhoseNewerVersionIsStillInTheLogIsRefusedUntouched(t *testing.T) {
	for name, besides := range map[string][]string{
		"with the log's index":    {"-wal", "-shm"},
		"without the log's index": {"-wal"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			if err := openFile(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			// The database stays open while it is copied, as if the newer program had been killed.
			db := openRaw(t, path)
			run(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
			killed := filepath.Join(t.TempDir(), "killed.db")
			copyFile(t, path, killed)
			for _, suffix := range besides {
				copyFile(t, path+suffix, killed+suffix)
			}
			data, log := contents(t, killed), contents(t, killed+"-wal")
			if log == "" {
				t.Fatal("the version is not in the log")
			}
			wantNewer(t, killed)
			if contents(t, killed) != data {
				t.Error("the file changed")
			}
			if contents(t, killed+"-wal") != log {
				t.Error("the log changed")
			}
			var version int
			if err := openRaw(t, killed).QueryRowContext(t.Context(),
				"SELECT max(version_id) FROM goose_db_version").Scan(&version); err != nil || version != 99 {
				t.Errorf("the newer program would find version %d (%v)", version, err)
			}
		})
	}
}

// newerFile creates a file as a later version of the program would leave it.
func newerFile(t *testing.T) string {
	t.Helper()
	path := newFile(t)
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	run(t, db, "CREATE TABLE tomorrow (x)")
	run(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantNewer(t *testing.T, path string) {
	t.Helper()
	_, err := Open(t.Context(), path)
	if !errors.Is(err, ErrNewer) {
		t.Fatalf("error is %v, want %v", err, ErrNewer)
	}
	known, readErr := migrations.ReadDir("migrations/sqlite")
	if readErr != nil {
		t.Fatal(readErr)
	}
	newest, _, _ := strings.Cut(known[len(known)-1].Name(), "_") // 0001_…, in the order of their names
	if !strings.Contains(err.Error(), "its schema is version 99, this program knows "+strings.TrimLeft(newest, "0")) {
		t.Errorf("message is %q", err)
	}
}

func TestWhatCannotBeOpenedIsNamedInOneLineAndLeftAsItIs(t *testing.T) {
	directory := t.TempDir()
	garbage := filepath.Join(directory, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, says string }{
		"a directory that is missing":    {filepath.Join(directory, "missing", "test.db"), "no such file or directory"},
		"a directory that is a file":     {filepath.Join(garbage, "test.db"), "not a directory"},
		"a file that is a directory":     {directory, "it is a directory"},
		"a file that is not a database":  {garbage, "not a database"},
		"a directory without permission": {filepath.Join(closedDirectory(t), "test.db"), "permission denied"},
		"a file without permission":      {closedFile(t), "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.says == "permission denied" && os.Geteuid() == 0 {
				t.Skip("nothing is forbidden to root")
			}
			_, err := Open(t.Context(), test.path)
			if err == nil {
				t.Fatal("it was opened")
			}
			message := err.Error()
			if !strings.HasPrefix(message, "open database "+test.path+": ") || !strings.Contains(message, test.says) ||
				strings.Contains(message, "\n") {
				t.Errorf("message is %q, should say %q", message, test.says)
			}
			t.Log(message)
		})
	}
	if contents(t, garbage) != strings.Repeat("not a database ", 1000) {
		t.Error("the file that is not a database changed")
	}
}

func closedDirectory(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(path, 0o500); err != nil { //nolint:gosec // a directory must be entered
		t.Fatal(err)
	}
	return path
}

func closedFile(t *testing.T) string {
	t.Helper()
	path := newFile(t)
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnOpenThatFailsGivesTheFileFree(t *testing.T) {
	path := newFile(t)
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open(t.Context(), path); err == nil || errors.Is(err, ErrInUse) {
			t.Fatalf("error is %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	openFile(t, path)
}

// fileOfSchema is a database as an earlier version made it.
func fileOfSchema(t *testing.T, version int64) (path string, db *sql.DB) {
	t.Helper()
	path = newFile(t)
	db = openRaw(t, path)
	provider, err := newProvider(db)
	if err == nil {
		_, err = provider.UpTo(t.Context(), version)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, db
}

// What a key did before its uses were recorded is not known, and must not be told as "never".
func TestAFileOfTheFirstSchemaSaysSinceWhenUsesAreRecorded(t *testing.T) {
	path, db := fileOfSchema(t, 1)
	run(t, db, "INSERT INTO users (id, created_at) VALUES ('ann', 1)")
	run(t, db, "INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at) VALUES ('ann', 'key', 'phone', x'0001020304050607', 0, 1)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	before := time.Now().Truncate(time.Millisecond)
	s := openFile(t, path)
	keys, err := s.Keys(t.Context(), "ann")
	since, facts := s.RecordingSince(), keys.List
	if err != nil || since.Before(before) || since.After(time.Now()) {
		t.Errorf("recording since %v (%v), want about %v", since, err, before)
	}
	if len(facts) != 1 || facts[0].ID != "key" || !facts[0].Usage.FirstUsed.IsZero() || !facts[0].Usage.LastUse.At.IsZero() {
		t.Errorf("facts %+v", facts)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openFile(t, path).RecordingSince(); !again.Equal(since) {
		t.Errorf("after reopening recording since %v, want %v", again, since)
	}
}

func TestAFileFromBeforeSpellingsGetsThoseOfAllItsAddresses(t *testing.T) {
	path, db := fileOfSchema(t, 3)
	const many = 2*spellBatch + 1
	for _, table := range []string{
		"users (id, created_at) SELECT printf('%024d', value), 1",
		"identities (id, user_id, provider, subject, password_hash, created_at) " +
			"SELECT printf('%024d', value), printf('%024d', value), 'local-userpass', 'Person' || value || '@Example.com', '', 1",
	} {
		run(t, db, fmt.Sprintf("WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < %d) INSERT INTO %s FROM n", many, table))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, path)
	for _, n := range []int{1, spellBatch, spellBatch + 1, many} {
		subject := fmt.Sprintf("Person%d@Example.com", n)
		found, err := s.IdentitiesBySpelling(t.Context(), strings.ToUpper(subject), 2)
		if err != nil || len(found) != 1 || found[0].Subject != subject {
			t.Errorf("%s: %+v, %v", subject, found, err)
		}
	}
}

func TestAMigrationThatWasCutShortIsFinished(t *testing.T) {
	path := newFile(t)
	db := openRaw(t, path)
	run(t, db, "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, "+
		"is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))")
	run(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	mustUser(t, openFile(t, path))
}

func TestAFileIsEmptyOrHasTheWholeSchemaWheneverItsMakingWasCutShort(t *testing.T) {
	path := newFile(t)
	for name, content := range map[string]string{path: "", path + ".new": "half of a schema"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustUser(t, openFile(t, path))
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half is still there: %v", err)
	}
}
