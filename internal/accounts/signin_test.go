package accounts

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

func TestASignInSucceedsWithoutItsRehash(t *testing.T) {
	f := newFixture(t)
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	f.rehash(t.Context(), here, model.Identity{ID: "x", UserID: "0123456789abcdef01234567"}, "canary")
	if logs := f.logs.String(); !strings.Contains(logs, `"level":"WARN"`) || strings.Contains(logs, "canary") {
		t.Errorf("logged %q", logs)
	}
}

// The identity was read, the account went, the session cannot be opened: the answer is the same as if it had never been.
func TestAnAccountDeletedDuringTheSignInIsUnknown(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	_, value := f.newKey(owner, "pump")
	byPassword, err := f.verifyPassword(t.Context(), here, "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	key, err := f.keyOf(t.Context(), value)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.As(owner, here).DeleteAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = f.openSession(t.Context(), here, byPassword, nil)
	is(t, err, model.KindWrongPassword)
	_, err = f.signInWith(t.Context(), here, key, nil)
	is(t, err, model.KindWrongValue)
}

// A refusal does not wait behind others: the time that an answer takes would tell of the key all the same.
func TestARefusalWaitsOnlyWhenAThousandAreWaiting(t *testing.T) {
	for name, waiting := range map[string]int{"many": maxBackgroundWaiting - 1, "too many": maxBackgroundWaiting} {
		f := newFixture(t)
		owner := f.signUp("a@example.org")
		key, value := f.newKey(owner, "pump")
		person := f.As(owner, here)
		if err := person.SetKey(t.Context(), key.ID, false); err != nil {
			t.Fatal(err)
		}
		refused := func() bool {
			t.Helper()
			key, err := person.Key(t.Context(), key.ID)
			if err != nil {
				t.Fatal(err)
			}
			return !key.Usage.LastRefusal.At.IsZero()
		}
		gate := make(chan struct{})
		f.holdBackground(gate)
		for range waiting {
			f.background.do(func() {})
		}
		_, err := f.SignInWithKey(t.Context(), here, value, nil)
		is(t, err, model.KindWrongValue)
		if got := refused(); got != (waiting == maxBackgroundWaiting) {
			t.Errorf("%s: when it is answered, it is written down: %v", name, got)
		}
		close(gate)
		f.Drain()
		if !refused() {
			t.Errorf("%s: it was never written down", name)
		}
	}
}

func TestWhoSignsInIsTheirAccountInOneSession(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	row, err := f.Session(t.Context(), who.SessionID)
	if err != nil || row.UserID != who.UserID || row.IdentityID != who.IdentityID || who.Email != "a@example.org" || who.Token != "" {
		t.Errorf("%+v of %+v, %v", row, who, err)
	}
	events := f.written(who.UserID)
	if last := events[len(events)-1]; last.Kind != model.EventSignedIn || last.Actor != model.ActorBrowser || last.Address != here.Address {
		t.Errorf("written down: %+v", last)
	}
}

func TestNobodySignsInAnonymouslyWhereThatIsOff(t *testing.T) {
	f := newFixture(t, func(cfg *Config) { cfg.Anonymous = false })
	_, err := f.SignInAnonymously(t.Context(), here, nil)
	is(t, err, model.KindNoAnonymous)
}

// Each of them is an account, as one is that is registered.
func TestAnonymousSignInsAreCountedAsRegistrationsAre(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org")
	for range registrationsAtOnce - 1 {
		if _, err := f.SignInAnonymously(t.Context(), here, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // whichever of the two
		_, err := f.SignInAnonymously(t.Context(), here, nil)
		for _, err := range []error{err, f.Register(t.Context(), here, "b@example.org", testPassword)} {
			if e, ok := err.(*model.Error); !ok || e.Kind != model.KindTooManyAccounts || e.Wait != registrationPause { //nolint:errorlint // exactly it
				t.Errorf("%v", err)
			}
		}
	}
	if _, err := f.SignInAnonymously(t.Context(), model.Origin{Address: "203.0.113.9"}, nil); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	f.clock.Advance(registrationPause)
	if _, err := f.SignInAnonymously(t.Context(), here, nil); err != nil {
		t.Errorf("after a pause: %v", err)
	}
}

// What is refused by a count is traced to the account that it was about, and costs the same when there is none.
func TestATryTooManyNamesTheAccountAndIsTheSameWorkWithoutOne(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("a@example.org")
	f.confirm(box.taken(f)[0], testPassword)
	owner, err := f.SignIn(t.Context(), here, "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(email string) error{
		"sign in": func(email string) error {
			_, err := f.SignIn(t.Context(), here, email, "not this one")
			return err
		},
		"ask for a link": func(email string) error { return f.SendLink(t.Context(), here, model.LinkReset, email) },
		"register":       func(email string) error { return f.Register(t.Context(), here, email, testPassword) },
	}
	for name, call := range calls {
		f.clock.Advance(time.Hour)
		var work []store.Stats
		for email, userID := range map[string]string{"a@example.org": owner.UserID, strings.ReplaceAll(name, " ", "-") + "@example.org": ""} {
			for range networkShare {
				if model.Is(call(email), model.KindTooManyEmails) {
					break
				}
			}
			f.Drain()
			if name == "register" && userID == "" { // there is one by now
				continue
			}
			work = append(work, f.asked(func() {
				e, ok := call(email).(*model.Error) //nolint:errorlint // exactly it
				if !ok || e.UserID != userID || e.Wait <= 0 {
					t.Errorf("%s: %+v, want one about %q", name, e, userID)
				}
			}))
		}
		if len(work) == 2 && work[0] != work[1] || work[0].Writes > 0 {
			t.Errorf("%s: %+v", name, work)
		}
	}
}
