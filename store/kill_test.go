package store

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestNothingAcknowledgedIsLostWhenTheProcessIsKilled kills a process with twenty writers at a random moment, 20 times. Set
// LATCHKEY_KILLS to another number; 200 is what a release is held to.
//
// A kill keeps what the operating system holds, so this says nothing about a power cut: see the tests that count flushes.
func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	kills := killsWanted(t)
	var path string
	var total int
	var slowest time.Duration
	everything := ledger{}
	for i := range kills {
		if i%5 == 0 { // the making of the file and of its schema are cut short too
			path, everything = newFile(t), ledger{}
		}
		l := killOne(t, path, i%5 == 0 && i%2 == 1)
		start := time.Now()
		s := openFile(t, path)
		slowest = max(slowest, time.Since(start))
		total += l.acknowledged()
		for u, known := range l {
			everything[u] = known
		}
		everything.compare(t, s)
		wantIntegrity(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("after kill %d", i+1)
		}
	}
	t.Logf("%d kills, %d acknowledged writes, none missing; slowest start after a kill %v", kills, total, slowest)
}

// killsWanted is how often the tests kill.
func killsWanted(t *testing.T) int {
	t.Helper()
	n := os.Getenv("LATCHKEY_KILLS")
	if n == "" {
		return 20
	}
	kills, err := strconv.Atoi(n)
	if err != nil {
		t.Fatal(err)
	}
	return kills
}

// killOne lets a child write for a moment and kills it; early does so while it may still be starting.
func killOne(t *testing.T, path string, early bool) ledger {
	t.Helper()
	c := startChild(t, path, nil)
	if !early {
		<-c.started
	}
	time.Sleep(rand.N(100 * time.Millisecond)) //nolint:gosec // a moment, not a secret
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	return c.ledger(t)
}

func wantIntegrity(t *testing.T, s *Store) {
	t.Helper()
	var verdict string
	if err := s.readers.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q (%v)", verdict, err)
	}
	var orphans int
	err := s.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM pragma_foreign_key_check").Scan(&orphans)
	if err != nil || orphans != 0 {
		t.Errorf("%d rows refer to rows that are gone (%v)", orphans, err)
	}
}

func TestAFileInUseByAnotherProcessIsRefusedUntilThatIsKilled(t *testing.T) {
	path := newFile(t)
	c := startChild(t, path, nil)
	<-c.started
	if s, err := Open(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("opened %v beside another process: %v", s, err)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	l := c.ledger(t)
	l.compare(t, openFile(t, path))
}
