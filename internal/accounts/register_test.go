package accounts

import (
	"strconv"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestWhyNobodyIsRegistered(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("a@example.org")
	for name, c := range map[string]struct {
		email, password string
		kind            model.Kind
		reason          string
		wait            time.Duration
	}{
		"no address":           {"not an address", testPassword, model.KindBadEmail, "", 0},
		"a short password":     {"b@example.org", "short", model.KindBadPassword, "password must be between 8 and 128 characters", 0},
		"a common one":         {"b@example.org", "iloveyou", model.KindBadPassword, "password is one of the most common ones, with which guessing begins", 0},
		"the address as one":   {"b@example.org", "b@example.org", model.KindBadPassword, "password must not be the e-mail address", 0},
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
