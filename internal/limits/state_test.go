package limits

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// noon is a time by the clock of a keeper.
const noon = time.Duration(1_790_000_000_000) * time.Millisecond

func TestABucketAndAWindowComeBackFromTheirStates(t *testing.T) {
	t.Parallel()
	rules := map[string]counts{
		"bucket": &buckets{atOnce: 10, pause: time.Minute, until: map[string]time.Duration{}},
		"window": newWindows([]Rule{{Most: 5, In: time.Minute}, {Most: 1000, In: time.Hour}}),
	}
	for name, c := range rules {
		now := noon
		for i := range 2000 {
			if c.wait("ann", now) == 0 {
				c.add("ann", now)
			}
			state, until := c.save("ann", now)
			back := c.none()
			back.load("ann", state, now)
			for _, later := range []time.Duration{0, 1, time.Second, time.Minute, time.Hour} {
				if at := now + later; back.wait("ann", at) != c.wait("ann", at) || back.used("ann", at) != c.used("ann", at) {
					t.Fatalf("%s, after %d: %v later one waits %v with %d used, want %v and %d", name, i, later, back.wait("ann", at),
						back.used("ann", at), c.wait("ann", at), c.used("ann", at))
				}
			}
			if past := back.used("ann", until); past != 0 || back.used("ann", until-1) == 0 {
				t.Fatalf("%s, after %d: %d are used when all should be past", name, i, past)
			}
			if again, _ := back.save("ann", now); !bytes.Equal(again, state) {
				t.Fatalf("%s, after %d: the state is %x, and then %x", name, i, state, again)
			}
			now += time.Duration(i%17) * time.Second
		}
		if state, _ := c.save("ann", now); len(state) > 3200 {
			t.Errorf("%s: a state has %d bytes", name, len(state))
		}
		c.none().load("ann", nil, now)
		if state, until := c.save("ann", now+24*time.Hour); state == nil || len(state) > 0 || until != 0 {
			t.Errorf("%s: of what is past there is %x until %v", name, state, until)
		}
	}
}

func TestAStateOfWhatHasNoPlaceInTheRulesIsCutToThem(t *testing.T) {
	t.Parallel()
	at := make([]time.Duration, 100)
	for i := range at {
		at[i] = noon - time.Minute + time.Duration(i)*time.Millisecond
	}
	w := newWindows([]Rule{{Most: 5, In: time.Hour}})
	w.load("ann", state(windowState, at...), noon)
	if n := len(w.times["ann"]); n != 5 || cap(w.times["ann"]) > 8 {
		t.Errorf("%d of 100 are remembered where 5 may be", n)
	}
	b := &buckets{atOnce: 10, pause: time.Minute, until: map[string]time.Duration{}}
	b.load("ann", state(bucketState, noon+365*24*time.Hour), noon)
	if wait := b.wait("ann", noon); wait != time.Minute {
		t.Errorf("one waits %v", wait)
	}
}

func FuzzAStateIsUnderstoodOrForgiven(f *testing.F) {
	f.Add(state(bucketState, noon), int64(noon))
	f.Add(state(windowState, noon, noon, noon+time.Second), int64(noon))
	f.Add([]byte{windowState, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, int64(0))
	f.Add([]byte(nil), int64(noon))
	f.Fuzz(func(t *testing.T, given []byte, ms int64) {
		now := time.Duration(max(0, ms)%(1<<42)) * time.Millisecond
		tables := []counts{
			&buckets{atOnce: 10, pause: time.Minute, until: map[string]time.Duration{}},
			newWindows([]Rule{{Most: 5, In: time.Minute}, {Most: 20, In: time.Hour}}),
		}
		for i, c := range tables {
			c.load("ann", given, now)
			if wait, most := c.wait("ann", now), []time.Duration{time.Minute, time.Hour}[i]; wait > most {
				t.Errorf("%x: one waits %v", given, wait)
			}
			if used, most := c.used("ann", now), []int{10, 20}[i]; used < 0 || used > most {
				t.Errorf("%x: %d are used", given, used)
			}
			saved, until := c.save("ann", now)
			if until < 0 || until > now+time.Hour {
				t.Errorf("%x: it is past at %v", given, until-now)
			}
			again := c.none()
			again.load("ann", saved, now)
			if twice, _ := again.save("ann", now); !bytes.Equal(saved, twice) {
				t.Errorf("%x: saved as %x, and then as %x", given, saved, twice)
			}
			if at := times(saved, saved0(saved)); !slices.IsSorted(at) {
				t.Errorf("%x: saved as %v", given, at)
			}
		}
	})
}

// saved0 is of what a state is.
func saved0(s []byte) byte {
	if len(s) == 0 {
		return 0
	}
	return s[0]
}

func TestWhatTheKeeperRefusedIsRememberedOfABoundedNumber(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	b := NewBook(func() time.Time { return now }, time.Minute)
	table := b.Buckets(1, time.Minute)
	for i := range 3 * maxHeld {
		b.hold(map[Count]hold{table.Of(strconv.Itoa(i)): {wait: time.Minute, used: 1}})
		if len(b.held) > maxHeld {
			t.Fatalf("%d are remembered", len(b.held))
		}
	}
	now = now.Add(time.Minute)
	if b.Sweep(); len(b.held) != 0 {
		t.Errorf("%d are remembered for ever", len(b.held))
	}
}

// hanging is a keeper whose answers do not come, from a time on.
type hanging struct {
	now  func() time.Time
	from atomic.Bool
	most atomic.Int64 // that have waited at a time

	waiting atomic.Int64
}

func (h *hanging) Change(
	ctx context.Context, keys [][16]byte, decide func(time.Time, [][]byte) ([][]byte, []time.Time),
) error {
	if h.from.Load() {
		h.most.Store(max(h.most.Load(), h.waiting.Add(1)))
		defer h.waiting.Add(-1)
		<-ctx.Done()
		return ctx.Err()
	}
	decide(h.now(), make([][]byte, len(keys)))
	return nil
}

func TestWhenTheKeeperHangsFewWaitForItAndNobodyForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &hanging{now: time.Now}
		s := Share(k, slog.New(slog.DiscardHandler))
		b := NewBook(time.Now, time.Minute).ShareBy(s)
		table := b.Buckets(1000, time.Minute).Shared("account")
		take := func() (func(), error) {
			turn := b.Begin()
			counts := []Count{table.Of("ann")}
			giveBack, _ := turn.Take(counts...)
			turn.End()
			giveBack, _, err := b.TakeShared(t.Context(), giveBack, counts, nil)
			return giveBack, err
		}
		var backs []func()
		for range 50 {
			giveBack, err := take()
			if err != nil {
				t.Fatal(err)
			}
			backs = append(backs, giveBack)
		}
		k.from.Store(true)
		begun := time.Now()
		var all sync.WaitGroup
		for _, giveBack := range backs {
			all.Go(giveBack)
		}
		all.Wait()
		s.Drain()
		if took, n := time.Since(begun), k.most.Load(); took > giveBackTimeout || n > givingBack {
			t.Errorf("giving back took %v, %d at a time", took, n)
		}
		k.most.Store(0)
		begun = time.Now()
		for range 50 {
			all.Go(func() {
				if _, err := take(); err == nil {
					t.Error("something is taken")
				}
			})
		}
		all.Wait()
		if took, n := time.Since(begun), k.most.Load(); took > 2*askTimeout || n > asking {
			t.Errorf("taking took %v, %d at a time", took, n)
		}
		if table.Len() != 0 {
			t.Error("what was not taken everywhere was not given back here")
		}
	})
}
