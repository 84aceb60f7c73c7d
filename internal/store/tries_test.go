package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// twoNodes are two processes' stores of one database.
func twoNodes(t *testing.T) (nodes [2]*store.Store, url string) {
	t.Helper()
	url = pgtest.URL(t)
	for i := range nodes {
		nodes[i] = testkit.StoreOn(t, url)
	}
	return nodes, url
}

// keysOf are keys as limits has them: in order, each once.
func keysOf(names ...byte) (keys [][16]byte) {
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		keys = append(keys, [16]byte{n})
	}
	return keys
}

// states gives what is kept of the keys, and saves nothing.
func states(t *testing.T, s *store.Store, keys [][16]byte) (states [][]byte) {
	t.Helper()
	err := s.Tries().Change(t.Context(), keys, func(_ time.Time, found [][]byte) ([][]byte, []time.Time) {
		states = found
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// save keeps a state of each of the keys until a time.
func save(t *testing.T, s *store.Store, keys [][16]byte, state string, until time.Time) {
	t.Helper()
	err := s.Tries().Change(t.Context(), keys, func(time.Time, [][]byte) (changed [][]byte, ends []time.Time) {
		for range keys {
			changed, ends = append(changed, []byte(state)), append(ends, until)
		}
		return changed, ends
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFileHasNoTriesOfOtherNodes(t *testing.T) {
	if open(t).Tries() != nil {
		t.Error("it has")
	}
}

func TestWhatOneNodeSavesOfTriesTheOtherFinds(t *testing.T) {
	t.Parallel()
	nodes, _ := twoNodes(t)
	a, b := nodes[0].Tries(), nodes[1].Tries()
	keys := keysOf(1, 2, 0xff)
	var asked time.Time
	err := a.Change(t.Context(), keys, func(now time.Time, found [][]byte) ([][]byte, []time.Time) {
		for i, state := range found {
			if len(found) != 3 || state == nil || len(state) > 0 {
				t.Errorf("before anything is saved state %d is %v", i, state)
			}
		}
		asked = now
		return [][]byte{[]byte("one"), nil, {0, 0xff}}, []time.Time{now.Add(time.Hour), {}, now.Add(time.Hour)}
	})
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(asked); off < -time.Minute || off > time.Minute { // the server is on this machine
		t.Errorf("the time was %v ago", off)
	}
	if got := states(t, nodes[1], keys); !slices.EqualFunc(got, [][]byte{[]byte("one"), {}, {0, 0xff}}, bytes.Equal) {
		t.Errorf("the other node finds %q", got)
	}
	if got := states(t, nodes[1], keysOf(0xff)); !slices.EqualFunc(got, [][]byte{{0, 0xff}}, bytes.Equal) {
		t.Errorf("of one key it finds %q", got)
	}
	if err := b.Change(t.Context(), keys, func(now time.Time, _ [][]byte) ([][]byte, []time.Time) {
		return [][]byte{{}, nil, nil}, []time.Time{{}, {}, {}}
	}); err != nil {
		t.Fatal(err)
	}
	if got := states(t, nodes[0], keys); !slices.EqualFunc(got, [][]byte{{}, {}, {0, 0xff}}, bytes.Equal) {
		t.Errorf("after one was emptied there is %q", got)
	}
}

// Each change adds one to some counts, and looks that the time never goes back for any of them.
func TestOfManyChangesAtOnceOnTwoNodesNoneIsLostAndNoneWaitsForEver(t *testing.T) {
	t.Parallel()
	nodes, _ := twoNodes(t)
	const callers, each, counts = 32, 25, 6
	var mu sync.Mutex
	var want [counts]uint64
	var all sync.WaitGroup
	for g := range callers {
		all.Go(func() {
			for range each {
				names := make([]byte, 3)
				for i := range names {
					names[i] = byte(rand.N(counts))
				}
				keys := keysOf(names...)
				err := nodes[g%2].Tries().Change(t.Context(), keys, func(now time.Time, found [][]byte) (changed [][]byte, until []time.Time) {
					for _, state := range found {
						var n, last uint64
						if len(state) > 0 {
							n, last = binary.BigEndian.Uint64(state), binary.BigEndian.Uint64(state[8:])
						}
						if uint64(now.UnixMilli()) < last {
							t.Errorf("the time goes back by %d ms", last-uint64(now.UnixMilli()))
						}
						state = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, n+1), uint64(now.UnixMilli()))
						changed, until = append(changed, state), append(until, now.Add(time.Hour))
					}
					return changed, until
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, key := range keys {
					want[key[0]]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for i := range want {
		if state := states(t, nodes[0], keysOf(byte(i)))[0]; len(state) != 16 || binary.BigEndian.Uint64(state) != want[i] {
			t.Errorf("count %d is %x, want %d", i, state, want[i])
		}
	}
	if conflicts := nodes[0].Pool().Conflicts + nodes[1].Pool().Conflicts; conflicts > 0 {
		t.Errorf("%d times two waited for each other", conflicts)
	}
}

func TestTriesThatArePastAreSweptAndThoseInUseAreNot(t *testing.T) {
	t.Parallel()
	nodes, _ := twoNodes(t)
	now := time.Now()
	var past [][16]byte
	for i := range 450 { // more than two batches
		past = append(past, [16]byte{1, byte(i >> 8), byte(i)})
	}
	save(t, nodes[0], past, "past", now.Add(-time.Minute))
	save(t, nodes[0], keysOf(2), "present", now.Add(time.Hour))
	save(t, nodes[0], keysOf(3), "locked", now.Add(-time.Minute))
	err := nodes[0].Tries().Change(t.Context(), keysOf(3), func(_ time.Time, found [][]byte) ([][]byte, []time.Time) {
		for _, clock := range []time.Time{now.Add(-time.Hour), now, now.Add(24 * time.Hour)} { // one that is behind, right, and ahead
			if err := nodes[1].Sweep(t.Context(), clock, time.Hour); err != nil {
				t.Error(err)
			}
			if clock.Before(now) {
				if got := states(t, nodes[1], past[:1]); string(got[0]) != "past" {
					t.Error("a clock that is behind has swept")
				}
			}
		}
		return [][]byte{[]byte("used")}, []time.Time{now.Add(time.Hour)}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range nodes {
		if got := states(t, s, keysOf(2, 3)); string(bytes.Join(got, []byte(" "))) != "present used" {
			t.Errorf("of what is not past there is %q", got)
		}
		for _, state := range states(t, s, past) {
			if len(state) > 0 {
				t.Fatalf("of what is past there is %q", state)
			}
		}
	}
}

func TestATryThatIsRefusedLeavesNoRow(t *testing.T) {
	t.Parallel()
	nodes, url := twoNodes(t)
	states(t, nodes[0], keysOf(1, 2, 3))
	save(t, nodes[0], keysOf(4), "kept", time.Now().Add(time.Hour))
	conn := direct(t, url)
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM tries").Scan(&n); err != nil || n != 1 {
		t.Errorf("there are %d rows (%v)", n, err)
	}
}

func direct(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// Nothing was done, and people must not be told that it is not known.
func TestATryOfWhichTheAnswerIsLostIsNoUnclearAct(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.URL(t))
	s := testkit.StoreOn(t, proxy.URL())
	proxy.CutAtCommit(1)
	err := s.Tries().Change(t.Context(), keysOf(1), func(now time.Time, _ [][]byte) ([][]byte, []time.Time) {
		return [][]byte{[]byte("lost")}, []time.Time{now.Add(time.Hour)}
	})
	if err == nil || errors.Is(err, model.ErrUnclear) || s.Pool().Unclear != 1 {
		t.Errorf("%v; %d are unclear", err, s.Pool().Unclear)
	}
	save(t, s, keysOf(1), "again", time.Now().Add(time.Hour))
	if got := states(t, s, keysOf(1)); string(got[0]) != "again" {
		t.Errorf("afterwards there is %q", got)
	}
}

func TestATryIsTwoMessages(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.URL(t))
	s := testkit.StoreOn(t, proxy.URL()+"&pool_max_conns=1")
	keys := keysOf(1, 2, 3, 4, 5)
	for range 3 { // until the connection knows the statements
		save(t, s, keys, "before", time.Now().Add(time.Hour))
		states(t, s, keys)
	}
	for name, try := range map[string]func(){
		"that is counted": func() { save(t, s, keys, "after", time.Now().Add(time.Hour)) },
		"that is refused": func() { states(t, s, keys) },
	} {
		proxy.Reset()
		if try(); proxy.Messages() != 2 {
			t.Errorf("one %s is %d messages", name, proxy.Messages())
		}
	}
}
