package servicetest

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func comingIn() []contract {
	return []contract{
		{"whoever has created an account signs in, in a session of their own each time", signsIn},
		{"an account is named by every spelling of its address in which people see no difference, and none is guessed", named},
		{"an address has one account, whose password stays", addressIsTaken},
		{"an account gets no password that is too short or too common, and is told why", badPassword},
		{"a wrong password and an account that is none are answered alike", answeredAlike},
		{"tries are counted, whoever has an account, and forgiven after the wait", triesAreCounted},
		{"a known browser is not held up by the tries of others", knownBrowser},
	}
}

func signsIn(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	other := p.again(t)
	if p.id() == "" || p.id() != other.id() || p.account.Email != other.account.Email {
		t.Errorf("the same person is %+v and %+v", p.id(), other.id())
	}
	if p.account.SessionID == other.account.SessionID || p.account.SessionID == "" {
		t.Errorf("two sign-ins share the session %q", p.account.SessionID)
	}
	if stranger := newPerson(t, s); stranger.id() == p.id() {
		t.Error("two people are the same user")
	}
	p.goesOn(t, true)
	p.writes(t, func() { p.again(t) }, "signed-in")
}

func named(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	stranger := newEmail()
	names := map[string]string{p.account.Email: p.account.Email, " " + p.account.Email + " ": p.account.Email, stranger: stranger, " " + stranger: stranger}
	if !s.NoSpellings {
		names[strings.ToUpper(p.account.Email)] = p.account.Email
		names["\u200e"+p.account.Email] = p.account.Email
	}
	for typed, want := range names {
		got, err := s.Service.Named(t.Context(), typed)
		must(t, err)
		if got != want {
			t.Errorf("%+q names %+q, want %+q", typed, got, want)
		}
	}
	if s.NoSpellings {
		return
	}
	capitals := strings.ToUpper(p.account.Email)
	s.Advance(sentAgain)
	is(t, s.Service.Register(t.Context(), here, capitals, goodPassword), model.KindEmailTaken)
	program := here
	program.Actor = model.ActorApp
	s.Advance(sentAgain)
	must(t, s.Service.Register(t.Context(), program, capitals, goodPassword))
	if s.Link != nil {
		_, err := s.Service.UseLink(t.Context(), here, s.Link(t, capitals), goodPassword)
		must(t, err)
	}
	for typed, want := range map[string]string{capitals: capitals, p.account.Email: p.account.Email} {
		if got, err := s.Service.Named(t.Context(), typed); err != nil || got != want {
			t.Errorf("%+q names %+q, %v", typed, got, err)
		}
	}
	neither := "\u200b" + p.account.Email
	if got, err := s.Service.Named(t.Context(), neither); err != nil || got != neither {
		t.Errorf("%+q could be two, and names %+q, %v", neither, got, err)
	}
}

func addressIsTaken(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	s.Advance(sentAgain)
	is(t, s.Service.Register(t.Context(), here, p.account.Email, wrongPassword), model.KindEmailTaken)
	_, err := s.Service.SignIn(t.Context(), here, p.account.Email, wrongPassword)
	is(t, err, model.KindWrongPassword)
	p.again(t)
}

func badPassword(t testing.TB, s Tenant) {
	email := newEmail()
	for _, password := range []model.Secret{"", "short", "password1"} {
		err := s.Service.Register(t.Context(), here, email, password)
		is(t, err, model.KindBadPassword)
		saysWhy(t, err)
		_, err = s.Service.SignIn(t.Context(), here, email, password)
		is(t, err, model.KindWrongPassword)
	}
	register(t, s, email, goodPassword)
}

func answeredAlike(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	var said []model.Error
	for _, email := range []string{p.account.Email, newEmail()} {
		a, err := s.Service.SignIn(t.Context(), here, email, wrongPassword)
		is(t, err, model.KindWrongPassword)
		if a != (model.Account{}) {
			t.Errorf("%q is signed in", a.UserID)
		}
		e, ok := err.(*model.Error) //nolint:errorlint // Service promises the type itself
		if !ok {
			t.Fatalf("the error is a %T", err)
		}
		said = append(said, model.Error{Kind: e.Kind, Reason: e.Reason, Wait: e.Wait, Outcome: e.Outcome})
	}
	if said[0] != said[1] {
		t.Errorf("a wrong password is answered %+v, and no account %+v", said[0], said[1])
	}
}

// guess is a try of an account with a wrong password.
func guess(t testing.TB, s Tenant, email string) func() error {
	return func() error {
		_, err := s.Service.SignIn(t.Context(), here, email, wrongPassword)
		return err
	}
}

func triesAreCounted(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	right := func() error {
		_, err := s.Service.SignIn(t.Context(), here, p.account.Email, p.password)
		return err
	}
	for range 20 {
		must(t, right()) // which counts for nothing
	}
	tries, wait := tooMany(t, guess(t, s, p.account.Email))
	is(t, right(), model.KindTooManyTries)
	if nobodys, _ := tooMany(t, guess(t, s, newEmail())); nobodys != tries {
		t.Errorf("an account has %d tries, and none %d", tries, nobodys)
	}
	must(t, waits(t, s, wait, right))
}

func knownBrowser(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	tooMany(t, guess(t, s, p.account.Email))
	from := here
	from.KnownBrowser = "the browser of before"
	if _, err := s.Service.SignIn(t.Context(), from, p.account.Email, p.password); err != nil {
		t.Errorf("its owner is locked out: %v", err)
	}
	tooMany(t, func() error { // which does not help whoever guesses in it
		_, err := s.Service.SignIn(t.Context(), from, p.account.Email, wrongPassword)
		return err
	})
}

func links() []contract {
	return []contract{
		{"an address is confirmed with what was sent to it, before anybody signs in", confirms},
		{"a password is chosen with a link, once, and ends all sessions", resets},
		{"a link is sent whoever has an account, or never", sends},
		{"what is no link, or is for something else, does nothing", noLink},
	}
}

// sentAgain is after emails to the same address may follow each other.
const sentAgain = 2 * time.Minute

// uses has a link do what it is for. It may be said whose it was: nobody's but that account's, or whoever has a link of their own is
// taken for somebody else.
func uses(t testing.TB, s Tenant, link model.GivenLink, password model.Secret, whose string) error {
	t.Helper()
	email, err := s.Service.UseLink(t.Context(), here, link, password)
	if email != "" && email != whose {
		t.Errorf("the link is said to be of %q, and was of %q", email, whose)
	}
	return err
}

// looksAt asks whose a link is of somebody who has a password. A service need not know.
func looksAt(t testing.TB, s Tenant, link model.GivenLink, whose string) {
	t.Helper()
	email, first, err := s.Service.LinkOwner(t.Context(), link)
	if err != nil || first || email != "" && email != whose {
		t.Errorf("the link is said to be of %q, who was invited: %v, %v; it is of %q, who has a password", email, first, err, whose)
	}
}

func confirms(t testing.TB, s Tenant) {
	if s.Link == nil {
		return
	}
	email := newEmail()
	must(t, s.Service.Register(t.Context(), here, email, goodPassword))
	_, err := s.Service.SignIn(t.Context(), here, email, goodPassword)
	is(t, err, model.KindUnconfirmed)
	is(t, guess(t, s, email)(), model.KindWrongPassword)
	s.Advance(sentAgain)
	must(t, s.Service.SendLink(t.Context(), here, model.LinkConfirm, email))
	link := s.Link(t, email)
	must(t, uses(t, s, link, goodPassword, email))
	signIn(t, s, email, goodPassword)
	is(t, uses(t, s, link, goodPassword, ""), model.KindBadLink)
}

func resets(t testing.TB, s Tenant) {
	if s.Link == nil {
		return
	}
	p := newPerson(t, s)
	s.Advance(sentAgain)
	must(t, s.Service.SendLink(t.Context(), here, model.LinkReset, p.account.Email))
	link := s.Link(t, p.account.Email)
	p.goesOn(t, true)
	looksAt(t, s, link, p.account.Email)
	err := uses(t, s, link, "short", "")
	is(t, err, model.KindBadPassword)
	saysWhy(t, err)
	must(t, uses(t, s, link, "another horse battery", p.account.Email))
	p.goesOn(t, false)
	_, err = s.Service.SignIn(t.Context(), here, p.account.Email, p.password)
	is(t, err, model.KindWrongPassword)
	is(t, uses(t, s, link, "one more horse battery", ""), model.KindBadLink)
	signIn(t, s, p.account.Email, "another horse battery")
}

func sends(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	s.Advance(sentAgain)
	for _, purpose := range []string{model.LinkConfirm, model.LinkReset} {
		for _, email := range []string{p.account.Email, newEmail()} {
			err := s.Service.SendLink(t.Context(), here, purpose, email)
			if s.Link == nil && (err != nil || purpose == model.LinkReset) { // elsewhere, every address may be said to be confirmed
				is(t, err, model.KindNoEmail)
			} else if err != nil {
				t.Errorf("%s: %v", purpose, err)
			}
		}
		s.Advance(sentAgain)
	}
}

func noLink(t testing.TB, s Tenant) {
	for _, purpose := range []string{model.LinkConfirm, model.LinkReset} {
		for _, id := range []string{"", "1", "0123456789abcdef01234567"} {
			for _, token := range []model.Secret{"", "0123"} {
				link := model.GivenLink{Purpose: purpose, ID: id, Token: token}
				is(t, uses(t, s, link, goodPassword, ""), model.KindBadLink)
				if email, first, err := s.Service.LinkOwner(t.Context(), link); email != "" || first || err != nil && !model.Is(err, model.KindBadLink) {
					t.Errorf("what is no link is said to be of %q, who was invited: %v, %v", email, first, err)
				}
			}
		}
	}
	if s.Link == nil {
		return
	}
	email := newEmail()
	must(t, s.Service.Register(t.Context(), here, email, goodPassword))
	link := s.Link(t, email)
	link.Purpose = model.LinkReset
	is(t, uses(t, s, link, wrongPassword, ""), model.KindBadLink)
	_, err := s.Service.SignIn(t.Context(), here, email, goodPassword)
	is(t, err, model.KindUnconfirmed)
}
