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
)

// wrong is a try that turns out to be wrong. It returns how long to wait when it is not allowed.
func wrong(t *testing.T, l *pairingLimits, userID, address string) time.Duration {
	t.Helper()
	_, err := l.tryCode(t.Context(), userID, address)
	return waitOf(t, err)
}

func waitOf(t *testing.T, err error) time.Duration {
	t.Helper()
	var limit *LimitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &limit) || limit.RetryAfter <= 0:
		t.Fatalf("unexpected: %v", err)
	}
	return limit.RetryAfter
}

func wantWait(t *testing.T, got, wanted time.Duration) {
	t.Helper()
	if got != wanted {
		t.Errorf("wait is %v, want %v", got, wanted)
	}
}

// used is how many tries are counted of one.
func used(l *pairingLimits, c limits.Count) int {
	turn := l.book.Begin()
	defer turn.End()
	return turn.Used(c)
}

// v4 is an address in a site of its own, one of a provider's 256.
func v4(i int) string { return fmt.Sprintf("%d.%d.%d.1", 10+i>>16, i>>8&255, i&255) }

func TestAnAccountHasFiveWrongCodesInTenMinutes(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for i := range 5 {
		c.Set(time.Duration(i) * time.Minute)
		wantWait(t, wrong(t, l, "ann", v4(i)), 0)
	}
	wantWait(t, wrong(t, l, "ann", v4(6)), 6*time.Minute) // the first is ten minutes ago then
	wantWait(t, wrong(t, l, "bob", v4(7)), 0)
	c.Set(10*time.Minute - 1)
	wantWait(t, wrong(t, l, "ann", v4(8)), 1)
	c.Set(10 * time.Minute)
	wantWait(t, wrong(t, l, "ann", v4(9)), 0)
	wantWait(t, wrong(t, l, "ann", v4(10)), time.Minute) // no more than five in any ten minutes, wherever they begin
}

func TestAnAccountHasTwentyWrongCodesInADay(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for i := range 20 {
		c.Set(time.Duration(i) * 10 * time.Minute)
		wantWait(t, wrong(t, l, "ann", v4(i)), 0)
	}
	c.Set(10 * time.Hour)
	wantWait(t, wrong(t, l, "ann", v4(21)), 14*time.Hour)
	c.Set(24 * time.Hour)
	wantWait(t, wrong(t, l, "ann", v4(22)), 0)
	wantWait(t, wrong(t, l, "ann", v4(23)), 10*time.Minute)
}

func TestAnAddressHasThirtyWrongCodesInTenMinutesAndAHundredInADay(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	tries := 0
	for round := range 3 {
		c.Set(time.Duration(round) * time.Hour)
		for range 30 {
			tries++
			wantWait(t, wrong(t, l, fmt.Sprint("user", tries), "192.0.2.1"), 0)
		}
		wantWait(t, wrong(t, l, "user1", "192.0.2.1"), 10*time.Minute)
		wantWait(t, wrong(t, l, fmt.Sprint("another", round), "192.0.2.2"), 0)
	}
	c.Set(3 * time.Hour)
	for i := range 10 {
		wantWait(t, wrong(t, l, fmt.Sprint("late", i), "192.0.2.1"), 0)
	}
	wantWait(t, wrong(t, l, "user1", "192.0.2.1"), 21*time.Hour)
}

func TestEverybodyTogetherHasAThousandWrongCodesInTenMinutes(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for i := range 1000 {
		wantWait(t, wrong(t, l, fmt.Sprint("user", i), v4(i)), 0)
	}
	wantWait(t, wrong(t, l, "user1", v4(1000)), 10*time.Minute)
	c.Set(10 * time.Minute)
	wantWait(t, wrong(t, l, "user1", v4(1000)), 0)
}

// spend has many accounts enter wrong codes until an address, or everyone, has no more.
func spend(t *testing.T, l *pairingLimits, tries int, address func(int) string) {
	t.Helper()
	for i := range tries {
		wantWait(t, wrong(t, l, fmt.Sprint("spender", i), address(i)), 0)
	}
}

func TestWhoEnteredNoWrongCodeHasOneTryThatOthersCannotUseUp(t *testing.T) {
	for name, spent := range map[string]func(*pairingLimits){
		"the address's": func(l *pairingLimits) { spend(t, l, 30, func(int) string { return "192.0.2.1" }) },
		"everyone's":    func(l *pairingLimits) { spend(t, l, 1000, v4) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := newLimits(c.Now, nil)
			spent(l)
			for range 3 {
				right, err := l.tryCode(t.Context(), "ann", "192.0.2.1")
				wantWait(t, waitOf(t, err), 0)
				right() // and so the next is her first again
			}
			wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 0)
			wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 10*time.Minute)
			wantWait(t, wrong(t, l, "bob", "192.0.2.1"), 0) // everybody has a try of their own
			c.Set(9 * time.Minute)
			wantWait(t, wrong(t, l, "bob", "192.0.2.1"), time.Minute) // which made nobody wait longer
		})
	}
}

func TestTheReserveIsOneTryADay(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 0)
	c.Set(day - 1)
	spend(t, l, 30, func(int) string { return "192.0.2.2" })
	wantWait(t, wrong(t, l, "ann", "192.0.2.2"), 10*time.Minute)
	c.Set(day)
	wantWait(t, wrong(t, l, "ann", "192.0.2.2"), 0)
}

func TestOfManyFirstTriesAtOnceOneIsAllowed(t *testing.T) {
	l := newLimits(newClock().Now, nil)
	spend(t, l, 30, func(int) string { return "192.0.2.1" })
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := l.tryCode(t.Context(), "ann", "192.0.2.1"); err == nil {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 1 {
		t.Errorf("%d tries were allowed", allowed.Load())
	}
}

func TestALimitSaysWhoseWrongCodesItWas(t *testing.T) {
	l := newLimits(newClock().Now, nil)
	mine := func(userID, address string) bool {
		t.Helper()
		_, err := l.tryCode(t.Context(), userID, address)
		var limit *LimitError
		if !errors.As(err, &limit) {
			t.Fatalf("unexpected: %v", err)
		}
		return limit.Mine
	}
	for range 5 {
		wrong(t, l, "ann", "192.0.2.1")
	}
	spend(t, l, 25, func(int) string { return "192.0.2.1" })
	wrong(t, l, "bob", "192.0.2.1") // his reserve
	if !mine("ann", "192.0.2.9") || !mine("ann", "192.0.2.1") {
		t.Error("ann is told that it was others")
	}
	if mine("bob", "192.0.2.1") {
		t.Error("bob is told that it was his wrong codes")
	}
	for i := range maxCounted { // so many accounts that no more are remembered
		turn := l.book.Begin()
		turn.Take(l.accounts.Of(fmt.Sprint("account", i)))
		turn.End()
	}
	if mine("carol", "192.0.2.9") {
		t.Error("carol is told that it was her wrong codes")
	}
}

func TestARefusedTryCountsNowhere(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for range 5 {
		wrong(t, l, "ann", "192.0.2.1")
	}
	for range 1000 {
		wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 10*time.Minute)
	}
	for i := range 25 { // what is left of the address's thirty
		wantWait(t, wrong(t, l, fmt.Sprint("user", i), "192.0.2.1"), 0)
	}
	wantWait(t, wrong(t, l, "user1", "192.0.2.1"), 10*time.Minute)
}

func TestARightCodeTakesBackItselfAndNothingElse(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for i := range 4 {
		c.Set(time.Duration(i) * time.Minute)
		wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 0)
	}
	for range 100 {
		right, err := l.tryCode(t.Context(), "ann", "192.0.2.1")
		wantWait(t, waitOf(t, err), 0)
		right()
	}
	wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 0)
	wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 7*time.Minute)
	if n := used(l, l.everyone.Of("")); n != 5 {
		t.Errorf("%d tries are counted of all, want 5", n)
	}
	if n := used(l, l.addresses.Of("192.0.2.1/32")); n != 5 {
		t.Errorf("%d tries are counted of the address, want 5", n)
	}
}

func TestARightCodeThatComesBackLateTakesNothingOfOthers(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	right, err := l.tryCode(t.Context(), "ann", "192.0.2.1")
	wantWait(t, waitOf(t, err), 0)
	c.Set(25 * time.Hour) // forgotten by now
	wrong(t, l, "ann", "192.0.2.1")
	right()
	if n := used(l, l.accounts.Of("ann")); n != 1 {
		t.Errorf("%d tries are counted, want 1", n)
	}
}

func TestParallelGuessesCannotExceedTheLimit(t *testing.T) {
	for range 20 {
		l := newLimits(newClock().Now, nil)
		rights := make([]func(), 100)
		var all sync.WaitGroup
		for i := range rights {
			all.Go(func() { rights[i], _ = l.tryCode(t.Context(), "ann", v4(i)) })
		}
		all.Wait()
		allowed := 0
		for _, right := range rights {
			if right != nil {
				allowed++
				right()
			}
		}
		if allowed != 5 {
			t.Fatalf("%d guesses were under way at once", allowed)
		}
		if l.accounts.Len()+l.addresses.Len()+l.everyone.Len() != 0 {
			t.Fatal("tries are counted although all were right")
		}
	}
}

func TestAnIPv6AddressCountsAsItsNetwork(t *testing.T) {
	l := newLimits(newClock().Now, nil)
	for i := range 30 {
		wantWait(t, wrong(t, l, fmt.Sprint("user", i), fmt.Sprintf("2001:db8::%x", i)), 0)
	}
	wantWait(t, wrong(t, l, "user1", "2001:db8::ffff"), 10*time.Minute)
	wantWait(t, wrong(t, l, "user1", "2001:db8:0:1::1"), 0)
}

func TestAnAddressStartsThirtyGrantsInTenMinutes(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for i := range 30 {
		c.Set(time.Duration(i) * time.Second)
		wantWait(t, waitOf(t, l.tryStart("192.0.2.1")), 0)
	}
	wantWait(t, waitOf(t, l.tryStart("192.0.2.1")), 10*time.Minute-29*time.Second)
	wantWait(t, waitOf(t, l.tryStart("192.0.2.2")), 0)
	wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 0) // starts are no wrong codes
}

func TestASiteStartsThreeHundredGrantsInTenMinutes(t *testing.T) {
	for name, site := range map[string]struct {
		inside           func(int) string
		another, outside string
	}{
		"IPv6": {func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i) }, "2001:db8:7:ffff::1", "2001:db8:8::1"},
		"IPv4": {func(i int) string { return fmt.Sprintf("198.51.100.%d", i%250) }, "198.51.100.254", "198.51.101.1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := newLimits(c.Now, nil)
			for i := range 300 {
				wantWait(t, waitOf(t, l.tryStart(site.inside(i))), 0)
			}
			wantWait(t, waitOf(t, l.tryStart(site.another)), 10*time.Minute)
			wantWait(t, waitOf(t, l.tryStart(site.outside)), 0)
			c.Set(10 * time.Minute)
			wantWait(t, waitOf(t, l.tryStart(site.another)), 0)
		})
	}
}

func TestASiteHasNinetyWrongCodesInTenMinutesAndAProviderHalfOfAll(t *testing.T) {
	for name, c := range map[string]struct {
		want   int
		inside func(int) string
	}{
		"a /48":          {siteCodes, func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i) }},
		"a /24":          {siteCodes, func(i int) string { return fmt.Sprintf("198.51.100.%d", i%250) }},
		"a /32 of sites": {providerCodes, func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i%200) }},
		"a /16 of sites": {providerCodes, func(i int) string { return fmt.Sprintf("10.7.%d.1", i%200) }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLimits(newClock().Now, nil)
			for i := range 2000 { // of many accounts, each of which has one try outside of these counts
				wrong(t, l, fmt.Sprint("user", i), c.inside(i))
				wrong(t, l, fmt.Sprint("user", i), c.inside(i))
			}
			wrong(t, l, "ann", "192.0.2.1")
			wait := wrong(t, l, "ann", "192.0.2.1")
			if through := used(l, l.everyone.Of("")) - 2; through != c.want || wait > 0 {
				t.Errorf("%d wrong codes from there, want %d; somebody else waits %s", through, c.want, wait)
			}
		})
	}
}

func TestAProviderLeavesOthersHalfOfThePlacesForPairings(t *testing.T) {
	l := newLimits(newClock().Now, nil)
	started := 0
	for i := range 3 * maxPending {
		if l.tryStart(fmt.Sprintf("2001:db8:%x::1", i%200)) == nil {
			started++
		}
	}
	if started != maxPending/2 {
		t.Errorf("%d grants were asked for from one provider", started)
	}
	wantWait(t, waitOf(t, l.tryStart("192.0.2.1")), 0)
}

func TestWhenTheTableIsFullNobodyStartsForASecond(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	l.tableFull()
	for range 100 { // which do not count as starts of this address
		wantWait(t, waitOf(t, l.tryStart("192.0.2.1")), whenFull)
	}
	c.Set(time.Second - 1)
	wantWait(t, waitOf(t, l.tryStart("192.0.2.1")), whenFull)
	wantWait(t, wrong(t, l, "ann", "192.0.2.1"), 0) // codes are entered all the same
	c.Set(time.Second)
	wantWait(t, waitOf(t, l.tryStart("192.0.2.1")), 0)
}

func TestLimitsAreForgottenByUseAndBySweep(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	size := func() int {
		return l.accounts.Len() + l.addresses.Len() + l.everyone.Len() + l.sites.Len() + l.providers.Len() + l.starts.Len() + l.startSites.Len() + l.startProviders.Len()
	}
	for i := range 2000 {
		c.Set(time.Duration(i) * time.Minute)
		wantWait(t, waitOf(t, l.tryStart(v4(i))), 0)
		if l.starts.Len() > 21 {
			t.Fatalf("after %d minutes %d addresses are remembered", i, l.starts.Len())
		}
	}
	for i := range 100 {
		wrong(t, l, fmt.Sprint("user", i), v4(i))
	}
	c.Set(2000*time.Minute + day)
	l.sweep()
	if size() != 0 {
		t.Errorf("%d are remembered for ever", size())
	}
}

func TestWhenTooManyAreCountedNewOnesWait(t *testing.T) {
	c := newClock()
	l := newLimits(c.Now, nil)
	for i := range maxCounted {
		if err := l.tryStart(v4(i)); err != nil {
			t.Fatal(err)
		}
	}
	wantWait(t, waitOf(t, l.tryStart(v4(maxCounted))), whenFull)
	wantWait(t, waitOf(t, l.tryStart(v4(0))), 0) // known ones go on
	c.Set(stretch)
	wantWait(t, waitOf(t, l.tryStart(v4(maxCounted))), 0)
}

// nothing is swept without a complaint.
type nothing struct{ Grants }

func (nothing) SweepGrants(context.Context, time.Time, time.Time, time.Time) error { return nil }

func TestASweepForgetsWhatIsInMemoryToo(t *testing.T) {
	c := newClock()
	s := New(Config{ClientID: "app-1", Grants: nothing{}, Now: c.Now})
	s.polls.accept([32]byte{1})
	wantWait(t, waitOf(t, s.limits.tryStart("192.0.2.1")), 0)
	for _, sweep := range []struct {
		after time.Duration
		left  int
	}{{time.Second, 2}, {4 * time.Second, 1}, {stretch, 0}} {
		c.Set(sweep.after)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := len(s.polls.last) + s.limits.starts.Len(); left != sweep.left {
			t.Errorf("after %v %d are remembered, want %d", sweep.after, left, sweep.left)
		}
	}
}
