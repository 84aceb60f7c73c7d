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
	l := newEmailLimits(clock.Now)
	for i := range accountEmails {
		if wait := l.take("ana@example.org", "192.0.2.1"); wait != 0 {
			t.Fatalf("mail %d has to wait %s", i+1, wait)
		}
		if wait := l.take(" ANA@example.org", "192.0.2.2"); i < accountEmails-1 && wait != accountGap {
			t.Fatalf("the next at once waits %s, want %s", wait, accountGap)
		}
		clock.Advance(accountGap)
	}
	if wait, want := l.take("ana@example.org", "192.0.2.3"), emailStretch-accountEmails*accountGap; wait != want {
		t.Errorf("the sixth in an hour waits %s, want %s", wait, want)
	}
	clock.Advance(emailStretch)
	for i := range addressEmails {
		if wait := l.take(strings.Repeat("x", i+1)+"@example.org", "2001:db8::1"); wait != 0 {
			t.Fatalf("mail %d of the address has to wait %s", i+1, wait)
		}
	}
	if wait := l.take("other@example.org", "2001:db8::2"); wait != emailStretch { // of the same household
		t.Errorf("one more of the address waits %s", wait)
	}
	if wait := l.take("other@example.org", "2001:db8:0:1::1"); wait != 0 {
		t.Errorf("another address waits %s", wait)
	}
}

func TestWhatIsRememberedOfEmailsIsBounded(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	l := newEmailLimits(clock.Now)
	remembered := func() int { return l.accounts.Len() + l.addresses.Len() }
	through := func(kind string, asks int) (taken int) {
		for i := range asks {
			if l.take(kind+itoa(i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)) == 0 {
				taken++
			}
		}
		return taken
	}
	if taken := through("first", 2*maxEmailed); taken != maxEmailed/2 || remembered() != maxEmailed {
		t.Fatalf("%d are remembered, %d mails taken", remembered(), taken)
	}
	// Now it is full. Whoever has asked before goes on, and a stranger waits.
	if wait := l.take("ana@example.org", "10.0.0.1"); wait > 0 {
		t.Errorf("an address that has asked before waits %s", wait)
	}
	if wait := l.take("ana@example.org", "192.0.2.1"); wait != accountGap {
		t.Errorf("a stranger waits %s, want %s", wait, accountGap)
	}
	for i := range addressEmails + 1 { // what the addresses have left is all that there is
		through("more"+itoa(i)+"-", 2*maxEmailed)
	}
	if most := maxEmailed / 2 * (1 + addressEmails); remembered() != most {
		t.Errorf("%d are remembered in the end, want %d", remembered(), most)
	}
	clock.Advance(emailStretch)
	if wait := l.take("ana@example.org", "192.0.2.1"); wait > 0 || remembered() != 2 || l.accounts.Len() != 1 {
		t.Errorf("after an hour: %s, %d and %d remembered", wait, remembered(), l.accounts.Len())
	}
}

func itoa(n int) string { return strings.TrimSuffix(time.Duration(n).String(), "ns") }
