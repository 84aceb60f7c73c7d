package accounts

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/openid"
	"latchkey/internal/testkit"
)

const (
	acme     = "acme"
	verifier = "a-verifier-that-is-long-enough-for-anybody-who-asks"
)

// connected is accounts with a provider at which people sign in.
type connected struct {
	*fixture
	provider *testkit.Provider
	mails    *mailbox
}

func newConnected(t *testing.T, change ...func(*Config)) *connected {
	t.Helper()
	c := &connected{mails: &mailbox{}}
	clock := testkit.NewClock(testkit.LongAgo)
	c.provider = testkit.NewProvider(t, clock.Now)
	c.fixture = newFixture(t, append([]func(*Config){func(cfg *Config) {
		cfg.Now = clock.Now
		cfg.SessionTime = 24 * time.Hour
		cfg.OpenID = []OpenIDProvider{{OpenID: model.OpenID{ID: acme, Name: "Acme"}, Identities: "openid:acme", NewUsers: true}}
	}}, change...)...)
	c.clock = clock
	identities := c.cfg.OpenID[0].Identities
	c.cfg.OpenIDFlows = openid.New(testURL, clock.Now, openid.Provider{
		OpenID: c.cfg.OpenID[0].OpenID, Issuer: c.provider.URL, ClientID: c.provider.ClientID, Secret: c.provider.ClientSecret, Identities: identities,
	})
	c.cfg.Mailer = c.mails // only now: those who register in tests need not confirm their addresses
	return c
}

// registers creates an account with a confirmed address.
func (c *connected) registers(email string) model.Account {
	c.t.Helper()
	c.Drain() // emails that are on their way look for it
	c.cfg.Mailer = nil
	defer func() { c.cfg.Mailer = c.mails }()
	return c.signUp(email)
}

// visits goes to the provider, where somebody is signed in, and gives what the browser returns with.
func (c *connected) visits(fresh bool) model.OpenIDReturn {
	c.t.Helper()
	address, err := c.BeginOpenID(c.t.Context(), acme, model.OpenIDAsk{State: "state", Nonce: "nonce", Verifier: verifier, Fresh: fresh})
	if err != nil {
		c.t.Fatal(err)
	}
	answer := c.provider.Visit(c.t, address).Query()
	return model.OpenIDReturn{Code: model.Secret(answer.Get("code")), Verifier: verifier, Nonce: "nonce", Issuer: answer.Get("iss"), Error: answer.Get("error")}
}

func (c *connected) returns() (model.Arrived, error) {
	c.t.Helper()
	return c.ReturnOpenID(c.t.Context(), here, acme, c.visits(false))
}

// arrives is somebody who is signed in by it.
func (c *connected) arrives() model.Account {
	c.t.Helper()
	arrived, err := c.returns()
	if err != nil || arrived.Account.UserID == "" {
		c.t.Fatalf("arrived as %+v, %v", arrived.Account, err)
	}
	return arrived.Account
}

// person is what somebody can do who has confirmed that it is they.
func (c *connected) person(who model.Account) *Person {
	from := here
	from.Confirmed = true
	return c.As(who, from)
}

// happened is what was recorded of a user, in a few words.
func (c *connected) happened(userID string) (list []string) {
	for _, e := range c.written(userID) {
		list = append(list, strings.TrimSpace(string(e.Kind)+" "+e.Detail))
	}
	return list
}

func (c *connected) wantHappened(userID string, want ...string) {
	c.t.Helper()
	if got := c.happened(userID); !slices.Equal(got, want) {
		c.t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestSomebodyNewAtAProviderGetsAnAccountAndIsTheSameNextTime(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	first := c.arrives()
	session, err := c.store.AuthSession(t.Context(), first.SessionID)
	if err != nil || session.Provider != "openid:acme" || session.ExpiresAt.Sub(session.CreatedAt) != 24*time.Hour || !session.ProvedAt.Equal(c.clock.Now()) {
		t.Errorf("its session is %+v, %v", session, err)
	}
	if first.Email != "" || first.Name != "ada@example.org" || !first.Ends.Equal(session.ExpiresAt) || first.Unproved {
		t.Errorf("signed in as %#v", first.Name)
	}
	// The address there is another's by now, which changes nothing.
	bob := c.registers("bob@example.org")
	c.provider.SignIn(testkit.ProviderPerson{Subject: "ada-at-acme", Email: "bob@example.org", Verified: true, Name: "Ada"})
	if again := c.arrives(); again.UserID != first.UserID || again.UserID == bob.UserID || again.Name != "bob@example.org" {
		t.Errorf("back as %s, not as %s", again.UserID, first.UserID)
	}
	c.wantHappened(first.UserID, "account-made with Acme", "signed-in with Acme", "signed-in with Acme")

	key, err := c.person(first).CreateKey(t.Context(), model.NewKey{Name: "porch-cam"})
	if err != nil || key.Value == "" {
		t.Errorf("a person without a password creates no key: %v", err)
	}
	if mails := c.mails.taken(c.fixture); len(mails) != 1 || mails[0].To != "bob@example.org" { // what the provider said last
		t.Errorf("sent %+v", mails)
	}

	if err := c.store.DisableUser(t.Context(), first.UserID, c.clock.Now()); err != nil {
		t.Fatal(err)
	}
	_, err = c.returns()
	is(t, err, model.KindDisabled)
}

func TestAnAddressOfAnAccountIsConnectedByItsPasswordOnceAndNeverSilently(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	ada := c.registers("Ada@example.org") // which people see no difference from
	bob := c.registers("bob@example.org")
	c.mails.taken(c.fixture)
	arrived, err := c.returns()
	same := arrived.Same
	if err != nil || arrived.Account.UserID != "" || same.Email != "Ada@example.org" || !same.Until.Equal(c.clock.Now().Add(10*time.Minute)) {
		t.Fatalf("arrived %v, %v", arrived.Account, err)
	}
	connect := func(ticket, password model.Secret) (model.Account, error) {
		return c.ConnectOpenID(t.Context(), here, ticket, password)
	}
	for ticket, kind := range map[model.Secret]model.Kind{"": model.KindBadLink, "another": model.KindBadLink, same.Ticket: model.KindWrongPassword} {
		_, err := connect(ticket, "not the password")
		is(t, err, kind)
	}
	who, err := connect(same.Ticket, testPassword)
	if err != nil || who.UserID != ada.UserID || who.Provider != "openid:acme" || who.Unproved {
		t.Fatalf("connected to %v, %v", who, err)
	}
	_, err = connect(same.Ticket, testPassword)
	is(t, err, model.KindBadLink)
	if next := c.arrives(); next.UserID != ada.UserID {
		t.Errorf("the next time as %v, and not %v", next, ada)
	}
	c.wantHappened(ada.UserID, "account-made", "signed-in", "sign-in-failed wrong password", "identity-linked with Acme", "signed-in with Acme", "signed-in with Acme")
	mails := c.mails.taken(c.fixture)
	if len(mails) != 1 || mails[0].To != "Ada@example.org" || mails[0].Subject != "Latchkey: Acme was connected" ||
		!strings.Contains(mails[0].Text, "Your account at Acme can now be used to sign in here as you.") {
		t.Errorf("sent %+v", mails)
	}

	// It is good for ten minutes, and a password that was changed meanwhile counts.
	c.provider.SignIn(testkit.ProviderPerson{Subject: "bob-at-acme", Email: "bob@example.org", Verified: true})
	arrived, err = c.returns()
	if err != nil {
		t.Fatal(err)
	}
	c.clock.Advance(10 * time.Minute)
	_, err = connect(arrived.Same.Ticket, testPassword)
	is(t, err, model.KindBadLink)
	c.wantHappened(bob.UserID, "account-made", "signed-in")
}

// Guesses of the password of an account through a provider are guesses like any others.
func TestPasswordsAreGuessedThroughAProviderNoMoreOftenThanOtherwise(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	c.registers("ada@example.org")
	arrived, err := c.returns()
	if err != nil {
		t.Fatal(err)
	}
	refusals := map[model.Kind]int{}
	for range 20 {
		_, err := c.ConnectOpenID(t.Context(), here, arrived.Same.Ticket, "not the password")
		refusals[model.KindOf(err)]++
	}
	if refusals[model.KindWrongPassword] != networkShare || refusals[model.KindTooManyTries] != 20-networkShare {
		t.Errorf("refused %v", refusals)
	}
}

func TestAnAddressThatIsNotKnownToBeTheirsConnectsNobody(t *testing.T) {
	t.Parallel()
	for what, person := range map[string]testkit.ProviderPerson{
		"not verified":      {Subject: "eve", Email: "ada@example.org"},
		"verified as text":  {Subject: "eve", Email: "ada@example.org", Claims: map[string]any{"email_verified": "true"}},
		"of nobody":         {Subject: "eve", Email: "eve@example.org", Verified: true},
		"not confirmed yet": {Subject: "eve", Email: "pending@example.org", Verified: true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newConnected(t)
			ada := c.registers("ada@example.org")
			if err := c.Register(t.Context(), here, "pending@example.org", testPassword); err != nil {
				t.Fatal(err)
			}
			c.provider.SignIn(person)
			if who := c.arrives(); who.UserID == ada.UserID {
				t.Error("signed in as somebody else")
			}
			c.cfg.OpenID[0].NewUsers = false
			person.Subject = "mallory"
			c.provider.SignIn(person)
			if arrived, err := c.returns(); err != nil || arrived != (model.Arrived{}) {
				t.Errorf("without new users: %+v, %v", arrived.Account, err)
			}
		})
	}
}

func TestAccountsByAProviderCountAsRegistrations(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	for range registrationsAtOnce {
		c.registrations.take(here.Address)
	}
	_, err := c.returns()
	is(t, err, model.KindTooManyAccounts)
}

func TestReturnsAreCountedBeforeAProviderIsAsked(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	back := model.OpenIDReturn{Code: "made up", Verifier: "made up", Nonce: "made up"}
	kinds := map[model.Kind]int{}
	for range returnsAtOnce + 5 {
		_, err := c.ReturnOpenID(t.Context(), here, acme, back)
		kinds[model.KindOf(err)]++
	}
	if kinds[model.KindWrongToken] != returnsAtOnce || kinds[model.KindTooManyTries] != 5 {
		t.Errorf("refused %v", kinds)
	}
	_, err := c.ReturnOpenID(t.Context(), here, "other", back)
	is(t, err, model.KindNotFound)
}

func TestAFreshSignInAtTheProviderIsAProofAndAnyOtherIsNone(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	who := c.arrives()
	person := c.As(who, here)
	proofs, err := person.Proofs(t.Context())
	if err != nil || proofs.Password || len(proofs.OpenID) != 1 || proofs.OpenID[0].Name != "Acme" {
		t.Errorf("proofs are %+v, %v", proofs, err)
	}
	c.clock.Advance(time.Hour)
	confirm := func(fresh bool) error { return person.ConfirmOpenID(t.Context(), acme, c.visits(fresh)) }
	if err := confirm(true); err != nil {
		t.Error(err)
	}
	if session, err := c.store.AuthSession(t.Context(), who.SessionID); err != nil || !session.ProvedAt.Equal(c.clock.Now()) {
		t.Errorf("proved at %v, %v", session.ProvedAt, err)
	}
	for _, fault := range []testkit.ProviderFault{testkit.TokenNoTime, testkit.TokenOldTime, testkit.TokenFutureTime} {
		c.provider.Has(fault)
		is(t, confirm(true), model.KindCannotTell)
		if again := c.arrives(); !again.Unproved {
			t.Errorf("%s: a sign-in proves that it is they", fault)
		}
	}
	c.provider.Has()
	c.provider.SignIn(testkit.ProviderPerson{Subject: "ada-at-acme", SignedInAt: c.clock.Now().Add(-6 * time.Minute)}) // signed in there before
	is(t, confirm(false), model.KindCannotTell)
	c.provider.SignIn(testkit.ProviderPerson{Subject: "nobody-here"})
	is(t, confirm(true), model.KindSomebodyElse)
	c.provider.SignIn(testkit.ProviderPerson{Subject: "eve"})
	c.arrives()
	is(t, confirm(true), model.KindSomebodyElse)
	if n := len(slices.DeleteFunc(c.happened(who.UserID), func(e string) bool { return e != "password-confirmed with Acme" })); n != 1 {
		t.Errorf("%d proofs are recorded", n)
	}
}

func TestAProviderIsConnectedAndDisconnectedByThoseWhoAreSignedIn(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	ada := c.registers("ada@example.org")
	_, err := c.As(ada, here).ConnectOpenID(t.Context(), acme, c.visits(true))
	is(t, err, model.KindConfirm)
	way, err := c.person(ada).ConnectOpenID(t.Context(), acme, c.visits(true))
	if err != nil || way.OpenID.Name != "Acme" || way.Name != "ada@example.org" || way.Since.IsZero() {
		t.Fatalf("connected %+v, %v", way, err)
	}
	byAcme := c.arrives()
	ways, err := c.person(ada).Ways(t.Context())
	if err != nil || len(ways) != 2 || ways[0].Removable || !ways[1].Removable || ways[1].OpenID.ID != acme {
		t.Errorf("ways are %+v, %v", ways, err)
	}
	eve := c.registers("eve@example.org")
	_, err = c.person(eve).ConnectOpenID(t.Context(), acme, c.visits(true))
	is(t, err, model.KindIdentityTaken)
	is(t, c.As(eve, here).ConfirmOpenID(t.Context(), acme, c.visits(true)), model.KindSomebodyElse)

	if _, err := c.person(ada).RemoveWay(t.Context(), way.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.store.AuthSession(t.Context(), byAcme.SessionID); err == nil {
		t.Error("what it had opened goes on")
	}
	c.wantHappened(ada.UserID, "account-made", "signed-in", "identity-linked with Acme", "signed-in with Acme", "identity-unlinked with Acme")
	var subjects []string
	for _, m := range c.mails.taken(c.fixture) {
		subjects = append(subjects, m.Subject)
	}
	if !slices.Equal(subjects, []string{"Latchkey: Acme was connected", "Latchkey: Acme was disconnected"}) {
		t.Errorf("sent %q", subjects)
	}

	// The last way in stays, and one of a provider that is not set up any more is none.
	c.provider.SignIn(testkit.ProviderPerson{Subject: "mia"})
	mia := c.arrives()
	ways, err = c.person(mia).Ways(t.Context())
	if err != nil || len(ways) != 1 || ways[0].Removable {
		t.Fatalf("ways are %+v, %v", ways, err)
	}
	_, err = c.person(mia).RemoveWay(t.Context(), ways[0].ID)
	is(t, err, model.KindNotFound)
	c.cfg.OpenID = nil
	if ways, err = c.person(mia).Ways(t.Context()); err != nil || len(ways) != 0 {
		t.Errorf("without the provider ways are %+v, %v", ways, err)
	}
}

// A person is the same by an app and by a browser, and neither changes what the other keeps of them.
func TestAPersonIsTheSameByAppAndByBrowser(t *testing.T) {
	t.Parallel()
	c := newConnected(t, func(cfg *Config) {
		cfg.OpenID[0].Identities = model.ProviderCustomToken
		cfg.NewUsers = map[string]bool{model.ProviderCustomToken: true}
	})
	app := func() model.Session {
		session, err := c.SignInWithToken(t.Context(), here, model.Proved{Provider: model.ProviderCustomToken, Subject: "ada-at-acme", Data: `{"team":"red"}`}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	first, browser, again := app(), c.arrives(), app()
	if browser.UserID != first.UserID || again.UserID != first.UserID {
		t.Errorf("%s, %s and %s are one person", first.UserID, browser.UserID, again.UserID)
	}
	id, err := c.store.IdentityBySubject(t.Context(), model.ProviderCustomToken, "ada-at-acme")
	if err != nil || id.Data != `{"team":"red"}` || id.Email != "ada@example.org" {
		t.Errorf("kept %q and %q, %v", id.Data, id.Email, err)
	}
	c.wantHappened(first.UserID, "account-made with a signed token", "signed-in with a signed token", "signed-in with Acme", "signed-in with a signed token")
}

func TestWithoutPasswordsNobodyGetsInWithOneButToConnectWhatTheyHad(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	ada := c.registers("ada@example.org")
	c.cfg.PasswordsOff = true
	_, err := c.SignIn(t.Context(), here, "ada@example.org", testPassword)
	is(t, err, model.KindNotOffered)
	is(t, c.Register(t.Context(), here, "bob@example.org", testPassword), model.KindRegistrationClosed)
	is(t, c.SendLink(t.Context(), here, model.LinkReset, "ada@example.org"), model.KindNoEmail)
	is(t, c.person(ada).CheckPassword(t.Context(), testPassword), model.KindForbidden)
	is(t, c.person(ada).ChangePassword(t.Context(), testPassword, "another password"), model.KindForbidden)
	_, err = c.person(ada).LinkPassword(t.Context(), "bob@example.org", testPassword)
	is(t, err, model.KindNotOffered)
	arrived, err := c.returns()
	if err != nil {
		t.Fatal(err)
	}
	who, err := c.ConnectOpenID(t.Context(), here, arrived.Same.Ticket, testPassword)
	if err != nil || who.UserID != ada.UserID {
		t.Errorf("connected to %v, %v", who, err)
	}
	ways, err := c.person(who).Ways(t.Context())
	proofs, proofsErr := c.person(who).Proofs(t.Context())
	if err != nil || proofsErr != nil || len(ways) != 1 || ways[0].Removable || proofs.Password {
		t.Errorf("ways are %+v, proofs %+v, %v, %v", ways, proofs, err, proofsErr)
	}
}

// What a provider, or who made up its answer, says is in the log alone, and what is secret is not even there.
func TestWhyASignInAtAProviderFailedIsInTheLog(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	c.provider.Has(testkit.ProviderRefusesAll)
	back := c.visits(false)
	_, err := c.ReturnOpenID(t.Context(), here, acme, back)
	is(t, err, model.KindWrongToken)
	c.provider.Has(testkit.ProviderDown)
	_, err = c.ReturnOpenID(t.Context(), here, acme, c.visitsNobody())
	is(t, err, model.KindNoIssuer)
	logged := c.logs.String()
	for _, part := range []string{"a sign-in with another provider was not finished", "invalid_grant", "another provider does not answer"} {
		if !strings.Contains(logged, part) {
			t.Errorf("%q is not logged:\n%s", part, logged)
		}
	}
	for _, secret := range []string{back.Code.Reveal(), verifier, c.provider.ClientSecret.Reveal(), url.QueryEscape(c.provider.ClientSecret.Reveal())} {
		if strings.Contains(logged, secret) {
			t.Errorf("%s is logged:\n%s", secret, logged)
		}
	}
}

// visitsNobody is what a browser may return with that has not been at the provider.
func (c *connected) visitsNobody() model.OpenIDReturn {
	return model.OpenIDReturn{Code: "made up", Verifier: "made up", Nonce: "made up", Issuer: c.provider.URL}
}

func TestOneOfManyFirstSignInsCreatesTheAccount(t *testing.T) {
	t.Parallel()
	c := newConnected(t)
	const tabs = 5
	var backs [tabs]model.OpenIDReturn
	for i := range backs {
		backs[i] = c.visits(false)
	}
	var users [tabs]string
	testkit.AtOnce(t, tabs, func(ctx context.Context, i int) error {
		arrived, err := c.ReturnOpenID(ctx, here, acme, backs[i])
		users[i] = arrived.Account.UserID
		return err
	})
	for _, user := range users {
		if user == "" || user != users[0] {
			t.Errorf("they are %q", users)
		}
	}
}
