package limits_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/testkit"
)

// node is a process that counts tries together with others: of an account, of an address, and of everybody for itself.
type node struct {
	book                          *limits.Book
	shared                        *limits.Shared
	accounts, addresses, everyone *limits.Table
}

// rules of a node: 10 tries of an account, one a minute; 50 of an address in 10 minutes and 60 in a day; 1,000 of everybody a minute.
func newNode(now func() time.Time, k limits.Keeper, logs *testkit.Log) *node {
	shared := limits.Share(k, logs.Logger())
	b := limits.NewBook(now, sweepEvery).ShareBy(shared)
	return &node{
		book: b, shared: shared,
		accounts:  b.Buckets(10, time.Minute).Shared("account"),
		addresses: b.Windows(limits.Rule{Most: 50, In: 10 * time.Minute}, limits.Rule{Most: 60, In: 24 * time.Hour}).Shared("address"),
		everyone:  b.Windows(limits.Rule{Most: 1000, In: time.Minute}),
	}
}

// newNodes are processes on one keeper, and the clock of all of them.
func newNodes(n int) (nodes []*node, k *testkit.Tries, c *testkit.Clock) {
	c = newClock()
	k = &testkit.Tries{Now: c.Now}
	for range n {
		nodes = append(nodes, newNode(c.Now, k, &testkit.Log{}))
	}
	return nodes, k, c
}

func (n *node) try(ctx context.Context, account, address string) (giveBack func(), wait time.Duration, err error) {
	counts := []limits.Count{n.accounts.Of(account), n.addresses.Of(address), n.everyone.Of("")}
	giveBack, wait = n.here(counts)
	if wait > 0 {
		return nil, wait, nil
	}
	return n.book.TakeShared(ctx, giveBack, counts, nil)
}

func (n *node) here(counts []limits.Count) (giveBack func(), wait time.Duration) {
	turn := n.book.Begin()
	defer turn.End()
	return turn.Take(counts...)
}

// takes wants to wait that long for a try, and gives it back with the function.
func (n *node) takes(t *testing.T, wait time.Duration, account, address string) (giveBack func()) {
	t.Helper()
	back, got, err := n.try(t.Context(), account, address)
	if err != nil || got != wait {
		t.Errorf("wait is %v (%v), want %v", got, err, wait)
	}
	if (back != nil) != (got == 0 && err == nil) {
		t.Errorf("with a wait of %v there is something to give back: %v", got, back != nil)
	}
	return func() {
		back()
		n.shared.Drain()
	}
}

func TestTenThousandTriesAtOneAccountOverTwoNodesGetThroughTenTimes(t *testing.T) {
	nodes, _, _ := newNodes(2)
	var through atomic.Int64
	var all sync.WaitGroup
	for g := range 64 {
		all.Go(func() {
			for i := range 10_000/64 + 1 {
				_, wait, err := nodes[(g+i)%2].try(t.Context(), "ann", fmt.Sprint(g, i%40))
				if err != nil {
					t.Error(err)
				}
				if wait == 0 {
					through.Add(1)
				}
			}
		})
	}
	all.Wait()
	if through.Load() != 10 {
		t.Errorf("%d got through", through.Load())
	}
}

func TestNodesCountTogetherWhatIsSharedAndByThemselvesWhatIsNot(t *testing.T) {
	nodes, k, c := newNodes(3)
	for i := range 10 {
		nodes[i%3].takes(t, 0, "ann", strconv.Itoa(i))
	}
	for _, n := range nodes {
		n.takes(t, time.Minute, "ann", "elsewhere")
	}
	c.Advance(time.Minute)
	nodes[1].takes(t, 0, "ann", "elsewhere")
	nodes[2].takes(t, time.Minute, "ann", "elsewhere")
	for i := range 49 {
		nodes[i%3].takes(t, 0, strconv.Itoa(i), "elsewhere")
	}
	nodes[0].takes(t, 10*time.Minute, "bob", "elsewhere")
	if total := used(nodes[0].book, nodes[0].everyone.Of("")) + used(nodes[1].book, nodes[1].everyone.Of("")) +
		used(nodes[2].book, nodes[2].everyone.Of("")); total != 60-10 {
		t.Errorf("%d tries of the last minute are counted by the nodes for themselves", total)
	}
	if n := k.Len(); n != 1+10+1+49 { // of accounts and addresses, and bob's
		t.Errorf("%d states are kept", n)
	}
}

func TestWhatIsGivenBackIsGivenBackToTheCountsOfAllNodes(t *testing.T) {
	nodes, k, c := newNodes(2)
	for range 100 {
		nodes[0].takes(t, 0, "ann", "here")()
		nodes[1].takes(t, 0, "ann", "here")()
	}
	if n := k.Len(); n != 0 {
		t.Errorf("%d states are kept of nothing", n)
	}
	for i := range 9 {
		nodes[i%2].takes(t, 0, "ann", "here")
		c.Advance(time.Second)
	}
	for i := range 100 {
		nodes[i%2].takes(t, 0, "ann", "here")()
	}
	nodes[0].takes(t, 0, "ann", "here")
	nodes[1].takes(t, 51*time.Second, "ann", "here")
}

func TestWhatComesBackLateTakesNothingFromTheCountsOfAllNodes(t *testing.T) {
	nodes, _, c := newNodes(2)
	late := nodes[0].takes(t, 0, "ann", "here")
	c.Advance(24 * time.Hour)
	for i := range 10 {
		nodes[1].takes(t, 0, "ann", strconv.Itoa(i))
	}
	late()
	nodes[1].takes(t, time.Minute, "ann", "elsewhere")
}

func TestATryThatTheSharedCountsRefuseCountsNowhere(t *testing.T) {
	nodes, _, _ := newNodes(2)
	for i := range 10 {
		nodes[0].takes(t, 0, "ann", strconv.Itoa(i))
	}
	for range 100 {
		nodes[1].takes(t, time.Minute, "ann", "here")
	}
	wantLen(t, nodes[1].accounts, 0)
	wantLen(t, nodes[1].addresses, 0)
	wantLen(t, nodes[1].everyone, 0)
	for i := range 50 { // the address has all of its own
		nodes[1].takes(t, 0, strconv.Itoa(i), "here")
	}
}

// Refused clients must not make the database work as often as they like.
func TestTheKeeperIsAskedOnceASecondAboutACountThatIsUsedUp(t *testing.T) {
	nodes, k, c := newNodes(2)
	for i := range 10 {
		nodes[0].takes(t, 0, "ann", strconv.Itoa(i))
	}
	asked := k.Asked()
	for i := range 100 {
		nodes[0].takes(t, time.Minute, "ann", strconv.Itoa(i)) // which memory knows
	}
	if n := k.Asked() - asked; n != 0 {
		t.Errorf("the keeper was asked %d times for what memory refuses", n)
	}
	for range 3 {
		asked = k.Asked()
		left := nodes[1].takes
		for i := range 100 {
			left(t, time.Minute-c.Ahead(), "ann", strconv.Itoa(i))
			if ann := nodes[1].accounts.Of("ann"); used(nodes[1].book, ann) != 10 {
				t.Fatalf("%d are used", used(nodes[1].book, ann))
			}
		}
		if n := k.Asked() - asked; n != 1 {
			t.Errorf("the keeper was asked %d times in a second", n)
		}
		c.Advance(time.Second)
	}
	c.Advance(57*time.Second - 1)
	nodes[1].takes(t, time.Millisecond, "ann", "here") // states are in milliseconds
	c.Advance(time.Millisecond)
	nodes[1].takes(t, 0, "ann", "here")
	nodes[1].book.Sweep()
}

func TestWhenTheKeeperFailsNothingIsTaken(t *testing.T) {
	nodes, k, _ := newNodes(1)
	n, broken := nodes[0], errors.New("no database")
	k.Break(broken)
	for range 100 {
		if giveBack, wait, err := n.try(t.Context(), "ann", "here"); !errors.Is(err, broken) || wait != 0 || giveBack != nil {
			t.Fatal(giveBack != nil, wait, err)
		}
	}
	wantLen(t, n.accounts, 0)
	wantLen(t, n.everyone, 0)
	k.Break(nil)
	if k.Len() != 0 {
		t.Error("something is counted")
	}
	n.takes(t, 0, "ann", "here")
}

func TestWhatCannotBeGivenBackIsInTheLog(t *testing.T) {
	c, logs := newClock(), &testkit.Log{}
	k := &testkit.Tries{Now: c.Now}
	n := newNode(c.Now, k, logs)
	giveBack := n.takes(t, 0, "ann", "here")
	k.Break(errors.New("no database"))
	giveBack()
	if got := logs.String(); strings.Count(got, "no database") != 1 || strings.Contains(got, "ann") {
		t.Errorf("the log says %s", got)
	}
	wantLen(t, n.accounts, 0)
}

func TestWhoeverHangsUpHasAskedOnlyIfItWasTheirTurn(t *testing.T) {
	nodes, k, _ := newNodes(1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, _, err := nodes[0].try(gone, "ann", "here")
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if k.Len() > 0 == (nodes[0].accounts.Len() == 0) {
		t.Errorf("%d are counted here, and %d by all", nodes[0].accounts.Len(), k.Len())
	}
}

func TestACountThatIsTakenFromTwiceIsAskedForOnce(t *testing.T) {
	nodes, _, c := newNodes(2)
	twice := func(n *node) (func(), time.Duration) {
		counts := []limits.Count{n.accounts.Of("ann"), n.accounts.Of("ann"), n.addresses.Of("here")}
		giveBack, wait := n.here(counts)
		if wait > 0 {
			return nil, wait
		}
		giveBack, wait, err := n.book.TakeShared(t.Context(), giveBack, counts, nil)
		if err != nil {
			t.Fatal(err)
		}
		return giveBack, wait
	}
	for i := range 5 {
		if _, wait := twice(nodes[i%2]); wait > 0 {
			t.Fatalf("number %d waits %v", i, wait)
		}
	}
	if _, wait := twice(nodes[1]); wait != time.Minute {
		t.Errorf("after ten are taken one waits %v", wait)
	}
	c.Advance(10 * time.Minute)
	for range 20 {
		giveBack, wait := twice(nodes[0])
		if wait > 0 {
			t.Fatalf("what was given back is used up: %v", wait)
		}
		giveBack()
		nodes[0].shared.Drain()
	}
}

func TestNodesThatTakeFromTheSameCountsInAnyOrderDoNotWaitForEachOther(t *testing.T) {
	nodes, _, _ := newNodes(2)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			n := nodes[g%2]
			for i := range 50 {
				counts := []limits.Count{n.addresses.Of("x"), n.accounts.Of(strconv.Itoa(i)), n.addresses.Of("y"), n.addresses.Of("z")}
				if g%2 == 0 {
					counts[0], counts[3] = counts[3], counts[0]
				}
				if giveBack, wait := n.here(counts); wait == 0 {
					if _, _, err := n.book.TakeShared(t.Context(), giveBack, counts, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}

func TestAStateThatNobodyUnderstandsIsForgiven(t *testing.T) {
	for name, by := range map[string]func([]byte) []byte{
		"nothing":         func([]byte) []byte { return nil },
		"another version": func(s []byte) []byte { return append([]byte{9}, s...) },
		"cut off":         func(s []byte) []byte { return append(s, 0xff) },
		"too long":        func(s []byte) []byte { return append(s[:1:1], bytes.Repeat([]byte{0xff}, 20)...) },
		"no time":         func(s []byte) []byte { return s[:1] },
		"beyond all time": func(s []byte) []byte {
			return append(s[:1:1], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			nodes, k, _ := newNodes(2)
			for i := range 10 {
				nodes[0].takes(t, 0, "ann", strconv.Itoa(i%2))
			}
			k.Spoil(by)
			for i := range 10 {
				nodes[1].takes(t, 0, "ann", strconv.Itoa(i%2))
			}
			nodes[1].takes(t, time.Minute, "ann", "0")
		})
	}
}

// A failover may lead to a server whose clock goes otherwise.
func TestNobodyWaitsLongerBecauseTheClockOfTheKeeperWasWrong(t *testing.T) {
	for account, address := range map[string]string{"ann": "here", "bob": "here", "carol": "elsewhere"} { // who meet both counts, the one, the other
		for _, off := range []time.Duration{aYear, 12 * time.Hour, -12 * time.Hour, -2 * aYear, -100 * aYear} {
			nodes, k, c := newNodes(2)
			wrong := testkit.NewClock(c.Now().Add(off))
			k.Now = wrong.Now
			for i := range 10 {
				nodes[0].takes(t, 0, "ann", "here")
				nodes[0].takes(t, 0, "carol", strconv.Itoa(i))
			}
			for i := range 40 {
				nodes[0].takes(t, 0, strconv.Itoa(i), "here")
			}
			k.Now = c.Now
			if _, wait, err := nodes[1].try(t.Context(), account, address); wait > 10*time.Minute || err != nil {
				t.Errorf("with a clock that was %v ahead for a while %s waits for %v (%v)", off, account, wait, err)
			}
			c.Advance(10 * time.Minute)
			nodes[1].takes(t, 0, account, address)
		}
	}
}

func TestWhatIsSharedSurvivesTheNodeThatTookIt(t *testing.T) {
	c := newClock()
	k := &testkit.Tries{Now: c.Now}
	for i := range 10 {
		newNode(c.Now, k, &testkit.Log{}).takes(t, 0, "ann", strconv.Itoa(i))
	}
	restarted := newNode(c.Now, k, &testkit.Log{})
	restarted.takes(t, time.Minute, "ann", "here")
	c.Advance(time.Minute)
	restarted.takes(t, 0, "ann", "here")
}
