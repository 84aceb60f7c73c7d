package accounts

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// together is what several nodes count on, and their clock.
func together() (k *testkit.Tries, shared func() *limits.Shared, c *testkit.Clock) {
	c = testkit.NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	k = &testkit.Tries{Now: c.Now}
	return k, func() *limits.Shared { return limits.Share(k, (&testkit.Log{}).Logger()) }, c
}

// newNodes are two processes that serve the same accounts.
func newNodes(t *testing.T, change ...func(*Config)) (nodes [2]*fixture, k *testkit.Tries) {
	k = &testkit.Tries{}
	for i := range nodes {
		nodes[i] = newFixture(t, append(change, func(cfg *Config) {
			cfg.Shared = limits.Share(k, cfg.Log)
			if i == 0 {
				k.Now = cfg.Now
			}
			cfg.Now = k.Now
		})...)
	}
	nodes[1].store, nodes[1].Accounts.store, nodes[1].clock = nodes[0].store, nodes[0].Accounts.store, nodes[0].clock
	return nodes, k
}

func TestEachCountHoldsAtItsOwnFigureOverAllNodes(t *testing.T) {
	for name, tt := range figures() {
		t.Run(name, func(t *testing.T) {
			_, shared, c := together()
			nodes := []*Limits{NewLimits(c.Now, shared()), NewLimits(c.Now, shared())}
			through := 0
			for i := range 3000 {
				if _, wait := nodes[i/2%2].try(tt.attempt(i)); wait == 0 {
					through++
				}
			}
			each := strings.Contains(name, "provider") || strings.Contains(name, "from everywhere") && tt.want == everyoneTries
			if want := tt.want; each && through != 2*want || !each && through != want {
				t.Errorf("%d got through, want %d; of each: %v", through, want, each)
			}
			for _, l := range nodes {
				if _, wait := l.try(tt.attempt(0)); wait != tt.wait {
					t.Errorf("the next waits %v, want %v", wait, tt.wait)
				}
			}
			c.Advance(tt.wait - 1)
			for _, l := range nodes {
				if _, wait := l.try(tt.attempt(0)); wait == 0 {
					t.Error("it gets through before that")
				}
			}
			c.Advance(time.Millisecond)
			if _, wait := nodes[1].try(tt.attempt(0)); wait > 0 {
				t.Errorf("it does not get through then, and waits %v", wait)
			}
		})
	}
}

func TestTenThousandGuessesAtOneAccountOverTwoNodesAreTenTries(t *testing.T) {
	_, shared, c := together()
	nodes := []*Limits{NewLimits(c.Now, shared()), NewLimits(c.Now, shared())}
	var through atomic.Int64
	var all sync.WaitGroup
	for g := range 64 {
		all.Go(func() {
			for i := range 10_000/64 + 1 {
				if _, wait := nodes[i%2].try(from("a@example.org", g*200+i)); wait == 0 {
					through.Add(1)
				}
			}
		})
	}
	all.Wait()
	if through.Load() != accountTries {
		t.Errorf("%d got through, want %d", through.Load(), accountTries)
	}
}

func TestARightPasswordTakesNoTryOnAnyNode(t *testing.T) {
	nodes, k := newNodes(t)
	nodes[0].register("a@example.org")
	for i := range 100 {
		n := nodes[i%2]
		if _, err := n.SignIn(t.Context(), here, "a@example.org", testPassword); err != nil {
			t.Fatal(i, err)
		}
		n.Drain()
	}
	if n := k.Len(); n != 0 {
		t.Errorf("%d counts are kept of nothing", n)
	}
	for i := range networkShare {
		_, err := nodes[i%2].SignIn(t.Context(), here, "a@example.org", "wrong password")
		is(t, err, model.KindWrongPassword)
	}
	for _, n := range nodes {
		_, err := n.SignIn(t.Context(), here, "a@example.org", testPassword)
		is(t, err, model.KindTooManyTries)
	}
}

func TestFiftyLinksAskedForOfTwoNodesAreFiveEmails(t *testing.T) {
	box := &mailbox{}
	nodes, _ := newNodes(t, func(cfg *Config) { cfg.Mailer = box })
	nodes[0].register("a@example.org") // which sends one
	nodes[0].clock.Advance(accountGap)
	for i := range 50 {
		from := here
		from.Address = fmt.Sprintf("198.51.%d.1", i)
		err := nodes[i%2].SendLink(t.Context(), from, model.LinkReset, "a@example.org")
		if err != nil {
			is(t, err, model.KindTooManyEmails)
		}
		if i%5 == 4 {
			nodes[0].clock.Advance(accountGap)
		}
	}
	nodes[1].Drain()
	if n := len(box.taken(nodes[0])); n != accountEmails {
		t.Errorf("%d emails, want %d", n, accountEmails)
	}
}

func TestEmailsOfOnePlaceAreCountedByAllNodes(t *testing.T) {
	for name, tt := range map[string]struct {
		want          int
		account, from func(i int) string
	}{
		"to one account from one site": {siteShareOfEmails, func(int) string { return "ana@example.org" }, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }},
		"from one address":             {addressEmails, func(i int) string { return fmt.Sprint(i) }, func(int) string { return "192.0.2.1" }},
		"from one site":                {siteEmails, func(i int) string { return fmt.Sprint(i) }, func(i int) string { return fmt.Sprintf("192.0.2.%d", i%200) }},
	} {
		_, shared, c := together()
		nodes := []*emailLimits{newEmailLimits(c.Now, shared()), newEmailLimits(c.Now, shared())}
		sent := 0
		for i := range 200 {
			if nodes[i%2].ask(tt.account(i), tt.from(i)) == 0 {
				sent++
				if name == "to one account from one site" {
					c.Advance(accountGap)
				}
			}
		}
		if sent != tt.want {
			t.Errorf("%s: %d emails, want %d", name, sent, tt.want)
		}
	}
}

func TestNoticesOfOneAccountAreCountedByAllNodes(t *testing.T) {
	box := &mailbox{}
	nodes, k := newNodes(t)
	who := nodes[0].signUp("a@example.org")
	for _, n := range nodes {
		n.Accounts.cfg.Mailer = box
	}
	tell := func(times int) int {
		for i := range times {
			nodes[i%2].tell(t.Context(), here, keyNotice, who.UserID, func(_ Letters, to string, _ Circumstances) Email { return Email{To: to} })
			nodes[i%2].Drain()
		}
		return len(box.taken(nodes[0]))
	}
	if n := tell(3 * noticesAtOnce); n != noticesAtOnce {
		t.Errorf("%d notices, want %d", n, noticesAtOnce)
	}
	nodes[0].clock.Advance(time.Hour)
	k.Break(errors.New("no database"))
	if n := tell(2); n != 0 {
		t.Errorf("%d notices while they cannot be counted", n)
	}
	if !strings.Contains(nodes[0].logs.String(), "no database") {
		t.Error("the log does not say why")
	}
	k.Break(nil)
	if n := tell(3 * noticesAtOnce); n != noticesAtOnce {
		t.Errorf("%d notices after an hour, want %d", n, noticesAtOnce)
	}
}

func TestWhatAnotherServerIsAskedForIsCountedByAllNodes(t *testing.T) {
	_, shared, c := together()
	nodes := []*Elsewhere{NewElsewhere(c.Now, shared()), NewElsewhere(c.Now, shared())}
	accounts, emails := 0, 0
	for i := range 1000 {
		e, address := nodes[i%2], fmt.Sprintf("192.0.2.%d", i%250)
		if e.askAccount(address) == 0 {
			accounts++
		}
		if e.askEmail(address) == 0 {
			emails++
		}
	}
	if accounts != siteRegistrationsElsewhere || emails != siteEmailsElsewhere {
		t.Errorf("one site asked for %d accounts and %d emails", accounts, emails)
	}
}

func TestWhenTheCountsOfAllCannotBeAskedNothingIsTriedAndNothingIsTaken(t *testing.T) {
	box := &mailbox{}
	hashed := 0
	nodes, k := newNodes(t, func(cfg *Config) { cfg.Mailer = box })
	n := nodes[0]
	n.register("a@example.org")
	n.passwords.derive = func([]byte, []byte, model.PasswordCost) []byte { hashed++; return make([]byte, 32) }
	n.clock.Advance(time.Hour)
	k.Break(errors.New("no database"))
	box.taken(n)
	id, err := n.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, "a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	who := model.Account{UserID: id.UserID, IdentityID: id.ID, Email: "a@example.org", Provider: model.ProviderEmailPassword}
	for range 30 {
		_, err := n.SignIn(t.Context(), here, "a@example.org", "wrong password")
		is(t, err, model.KindStorageDown)
		is(t, n.As(who, here).CheckPassword(t.Context(), "wrong password"), model.KindStorageDown)
		is(t, n.SendLink(t.Context(), here, model.LinkReset, "a@example.org"), model.KindStorageDown)
		is(t, n.Register(t.Context(), here, "b@example.org", testPassword), model.KindStorageDown)
	}
	if sent := len(box.taken(n)); hashed > 0 || sent > 0 {
		t.Errorf("%d passwords were hashed and %d emails sent", hashed, sent)
	}
	if left := n.cfg.Limits.remembered() + n.cfg.Limits.everyone.Len() + n.emails.accounts.Len() + n.emails.providers.Len(); left != 0 {
		t.Errorf("%d counts are taken", left)
	}
}
