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
	flushes := len(regexp.MustCompile(`(?m)f(data)?sync.* = 0$`).FindAllString(contents(t, calls), -1))
	if acknowledged := l.acknowledged(); acknowledged < 200 || flushes < acknowledged {
		t.Errorf("%d flushes for %d acknowledged writes", flushes, acknowledged)
	} else {
		t.Logf("%d flushes for %d acknowledged writes", flushes, acknowledged)
	}
	s := openFile(t, path)
	l.compare(t, s)
	wantIntegrity(t, s)
}

// The disk refuses some calls in the middle of the work of twenty writers, and then is well again. strace counts the calls of
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
			c := startChild(t, path, []string{childUsers + "=15"},
				strace, "-f", "-qq", "-o", calls, "-e", "trace=fsync,fdatasync,pwrite64", "-e", "inject="+fault)
			l := c.ledger(t)
			if !bytes.Contains([]byte(contents(t, calls)), []byte("INJECTED")) {
				t.Fatal("no call was made to fail")
			}
			s := openFile(t, path)
			l.compare(t, s)
			wantIntegrity(t, s)
			_, after, failed := strings.Cut(c.told.String(), "\nfailed\n")
			lives := strings.Count(after, "\nuser ")
			if !failed || lives < 20 {
				t.Errorf("a write failed: %v; %d users were made after it", failed, lives)
			}
			t.Logf("%d writes were acknowledged, with %d users after the first that failed", l.acknowledged(), lives)
		})
	}
}

// The worst moments to die are those between two writes of one commit, and between the last of them and its flush.
func TestNothingAcknowledgedIsLostWhenTheProcessDiesCommitting(t *testing.T) {
	strace := needStrace(t)
	for i := range max(killsWanted(t)/4, 1) {
		path := newFile(t)
		call := 1 + i*37%500
		c := startChild(t, path, nil, strace, "-f", "-qq", "-o", os.DevNull,
			"-e", "trace=pwrite64,fsync,fdatasync",
			"-e", fmt.Sprintf("inject=pwrite64,fsync,fdatasync:signal=KILL:when=%d", call))
		l := c.ledger(t)
		s := openFile(t, path)
		l.compare(t, s)
		wantIntegrity(t, s)
		if t.Failed() {
			t.Fatalf("killed at call %d", call)
		}
	}
}

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
