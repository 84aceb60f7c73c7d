package authserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
)

// mailbox takes mails and keeps them.
type mailbox struct {
	mu    sync.Mutex
	mails []Mail
	fail  error
}

func (m *mailbox) Send(_ context.Context, letter Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.mails = append(m.mails, letter)
	}
	return m.fail
}

// newMailFixture is a server that sends mails, and where they go.
func newMailFixture(t *testing.T, change ...func(*Config)) (*fixture, *mailbox) {
	t.Helper()
	box := &mailbox{}
	f := newFixture(t, append(change, func(cfg *Config) { cfg.Mailer = box })...)
	t.Cleanup(f.Drain)
	return f, box
}

// taken gives the mails that came since it was last asked.
func (m *mailbox) taken(f *fixture) []Mail {
	f.Drain()
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails
	m.mails = nil
	return mails
}

// one gives the one mail that came.
func (m *mailbox) one(f *fixture) Mail {
	f.t.Helper()
	mails := m.taken(f)
	if len(mails) != 1 {
		f.t.Fatalf("%d mails came, want one: %v", len(mails), mails)
	}
	return mails[0]
}

func (m *mailbox) subjects(f *fixture) []string {
	var subjects []string
	for _, letter := range m.taken(f) {
		subjects = append(subjects, letter.Subject)
	}
	return subjects
}

var linkInMail = regexp.MustCompile(regexp.QuoteMeta(testURL) + `/(confirm|reset)\?\S+`)

// link is what the link of a mail carries, as the body of a request.
func (f *fixture) link(letter Mail, more ...any) string {
	f.t.Helper()
	u, err := url.Parse(linkInMail.FindString(letter.Text))
	if err != nil || u.Query().Get("token") == "" {
		f.t.Fatalf("no link in %q", letter.Text)
	}
	return object(append([]any{"token", u.Query().Get("token"), "tokenId", u.Query().Get("tokenId")}, more...)...)
}

const (
	confirmRest     = "/auth/providers/local-userpass/confirm"
	confirmSendRest = confirmRest + "/send"
	resetRest       = "/auth/providers/local-userpass/reset"
	resetSendRest   = resetRest + "/send"
)

// confirmed is an account whose owner has followed the link.
func (f *fixture) confirmed(box *mailbox, email string) loginAnswer {
	f.t.Helper()
	f.register(email, testPassword)
	f.do("POST", appPath(confirmRest), "", f.link(box.one(f))).want(200)
	f.clock.advance(accountGap)
	return f.login(email, testPassword)
}

func TestThereIsAMailAboutAKeyAndAboutADevice(t *testing.T) {
	f, box := newMailFixture(t)
	session := f.confirmed(box, "ana@example.org")

	f.createKey(session, "porch-cam")
	made := box.one(f)
	if made.To != "ana@example.org" || made.Subject != "A key was made: porch-cam" {
		t.Errorf("mail to %q about %q", made.To, made.Subject)
	}
	for _, want := range []string{"When: " + f.clock.Now().UTC().Format("2 January 2006, 15:04 UTC"), "From: 192.0.2.1\n", testURL + "\n", "Activity"} {
		if !strings.Contains(made.Text, want) {
			t.Errorf("the mail lacks %q: %s", want, made.Text)
		}
	}

	req := newRequest(http.MethodPost, keysPath, object("name", "garage-pi"))
	req.Header.Set("Authorization", "Bearer "+session.RefreshToken)
	req = req.WithContext(WithOrigin(req.Context(), model.Origin{Address: "198.51.100.7", Agent: "Visit evil.example", Pairing: "a device"}))
	f.send(req).want(http.StatusCreated)
	paired := box.one(f)
	if paired.Subject != "A device was connected: garage-pi" || !strings.Contains(paired.Text, "From: 198.51.100.7\n") {
		t.Errorf("mail about %q: %s", paired.Subject, paired.Text)
	}
	if strings.Contains(paired.Text, "evil") {
		t.Error("what a program calls itself is in the mail")
	}
}

func TestAMailThatTellsOfSomethingHasNoLinkThatDoesAnything(t *testing.T) {
	f, box := newMailFixture(t)
	session := f.confirmed(box, "ana@example.org")
	f.createKey(session, "porch-cam")
	f.do("PUT", passwordPath, session.RefreshToken, object("current_password", testPassword, "new_password", "another battery")).want(204)
	mails := box.taken(f)
	if len(mails) != 2 {
		t.Fatalf("%d mails", len(mails))
	}
	for _, letter := range mails {
		for _, address := range regexp.MustCompile(`https?://\S+`).FindAllString(letter.Text, -1) {
			if address != testURL {
				t.Errorf("%s: leads to %s", letter.Subject, address)
			}
		}
	}
}

func TestNobodyIsToldOfWhatWasRefused(t *testing.T) {
	f, box := newMailFixture(t)
	session := f.confirmed(box, "ana@example.org")
	f.createKey(session, "porch-cam")
	box.taken(f)
	f.do("POST", keysPath, session.RefreshToken, object("name", "porch-cam")).want(409)
	f.do("PUT", passwordPath, session.RefreshToken, object("current_password", "not this one", "new_password", "another battery")).want(403)
	if subjects := box.subjects(f); len(subjects) > 0 {
		t.Errorf("mails about %q", subjects)
	}
}

// A mail server that is down keeps nobody from anything, and the log does not say whose mail it was.
func TestAnActSucceedsWhoseMailCannotBeSent(t *testing.T) {
	f, box := newMailFixture(t)
	session := f.confirmed(box, "ana@example.org")
	box.fail = errors.New("the mail server is on fire")
	f.createKey(session, "porch-cam")
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	f.do("POST", appPath(registerRest), "", object("email", "bob@example.org", "password", testPassword)).want(201)
	f.Drain()
	logs := f.logs.String()
	if strings.Count(logs, "on fire") != 3 || strings.Contains(logs, "@example.org") {
		t.Errorf("logged %s", logs)
	}
}

func TestAnAccountThatIsNoAddressGetsNoMail(t *testing.T) {
	f := newFixture(t)
	session := f.signUp("not an address")
	box := &mailbox{}
	f.cfg.Mailer = box // given to it later, as after a restart with --smtp
	f.createKey(session, "porch-cam")
	if mails := box.taken(f); len(mails) > 0 {
		t.Errorf("sent %v", mails)
	}
	for _, email := range []string{"", "not an address", "Ana <ana@example.org>", "a@example.org\r\nBcc: b@example.org", "a@b\x00c.org"} {
		if mailable(email) {
			t.Errorf("%q is taken for an address", email)
		}
		f.do("POST", appPath(registerRest), "", object("email", email, "password", testPassword)).want(400).says("email invalid", "BadRequest")
		f.do("POST", appPath(resetSendRest), "", object("email", email)).want(400).says("email invalid", "BadRequest")
	}
}

func TestMailsAreLimitedByWhoGetsThemAndByWhoAsks(t *testing.T) {
	clock := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	l := newMailLimits(clock.Now)
	for i := range accountMails {
		if wait := l.take("ana@example.org", "192.0.2.1"); wait != 0 {
			t.Fatalf("mail %d has to wait %s", i+1, wait)
		}
		if wait := l.take(" ANA@example.org", "192.0.2.2"); i < accountMails-1 && wait != accountGap {
			t.Fatalf("the next at once waits %s, want %s", wait, accountGap)
		}
		clock.advance(accountGap)
	}
	if wait, want := l.take("ana@example.org", "192.0.2.3"), mailStretch-accountMails*accountGap; wait != want {
		t.Errorf("the sixth in an hour waits %s, want %s", wait, want)
	}
	clock.advance(mailStretch)
	for i := range addressMails {
		if wait := l.take(strings.Repeat("x", i+1)+"@example.org", "2001:db8::1"); wait != 0 {
			t.Fatalf("mail %d of the address has to wait %s", i+1, wait)
		}
	}
	if wait := l.take("other@example.org", "2001:db8::2"); wait != mailStretch { // of the same household
		t.Errorf("one more of the address waits %s", wait)
	}
	if wait := l.take("other@example.org", "2001:db8:0:1::1"); wait != 0 {
		t.Errorf("another address waits %s", wait)
	}
}

func TestWhatIsRememberedOfMailsIsBounded(t *testing.T) {
	clock := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	l := newMailLimits(clock.Now)
	remembered := func() int { return l.accounts.Len() + l.addresses.Len() }
	through := func(kind string, asks int) (taken int) {
		for i := range asks {
			if l.take(kind+itoa(i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)) == 0 {
				taken++
			}
		}
		return taken
	}
	if taken := through("first", 2*maxMailed); taken != maxMailed/2 || remembered() != maxMailed {
		t.Fatalf("%d are remembered, %d mails taken", remembered(), taken)
	}
	// Now it is full. Whoever has asked before goes on, and a stranger waits.
	if wait := l.take("ana@example.org", "10.0.0.1"); wait > 0 {
		t.Errorf("an address that has asked before waits %s", wait)
	}
	if wait := l.take("ana@example.org", "192.0.2.1"); wait != accountGap {
		t.Errorf("a stranger waits %s, want %s", wait, accountGap)
	}
	for i := range addressMails + 1 { // what the addresses have left is all that there is
		through("more"+itoa(i)+"-", 2*maxMailed)
	}
	if most := maxMailed / 2 * (1 + addressMails); remembered() != most {
		t.Errorf("%d are remembered in the end, want %d", remembered(), most)
	}
	clock.advance(mailStretch)
	if wait := l.take("ana@example.org", "192.0.2.1"); wait > 0 || remembered() != 2 || l.accounts.Len() != 1 {
		t.Errorf("after an hour: %s, %d and %d remembered", wait, remembered(), l.accounts.Len())
	}
}

func itoa(n int) string { return strings.TrimSuffix(time.Duration(n).String(), "ns") }

func TestEveryMailIsPlainTextWithAnEnd(t *testing.T) {
	l, c := Letters{testURL}, Circumstances{time.Now(), "192.0.2.1"}
	letters := []Mail{
		l.Confirm("a@b.org", "LINK"), l.Reset("a@b.org", "LINK", c), l.KeyMade("a@b.org", "k", c), l.Paired("a@b.org", "k", c),
		l.PasswordChanged("a@b.org", c), l.PasswordReset("a@b.org", c),
	}
	for _, letter := range letters {
		if letter.To != "a@b.org" || letter.Subject == "" || strings.ContainsAny(letter.Text, "<>\r") || !strings.HasSuffix(letter.Text, ".\n") && !strings.HasSuffix(letter.Text, testURL+"\n") {
			t.Errorf("%+v", letter)
		}
	}
	if slices.ContainsFunc(letters[2:], func(m Mail) bool { return !strings.Contains(m.Text, "If this was not you") }) {
		t.Error("a notice does not say what to do")
	}
}
