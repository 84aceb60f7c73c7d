package store

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestNothingAcknowledgedIsLostWhenTheProcessIsKilled kills a process with fifty writers at a random moment, 20 times. Set
// LATCHKEY_KILLS to another number; 200 is what a release is held to.
//
// A kill keeps what the operating system holds, so this says nothing about a power cut: see the tests that count flushes.
func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	kills := number(t, "LATCHKEY_KILLS", 20)
	var path string
	var total int
	var slowest time.Duration
	everything := newLedger()
	for i := range kills {
		if i%5 == 0 { // the making of the file and of its schema are cut short too
			path, everything = newFile(t), newLedger()
		}
		l := killOne(t, path, i%5 == 0 && i%2 == 1)
		start := time.Now()
		s := openFile(t, path)
		slowest = max(slowest, time.Since(start))
		total += l.acknowledged
		everything.add(l)
		everything.compare(t, s)
		wantSound(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("after kill %d", i+1)
		}
	}
	if slowest > longestStart {
		t.Errorf("starting after a kill took %v", slowest)
	}
	figures(t, "kills=%d acknowledged=%d missing=0 slowest start=%v", kills, total, slowest.Round(time.Millisecond))
}

// figures tells what was measured, as .ci/torture wants it, unless the promise was not held.
func figures(t *testing.T, format string, args ...any) {
	t.Helper()
	if !t.Failed() {
		t.Logf("torture: "+format, args...)
	}
}

// longestStart is how long a start may take after a kill.
const longestStart = 2 * time.Second

// number is what the environment asks for, or else what does for every day.
func number(t *testing.T, name string, ordinary int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return ordinary
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// killOne lets a child write for a moment and kills it; early does so while it may still be starting.
func killOne(t *testing.T, path string, early bool) *ledger {
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
