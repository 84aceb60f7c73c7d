package limits

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAPersonHasSoManyPlacesAndAllTogetherSoMany(t *testing.T) {
	t.Parallel()
	p := NewPlaces(2, 20)
	taken := 0
	for n := range 100 {
		for range 3 {
			if p.Enter(fmt.Sprint("person ", n), fmt.Sprintf("192.%d.2.1", n)) {
				taken++
			}
		}
	}
	if taken != 20 || p.people["person 0"] != 2 {
		t.Errorf("%d places are taken, %d by the first", taken, p.people["person 0"])
	}
	p.Leave("person 0", "192.0.2.1")
	if !p.Enter("one more", "203.0.113.1") || p.Enter("another", "203.0.113.1") {
		t.Error("one that leaves makes room for one")
	}
}

func TestPeopleOfOneNetworkOrSiteLeavePlacesForOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		address func(n int) string
		most    int
	}{
		"an address":    {func(int) string { return "192.0.2.1" }, 67},
		"a /64":         {func(n int) string { return fmt.Sprintf("2001:db8::%x", n) }, 67},
		"a /24":         {func(n int) string { return fmt.Sprintf("192.0.2.%d", n%256) }, 100},
		"a /48":         {func(n int) string { return fmt.Sprintf("2001:db8:0:%x::1", n) }, 100},
		"no address":    {func(int) string { return "" }, 67},
		"mapped, a /32": {func(int) string { return "::ffff:192.0.2.1" }, 67},
	} {
		p := NewPlaces(2, 200)
		taken := 0
		for n := range 1000 {
			if p.Enter(fmt.Sprint(n), tc.address(n)) {
				taken++
			}
		}
		if taken != tc.most {
			t.Errorf("%s takes %d of 200", name, taken)
		}
		for n := range 20 {
			if !p.Enter(fmt.Sprint("other ", n), fmt.Sprintf("203.%d.113.1", n)) {
				t.Errorf("beside %s there is no room for other number %d", name, n)
			}
		}
	}
}

func TestNothingIsKeptOfPlacesThatWereLeft(t *testing.T) {
	t.Parallel()
	p := NewPlaces(2, 200)
	for n := range 100 {
		if p.Enter(fmt.Sprint(n), fmt.Sprintf("192.%d.2.1", n)) {
			defer p.Leave(fmt.Sprint(n), fmt.Sprintf("192.%d.2.1", n))
		}
	}
	t.Cleanup(func() {
		if p.taken+len(p.people)+len(p.networks)+len(p.sites) != 0 {
			t.Error("something is")
		}
	})
}

// TestOfOnePersonOneTurnAtATimeAndOthersNeverWaitBehindTheirLine has one person ask more often than anybody may.
func TestOfOnePersonOneTurnAtATimeAndOthersNeverWaitBehindTheirLine(t *testing.T) {
	t.Parallel()
	turns := NewTurns(2)
	ctx := t.Context()
	end, ok := turns.Begin(ctx, "greedy", "192.0.2.1")
	if !ok {
		t.Fatal("there is no first turn")
	}
	var waiting sync.WaitGroup
	var running, most, refused, had atomic.Int64
	for range 50 {
		waiting.Go(func() {
			end, ok := turns.Begin(ctx, "greedy", "192.0.2.1")
			if !ok {
				refused.Add(1)
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			had.Add(1)
			running.Add(-1)
			end()
		})
	}
	for refused.Load() < 50-(personsLine-1) { // the others wait
		ctxDone(t)
	}
	for n := range 20 {
		end, ok := turns.Begin(ctx, fmt.Sprint("other ", n), fmt.Sprintf("203.0.%d.1", n))
		if !ok {
			t.Fatal("somebody else is refused")
		}
		end()
	}
	end()
	waiting.Wait()
	if most.Load() != 1 || had.Load() != personsLine-1 {
		t.Errorf("%d at once, %d had a turn", most.Load(), had.Load())
	}
	if len(turns.lines) != 0 || len(turns.all) != 0 {
		t.Errorf("%d lines and %d turns are left", len(turns.lines), len(turns.all))
	}
}

// ctxDone fails a test that waits in vain.
func ctxDone(t *testing.T) {
	t.Helper()
	if err := t.Context().Err(); err != nil {
		t.Fatal(err)
	}
}

func TestANetworkHasTwoTurnsAtATimeHoweverManyPeopleItIs(t *testing.T) {
	t.Parallel()
	turns := NewTurns(10)
	var ends []func()
	for n := range networksTurns {
		end, ok := turns.Begin(t.Context(), fmt.Sprint(n), "192.0.2.1")
		if !ok {
			t.Fatal("no turn")
		}
		ends = append(ends, end)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 { // the line that is left is no longer for it
		if _, ok := turns.Begin(ended, "one more", "192.0.2.1"); ok {
			t.Error("a third has a turn")
		}
	}
	if end, ok := turns.Begin(t.Context(), "one more", "192.0.2.2"); !ok {
		t.Error("another network has none")
	} else {
		end()
	}
	for _, end := range ends {
		end()
	}
	if len(turns.lines) != 0 || len(turns.all) != 0 {
		t.Errorf("%d lines and %d turns are left", len(turns.lines), len(turns.all))
	}
}
