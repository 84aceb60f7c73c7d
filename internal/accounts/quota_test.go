package accounts

import (
	"fmt"
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
			if wait := q.ask("ana"); wait != 0 {
				t.Fatalf("number %d waits %s", i+1, wait)
			}
		}
		for range 10 { // what is refused makes no wait longer
			if wait := q.ask("ana"); wait != time.Minute {
				t.Fatalf("one more waits %s", wait)
			}
		}
		if wait := q.ask("bob"); wait != 0 {
			t.Errorf("somebody else waits %s", wait)
		}
		clock.Advance(time.Minute)
		if first, second := q.ask("ana"), q.ask("ana"); first != 0 || second != time.Minute {
			t.Errorf("after a pause: %s and %s", first, second)
		}
		clock.Advance(time.Hour)
	}
	if q.ask("ana"); q.counts.Len() != 1 {
		t.Errorf("%d are remembered", q.counts.Len())
	}
}

func TestWhatAQuotaRemembersIsBounded(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	q := newQuota(clock.Now, 3, time.Minute)
	q.ask("ana")
	taken := 0
	for i := range 2 * maxCounted {
		if q.ask(strconv.Itoa(i)) == 0 {
			taken++
		}
	}
	if q.counts.Len() != maxCounted+1 || taken != maxCounted+2 {
		t.Errorf("%d are remembered, %d got through", q.counts.Len(), taken)
	}
	if wait := q.ask("ana"); wait != 0 {
		t.Errorf("somebody who was here before waits %s", wait)
	}
}

func TestNoSiteAndNoProviderUsesUpTheAccountsThatOthersMayMake(t *testing.T) {
	for name, c := range map[string]struct {
		want int
		from func(i int) string
	}{
		"one address":               {registrationsAtOnce, func(int) string { return "198.51.100.1" }},
		"one household":             {registrationsAtOnce, func(i int) string { return fmt.Sprintf("2001:db8:7:1::%x", i) }},
		"the addresses of one /24":  {siteRegistrations, func(i int) string { return fmt.Sprintf("198.51.100.%d", i%250) }},
		"the networks of one /48":   {siteRegistrations, func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i&0xffff) }},
		"200 sites of one provider": {providerRegistrations, func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i%200) }},
		"all of one /16":            {providerRegistrations, func(i int) string { return fmt.Sprintf("10.7.%d.%d", i&255, i>>8&255) }},
	} {
		t.Run(name, func(t *testing.T) {
			clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
			r := newRegistrations(clock.Now)
			made := 0
			for i := range 40_000 {
				if r.take(c.from(i)) == 0 {
					made++
				}
			}
			if wait := r.take("203.0.113.9"); made != c.want || wait > 0 {
				t.Errorf("%d accounts were made, want %d; somebody else waits %s", made, c.want, wait)
			}
		})
	}
}

func TestWhatIsRememberedOfRegistrationsIsBounded(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	r := newRegistrations(clock.Now)
	made := 0
	for i := range 100_000 { // each from a site of its own, of 400 providers
		if r.take(fmt.Sprintf("2001:%x:%x::1", i%400, i/400)) == 0 {
			made++
		}
	}
	if n := r.addresses.Len() + r.sites.Len() + r.providers.Len(); made != everyRegistration || n != 2*everyRegistration+400 {
		t.Errorf("%d accounts were made, %d are remembered", made, n)
	}
	clock.Advance(time.Hour)
	if wait := r.take("192.0.2.1"); wait > 0 || r.addresses.Len() != 1 {
		t.Errorf("after an hour somebody waits %s, and %d are remembered", wait, r.addresses.Len())
	}
}
