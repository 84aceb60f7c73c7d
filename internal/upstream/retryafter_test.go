package upstream

import (
	"fmt"
	"testing"
	"time"

	"latchkey/client"
)

func TestTheMemoryForWaitsIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)
	p := newRetryAfter(func() time.Time { return now })
	limit := func(wait time.Duration) error { return &client.Error{Status: 429, RetryAfter: wait} }
	for i := range maxWaits - 1 {
		p.remember(fmt.Sprint("short ", i), limit(time.Second))
	}
	p.remember("ana", limit(time.Minute))
	now = now.Add(2 * time.Second)
	p.remember("bob", limit(time.Minute)) // takes the room of those who need not wait any more
	if p.check("ana") == nil || p.check("bob") == nil || len(p.until) != 2 {
		t.Errorf("%d waits are remembered", len(p.until))
	}
	for i := range 3 * maxWaits {
		p.remember(fmt.Sprint("long ", i), limit(5*time.Minute))
	}
	if len(p.until) > maxWaits {
		t.Errorf("%d waits are remembered, %d at most", len(p.until), maxWaits)
	}
	last := fmt.Sprint("long ", 3*maxWaits-1)
	if p.check(last) == nil {
		t.Error("the last one is not remembered")
	}
	now = now.Add(5 * time.Minute)
	if err := p.check(last); err != nil {
		t.Error(err)
	}
}

func TestAClockThatWasAheadHasNobodyWaitForLonger(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{365 * 24 * time.Hour, 12 * time.Hour, -12 * time.Hour} {
		now := time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)
		p := newRetryAfter(func() time.Time { return now })
		now = now.Add(off)
		p.remember("ana", &client.Error{Status: 429, RetryAfter: 5 * time.Minute})
		if p.check("ana") == nil {
			t.Errorf("%v: nobody waits", off)
		}
		now = now.Add(5*time.Minute - off)
		if err := p.check("ana"); err != nil {
			t.Errorf("%v: %v", off, err)
		}
	}
}
