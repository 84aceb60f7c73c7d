package client

import (
	"fmt"
	"testing"
	"time"
)

func TestOfSessionsThatWereSeenABoundedNumberIsRemembered(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var seen sightings
	for i := range 3 * maxSightings {
		token := Secret(fmt.Sprint(i))
		s := seen.about(token, now)
		s.last.Store(now.UnixNano())
		if seen.about(token, now) != s {
			t.Fatalf("session %d is forgotten at once", i)
		}
		if len(seen.of) > maxSightings {
			t.Fatalf("%d sessions are remembered", len(seen.of))
		}
	}
	first := seen.about("first", now)
	for i := range maxSightings {
		now = now.Add(aliveFor / maxSightings * 2) // half of them are old when the room ends
		seen.about(Secret(fmt.Sprintf("later %d", i)), now).last.Store(now.UnixNano())
	}
	if seen.about("first", now) == first {
		t.Error("one that nobody has seen for two minutes is still remembered")
	}
}
