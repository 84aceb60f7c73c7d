//go:build unix

package fileowner

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// somebody is a user whom no machine has by name.
const somebody = 54321

func made(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func infoOf(t *testing.T, f *os.File) fs.FileInfo {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestAFileBelongsToWhoeverMadeIt(t *testing.T) {
	t.Parallel()
	one, other := infoOf(t, made(t, "one")), infoOf(t, made(t, "other"))
	if of, known := Of(one); !known || int(of) != os.Geteuid() || !Same(one, other) {
		t.Errorf("it belongs to %v, known %t", of, known)
	}
}

func TestRootGivesWhatItMakesAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	like, file := made(t, "like"), made(t, "file")
	want := User(os.Geteuid()) //nolint:gosec // G115: as the system has it
	if want == Root {
		want = somebody
		if err := like.Chown(somebody, somebody); err != nil {
			t.Fatal(err)
		}
	}
	if err := Give(file, infoOf(t, like)); err != nil {
		t.Fatal(err)
	}
	if of, _ := Of(infoOf(t, file)); of != want {
		t.Errorf("it belongs to %v", of)
	}
}

func TestAUserWithoutANameHasANumber(t *testing.T) {
	t.Parallel()
	if got := User(somebody).String(); got != "user 54321" {
		t.Error(got)
	}
}
