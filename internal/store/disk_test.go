package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// smallDisk is a directory on a disk of its own of so many kilobytes.
func smallDisk(t *testing.T, kilobytes int) string {
	t.Helper()
	if testing.Short() {
		t.Skip("makes a disk")
	}
	dir := t.TempDir()
	mount := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk", kilobytes), "none", dir) //nolint:gosec // a number
	if said, err := mount.CombinedOutput(); err != nil {
		t.Skipf("making a small disk needs more rights than there are here: %s", said)
	}
	t.Cleanup(func() {
		if err := exec.Command("umount", dir).Run(); err != nil { //nolint:gosec,noctx // the test's context has ended
			t.Error(err)
		}
	})
	return dir
}

// fill puts a file on a disk that takes up so many bytes, or as many as there are.
func fill(t *testing.T, path string, bytes int) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, bytes), 0o600); err != nil && !strings.Contains(err.Error(), "no space left") {
		t.Fatal(err)
	}
}

func TestOnARealDiskThatIsFullWhatIsThereCanBeReadAndWritingResumesWithRoom(t *testing.T) {
	for _, kilobytes := range []int{1536, 2048, 4096} {
		t.Run(fmt.Sprintf("of %d KB", kilobytes), func(t *testing.T) {
			disk := smallDisk(t, kilobytes)
			path, ballast := filepath.Join(disk, "test.db"), filepath.Join(disk, "ballast")
			fill(t, ballast, kilobytes<<10/2)
			s := openFile(t, path)
			o := newTold()
			person := &lived{Context: t.Context(), Store: s, tell: o.tell}
			if err := errors.Join(person.register(), person.useBrowsers()); err != nil {
				t.Fatal(err)
			}
			end := livesAtOnce(t.Context(), s, o)
			o.await("failed", 100)
			end()
			full := newLedger()
			full.noteAll(t, o.soFar())
			full.compare(t, s)
			wantSound(t, s)
			wantReadable(t, s, person.user)
			wantFull(t, s, o, ballast)

			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			again := &lived{Context: t.Context(), Store: s, tell: o.tell}
			if err := errors.Join(again.register(), again.useBrowsers()); err != nil {
				t.Errorf("with room again a write failed: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			after, s := newLedger(), openFile(t, path)
			after.noteAll(t, o.soFar())
			after.compare(t, s)
			wantSound(t, s)
			figures(t, "disk=%d KB acknowledged=%d refused=%d missing=0 after room was made=%d",
				kilobytes, full.acknowledged, strings.Count(o.soFar(), "\nfailed"), after.acknowledged-full.acknowledged)
		})
	}
}

// wantReadable fails the test unless what a person who is signed in asks for can be read.
func wantReadable(t *testing.T, s *Store, userID string) {
	t.Helper()
	sessions, err := s.WebSessions(t.Context(), userID)
	if err != nil || len(sessions) != 1 {
		t.Fatalf("%d browsers (%v)", len(sessions), err)
	}
	if _, err := s.WebSession(t.Context(), sessions[0].IDHash); err != nil {
		t.Error(err)
	}
	if _, err := s.AuthSession(t.Context(), sessions[0].AuthSessionID); err != nil {
		t.Error(err)
	}
	if _, err := s.APIKeys(t.Context(), userID); err != nil {
		t.Error(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// wantFull fails the test unless a write is refused with the reason, and leaves nothing. The last room goes to a file first: what
// the lives left may do for a small write.
func wantFull(t *testing.T, s *Store, o *told, ballast string) {
	t.Helper()
	fill(t, ballast+".rest", 8<<20)
	defer func() {
		if err := os.Remove(ballast + ".rest"); err != nil {
			t.Error(err)
		}
	}()
	var err error
	for range 100 { // the log is written from its beginning at times, in room that it has
		l := &lived{Context: t.Context(), Store: s, tell: o.tell}
		if err = l.register(); err != nil {
			if hasUser(t, s, l.user) {
				t.Error("a write was refused and is there")
			}
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("writing to a full disk: %v", err)
	}
}
