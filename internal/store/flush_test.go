package store

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A kill cannot show whether commits reach the disk; counting the flushes can.
func TestEveryLoneCommitIsFlushedBeforeItIsAcknowledged(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	strace := needStrace(t)
	path := newFile(t)
	c := startChild(t, path, []string{childUsers + "=20", childSingle + "=1"},
		strace, "-f", "-qq", "-o", calls, "-e", "trace=fsync,fdatasync")
	l := c.ledger(t)
	flushes := len(flushed.FindAllString(contents(t, calls), -1))
	if l.acknowledged < 200 || flushes < l.acknowledged {
		t.Errorf("%d flushes for %d acknowledged writes", flushes, l.acknowledged)
	} else {
		figures(t, "flushes=%d acknowledged=%d", flushes, l.acknowledged)
	}
	s := openFile(t, path)
	l.compare(t, s)
	wantSound(t, s)
}

// The disk refuses some calls in the middle of the work of fifty writers, and then is well again. strace counts the calls of
// each thread by itself, so that the faults come more than once and at no fixed time.
func TestWhenTheDiskFailsNothingAcknowledgedIsLostAndWritingResumes(t *testing.T) {
	strace := needStrace(t)
	for name, fault := range map[string]string{
		"a flush fails":          "fsync,fdatasync:error=EIO:when=20..24",
		"a write fails":          "pwrite64:error=EIO:when=150..160",
		"there is no room":       "pwrite64:error=ENOSPC:when=150..160",
		"each tenth flush fails": "fsync,fdatasync:error=EIO:when=20+10",
	} {
		t.Run(name, func(t *testing.T) {
			calls, path := filepath.Join(t.TempDir(), "calls"), newFile(t)
			c := startChild(t, path, []string{childUsers + "=16"},
				strace, "-f", "-qq", "-o", calls, "-e", "trace=fsync,fdatasync,pwrite64", "-e", "inject="+fault)
			l := c.ledger(t)
			if !bytes.Contains([]byte(contents(t, calls)), []byte("INJECTED")) {
				t.Fatal("no call was made to fail")
			}
			s := openFile(t, path)
			l.compare(t, s)
			wantSound(t, s)
			_, after, failed := strings.Cut(c.told.String(), "\nfailed\n")
			lives := strings.Count(after, "\nuser ")
			if !failed || lives < 20 {
				t.Errorf("a write failed: %v; %d users were made after it", failed, lives)
			}
			figures(t, "fault=%q acknowledged=%d missing=0 (%d users made after the first failure)", name, l.acknowledged, lives)
		})
	}
}

// The worst moments to die are those between two writes of one commit, and between the last of them and its flush.
func TestNothingAcknowledgedIsLostWhenTheProcessDiesCommitting(t *testing.T) {
	strace := needStrace(t)
	kills, acknowledged := max(number(t, "LATCHKEY_KILLS", 20)/4, 1), 0
	for i := range kills {
		path := newFile(t)
		call := 1 + i*37%500
		c := startChild(t, path, nil, strace, "-f", "-qq", "-o", os.DevNull,
			"-e", "trace=pwrite64,fsync,fdatasync",
			"-e", fmt.Sprintf("inject=pwrite64,fsync,fdatasync:signal=KILL:when=%d", call))
		l := c.ledger(t)
		s := openFile(t, path)
		l.compare(t, s)
		wantSound(t, s)
		if t.Failed() {
			t.Fatalf("killed at call %d", call)
		}
		acknowledged += l.acknowledged
	}
	figures(t, "kills=%d at a write or a flush acknowledged=%d missing=0", kills, acknowledged)
}

// The n-th flush is always the same one: that of the n-th commit, or one that the making of the file needs.
func TestNothingAcknowledgedIsLostWhenTheProcessDiesAtTheNthFlush(t *testing.T) {
	strace := needStrace(t)
	wanted, acknowledged, making := number(t, "LATCHKEY_FSYNC_KILLS", 5), 0, 0
	for opened := false; !opened; making++ { // while the file and its schema are being created
		var l *ledger
		l, opened = dieAtFlush(t, strace, newFile(t), making+1)
		acknowledged += l.acknowledged
	}
	path, everything := newFile(t), newLedger()
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= wanted; n++ { // while fifty write
		l, _ := dieAtFlush(t, strace, path, n)
		acknowledged += l.acknowledged
		everything.add(l)
		if n%20 == 0 || n == wanted {
			everything.compare(t, openFile(t, path))
			path, everything = newFile(t), newLedger()
			if err := openFile(t, path).Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	figures(t, "fsync kills=%d (and %d while the file was made) acknowledged=%d missing=0", wanted, making-1, acknowledged)
}

// dieAtFlush has a child write to a file until its n-th flush, of which it dies, and compares what it was told with the file. It
// also reports whether the file had been opened.
func dieAtFlush(t *testing.T, strace, path string, n int) (l *ledger, opened bool) {
	t.Helper()
	calls := filepath.Join(t.TempDir(), "calls")
	c := startChild(t, path, []string{childPinned + "=1", childUsers + "=30"}, strace, "-f", "-qq", "-o", calls,
		"-e", "trace=fsync,fdatasync", "-e", fmt.Sprintf("inject=fsync,fdatasync:signal=KILL:when=%d", n))
	l = c.ledger(t)
	traced := contents(t, calls)
	if flushes := len(flushed.FindAllString(traced, -1)); flushes < n-1 || !strings.Contains(traced, "killed by SIGKILL") {
		t.Errorf("it did not die at flush %d, but after %d", n, flushes)
	}
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	l.compare(t, s)
	wantSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		t.Fatalf("killed at flush %d", n)
	}
	return l, strings.HasPrefix(c.told.String(), "open")
}

// flushed finds the flushes that succeeded in what strace saw.
var flushed = regexp.MustCompile(`(?m)f(data)?sync.* = 0$`)

// needStrace returns the path of strace and skips the test where it is missing or may not trace.
func needStrace(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace here")
	}
	if err := exec.CommandContext(t.Context(), path, "-o", os.DevNull, "true").Run(); err != nil { //nolint:gosec // found above
		t.Skip("strace may not trace here")
	}
	return path
}
