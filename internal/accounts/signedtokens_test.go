package accounts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// ada is what a token says of somebody.
var ada = model.Proved{Provider: model.ProviderGoogle, Subject: "117800000000000000001", Data: `{"email":"ada@example.org"}`}

// withTokens lets new people in with tokens of Google, and nobody with those of Apple.
func withTokens(cfg *Config) {
	cfg.NewUsers = map[string]bool{model.ProviderGoogle: true, model.ProviderApple: false}
}

func (f *fixture) signInWithToken(who model.Proved) model.Session {
	f.t.Helper()
	session, err := f.SignInWithToken(f.t.Context(), here, who, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return session
}

func TestTheSubjectOfATokenIsOneUserForGood(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens, func(cfg *Config) { cfg.Registration = false })
	anonymous, err := f.SignInAnonymously(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := f.signInWithToken(ada)
	if again := f.signInWithToken(ada); again.UserID != first.UserID || again.ID == first.ID {
		t.Errorf("the second sign-in is %+v, the first was %+v", again, first)
	}
	for _, other := range []model.Proved{
		{Provider: ada.Provider, Subject: ada.Subject + " ", Data: ada.Data}, {Provider: ada.Provider, Subject: strings.ToUpper("a" + ada.Subject)},
	} {
		if session := f.signInWithToken(other); session.UserID == first.UserID {
			t.Errorf("%q is the user of %q", other.Subject, ada.Subject)
		}
	}
	var words []string
	for _, e := range f.written(first.UserID) {
		words = append(words, string(e.Kind)+" "+e.Detail)
	}
	if got, want := strings.Join(words, ", "), "account-made with Google, signed-in with Google, signed-in with Google"; got != want {
		t.Errorf("recorded: %s, want %s", got, want)
	}
	for _, nobody := range []model.Proved{{Provider: model.ProviderApple, Subject: ada.Subject}, {Provider: model.ProviderCustomToken, Subject: ada.Subject}} {
		_, err := f.SignInWithToken(t.Context(), here, nobody, nil)
		is(t, err, model.KindRegistrationClosed)
		_, err = f.ofSession(anonymous).LinkToken(t.Context(), nobody) // which would be a way round
		is(t, err, model.KindRegistrationClosed)
		if _, err := f.store.IdentityBySubject(t.Context(), nobody.Provider, nobody.Subject); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: %v", nobody.Provider, err)
		}
	}
	if _, err := f.ofSession(first).LinkToken(t.Context(), model.Proved{Provider: model.ProviderApple, Subject: ada.Subject}); err != nil {
		t.Errorf("a person who is here: %v", err)
	}
}

// ofSession is who has a session.
func (f *fixture) ofSession(s model.Session) *Person {
	return f.As(model.Account{UserID: s.UserID, SessionID: s.ID, IdentityID: s.IdentityID, Provider: s.Provider}, here)
}

// An issuer need not have seen to it that an address is theirs who says so.
func TestNobodyIsFoundByTheAddressInAToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	owner := f.signUp("ada@example.org")
	for _, subject := range []string{ada.Subject, "ada@example.org", owner.UserID, owner.IdentityID} {
		who := ada
		who.Subject = subject
		if session := f.signInWithToken(who); session.UserID == owner.UserID {
			t.Errorf("the subject %q is the owner of the address", subject)
		}
	}
}

func TestFirstSignInsAtOnceAreOneUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	var mu sync.Mutex
	users := map[string]int{}
	testkit.AtOnce(t, 20, func(ctx context.Context, _ int) error {
		session, err := f.SignInWithToken(ctx, here, ada, nil)
		mu.Lock()
		defer mu.Unlock()
		users[session.UserID]++
		return err
	})
	if n, _, err := f.store.CountUsers(t.Context()); len(users) != 1 || n != 1 || err != nil {
		t.Errorf("sign-ins by user: %v; %d users, %v", users, n, err)
	}
}

func TestWhatATokenSaysIsWrittenWhenItHasChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	f.signInWithToken(ada)
	same := f.asked(func() { f.signInWithToken(ada) })
	if same.Reads != 1 || same.Writes != 1 {
		t.Errorf("the same again took %+v, want one read and one write", same)
	}
	who := ada
	for _, data := range []string{`{"email":"ada@example.com"}`, ""} {
		who.Data = data
		session := f.signInWithToken(who)
		p, err := f.Profile(t.Context(), session.UserID)
		if err != nil || len(p.Identities) != 1 || p.Identities[0].Data != data {
			t.Errorf("got %+v, %v, want %s", p, err, data)
		}
	}
}

func TestADisabledUserDoesNotSignInWithAToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	first := f.signInWithToken(ada)
	if _, _, err := f.Disable(t.Context(), first.UserID); err != nil {
		t.Fatal(err)
	}
	_, err := f.SignInWithToken(t.Context(), here, ada, nil)
	is(t, err, model.KindDisabled)
	events := f.written(first.UserID)
	if last := events[len(events)-1]; last.Kind != model.EventSignInFailed || last.Detail != model.ReasonDisabled {
		t.Errorf("recorded: %+v", last)
	}
	if _, _, err := f.Enable(t.Context(), first.UserID); err != nil {
		t.Fatal(err)
	}
	f.signInWithToken(ada)
}

func TestAccountsOfTokensAreCountedAsRegistrationsAre(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	f.signInWithToken(ada)
	for range registrationsAtOnce - 1 {
		if _, err := f.SignInAnonymously(t.Context(), here, nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.SignInWithToken(t.Context(), here, model.Proved{Provider: ada.Provider, Subject: "another"}, nil)
	is(t, err, model.KindTooManyAccounts)
	f.signInWithToken(ada) // who has one
}

// The export of App Services has what a provider calls somebody as the id of their identity.
func TestAnImportedUserIsBackWithTheirIDAndKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens, func(cfg *Config) { cfg.NewUsers = nil })
	before := f.clock.Now().AddDate(-4, 0, 0)
	u := model.User{ID: "62d1f2a3b4c5d6e7f8091a2b", CreatedAt: before}
	id := model.Identity{ID: model.NewID(f.clock.Now()), UserID: u.ID, Provider: ada.Provider, Subject: ada.Subject, CreatedAt: before}
	if err := f.Import(t.Context(), u, []model.Identity{id}); err != nil {
		t.Fatal(err)
	}
	session := f.signInWithToken(ada)
	who := model.Account{UserID: session.UserID, SessionID: session.ID, IdentityID: session.IdentityID, Provider: session.Provider}
	if session.UserID != u.ID {
		t.Fatalf("the user is %s, and was %s", session.UserID, u.ID)
	}
	f.newKey(who, "porch-cam")
	if keys, err := f.As(who, here).Keys(t.Context()); err != nil || len(keys.List) != 1 {
		t.Errorf("keys %+v, %v", keys, err)
	}
	for range 2 {
		f.signInWithToken(ada)
	}
	if log := f.logs.String(); strings.Count(log, "signed in with tokens") != 2 || !strings.Contains(log, `"as imported users":2`) {
		t.Errorf("the log: %s", log)
	}
}

func TestAUserWithAPasswordAndATokenIsOneUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	u := model.User{ID: model.NewID(f.clock.Now()), CreatedAt: f.clock.Now()}
	email := model.Identity{
		ID: model.NewID(f.clock.Now()), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: "ada@example.org", PasswordHash: testkit.PasswordHash, CreatedAt: u.CreatedAt,
	}
	google := model.Identity{ID: model.NewID(f.clock.Now()), UserID: u.ID, Provider: ada.Provider, Subject: ada.Subject, CreatedAt: u.CreatedAt}
	facebook := model.Identity{ID: model.NewID(f.clock.Now()), UserID: u.ID, Provider: "oauth2-facebook", Subject: "17", CreatedAt: u.CreatedAt}
	if err := f.Import(t.Context(), u, []model.Identity{email, google, facebook}); err != nil {
		t.Fatal(err)
	}
	byToken := f.signInWithToken(ada)
	who, err := f.SignIn(t.Context(), here, "ada@example.org", testPassword)
	if err != nil || who.UserID != byToken.UserID {
		t.Fatalf("by password %s, %v, by token %s", who.UserID, err, byToken.UserID)
	}
	p := f.As(who, here)
	if ways, err := p.Ways(t.Context()); err != nil || len(ways) != 2 || ways[0].Name != email.Subject || ways[1].Provider != ada.Provider {
		t.Errorf("they sign in by %+v, %v", ways, err)
	}
	if err := p.ChangePassword(t.Context(), testPassword, "another battery staple"); err != nil {
		t.Error(err)
	}
	if _, err := f.Session(t.Context(), byToken.ID); !model.Is(err, model.KindSessionOver) {
		t.Errorf("a session from before the change: %v", err)
	}
	f.signInWithToken(ada) // which is no password
	found, err := f.Find(t.Context(), "ada@example.org")
	if id, ok := found.Password(); err != nil || !ok || id.ID != email.ID || len(found.Identities) != 3 {
		t.Errorf("found %+v, %v", found, err)
	}
}

// Somebody who signs in with a token has no password to confirm, or to change.
func TestASessionOfATokenHasNoPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	session := f.signInWithToken(ada)
	p := f.ofSession(session)
	for range 20 { // nor are its tries counted
		is(t, p.CheckPassword(t.Context(), ""), model.KindForbidden)
		is(t, p.ChangePassword(t.Context(), "", "another battery"), model.KindForbidden)
	}
	if err := p.DeleteAccount(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := f.Profile(t.Context(), session.UserID); !model.Is(err, model.KindSessionOver) {
		t.Errorf("the account is there: %v", err)
	}
}
