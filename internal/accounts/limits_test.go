package accounts

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func newTestLimits() (*Limits, *testkit.Clock) {
	c := testkit.NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	return NewLimits(c.Now, nil), c
}

// try is Take of a test whose counts can always be asked.
func (l *Limits) try(a Attempt) (succeeded func(), wait time.Duration) {
	succeeded, wait, err := l.Take(context.Background(), a)
	if err != nil {
		panic(err)
	}
	return succeeded, wait
}

// ask and the like are the same of other counts.
func (l *emailLimits) ask(account, address string) (wait time.Duration) {
	return sure(l.take(context.Background(), account, address))
}

func (q *Quota) ask(who string) (wait time.Duration) { return sure(q.Take(context.Background(), who)) }

func (e *Elsewhere) askAccount(address string) (wait time.Duration) {
	return sure(e.Account(context.Background(), address))
}

func (e *Elsewhere) askEmail(address string) (wait time.Duration) {
	return sure(e.Email(context.Background(), address))
}

func sure(wait time.Duration, err error) time.Duration {
	if err != nil {
		panic(err)
	}
	return wait
}

// room counts the tries that get through of so many.
func room(l *Limits, tries int, attempt func(i int) Attempt) int {
	through := 0
	for i := range tries {
		if _, wait := l.try(attempt(i)); wait == 0 {
			through++
		}
	}
	return through
}

// from is an attempt at an account from a site of its own, one of a provider's 256, so that no other count is met.
func from(account string, i int) Attempt {
	return Attempt{Account: account, Address: fmt.Sprintf("2001:%x:%x::1", i>>8, i&255)}
}

// figure is how many tries there are of a kind.
type figure struct {
	want    int
	wait    time.Duration // of the next try
	attempt func(i int) Attempt
}

func figures() map[string]figure {
	return map[string]figure{
		"one account, from everywhere": {10, time.Minute, func(i int) Attempt { return from("a@example.org", i) }},
		"one account in all spellings": {10, time.Minute, func(i int) Attempt {
			return from([]string{"a@example.org", "A@Example.Org", " a@example.org", "a@EXAMPLE.org\t"}[i%4], i)
		}},
		"all accounts from one address": {50, 10 * time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: "192.0.2.1"}
		}},
		"all accounts from one address in two spellings": {50, 10 * time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: []string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2]}
		}},
		"all accounts from one household with IPv6": {50, 10 * time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("2001:db8:1:2:%x::%x", i, i)}
		}},
		"addresses that are none": {50, 10 * time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("not an address %d", i)}
		}},
		"all accounts from one site with IPv6": {siteTries, 10 * time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("2001:db8:1:%x::1", i)}
		}},
		"all accounts from one site with IPv4": {siteTries, 10 * time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("192.0.2.%d", i%250)}
		}},
		"all accounts from one provider with IPv6": {providerTries, time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("2001:db8:%x::1", i)}
		}},
		"all accounts from one provider with IPv4": {providerTries, time.Minute, func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("10.0.%d.%d", i%250, i/250)}
		}},
		"one account from one address": {5, 2 * time.Minute, func(int) Attempt {
			return Attempt{Account: "a@example.org", Address: "192.0.2.1"}
		}},
		"one account from one site": {10, 90 * time.Second, func(i int) Attempt {
			return Attempt{Account: "a@example.org", Address: fmt.Sprintf("192.0.2.%d", i%250)}
		}},
		"all accounts from everywhere": {1000, time.Minute, func(i int) Attempt { return from(fmt.Sprint(i), i) }},
		"a browser that is known": {10, 10 * time.Minute, func(i int) Attempt {
			a := from("a@example.org", i)
			a.KnownBrowser = "laptop"
			return a
		}},
	}
}

// skipWhereRacesAreSought is for tests that count very many tries one after the other: the race detector, which -short goes with, has
// nothing to see there, and takes ten times as long.
func skipWhereRacesAreSought(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("counts for seconds in one goroutine")
	}
}

func TestEachCountHoldsAtItsOwnFigure(t *testing.T) {
	skipWhereRacesAreSought(t)
	for name, tt := range figures() {
		t.Run(name, func(t *testing.T) {
			l, c := newTestLimits()
			if got := room(l, 3000, tt.attempt); got != tt.want {
				t.Errorf("%d got through, want %d", got, tt.want)
			}
			succeeded, wait := l.try(tt.attempt(0))
			if succeeded != nil || wait != tt.wait {
				t.Errorf("the next waits %v, want %v", wait, tt.wait)
			}
			c.Advance(wait - 1)
			if _, wait := l.try(tt.attempt(0)); wait == 0 {
				t.Error("it gets through before that")
			}
			c.Advance(1)
			if _, wait := l.try(tt.attempt(0)); wait > 0 {
				t.Errorf("it does not get through then, and waits %v", wait)
			}
		})
	}
}

func TestAnAccountThatWasLeftAloneHasAllItsTriesAgain(t *testing.T) {
	l, c := newTestLimits()
	at := func(i int) Attempt { return from("a@example.org", i) }
	room(l, 100, at)
	for range 5 {
		c.Advance(time.Minute)
		if got := room(l, 100, at); got != 1 {
			t.Errorf("%d in the next minute, want 1", got)
		}
	}
	c.Advance(accountTries * accountPause)
	if got := room(l, 100, at); got != accountTries {
		t.Errorf("%d after some rest, want %d", got, accountTries)
	}
}

func TestAKnownBrowserGetsInWhileTheAccountIsUnderAttack(t *testing.T) {
	l, _ := newTestLimits()
	room(l, 3000, func(i int) Attempt { return from("owner@example.org", i) })
	room(l, 3000, func(i int) Attempt { return from(fmt.Sprint("other", i), 5000+i) }) // nobody has a try left
	owner := Attempt{Account: "owner@example.org", Address: "192.0.2.1"}
	if _, wait := l.try(owner); wait == 0 {
		t.Error("the total is not used up")
	}
	owner.KnownBrowser = "laptop"
	if _, wait := l.try(owner); wait > 0 {
		t.Error("the owner is locked out")
	}
	elsewhere := owner
	elsewhere.Account = "other7"
	room(l, browserTries, func(int) Attempt { return owner })
	if _, wait := l.try(elsewhere); wait > 0 {
		t.Error("what a browser tried with one account is counted with another")
	}
}

func TestASuccessGivesBackItsOwnTryAndNoOther(t *testing.T) {
	l, _ := newTestLimits()
	for _, known := range []string{"", "laptop"} {
		a := Attempt{Account: "a@example.org", Address: "192.0.2.1", KnownBrowser: known}
		for range 500 {
			succeeded, wait := l.try(a)
			if wait > 0 {
				t.Fatalf("somebody who knows the password waits %v", wait)
			}
			succeeded()
		}
	}
	if n := l.remembered() + l.everyone.Len(); n != 0 {
		t.Errorf("%d entries are left of nothing", n)
	}
	a := Attempt{Account: "a@example.org", Address: "192.0.2.1"}
	room(l, networkShare-1, func(int) Attempt { return a })
	for range 20 {
		if succeeded, wait := l.try(a); wait == 0 {
			succeeded()
		}
	}
	if got := room(l, 10, func(int) Attempt { return a }); got != 1 {
		t.Errorf("%d tries after successes, want the one that was left", got)
	}
}

// Between a try and its success the known browsers may have filled up, or made room: what is given back is what was taken.
func TestASuccessGivesBackWhereItsTryWasCounted(t *testing.T) {
	skipWhereRacesAreSought(t)
	l, c := newTestLimits()
	fill := func() (empty func()) {
		var succeeded []func()
		for i := range maxBrowsers {
			a := from(fmt.Sprint("other", i), i)
			a.KnownBrowser = "x"
			s, _ := l.try(a)
			succeeded = append(succeeded, s)
		}
		return func() {
			for _, s := range succeeded {
				s()
			}
		}
	}
	owner := Attempt{Account: "owner@example.org", Address: "192.0.2.1", KnownBrowser: "laptop"}
	early, _ := l.try(owner) // counted for the browser
	fill()
	room(l, 3, func(i int) Attempt { return from(owner.Account, 1<<22+i) })
	early()
	if got := room(l, 20, func(i int) Attempt { return from(owner.Account, 1<<23+i) }); got != accountTries-3 {
		t.Errorf("the account has %d tries left, want %d", got, accountTries-3)
	}
	c.Advance(2 * tryStretch)
	l.try(from("somebody@example.org", 1)) // the past is forgotten
	empty := fill()
	late, _ := l.try(owner) // counted for the account, since so many browsers are
	empty()
	room(l, 4, func(int) Attempt { return owner })
	late()
	if got := room(l, 20, func(int) Attempt { return owner }); got != browserTries-4 {
		t.Errorf("the browser has %d tries left, want %d", got, browserTries-4)
	}
	if n := l.accounts.Len(); n != 1 {
		t.Errorf("%d accounts have tries counted, want that of somebody alone", n)
	}
}

func TestASuccessAfterALongTimeGivesBackNobodyElsesTry(t *testing.T) {
	l, c := newTestLimits()
	for _, known := range []string{"", "laptop"} {
		a := Attempt{Account: "a@example.org", Address: "192.0.2.1", KnownBrowser: known}
		succeeded, _ := l.try(a)
		c.Advance(tryStretch)
		want := browserTries
		if known == "" {
			want = networkShare
		}
		if got := room(l, 20, func(int) Attempt { return a }); got != want {
			t.Fatalf("%d tries", got)
		}
		succeeded()
		if _, wait := l.try(a); wait == 0 {
			t.Errorf("known as %q: one more try than there are", known)
		}
	}
}

// remembered is how many entries there are, without the one for the total.
func (l *Limits) remembered() int {
	n := 0
	for _, table := range []*limits.Table{l.accounts, l.networkShares, l.siteShares, l.addresses, l.sites, l.providers, l.browsers} {
		n += table.Len()
	}
	return n
}

func TestTriesAtOnceCannotAllFindRoom(t *testing.T) {
	l, _ := newTestLimits()
	var through atomic.Int64
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 200 {
				if _, wait := l.try(from("a@example.org", g*200+i)); wait == 0 {
					through.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if through.Load() != accountTries {
		t.Errorf("%d got through, want %d", through.Load(), accountTries)
	}
}

// A million names and addresses must cost no memory, and must not make room by pushing out the one that counts.
func TestAMillionStrangersNeitherFillTheMemoryNorHideAnAttack(t *testing.T) {
	skipWhereRacesAreSought(t)
	l, c := newTestLimits()
	victim := func(i int) Attempt { return from("victim@example.org", 1<<22+i) }
	room(l, accountTries, victim)
	long := strings.Repeat("x", 60_000)
	const strangers = 1_000_000
	for i := range strangers {
		a := from(fmt.Sprint("stranger", i), i)
		if i%(strangers/10) == 0 {
			a.Account += long
		}
		l.try(a)
		if i%(strangers/50) == 0 {
			c.Advance(time.Second)
		}
	}
	if got := room(l, 10, victim); got != 0 {
		t.Errorf("%d more guesses at the account under attack", got)
	}
	if n := l.accounts.Len(); n > everyoneTries+1 {
		t.Errorf("%d accounts are remembered", n)
	}
	if n := l.remembered(); n > 6*(everyoneTries+1) {
		t.Errorf("%d are remembered", n)
	}
}

func TestAnHourOfAttackIsForgottenAsItGoes(t *testing.T) {
	skipWhereRacesAreSought(t)
	l, c := newTestLimits()
	most, all := 0, 0
	for minute := range 60 {
		for i := range 1200 {
			n := minute*1200 + i
			l.try(from(fmt.Sprint("stranger", n), n))
			known := from(fmt.Sprint("stranger", n), n)
			known.KnownBrowser = "x"
			l.try(known)
		}
		most = max(most, l.accounts.Len(), l.addresses.Len(), l.browsers.Len())
		all = max(all, l.remembered())
		c.Advance(time.Minute)
	}
	// Twice what is looked back to, since the past is dropped only now and then. Addresses are those of both kinds of tries.
	if most > 2*(10*everyoneTries+10*1200) {
		t.Errorf("%d entries at a time", most)
	}
	if all > 6*most { // those of the known are in two tables, of the others in six
		t.Errorf("%d entries in all at a time", all)
	}
	c.Advance(time.Hour)
	l.try(from("a", 1))
	if n := l.remembered(); n != 6 {
		t.Errorf("%d entries after an hour of rest", n)
	}
}

// A client that finds the queue full is told to come back, and has not used up a try: nobody looked at the password.
func TestAPasswordThatNobodyLookedAtIsNotCounted(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org")
	hashes, _, release, _ := stalled(2)
	hashes.absent, hashes.cost = f.passwords.absent, f.passwords.cost
	var others sync.WaitGroup
	for i := range hashes.queue.places { // each alone where it comes from
		others.Go(func() {
			_, _ = hashes.hash(t.Context(), claim{fmt.Sprint(i), model.Origin{Address: fmt.Sprintf("10.%d.0.1", i)}}, "x")
		})
	}
	for !hashes.full() {
		runtime.Gosched()
	}
	fast := f.passwords
	f.passwords = hashes
	for range 30 {
		_, err := f.SignIn(t.Context(), here, "a@example.org", "wrong password")
		is(t, err, model.KindBusy)
	}
	release()
	others.Wait()
	f.passwords = fast
	if _, err := f.SignIn(t.Context(), here, "a@example.org", testPassword); err != nil {
		t.Error(err)
	}
}

// Each hash takes 19 MiB in earnest: what bounds how many run at once bounds the memory.
func TestAFloodOfSignInsIsServedOrToldToComeBack(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	hashes, started, release, most := stalled(2)
	f.passwords = hashes
	var wg sync.WaitGroup
	var served, later atomic.Int64
	for i := range 500 {
		wg.Go(func() {
			from := model.Origin{Address: fmt.Sprintf("10.%d.%d.1", i/250, i%250)}
			_, err := f.SignIn(t.Context(), from, fmt.Sprintf("p%d@example.org", i), "wrong password")
			switch model.KindOf(err) {
			case model.KindWrongPassword:
				served.Add(1)
			case model.KindBusy:
				later.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	for range 2 {
		<-started
	}
	if _, err := f.As(owner, here).Keys(t.Context()); err != nil { // meanwhile
		t.Error(err)
	}
	_, value := f.newKey(owner, "pump")
	if _, err := f.SignInWithKey(t.Context(), here, value, nil); err != nil {
		t.Error(err)
	}
	for later.Load() < int64(500-hashes.queue.places) { // until all the others wait
		runtime.Gosched()
	}
	release()
	wg.Wait()
	if most() != 2 || served.Load() != int64(hashes.queue.places) {
		t.Errorf("%d hashes at once, %d served, %d told to come back", most(), served.Load(), later.Load())
	}
}

// everybodyElse is a person in another network, with the right password, in a browser that nobody knows.
func everybodyElse(i int) Attempt {
	return Attempt{Account: fmt.Sprintf("owner-%d@example.org", i%7), Address: "203.0.113.9"}
}

func TestNoHouseholdAndNoProviderUsesUpWhatEverybodyHas(t *testing.T) {
	skipWhereRacesAreSought(t)
	for name, address := range map[string]func(i int) string{
		"21 /64s of one /56":       func(i int) string { return fmt.Sprintf("2001:db8:7:a%02x::%x", i%21, i) },
		"21 addresses of one /24":  func(i int) string { return fmt.Sprintf("198.51.100.%d", i%21) },
		"200 /64s of one /48":      func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i%200) },
		"200 /48s of one provider": func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i%200) },
		"200 /24s of one provider": func(i int) string { return fmt.Sprintf("10.7.%d.1", i%200) },
		"all of a provider":        func(i int) string { return fmt.Sprintf("2001:db8:%x:%x::1", i&0xffff, i>>8) },
		"a provider and a site of another": func(i int) string {
			return []string{fmt.Sprintf("2001:db8:%x::1", i), fmt.Sprintf("198.51.100.%d", i%250)}[i%2]
		},
		"an address that is none of a network": func(i int) string { return fmt.Sprint("unknown ", i) },
	} {
		t.Run(name, func(t *testing.T) {
			l, c := newTestLimits()
			n := 0
			for minute := range 30 {
				for second := range 60 {
					for range 17 + 100*(1-min(second, 1)) { // a thousand and more each minute, and many at once
						l.try(Attempt{Account: fmt.Sprint("stranger ", n), Address: address(n)})
						n++
					}
					if second%6 == 0 {
						succeeded, wait := l.try(everybodyElse(n))
						if wait > 0 {
							t.Fatalf("after %d:%02d minutes somebody else waits %s", minute, second, wait)
						}
						succeeded()
					}
					c.Advance(time.Second)
				}
			}
		})
	}
}

// An attacker who guesses at an account from one place, for ever, does not lock its owner out.
func TestOnePlaceThatGuessesLeavesTheOwnerATry(t *testing.T) {
	for name, attack := range map[string]struct {
		address func(i int) string
		lost    int // of the owner's sign-ins, the first at once and then one a minute
	}{
		"one address":            {func(int) string { return "198.51.100.1" }, 0},
		"one household":          {func(i int) string { return fmt.Sprintf("2001:db8:7:1::%x", i) }, 0},
		"two /64s of one /56":    {func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i%2) }, 1},
		"all /64s of one /48":    {func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i) }, 1},
		"all addresses of a /24": {func(i int) string { return fmt.Sprintf("198.51.100.%d", i%256) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, c := newTestLimits()
			guesses, through := 0, 0
			guess := func() {
				if _, wait := l.try(Attempt{Account: "owner@example.org", Address: attack.address(guesses)}); wait == 0 {
					through++
				}
				guesses++
			}
			for range accountTries {
				guess()
			}
			lost := 0
			for second := range 3600 {
				guess()
				if second%60 == 0 {
					succeeded, wait := l.try(Attempt{Account: "Owner@example.org", Address: "203.0.113.9"})
					if wait == 0 {
						succeeded()
					} else {
						lost++
					}
				}
				c.Advance(time.Second)
			}
			if lost > attack.lost {
				t.Errorf("the owner was kept out %d times of 60", lost)
			}
			if most := accountTries + 60; through > most {
				t.Errorf("%d guesses got through in an hour", through)
			}
		})
	}
}

// What was taken of all counts comes back to all of them, whichever of them was the narrowest.
func TestARightPasswordCostsNoCountAnything(t *testing.T) {
	l, _ := newTestLimits()
	room(l, 3, func(i int) Attempt { return Attempt{Account: fmt.Sprint(i), Address: "198.51.100.1"} })
	before := l.remembered()
	for i := range 5000 {
		succeeded, wait := l.try(Attempt{Account: fmt.Sprint("pupil ", i), Address: "198.51.100.1"})
		if wait > 0 {
			t.Fatalf("pupil %d waits %s", i, wait)
		}
		succeeded()
	}
	if after := l.remembered(); after != before {
		t.Errorf("%d entries before, %d after", before, after)
	}
}
