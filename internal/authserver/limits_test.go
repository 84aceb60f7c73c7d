package authserver

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/model"
)

func newTestLimits() (*Limits, *clock) {
	c := &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	return NewLimits(c.Now), c
}

// room counts the tries that get through of so many.
func room(l *Limits, tries int, attempt func(i int) Attempt) int {
	through := 0
	for i := range tries {
		if _, wait := l.Take(attempt(i)); wait == 0 {
			through++
		}
	}
	return through
}

// from is an attempt at an account from an address of its own, so that no other count is met.
func from(account string, i int) Attempt {
	return Attempt{Account: account, Address: fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)}
}

func TestEachCountHoldsAtItsOwnFigure(t *testing.T) {
	for name, tt := range map[string]struct {
		want    int
		wait    time.Duration // of the next try
		attempt func(i int) Attempt
	}{
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
		"all accounts from everywhere": {1000, time.Minute, func(i int) Attempt { return from(fmt.Sprint(i), i) }},
		"a browser that is known": {10, 10 * time.Minute, func(i int) Attempt {
			a := from("a@example.org", i)
			a.KnownDevice = "laptop"
			return a
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l, c := newTestLimits()
			if got := room(l, 3000, tt.attempt); got != tt.want {
				t.Errorf("%d got through, want %d", got, tt.want)
			}
			succeeded, wait := l.Take(tt.attempt(0))
			if succeeded != nil || wait != tt.wait {
				t.Errorf("the next waits %v, want %v", wait, tt.wait)
			}
			c.advance(wait - 1)
			if _, wait := l.Take(tt.attempt(0)); wait == 0 {
				t.Error("it gets through before that")
			}
			c.advance(1)
			if _, wait := l.Take(tt.attempt(0)); wait > 0 {
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
		c.advance(time.Minute)
		if got := room(l, 100, at); got != 1 {
			t.Errorf("%d in the next minute, want 1", got)
		}
	}
	c.advance(accountTries * accountPause)
	if got := room(l, 100, at); got != accountTries {
		t.Errorf("%d after some rest, want %d", got, accountTries)
	}
}

func TestAKnownBrowserGetsInWhileTheAccountIsUnderAttack(t *testing.T) {
	l, _ := newTestLimits()
	room(l, 3000, func(i int) Attempt { return from("owner@example.org", i) })
	room(l, 3000, func(i int) Attempt { return from(fmt.Sprint("other", i), 5000+i) }) // nobody has a try left
	owner := Attempt{Account: "owner@example.org", Address: "192.0.2.1"}
	if _, wait := l.Take(owner); wait == 0 {
		t.Error("the total is not used up")
	}
	owner.KnownDevice = "laptop"
	if _, wait := l.Take(owner); wait > 0 {
		t.Error("the owner is locked out")
	}
	elsewhere := owner
	elsewhere.Account = "other7"
	room(l, deviceTries, func(int) Attempt { return owner })
	if _, wait := l.Take(elsewhere); wait > 0 {
		t.Error("what a browser tried with one account is counted with another")
	}
}

func TestASuccessGivesBackItsOwnTryAndNoOther(t *testing.T) {
	l, _ := newTestLimits()
	for _, known := range []string{"", "laptop"} {
		a := Attempt{Account: "a@example.org", Address: "192.0.2.1", KnownDevice: known}
		for range 500 {
			succeeded, wait := l.Take(a)
			if wait > 0 {
				t.Fatalf("somebody who knows the password waits %v", wait)
			}
			succeeded()
		}
	}
	if n := l.accounts.Len() + l.addresses.Len() + l.devices.Len() + l.everyone.Len(); n != 0 {
		t.Errorf("%d entries are left of nothing", n)
	}
	a := Attempt{Account: "a@example.org", Address: "192.0.2.1"}
	room(l, accountTries-1, func(int) Attempt { return a })
	for range 20 {
		if succeeded, wait := l.Take(a); wait == 0 {
			succeeded()
		}
	}
	if got := room(l, 10, func(int) Attempt { return a }); got != 1 {
		t.Errorf("%d tries after successes, want the one that was left", got)
	}
}

// Between a try and its success the known browsers may have filled up, or made room: what is given back is what was taken.
func TestASuccessGivesBackWhereItsTryWasCounted(t *testing.T) {
	l, c := newTestLimits()
	fill := func() (empty func()) {
		var succeeded []func()
		for i := range maxDevices {
			a := from(fmt.Sprint("other", i), i)
			a.KnownDevice = "x"
			s, _ := l.Take(a)
			succeeded = append(succeeded, s)
		}
		return func() {
			for _, s := range succeeded {
				s()
			}
		}
	}
	owner := Attempt{Account: "owner@example.org", Address: "192.0.2.1", KnownDevice: "laptop"}
	early, _ := l.Take(owner) // counted for the browser
	fill()
	room(l, 3, func(i int) Attempt { return from(owner.Account, 1<<22+i) })
	early()
	if got := room(l, 20, func(i int) Attempt { return from(owner.Account, 1<<23+i) }); got != accountTries-3 {
		t.Errorf("the account has %d tries left, want %d", got, accountTries-3)
	}
	c.advance(2 * tryStretch)
	l.Take(from("somebody@example.org", 1)) // the past is forgotten
	empty := fill()
	late, _ := l.Take(owner) // counted for the account, since so many browsers are
	empty()
	room(l, 4, func(int) Attempt { return owner })
	late()
	if got := room(l, 20, func(int) Attempt { return owner }); got != deviceTries-4 {
		t.Errorf("the browser has %d tries left, want %d", got, deviceTries-4)
	}
	if n := l.accounts.Len(); n != 1 {
		t.Errorf("%d accounts have tries counted, want that of somebody alone", n)
	}
}

func TestASuccessAfterALongTimeGivesBackNobodyElsesTry(t *testing.T) {
	l, c := newTestLimits()
	for _, known := range []string{"", "laptop"} {
		a := Attempt{Account: "a@example.org", Address: "192.0.2.1", KnownDevice: known}
		succeeded, _ := l.Take(a)
		c.advance(tryStretch)
		if got := room(l, 20, func(int) Attempt { return a }); got != 10 {
			t.Fatalf("%d tries", got)
		}
		succeeded()
		if _, wait := l.Take(a); wait == 0 {
			t.Errorf("known as %q: one more try than there are", known)
		}
	}
}

func TestTriesAtOnceCannotAllFindRoom(t *testing.T) {
	l, _ := newTestLimits()
	var through atomic.Int64
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 200 {
				if _, wait := l.Take(from("a@example.org", g*200+i)); wait == 0 {
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
	l, c := newTestLimits()
	victim := func(i int) Attempt { return from("victim@example.org", 1<<22+i) }
	room(l, accountTries, victim)
	long := strings.Repeat("x", 60_000)
	for i := range 1_000_000 {
		a := from(fmt.Sprint("stranger", i), i)
		if i%100_000 == 0 {
			a.Account += long
		}
		l.Take(a)
		if i%20_000 == 0 {
			c.advance(time.Second)
		}
	}
	if got := room(l, 10, victim); got != 0 {
		t.Errorf("%d more guesses at the account under attack", got)
	}
	if n := l.accounts.Len(); n > everyoneTries+1 {
		t.Errorf("%d accounts are remembered", n)
	}
	if n := l.addresses.Len(); n > everyoneTries+1 {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestAnHourOfAttackIsForgottenAsItGoes(t *testing.T) {
	l, c := newTestLimits()
	most := 0
	for minute := range 60 {
		for i := range 1200 {
			n := minute*1200 + i
			l.Take(from(fmt.Sprint("stranger", n), n))
			known := from(fmt.Sprint("stranger", n), n)
			known.KnownDevice = "x"
			l.Take(known)
		}
		most = max(most, l.accounts.Len(), l.addresses.Len(), l.devices.Len())
		c.advance(time.Minute)
	}
	// Twice what is looked back to, since the past is dropped only now and then. Addresses are those of both kinds of tries.
	if most > 2*(10*everyoneTries+10*1200) {
		t.Errorf("%d entries at a time", most)
	}
	c.advance(time.Hour)
	l.Take(from("a", 1))
	if n := l.accounts.Len() + l.addresses.Len() + l.devices.Len(); n != 2 {
		t.Errorf("%d entries after an hour of rest", n)
	}
}

// guess is a log-in with a wrong password, from an address.
func guess(email, address, forwarded string) *http.Request {
	r := newRequest("POST", loginPath("local-userpass"), object("username", email, "password", "wrong password"))
	r.RemoteAddr = address
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
		r.Header.Set("X-Real-Ip", forwarded)
	}
	return r
}

func TestOfTenThousandGuessesAtOnceTenAreHashed(t *testing.T) {
	for name, tt := range map[string]struct {
		email  string // of the owner
		want   int
		of     func(i int) *http.Request
		status int // of a right password afterwards, from where nobody guessed
	}{
		"one account": {"a@example.org", accountTries, func(int) *http.Request {
			return guess("a@example.org", "192.0.2.1:1", "")
		}, 429},
		"one account in other spellings": {"a@example.org", accountTries, func(i int) *http.Request {
			return guess([]string{"a@example.org", "A@EXAMPLE.ORG", "a@example.org ", "\ta@Example.org"}[i%4], "192.0.2.1:1", "")
		}, 429},
		"one account behind addresses that are made up": {"a@example.org", accountTries, func(i int) *http.Request {
			return guess("a@example.org", "192.0.2.1:1", fmt.Sprintf("198.51.100.%d", i%250))
		}, 429},
		"one account from everywhere": {"a@example.org", accountTries, func(i int) *http.Request {
			return guess("a@example.org", fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), "")
		}, 429},
		"an account that does not exist": {"a@example.org", accountTries, func(int) *http.Request {
			return guess("b@example.org", "192.0.2.1:1", "")
		}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(tt.email, testPassword)
			done := f.recordWork()
			var refused, limited atomic.Int64
			var wg sync.WaitGroup
			for g := range 50 {
				wg.Go(func() {
					for i := range 200 {
						switch got := f.send(tt.of(g*200 + i)); got.status {
						case 401:
							refused.Add(1)
						case 429:
							limited.Add(1)
							if got.header.Get("Retry-After") != "60" {
								t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
							}
						default:
							t.Errorf("status %d: %s", got.status, got.body)
						}
					}
				})
			}
			wg.Wait()
			if n := len(done.take()); n != tt.want || refused.Load() != int64(tt.want) || limited.Load() != int64(10_000-tt.want) {
				t.Errorf("%d hashes, %d refused, %d limited; want %d", n, refused.Load(), limited.Load(), tt.want)
			}
			right := newRequest("POST", loginPath("local-userpass"), object("username", tt.email, "password", testPassword))
			right.RemoteAddr = "203.0.113.9:1"
			f.on(t).send(right).want(tt.status)
		})
	}
}

func TestOneAddressHasFiftyTriesOverAllAccounts(t *testing.T) {
	f := newFixture(t)
	for i := range 50 {
		f.send(guess(fmt.Sprintf("p%d@example.org", i), "192.0.2.1:1", "")).want(401)
	}
	got := f.send(guess("another@example.org", "192.0.2.1:2", "203.0.113.5")).want(429)
	got.says("too many tries: wait a little before the next one", "")
	if got.header.Get("Retry-After") != "600" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	f.send(guess("another@example.org", "192.0.2.2:1", "")).want(401)
}

func TestAKeyLogsInWhateverWasGuessed(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	value := f.createKey(owner, "pump").Value
	for range 60 {
		f.send(guess("a@example.org", "192.0.2.1:1234", ""))
	}
	f.loginWithKey(value)
	f.do("POST", loginPath("api-key"), "", object("key", newValue())).want(401)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
}

func TestTheOwnersBrowserGetsInWhileOthersGuess(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	for range 30 {
		f.send(guess("a@example.org", "198.51.100.1:1", ""))
	}
	right := func(known string) *http.Request {
		r := newRequest("POST", loginPath("local-userpass"), object("username", "a@example.org", "password", testPassword))
		return r.WithContext(WithOrigin(r.Context(), model.Origin{Address: "192.0.2.1", Agent: "Firefox", KnownBrowser: known}))
	}
	f.send(right("")).want(429)
	f.send(right("laptop")).want(200)
}

func TestWhatIsRefusedByACountIsNotWrittenDownOneByOne(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for range 100 {
		f.send(guess("a@example.org", "192.0.2.1:1", ""))
	}
	f.Drain()
	if n := len(f.happened(owner.UserID, model.EventSignInFailed)); n != accountTries {
		t.Errorf("%d failed log-ins are written down, want %d", n, accountTries)
	}
	if logs := f.logs.String(); strings.Contains(logs, "a@example.org") || strings.Contains(logs, "wrong password\"") && strings.Contains(logs, testPassword) {
		t.Error("the log has an e-mail address or a password")
	}
}

// Whoever fills the queue is told to come back, and has not used up a try: nobody looked at the password.
func TestAPasswordThatNobodyLookedAtIsNotCounted(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	for range cap(f.passwords.queue) {
		f.passwords.queue <- struct{}{}
	}
	for range 30 {
		f.send(guess("a@example.org", "192.0.2.1:1", "")).want(503)
	}
	for range cap(f.passwords.queue) {
		<-f.passwords.queue
	}
	f.login("a@example.org", testPassword)
}

// Each hash takes 19 MiB in earnest: what bounds how many run at once bounds the memory.
func TestAFloodOfLoginsIsServedOrToldToComeBack(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	hashes, started, release, most := stalled(2)
	f.passwords = hashes
	var wg sync.WaitGroup
	var served, later atomic.Int64
	for i := range 500 {
		wg.Go(func() {
			switch got := f.send(guess(fmt.Sprintf("p%d@example.org", i), fmt.Sprintf("10.1.%d.%d:1", i/250, i%250), "")); got.status {
			case 401:
				served.Add(1)
			case 503:
				later.Add(1)
			default:
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
	for range 2 {
		<-started
	}
	f.do("GET", keysPath, owner.RefreshToken, "").want(200) // meanwhile
	f.loginWithKey(f.createKey(owner, "pump").Value)
	for later.Load() < int64(500-cap(hashes.queue)) { // until all the others wait
		runtime.Gosched()
	}
	release()
	wg.Wait()
	if most() != 2 || served.Load() != int64(cap(hashes.queue)) {
		t.Errorf("%d hashes at once, %d served, %d told to come back", most(), served.Load(), later.Load())
	}
}
