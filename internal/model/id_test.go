package model

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestAnIDIsTwentyFourHexDigitsThatBeginWithTheSecondOfCreation(t *testing.T) {
	// Far ahead of every other id of this process, which could push this one on.
	now := time.Unix(0xF1234567, 500_000_000)
	id := NewID(now)
	if !regexp.MustCompile(`^[0-9a-f]{24}$`).MatchString(id) {
		t.Fatalf("id is %q", id)
	}
	seconds, err := strconv.ParseInt(id[:8], 16, 64)
	if err != nil || seconds != now.Unix() {
		t.Errorf("id %s begins with second %d (%v), want %d", id, seconds, err, now.Unix())
	}
	if fraction := id[8:14]; fraction != "800000" {
		t.Errorf("half a second is %s", fraction)
	}
	lastTick.Store(0) // the other tests live today
}

func TestIDsIncreaseStrictly(t *testing.T) {
	now := time.Now()
	tests := map[string]func(i int) time.Time{
		"while the clock runs":         func(i int) time.Time { return now.Add(time.Duration(i) * time.Microsecond) },
		"while the clock stands still": func(int) time.Time { return now },
		"while the clock goes back":    func(i int) time.Time { return now.Add(-time.Duration(i) * time.Second) },
	}
	for name, clock := range tests {
		t.Run(name, func(t *testing.T) {
			last := NewID(now)
			for i := range 10_000 {
				id := NewID(clock(i))
				if id <= last {
					t.Fatalf("%s came after %s", id, last)
				}
				last = id
			}
		})
	}
}

func TestTheTimeOfAnIDSortsAmongIDs(t *testing.T) {
	now := time.Now().Add(time.Hour) // ahead of every other id of this process
	early, before, after := TimeOfID(now.Add(-time.Millisecond)), NewID(now), TimeOfID(now.Add(time.Millisecond))
	if len(early) != 14 || early >= before || before >= after {
		t.Errorf("%s, %s, %s", early, before, after)
	}
	lastTick.Store(0) // the other tests live today
}

func TestIDsMadeAtOnceDiffer(t *testing.T) {
	const goroutines, each = 16, 2000
	now := time.Now()
	lists := make([][]string, goroutines)
	var all sync.WaitGroup
	for i := range lists {
		all.Go(func() {
			for range each {
				lists[i] = append(lists[i], NewID(now))
			}
		})
	}
	all.Wait()
	var ids []string
	for _, list := range lists {
		if !slices.IsSorted(list) {
			t.Error("one goroutine got ids out of order")
		}
		ids = append(ids, list...)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != goroutines*each {
		t.Errorf("%d different ids of %d", len(ids), goroutines*each)
	}
}

// It stands alone, since ids are compared across a process.
func TestIDsBeginWithTheTimeAgainAfterTheClockWasSetBack(t *testing.T) {
	now := time.Now()
	defer FollowClock(now)
	ahead := NewID(now.AddDate(1, 0, 0))
	if id := NewID(now); id <= ahead {
		t.Fatalf("%s after %s", id, ahead)
	}
	FollowClock(now)
	first, second := NewID(now), NewID(now)
	want := fmt.Sprintf("%08x", now.Unix())
	if first[:8] != want || second <= first {
		t.Errorf("%s and %s, want %s…", first, second, want)
	}
}

func TestWhatIsWrittenDownWithSomethingComesSoonAfterIt(t *testing.T) {
	at := time.Unix(0xF2345678, 999_000_000) // far ahead of every other id of this process
	first, with, later := NewID(at), NewID(at.Add(900*time.Millisecond)), NewID(at.Add(3*time.Second))
	if soon := SoonAfter(first); first >= soon || with >= soon || later < soon {
		t.Errorf("soon after %s is %s: with it came %s, later %s", first, soon, with, later)
	}
	if soon := SoonAfter("porch-cam"); soon != "" {
		t.Errorf("of what is no id: %q", soon)
	}
}
