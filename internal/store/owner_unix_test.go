//go:build unix

package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The user that the program runs as must be able to open what root's commands leave behind.
func TestWhatRootMakesBelongsToWhoeverHasTheData(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	const uid, gid = 12345, 23456
	dir := t.TempDir()
	path := filepath.Join(dir, "latchkey.db")
	give := func() {
		t.Helper()
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	wantTheirs := func(when string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			if owner := info.Sys().(*syscall.Stat_t); owner.Uid != uid || owner.Gid != gid {
				t.Errorf("%s: %s belongs to %d:%d", when, e.Name(), owner.Uid, owner.Gid)
			}
		}
	}
	give()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	mustUser(t, s)
	wantTheirs("open")
	elsewhere := filepath.Join(t.TempDir(), "backup.db")
	for _, backup := range []string{filepath.Join(dir, "backup.db"), elsewhere} {
		if err := s.Backup(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
	}
	wantTheirs("backed up")
	if info, err := os.Stat(elsewhere); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("the backup in a directory of root's is given away, %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), elsewhere, path, time.Now()); err != nil {
		t.Fatal(err)
	}
	wantTheirs("restored")
	for _, name := range []string{path, path + ".lock"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Restore(t.Context(), elsewhere, path, time.Now()); err != nil {
		t.Fatal(err)
	}
	wantTheirs("restored where none was")
}
