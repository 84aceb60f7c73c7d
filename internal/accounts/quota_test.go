package accounts

import (
	"strconv"
	"testing"
	"time"

	"latchkey/internal/testkit"
)

func TestAQuotaAllowsSoMuchAtOnceAndOneMoreAfterEachPause(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	q := newQuota(clock.Now, 3, time.Minute)
	for range 2 { // what was used comes back
		for i := range 3 {
			if wait := q.Take("ana"); wait != 0 {
				t.Fatalf("number %d waits %s", i+1, wait)
			}
		}
		for range 10 { // what is refused makes no wait longer
			if wait := q.Take("ana"); wait != time.Minute {
				t.Fatalf("one more waits %s", wait)
			}
		}
		if wait := q.Take("bob"); wait != 0 {
			t.Errorf("somebody else waits %s", wait)
		}
		clock.Advance(time.Minute)
		if first, second := q.Take("ana"), q.Take("ana"); first != 0 || second != time.Minute {
			t.Errorf("after a pause: %s and %s", first, second)
		}
		clock.Advance(time.Hour)
	}
	if q.Take("ana"); q.counts.Len() != 1 {
		t.Errorf("%d are remembered", q.counts.Len())
	}
}

func TestWhatAQuotaRemembersIsBounded(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	q := newQuota(clock.Now, 3, time.Minute)
	q.Take("ana")
	taken := 0
	for i := range 2 * maxCounted {
		if q.Take(strconv.Itoa(i)) == 0 {
			taken++
		}
	}
	if q.counts.Len() != maxCounted+1 || taken != maxCounted+2 {
		t.Errorf("%d are remembered, %d got through", q.counts.Len(), taken)
	}
	if wait := q.Take("ana"); wait != 0 {
		t.Errorf("somebody who was here before waits %s", wait)
	}
}
