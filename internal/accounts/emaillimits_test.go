package accounts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testkit"
)

func TestEmailsAreLimitedByWhoGetsThemAndByWhoAsks(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	l := newEmailLimits(clock.Now, nil)
	for i := range accountEmails {
		if wait := l.ask("ana@example.org", fmt.Sprintf("192.0.%d.1", i)); wait != 0 {
			t.Fatalf("mail %d has to wait %s", i+1, wait)
		}
		if wait := l.ask(" ANA@example.org", "192.0.99.2"); i < accountEmails-1 && wait != accountGap {
			t.Fatalf("the next at once waits %s, want %s", wait, accountGap)
		}
		clock.Advance(accountGap)
	}
	if wait, want := l.ask("ana@example.org", "192.0.99.3"), emailStretch-accountEmails*accountGap; wait != want {
		t.Errorf("the sixth in an hour waits %s, want %s", wait, want)
	}
	clock.Advance(emailStretch)
	for i := range addressEmails {
		if wait := l.ask(strings.Repeat("x", i+1)+"@example.org", "2001:db8::1"); wait != 0 {
			t.Fatalf("mail %d of the address has to wait %s", i+1, wait)
		}
	}
	if wait := l.ask("other@example.org", "2001:db8::2"); wait != emailStretch { // of the same household
		t.Errorf("one more of the address waits %s", wait)
	}
	if wait := l.ask("other@example.org", "2001:db8:0:1::1"); wait != 0 {
		t.Errorf("another address waits %s", wait)
	}
}

// Otherwise a stranger who asks often enough keeps the owner of an address from the link that would let them in.
func TestWhoAsksForLinksFromOneSiteLeavesTheOwnerSome(t *testing.T) {
	for name, address := range map[string]string{"an address": "198.51.100.1", "a /24": "198.51.100.%d", "a /48": "2001:db8:7:%d::1"} {
		clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
		l := newEmailLimits(clock.Now, nil)
		taken := 0
		for i := range 120 {
			from := address
			if strings.Contains(address, "%") {
				from = fmt.Sprintf(address, i)
			}
			if l.ask("ana@example.org", from) == 0 {
				taken++
			}
			clock.Advance(accountGap / 4)
		}
		if taken != siteShareOfEmails {
			t.Errorf("%s: %d mails in half an hour", name, taken)
		}
		for range accountEmails - siteShareOfEmails {
			if wait := l.ask("ana@example.org", "203.0.113.1"); wait > 0 {
				t.Errorf("%s: the owner waits %s", name, wait)
			}
			clock.Advance(accountGap)
		}
	}
}

func TestNoSiteAndNoProviderUsesUpTheEmailsOfOthers(t *testing.T) {
	skipWhereRacesAreSought(t)
	for name, c := range map[string]struct {
		want int
		from func(i int) string
	}{
		"the networks of one /48":   {siteEmails, func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i%1000) }},
		"the addresses of one /24":  {siteEmails, func(i int) string { return fmt.Sprintf("198.51.100.%d", i%250) }},
		"200 sites of one provider": {providerEmails, func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i%200) }},
		"all sites of one provider": {providerEmails, func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i) }},
		"all addresses of one /16":  {providerEmails, func(i int) string { return fmt.Sprintf("10.0.%d.%d", i>>8&255, i&255) }},
	} {
		clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
		l := newEmailLimits(clock.Now, nil)
		taken := 0
		for i := range maxEmailed {
			if l.ask(itoa(i)+"@example.org", c.from(i)) == 0 {
				taken++
			}
		}
		if wait := l.ask("ana@example.org", "192.0.2.1"); taken != c.want || wait > 0 {
			t.Errorf("%s: %d taken, want %d; somebody else waits %s", name, taken, c.want, wait)
		}
	}
}

func TestWhatIsRememberedOfEmailsIsBounded(t *testing.T) {
	skipWhereRacesAreSought(t)
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	l := newEmailLimits(clock.Now, nil)
	remembered := func() int { return l.accounts.Len() + l.addresses.Len() }
	through := func(kind string, asks int) (taken int) {
		for i := range asks { // of a site each, of many providers
			if l.ask(kind+itoa(i), fmt.Sprintf("%d.%d.%d.7", 20+i>>16, i&255, i>>8&255)) == 0 {
				taken++
			}
		}
		return taken
	}
	if taken := through("first", 2*maxEmailed); taken != maxEmailed/2 || remembered() != maxEmailed {
		t.Fatalf("%d are remembered, %d mails taken", remembered(), taken)
	}
	// Now it is full. A client that has asked before goes on, and a new one waits.
	if wait := l.ask("ana@example.org", "20.1.0.7"); wait > 0 {
		t.Errorf("an address that has asked before waits %s", wait)
	}
	if wait := l.ask("ana@example.org", "192.0.2.1"); wait != accountGap {
		t.Errorf("a stranger waits %s, want %s", wait, accountGap)
	}
	for i := range addressEmails + 1 { // what the addresses have left is all that there is
		through("more"+itoa(i)+"-", 2*maxEmailed)
	}
	if most := maxEmailed / 2 * (1 + addressEmails); remembered() != most {
		t.Errorf("%d are remembered in the end, want %d", remembered(), most)
	}
	if n, most := l.shares.Len()+l.sites.Len()+l.providers.Len(), maxEmailed/2*(2+addressEmails); n > most {
		t.Errorf("%d are remembered of sites and providers, want %d at most", n, most)
	}
	clock.Advance(emailStretch)
	if wait := l.ask("ana@example.org", "192.0.2.1"); wait > 0 || remembered() != 2 || l.accounts.Len() != 1 {
		t.Errorf("after an hour: %s, %d and %d remembered", wait, remembered(), l.accounts.Len())
	}
}

func itoa(n int) string { return strings.TrimSuffix(time.Duration(n).String(), "ns") }
