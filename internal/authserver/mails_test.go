package authserver

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// mailbox takes emails and keeps them.
type mailbox struct {
	mu    sync.Mutex
	mails []accounts.Email
	fail  error
}

func (m *mailbox) Send(_ context.Context, letter accounts.Email) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.mails = append(m.mails, letter)
	}
	return m.fail
}

// newMailFixture is a server that sends emails, and where they go.
func newMailFixture(t *testing.T, change ...func(*Config, *accounts.Config)) (*fixture, *mailbox) {
	t.Helper()
	box := &mailbox{}
	f := newFixture(t, append(change, func(_ *Config, cfg *accounts.Config) { cfg.Mailer = box })...)
	t.Cleanup(f.Drain)
	return f, box
}

// taken gives the emails that came since it was last asked.
func (m *mailbox) taken(f *fixture) []accounts.Email {
	f.Drain()
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails
	m.mails = nil
	return mails
}

// one gives the one email that came.
func (m *mailbox) one(f *fixture) accounts.Email {
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

// link is what the link of an email carries, as the body of a request.
func (f *fixture) link(letter accounts.Email, more ...any) string {
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
	f.clock.Advance(accountGap)
	return f.login(email, testPassword)
}

func TestThereIsAMailAboutAKeyAndAboutADevice(t *testing.T) {
	f, box := newMailFixture(t)
	session := f.confirmed(box, "ana@example.org")

	key := f.createKey(session, "porch-cam")
	made := box.one(f)
	if made.To != "ana@example.org" || made.Subject != "Latchkey: New key: porch-cam" {
		t.Errorf("mail to %q about %q", made.To, made.Subject)
	}
	for _, want := range []string{"When: " + f.clock.Now().UTC().Format("2 January 2006, 15:04 UTC"), "From: 192.0.2.1\n", testURL + "\n", "Activity",
		"The key porch-cam (" + words(key.Value) + ") was created"} {
		if !strings.Contains(made.Text, want) {
			t.Errorf("the mail lacks %q: %s", want, made.Text)
		}
	}

	approval := model.Origin{Address: "198.51.100.7", Agent: "Visit evil.example", Pairing: "a device"}
	created, err := f.inBrowser(session, approval).CreateKey(t.Context(), model.CalledKey("garage-pi"))
	if err != nil {
		t.Fatal(err)
	}
	paired := box.one(f)
	if paired.Subject != "Latchkey: New device: garage-pi" || !strings.Contains(paired.Text, "From: 198.51.100.7\n") ||
		!strings.Contains(paired.Text, "the key garage-pi ("+words(created.Value.Reveal())+") and can sign in") {
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
	f.rules.Mailer = box // given to it later, as after a restart with --smtp
	f.restart(f.store)
	f.createKey(session, "porch-cam")
	if mails := box.taken(f); len(mails) > 0 {
		t.Errorf("sent %v", mails)
	}
	for _, email := range []string{"", "not an address", "Ana <ana@example.org>", "a@example.org\r\nBcc: b@example.org", "a@b\x00c.org"} {
		f.do("POST", appPath(registerRest), "", object("email", email, "password", testPassword)).want(400).says("email invalid", "BadRequest")
		f.do("POST", appPath(resetSendRest), "", object("email", email)).want(400).says("email invalid", "BadRequest")
	}
}

// The answer is that of a new account: an earlier registration has not shown who owns the address.
func TestAnAddressThatNobodyConfirmedIsRegisteredAgain(t *testing.T) {
	f, box := newMailFixture(t)
	const theirs = "mallory knows this"
	f.do("POST", appPath(registerRest), "", object("email", "victim@example.org", "password", theirs)).want(201)
	box.taken(f)
	f.clock.Advance(accountGap)
	again := f.do("POST", appPath(registerRest), "", object("email", "victim@example.org", "password", testPassword)).want(201)
	if len(again.body) > 0 {
		t.Errorf("answered %s", again.body)
	}
	f.do("POST", appPath(confirmRest), "", f.link(box.one(f))).want(200)
	f.do("POST", loginPath("local-userpass"), "", object("username", "victim@example.org", "password", theirs)).want(401)
	f.login("victim@example.org", testPassword)
	f.clock.Advance(accountGap)
	f.do("POST", appPath(registerRest), "", object("email", "victim@example.org", "password", theirs)).want(409)
}
