package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestABackupUnderLoadHoldsAllThatWasAcknowledgedBeforeItBegan(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	rounds := number(t, "LATCHKEY_BACKUPS", 3)
	total, meanwhile := 0, 0
	for range rounds {
		before, during := backUpUnderLoad(t)
		total += before
		meanwhile += during
	}
	if meanwhile == 0 {
		t.Error("nobody wrote during the backups")
	}
	figures(t, "backups=%d under %d writers acknowledged before=%d missing=0", rounds, writersOfChild, total)
}

// backUpUnderLoad takes a backup while fifty write, and compares what is in it. It returns how many writes were acknowledged before,
// and how many lines were told during the backup.
func backUpUnderLoad(t *testing.T) (before, during int) {
	t.Helper()
	s, o, path := openFile(t, newFile(t)), newTold(), newFile(t)
	end := livesAtOnce(t.Context(), s, o)
	o.await("left", 20)
	earlier := o.soFar()
	err := s.Backup(t.Context(), path)
	later := strings.TrimPrefix(o.soFar(), earlier)
	end()
	if err != nil || strings.Contains(o.soFar(), "failed") {
		t.Fatalf("a write failed, or the backup: %v", err)
	}
	l := newLedger()
	l.noteAll(t, earlier)
	l.noteDoubts(t, later)
	restored := openFile(t, path)
	l.compare(t, restored)
	wantSound(t, restored)
	mustUser(t, restored)
	return l.acknowledged, strings.Count(later, "\n")
}

func TestABackupReplacesNothing(t *testing.T) {
	s := openFile(t, newFile(t))
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir, s.file.path} {
		err := s.Backup(t.Context(), path)
		if want := "back up to " + path + ": the file already exists"; !errors.Is(err, ErrExists) || err.Error() != want {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if contents(t, file) != "precious" {
		t.Error("the file changed")
	}
	wantFiles(t, dir, "file", "link")
	mustUser(t, s)
}

// Somebody else creates the file while the copy is being created.
func TestAFileThatAppearsMeanwhileIsNotReplacedEither(t *testing.T) {
	dir := t.TempDir()
	draft, path := filepath.Join(dir, "draft"), filepath.Join(dir, "backup")
	for name, content := range map[string]string{draft: "copy", path: "precious"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := giveName(draft, path); !errors.Is(err, ErrExists) {
		t.Errorf("error is %v", err)
	}
	if contents(t, path) != "precious" {
		t.Error("the file changed")
	}
}

func TestABackupThatFailsLeavesNothingBehind(t *testing.T) {
	s := openFile(t, newFile(t))
	mustUser(t, s)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		dir  func(*testing.T) string
		says string
	}{
		"when nobody waits for it":       {gone, (*testing.T).TempDir, "context canceled"},
		"when there is no room":          {t.Context(), func(t *testing.T) string { return smallDisk(t, 64) }, "full"},
		"when there is no room for half": {t.Context(), func(t *testing.T) string { return smallDisk(t, 4) }, "full"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.dir(t)
			err := s.Backup(test.ctx, filepath.Join(dir, "backup.db"))
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, should say %q", err, test.says)
			}
			wantFiles(t, dir)
		})
	}
	err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "missing", "backup.db"))
	if err == nil || !strings.HasSuffix(err.Error(), "backup.db: no such file or directory") {
		t.Errorf("error is %v", err)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("there is %q, want %q", names, want)
	}
}

func TestABackupIsReadableByItsOwnerAloneAndOneFile(t *testing.T) {
	s := openFile(t, newFile(t))
	mustUser(t, s)
	dir := t.TempDir()
	path := filepath.Join(dir, "a?b%20c'd*.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, filepath.Base(path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v (%v)", info.Mode(), err)
	}
}

func TestABackupHasNothingOfWhatWasDeletedBeforeIt(t *testing.T) {
	s := openFile(t, newFile(t))
	u := mustUser(t, s)
	for _, name := range []string{"kept", "thrown-away"} {
		k := model.Key{ID: name, UserID: u, Name: "the key that is " + name}
		if err := s.CreateAPIKey(t.Context(), k, browserOf(name), 20); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DeleteAPIKey(t.Context(), u, "thrown-away"); err != nil {
		t.Fatal(err)
	}
	path := newFile(t)
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	copied := contents(t, path)
	if !strings.Contains(copied, "the key that is kept") {
		t.Error("the key that is kept is missing")
	}
	if strings.Contains(copied, "thrown-away") {
		t.Error("a deleted key can be read in the backup")
	}
}

func TestACopyThatIsNotSoundIsFoundOut(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(t *testing.T, path string)
		says   string
	}{
		"when pages are overwritten": {overwritePages, "malformed"},
		"when it was cut short": {func(t *testing.T, path string) {
			if err := os.Truncate(path, 3*4096); err != nil {
				t.Fatal(err)
			}
		}, "malformed"},
		"when it is empty": {func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, "its schema is version 0"},
		"when its schema is another": {func(t *testing.T, path string) {
			run(t, openRaw(t, path), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		}, "its schema is version 99"},
		"when rows refer to nothing": {func(t *testing.T, path string) {
			run(t, openRaw(t, path), "DELETE FROM users")
		}, "1 rows refer to rows that are gone"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openFile(t, newFile(t))
			mustUser(t, s)
			path := newFile(t)
			if err := s.Backup(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			test.damage(t, path)
			if err := verify(t.Context(), path); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error is %v, should say %q", err, test.says)
			}
		})
	}
}

func overwritePages(t *testing.T, path string) {
	t.Helper()
	b := []byte(contents(t, path))
	for i := 4096; i < len(b); i += 8192 {
		copy(b[i:i+512], strings.Repeat("x", 512))
	}
	if err := os.WriteFile(path, b, 0o600); err != nil { //nolint:gosec // in a directory of the test
		t.Fatal(err)
	}
}

// A power cut right after a backup must not leave a name without its contents, nor take the name.
func TestABackupIsFlushedBeforeItHasItsNameAndItsNameAfterwards(t *testing.T) {
	strace := needStrace(t)
	dir := t.TempDir()
	calls := filepath.Join(t.TempDir(), "calls")
	c := startChild(t, newFile(t), []string{childUsers + "=1", childBackup + "=" + filepath.Join(dir, "backup.db")},
		strace, "-f", "-qq", "-y", "-o", calls, "-e", "trace=fsync,fdatasync,linkat,renameat,pwrite64")
	c.ledger(t)
	wantFiles(t, dir, "backup.db")
	var order []string
	for _, call := range strings.Split(contents(t, calls), "\n") {
		switch {
		case !strings.Contains(call, dir):
		case strings.Contains(call, "pwrite64("):
			order = append(order, "write")
		case strings.Contains(call, "linkat("):
			order = append(order, "name")
		case strings.Contains(call, "sync(") && strings.Contains(call, "<"+dir+">"):
			order = append(order, "flush the directory")
		case strings.Contains(call, "sync("):
			order = append(order, "flush")
		}
	}
	got := strings.Join(order, ", ")
	if !regexp.MustCompile(`write, (flush, )+name, flush the directory$`).MatchString(got) {
		t.Errorf("the order is %s", got)
	}
}
