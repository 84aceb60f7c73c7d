package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
)

// slowestTenth is what the slowest tenth of a hundred reads of somebody else takes beside so many filtered reads of one person, of which
// it also counts how many ended.
func slowestTenth(tb testing.TB, s *Store, greedy string, filters int) (wait time.Duration, reads int) {
	tb.Helper()
	other, err := makeUser(tb.Context(), s)
	if err != nil {
		tb.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	for range filters {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				q := model.EventQuery{Kinds: []model.EventKind{model.EventPairingAsked, model.EventPairingApproved, model.EventPairingDenied}, Limit: 51}
				if _, err := s.Events(tb.Context(), greedy, q); err != nil {
					tb.Error(err)
					return
				}
				mu.Lock()
				reads++
				mu.Unlock()
			}
		})
	}
	time.Sleep(50 * time.Millisecond) // until all are at it
	var waits []time.Duration
	for range 100 {
		begun := time.Now()
		for range 5 { // as many as a page makes
			if _, err := s.Keys(tb.Context(), other); err != nil {
				tb.Fatal(err)
			}
		}
		waits = append(waits, time.Since(begun))
	}
	close(stop)
	all.Wait()
	slices.Sort(waits)
	return waits[90], reads
}

func TestFilteredReadsOfOnePersonLeaveRoomForOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("says nothing under the race detector")
	}
	s, greedy := manyEvents(t, 60_000)
	wait, reads := slowestTenth(t, s, greedy, 12)
	t.Logf("beside 12 filtered reads at once, of which %d ended, the slowest tenth takes %v", reads, wait)
	if wait > 250*time.Millisecond {
		t.Errorf("the slowest tenth takes %v", wait)
	}
}
