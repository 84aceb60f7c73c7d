package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// changed runs a statement beside the store, and says how many rows it changed.
func changed(t *testing.T, url, statement string, args ...any) int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	tag, err := conn.Exec(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
}

func welcome(store.Node) error { return nil }

func namesOf(t *testing.T, s *store.Store) string {
	t.Helper()
	nodes, err := s.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name+"/"+n.Run)
	}
	return strings.Join(names, " ")
}

func TestANodeIsSeenUntilItLeaves(t *testing.T) {
	t.Parallel()
	s := testkit.StoreOn(t, pgtest.URL(t))
	a := store.Node{Name: "a:8080", Run: "r1", Program: "1.0", RefreshKeys: "k1 k2", AccessKeys: "e1", ClockOff: -1500 * time.Millisecond}
	before := time.Now().Add(-time.Second)
	clock, err := s.EnterNode(t.Context(), a, time.Now, welcome)
	if err != nil || clock.Off.Abs() > time.Second || clock.Unsure > 10*time.Second { // the server is on this machine
		t.Fatalf("%+v, %v", clock, err)
	}
	nodes, err := s.Nodes(t.Context())
	if err != nil || len(nodes) != 1 {
		t.Fatalf("%+v, %v", nodes, err)
	}
	got := nodes[0]
	if !got.Live() || got.Seen.Before(got.Started) || got.Started.Before(before) || got.Schema < 7 {
		t.Errorf("%+v", got)
	}
	got.Started, got.Seen, got.Quiet, got.Schema = time.Time{}, time.Time{}, 0, 0
	if got != a {
		t.Errorf("%+v", got)
	}

	a.ClockOff = 250 * time.Millisecond
	if _, err := s.BeatNode(t.Context(), a, time.Now); err != nil {
		t.Fatal(err)
	}
	if nodes, err = s.Nodes(t.Context()); err != nil || nodes[0].ClockOff != a.ClockOff || nodes[0].Seen.Before(nodes[0].Started) {
		t.Errorf("%+v, %v", nodes, err)
	}
	if err := s.LeaveNode(t.Context(), a); err != nil || namesOf(t, s) != "" {
		t.Errorf("left: %q, %v", namesOf(t, s), err)
	}
	if _, err := s.BeatNode(t.Context(), a, time.Now); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("one that has left: %v", err)
	}
}

func TestTheClockOfANodeIsHeldAgainstTheDatabases(t *testing.T) {
	t.Parallel()
	s := testkit.StoreOn(t, pgtest.URL(t))
	for _, off := range []time.Duration{-time.Hour, 0, 90 * time.Second} {
		now := func() time.Time { return time.Now().Add(off) }
		n := store.Node{Name: "a", Run: "r"}
		entered, err := s.EnterNode(t.Context(), n, now, welcome)
		if err != nil {
			t.Fatal(err)
		}
		beaten, err := s.BeatNode(t.Context(), n, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []store.NodeClock{entered, beaten} {
			if (c.Off - off).Abs() > c.Unsure+10*time.Millisecond {
				t.Errorf("a clock that is %v off is said to be %+v", off, c)
			}
		}
	}
}

func TestANodeTakesThePlaceOfAnotherByItsNameUnlessThatOneDoesNotFit(t *testing.T) {
	t.Parallel()
	s := testkit.StoreOn(t, pgtest.URL(t))
	former, next := store.Node{Name: "a", Run: "r1"}, store.Node{Name: "a", Run: "r2"}
	if _, err := s.EnterNode(t.Context(), former, time.Now, welcome); err != nil {
		t.Fatal(err)
	}
	no := errors.New("it does not fit")
	if _, err := s.EnterNode(t.Context(), next, time.Now, func(n store.Node) error { return no }); !errors.Is(err, no) || namesOf(t, s) != "a/r1" {
		t.Errorf("%v, and there is %q", err, namesOf(t, s))
	}
	if _, err := s.EnterNode(t.Context(), next, time.Now, welcome); err != nil || namesOf(t, s) != "a/r2" {
		t.Errorf("%v, and there is %q", err, namesOf(t, s))
	}
	if _, err := s.BeatNode(t.Context(), former, time.Now); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the one whose place was taken: %v", err)
	}
	if err := s.LeaveNode(t.Context(), former); err != nil || namesOf(t, s) != "a/r2" {
		t.Errorf("its leaving: %v, and there is %q", err, namesOf(t, s))
	}
}

// Of nodes that do not fit each other one alone comes in, however many begin at once.
func TestOfNodesThatStartTogetherAndDoNotFitOneComesIn(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	stores := []*store.Store{testkit.StoreOn(t, url), testkit.StoreOn(t, url)}
	for round := range 5 {
		var mu sync.Mutex
		var in []store.Node
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				n := store.Node{Name: fmt.Sprint("n", i), Run: fmt.Sprint(round)}
				_, err := stores[i%2].EnterNode(context.WithoutCancel(t.Context()), n, time.Now, func(store.Node) error { return errors.New("not beside another") })
				if err == nil {
					mu.Lock()
					in = append(in, n)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(in) != 1 {
			t.Fatalf("round %d: %d came in", round, len(in))
		}
		if err := stores[0].LeaveNode(t.Context(), in[0]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodesThatHaveGoneWithoutAWordAreDeadAndForgottenAfterADay(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := testkit.StoreOn(t, url)
	for name, quiet := range map[string]time.Duration{"live": 35 * time.Second, "dead": 41 * time.Second, "old": 25 * time.Hour} {
		if _, err := s.EnterNode(t.Context(), store.Node{Name: name, Run: "r"}, time.Now, welcome); err != nil {
			t.Fatal(err)
		}
		changed(t, url, "UPDATE nodes SET seen_at = seen_at - $1 WHERE name = $2", quiet.Milliseconds(), name)
	}
	nodes, err := s.Nodes(t.Context())
	if err != nil || len(nodes) != 2 || nodes[0].Live() || !nodes[1].Live() {
		t.Errorf("%+v, %v", nodes, err)
	}
	var asked []string
	if _, err := s.EnterNode(t.Context(), store.Node{Name: "new", Run: "r"}, time.Now, func(n store.Node) error {
		asked = append(asked, n.Name)
		return nil
	}); err != nil || len(asked) != 1 || asked[0] != "live" {
		t.Errorf("%v, held against %v", err, asked)
	}
	if n := changed(t, url, "DELETE FROM nodes WHERE name = 'old'"); n != 0 {
		t.Error("it is still kept")
	}
}
