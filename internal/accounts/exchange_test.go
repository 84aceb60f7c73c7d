package accounts

import (
	"strconv"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// However many ask, nobody has to wait for what others do.
func TestOfSessionsThatAskForTokensABoundedNumberIsRemembered(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(testkit.LongAgo)
	a := &Accounts{exchanges: newExchanges(clock.Now)}
	for range exchangesAtOnce {
		if err := a.Exchanging("", "in a loop"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 * maxCounted {
		if err := a.Exchanging("", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.exchanges.sessions.Len(); n != maxCounted {
		t.Errorf("%d are remembered", n)
	}
	if err := a.Exchanging("", "in a loop"); !model.Is(err, model.KindTooManyActs) {
		t.Errorf("one that asked in a loop before: %v", err)
	}
	clock.Advance(2 * quotaSweep)
	if err := a.Exchanging("", "in a loop"); err != nil || a.exchanges.sessions.Len() != 1 {
		t.Errorf("%v, %d are remembered", err, a.exchanges.sessions.Len())
	}
}
