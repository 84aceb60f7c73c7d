package onboard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// newNodes are the counts of two processes, and their clock. The processes are one in this: drain waits for what both give back.
func newNodes() (nodes [2]*pairingLimits, drain func(), c *testkit.Clock) {
	c = newClock()
	shared := limits.Share(&testkit.Tries{Now: c.Now}, (&testkit.Log{}).Logger())
	for i := range nodes {
		nodes[i] = newLimits(c.Now, shared)
	}
	return nodes, shared.Drain, c
}

// countingGrants has no grants, and counts look-ups.
type countingGrants struct {
	nothing
	lookups atomic.Int64
}

func (g *countingGrants) ClaimGrant(context.Context, string, string, [32]byte, time.Time) (model.DeviceGrant, error) {
	g.lookups.Add(1)
	return model.DeviceGrant{}, model.ErrNotFound
}

func (g *countingGrants) LookUpGrant(context.Context, string, string, [32]byte, time.Time) (model.DeviceGrant, error) {
	g.lookups.Add(1)
	return model.DeviceGrant{}, model.ErrNotFound
}

func TestAHundredWrongCodesOfOneAccountOverTwoNodesAreFiveLookUps(t *testing.T) {
	c, grants := newClock(), &countingGrants{}
	k := &testkit.Tries{Now: c.Now}
	var nodes [2]*Service
	for i := range nodes {
		nodes[i] = New(Config{ClientID: "app-1", Grants: grants, Now: c.Now, Shared: limits.Share(k, (&testkit.Log{}).Logger())})
	}
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			by := nodes[i%2].Claim
			if i%4 < 2 { // typed or scanned: they are counted together
				by = nodes[i%2].Look
			}
			_, err := by(t.Context(), "WDJB-MJHT", "ann", [32]byte{1}, v4(i))
			if limit := (*LimitError)(nil); !errors.Is(err, ErrWrongCode) && !errors.As(err, &limit) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := grants.lookups.Load(); n != 5 {
		t.Errorf("%d codes were looked up", n)
	}
	k.Break(errors.New("no database"))
	_, err := nodes[0].Claim(t.Context(), "WDJB-MJHT", "bob", [32]byte{1}, v4(0))
	if limit := (*LimitError)(nil); err == nil || errors.As(err, &limit) || errors.Is(err, ErrWrongCode) || grants.lookups.Load() != 5 {
		t.Errorf("a try that cannot be counted is answered with %v", err)
	}
	if nodes[0].limits.accounts.Len() > 5 {
		t.Error("and is counted here")
	}
}

func TestWrongCodesOfEveryPlaceAreCountedByAllNodes(t *testing.T) {
	for name, tt := range map[string]struct {
		want   int
		inside func(i int) string
	}{
		"an address": {30, func(int) string { return "192.0.2.1" }},
		"a site":     {siteCodes, func(i int) string { return fmt.Sprintf("192.0.2.%d", i%250) }},
		"a provider": {providerCodes, func(i int) string { return fmt.Sprintf("10.7.%d.1", i%200) }},
		"everyone":   {everyonesCodes, v4},
	} {
		t.Run(name, func(t *testing.T) {
			nodes, _, c := newNodes()
			for i := range 1500 { // of accounts each of which has one try more, outside of these counts
				if wait := wrong(t, nodes[i%2], fmt.Sprint("user", i), tt.inside(i)); wait > 0 {
					t.Fatalf("the first try of account %d waits %v", i, wait)
				}
			}
			for i := range 1500 {
				if wait := wrong(t, nodes[(i+1)%2], fmt.Sprint("user", i), tt.inside(i)); wait == 0 {
					t.Fatalf("account %d has another", i)
				}
			}
			c.Set(2 * time.Second) // when what the other node used is not known any more
			if n := used(nodes[0], nodes[0].everyone.Of("")) + used(nodes[1], nodes[1].everyone.Of("")); n != tt.want {
				t.Errorf("%d tries were taken from the counts of all, want %d", n, tt.want)
			}
		})
	}
}

func TestTheOneTryThatOthersCannotUseUpIsOneOnAllNodes(t *testing.T) {
	nodes, drain, c := newNodes()
	spend(t, nodes[0], 30, func(int) string { return "192.0.2.1" })
	for range 3 {
		right, err := nodes[1].tryCode(t.Context(), "ann", "192.0.2.1")
		wantWait(t, waitOf(t, err), 0)
		right()
		drain()
	}
	wantWait(t, wrong(t, nodes[1], "ann", "192.0.2.1"), 0)
	for _, l := range nodes {
		wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 10*time.Minute)
	}
	wantWait(t, wrong(t, nodes[1], "bob", "192.0.2.1"), 0)
	c.Set(9 * time.Minute)
	wantWait(t, wrong(t, nodes[0], "bob", "192.0.2.1"), time.Minute) // which made nobody wait longer
	if n := used(nodes[1], nodes[1].addresses.Of("192.0.2.1/32")); n > 30 {
		t.Errorf("%d tries are taken from the address", n)
	}
}

func TestALimitSaysWhoseWrongCodesItWasOnAnyNode(t *testing.T) {
	nodes, _, _ := newNodes()
	mine := func(l *pairingLimits, userID, address string) bool {
		t.Helper()
		_, err := l.tryCode(t.Context(), userID, address)
		var limit *LimitError
		if !errors.As(err, &limit) {
			t.Fatalf("unexpected: %v", err)
		}
		return limit.Mine
	}
	for range 5 {
		wrong(t, nodes[0], "ann", "192.0.2.1")
	}
	spend(t, nodes[0], 25, func(int) string { return "192.0.2.1" })
	wrong(t, nodes[0], "bob", "192.0.2.1") // his one try
	for range 3 {                          // asked of all nodes, and then known
		for _, l := range nodes {
			if !mine(l, "ann", "192.0.2.9") || !mine(l, "ann", "192.0.2.1") {
				t.Error("ann is told that it was others")
			}
			if mine(l, "bob", "192.0.2.1") {
				t.Error("bob is told that it was his wrong codes")
			}
		}
	}
}
