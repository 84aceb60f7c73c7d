package accounts

import (
	"fmt"
	"testing"
	"time"

	"latchkey/internal/limits"
)

// The server in front of which this one stands counts everybody here as one address.
func TestInFrontOfAServerThatCountsTooOnePlaceKeepsNobodyElseOut(t *testing.T) {
	const dashboard, owner = "203.0.113.1", "198.51.100.7"
	for name, guess := range map[string]func(i int) Attempt{
		"one account from one address":  func(int) Attempt { return Attempt{Account: "ann", Address: "192.0.2.1"} },
		"one account from one site":     func(i int) Attempt { return Attempt{Account: "ann", Address: fmt.Sprintf("192.0.2.%d", i%250)} },
		"all accounts from one address": func(i int) Attempt { return Attempt{Account: fmt.Sprint(i), Address: "192.0.2.1"} },
		"all accounts from one site": func(i int) Attempt {
			return Attempt{Account: fmt.Sprint(i), Address: fmt.Sprintf("2001:db8:7:%x::1", i)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			there, c := newTestLimits()
			here := NewLimitsElsewhere(c.Now, nil)
			try := func(a Attempt) (succeeded func(), wait time.Duration) {
				first, wait := here.try(a)
				if wait > 0 {
					return nil, wait
				}
				second, wait := there.try(Attempt{Account: a.Account, Address: dashboard})
				if wait > 0 {
					return nil, wait
				}
				return func() { first(); second() }, 0
			}
			guesses := 0
			for i := range 3600 { // one a second
				c.Advance(time.Second)
				if _, wait := try(guess(i)); wait == 0 {
					guesses++
				}
				if i%60 != 0 {
					continue
				}
				succeeded, wait := try(Attempt{Account: "ann", Address: owner})
				if wait > 0 {
					t.Fatalf("after %d seconds somebody else waits for %v", i, wait)
				}
				succeeded()
			}
			if guesses == 0 {
				t.Error("nobody guesses")
			}
		})
	}
}

func TestInFrontOfAServerThatCountsTooOnePlaceAsksForSomeOfAllAccountsAndEmails(t *testing.T) {
	for name, from := range map[string]func(i int) string{
		"an address": func(int) string { return "192.0.2.1" },
		"a site":     func(i int) string { return fmt.Sprintf("192.0.2.%d", i%250) },
	} {
		_, c := newTestLimits()
		here, there, mails := NewElsewhere(c.Now, nil), newRegistrations(c.Now), newEmailLimits(c.Now, nil)
		const dashboard, owner = "203.0.113.1", "198.51.100.7"
		accounts, emails := 0, 0
		for i := range 3 * 60 { // an hour and two more
			c.Advance(time.Minute)
			for range 10 {
				if here.askAccount(from(i)) == 0 && there.take(dashboard) == 0 {
					accounts++
				}
				if here.askEmail(from(i)) == 0 && mails.ask(fmt.Sprint(i), dashboard) == 0 {
					emails++
				}
			}
			if i%20 != 0 { // the others, who are few
				continue
			}
			if wait := max(here.askAccount(owner), there.take(dashboard)); wait > 0 {
				t.Errorf("beside %s somebody else waits for %v to make an account", name, wait)
			}
			if wait := max(here.askEmail(owner), mails.ask(fmt.Sprint("owner ", i), dashboard)); wait > 0 {
				t.Errorf("beside %s somebody else waits for %v for an email", name, wait)
			}
		}
		if accounts == 0 || emails == 0 {
			t.Errorf("%s has %d accounts and %d emails", name, accounts, emails)
		}
	}
}

func TestWhatIsCountedForAnotherServerIsBounded(t *testing.T) {
	skipWhereRacesAreSought(t)
	_, c := newTestLimits()
	e := NewElsewhere(c.Now, nil)
	for i := range 3 * maxCounted {
		address := fmt.Sprintf("2001:%x:%x::1", i>>8, i&255)
		e.askAccount(address)
		e.askEmail(address)
	}
	for _, table := range []*limits.Table{e.accountNetworks, e.accountSites, e.emailNetworks, e.emailSites} {
		if table.Len() > maxCounted {
			t.Errorf("%d are remembered", table.Len())
		}
	}
	if e.askAccount("192.0.2.1") == 0 || e.askEmail("192.0.2.1") == 0 {
		t.Error("when it is full, newcomers do not wait")
	}
}
