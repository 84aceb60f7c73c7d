package accounts

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestWhyNobodyIsRegistered(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("a@example.org")
	f.confirm(box.taken(f)[0], testPassword)
	for name, c := range map[string]struct {
		email, password string
		kind            model.Kind
		reason          string
		wait            time.Duration
	}{
		"no address":           {"not an address", testPassword, model.KindBadEmail, "", 0},
		"a short password":     {"b@example.org", "short", model.KindBadPassword, "password must be between 8 and 128 characters", 0},
		"a common one":         {"b@example.org", "iloveyou", model.KindBadPassword, "password is on the list that attackers try first", 0},
		"the address as one":   {"b@example.org", "b@example.org", model.KindBadPassword, "password must not be the email address", 0},
		"an email a while ago": {"a@example.org", testPassword, model.KindTooManyEmails, "", accountGap},
	} {
		err := f.Register(t.Context(), here, c.email, model.Secret(c.password))
		if e, ok := err.(*model.Error); !ok || e.Kind != c.kind || e.Reason != c.reason || e.Wait != c.wait { //nolint:errorlint // exactly it
			t.Errorf("%s: %v", name, err)
		}
	}
	f.clock.Advance(accountGap)
	is(t, f.Register(t.Context(), here, "a@example.org", testPassword), model.KindEmailTaken)
}

func TestRegistrationMayBeClosedOrUsedUp(t *testing.T) {
	closed := newFixture(t, func(cfg *Config) { cfg.Registration = false })
	is(t, closed.Register(t.Context(), here, "a@example.org", testPassword), model.KindRegistrationClosed)
	f := newFixture(t)
	for i := range registrationsAtOnce {
		f.register(strconv.Itoa(i) + "@example.org")
	}
	err := f.Register(t.Context(), here, "one@more.example.org", testPassword)
	if e, ok := err.(*model.Error); !ok || e.Kind != model.KindTooManyAccounts || e.Wait != registrationPause { //nolint:errorlint // exactly it
		t.Errorf("%v", err)
	}
	is(t, f.SendLink(t.Context(), here, model.LinkReset, "a@example.org"), model.KindNoEmail)
}

// A stranger who registers an address has nothing when its owner has registered and confirmed it, and nothing from before
// works any more.
func TestAnAddressThatSomebodyElseRegisteredFirstIsItsOwnersAlone(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	const email, theirs, mine = "victim@example.org", model.Secret("mallory knows this"), model.Secret("only I know this")
	mallory := model.Origin{Address: "198.51.100.7", Actor: model.ActorBrowser}
	if err := f.Register(t.Context(), mallory, email, theirs); err != nil {
		t.Fatal(err)
	}
	early := box.taken(f)
	f.clock.Advance(accountGap)
	if err := f.SendLink(t.Context(), mallory, model.LinkReset, email); err != nil {
		t.Fatal(err)
	}
	early = append(early, box.taken(f)...)
	f.clock.Advance(accountGap)
	onItsWay, err := f.verifyPassword(t.Context(), mallory, email, theirs) // a sign-in that is refused, and would be
	is(t, err, model.KindUnconfirmed)
	if err := f.Register(t.Context(), here, email, mine); err != nil {
		t.Fatalf("the owner registers: %v", err)
	}
	letters := box.taken(f)
	if len(letters) != 1 || letters[0].To != email || len(early) != 2 {
		t.Fatalf("%d and %d letters", len(early), len(letters))
	}
	for _, letter := range early {
		_, err := f.UseLink(t.Context(), mallory, f.link(letter), theirs)
		is(t, err, model.KindBadLink)
	}
	f.confirm(letters[0], mine)
	_, err = f.SignIn(t.Context(), mallory, email, theirs)
	is(t, err, model.KindWrongPassword)
	if _, err := f.openSession(t.Context(), mallory, onItsWay, nil); err == nil {
		t.Error("a sign-in of before opens a session")
	}
	if _, err := f.SignIn(t.Context(), here, email, mine); err != nil {
		t.Errorf("the owner: %v", err)
	}
	f.clock.Advance(accountGap) // and now it has an owner
	is(t, f.Register(t.Context(), mallory, email, theirs), model.KindEmailTaken)
	if _, err := f.SignIn(t.Context(), here, email, mine); err != nil {
		t.Errorf("the owner, afterwards: %v", err)
	}
}

// A person who opens the newest email of a registration that is not their own confirms nothing: they do not know its password.
func TestARegistrationThatTheOwnerOfTheAddressDidNotStartNeverBecomesTheirs(t *testing.T) {
	const email, theirs, mine = "victim@example.org", model.Secret("mallory knows this"), model.Secret("only I know this")
	for _, registered := range [][]model.Secret{{theirs}, {mine, theirs}} { // the passwords of those who register, one after the other
		box := &mailbox{}
		f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
		for _, password := range registered {
			f.clock.Advance(accountGap)
			if err := f.Register(t.Context(), here, email, password); err != nil {
				t.Fatal(err)
			}
		}
		letters := box.taken(f)
		newest := f.link(letters[len(letters)-1])
		for _, typed := range []model.Secret{"", mine, model.Secret(strings.Repeat("x", 200))} {
			confirmed, err := f.UseLink(t.Context(), here, newest, typed)
			if is(t, err, model.KindWrongPassword); confirmed != "" {
				t.Errorf("confirmed is %s", confirmed)
			}
		}
		_, err := f.SignIn(t.Context(), here, email, theirs)
		is(t, err, model.KindUnconfirmed)
		f.clock.Advance(accountGap)
		if err := f.Register(t.Context(), here, email, mine); err != nil {
			t.Fatal(err)
		}
		f.confirm(box.taken(f)[0], mine)
		_, err = f.SignIn(t.Context(), here, email, theirs)
		is(t, err, model.KindWrongPassword)
	}
}

// A link is no way to guess a password: a try is one of the account's.
func TestConfirmingIsCountedAsSigningInIs(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("ana@example.org")
	link := f.link(box.taken(f)[0])
	for range networkShare {
		_, err := f.UseLink(t.Context(), here, link, "wrong horse")
		is(t, err, model.KindWrongPassword)
	}
	_, err := f.UseLink(t.Context(), here, link, testPassword)
	is(t, err, model.KindTooManyTries)
}

func TestRegisteringAgainIsCountedAsRegisteringIs(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("a@example.org")
	is(t, f.Register(t.Context(), here, "a@example.org", testPassword), model.KindTooManyEmails)
	for range siteShareOfEmails - 1 {
		f.clock.Advance(accountGap)
		f.register("a@example.org")
	}
	f.clock.Advance(accountGap)
	is(t, f.Register(t.Context(), here, "a@example.org", testPassword), model.KindTooManyEmails)
	if n := len(box.taken(f)); n != siteShareOfEmails {
		t.Errorf("%d letters", n)
	}
}

// An account that an operator has disabled stays disabled when its address is registered again.
func TestRegisteringAgainTurnsNothingOn(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("a@example.org")
	before, changed, err := f.Disable(t.Context(), "a@example.org")
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	box.taken(f)
	f.clock.Advance(accountGap)
	f.register("a@example.org")
	f.confirm(box.taken(f)[0], testPassword)
	_, err = f.SignIn(t.Context(), here, "a@example.org", testPassword)
	is(t, err, model.KindDisabled)
	if after, err := f.Find(t.Context(), "a@example.org"); err != nil || after.ID != before.ID {
		t.Errorf("%+v, %v", after, err)
	}
}
