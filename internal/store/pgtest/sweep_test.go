package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func TestWhatEarlierRunsHaveLeftIsRemoved(t *testing.T) { // not parallel: TMPDIR
	t.Setenv("TMPDIR", t.TempDir())
	if os.TempDir() != os.Getenv("TMPDIR") {
		t.Skip("temporary files are elsewhere")
	}
	leave := func(name string, used bool, age time.Duration) string {
		dir := filepath.Join(os.TempDir(), name)
		if err := os.MkdirAll(filepath.Join(dir, "s1", "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		if used {
			lock := flock.New(filepath.Join(dir, "lock"))
			if err := lock.Lock(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = lock.Unlock() })
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(dir, at, at); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	left := leave(prefix+"left", false, time.Hour)
	stay := []string{leave(prefix+"used", true, time.Hour), leave(prefix+"young", false, 0), leave("others", false, time.Hour)}
	(&place{}).sweep()
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", left)
	}
	for _, dir := range stay {
		if _, err := os.Stat(filepath.Join(dir, "s1", "data")); err != nil {
			t.Error(err)
		}
	}
}
