package accounts

import (
	"fmt"
	"testing"
	"time"
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
			here := NewLimitsElsewhere(c.Now)
			try := func(a Attempt) (succeeded func(), wait time.Duration) {
				first, wait := here.Take(a)
				if wait > 0 {
					return nil, wait
				}
				second, wait := there.Take(Attempt{Account: a.Account, Address: dashboard})
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
