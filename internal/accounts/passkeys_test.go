package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// addPasskey gives somebody a passkey, and the authenticator that has it.
func (f *fixture) addPasskey(who model.Account, name string) (model.Passkey, *testkit.Authenticator) {
	f.t.Helper()
	a := testkit.NewAuthenticator(f.t, testURL)
	a.Count = 7
	options, challenge, err := f.As(who, here).NewPasskeyOptions(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := f.As(who, here).AddPasskey(f.t.Context(), challenge, name, a.Create(f.t, options))
	if err != nil {
		f.t.Fatal(err)
	}
	return p, a
}

// signInWithPasskey is a sign-in, whose challenge is answered by the authenticator.
func (f *fixture) signInWithPasskey(a *testkit.Authenticator) (model.Account, error) {
	f.t.Helper()
	options, challenge, err := f.PasskeyOptions(f.t.Context(), here)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.SignInWithPasskey(f.t.Context(), here, challenge, a.Sign(f.t, options))
}

// prove is a proof by the authenticator.
func (f *fixture) prove(who model.Account, a *testkit.Authenticator) error {
	f.t.Helper()
	options, challenge, err := f.As(who, here).ProofOptions(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return f.As(who, here).CheckPasskey(f.t.Context(), challenge, a.Sign(f.t, options))
}

// happened are the kinds of what was recorded of somebody, with their details, oldest first.
func (f *fixture) happened(userID string) string {
	var all []string
	for _, e := range f.written(userID) {
		all = append(all, strings.TrimSpace(string(e.Kind)+" "+e.Detail))
	}
	return strings.Join(all, ", ")
}

func TestAPersonSignsInAndProvesWithAPasskeyAndIsToldOfIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	box := &mailbox{}
	owner := f.signUp("owner@example.org")
	f.cfg.Mailer = box
	added, a := f.addPasskey(owner, "  MacBook,\tTouch ID ")
	emails := box.taken(f)
	if len(emails) != 1 || emails[0].Subject != "Latchkey: A passkey was added: MacBook, Touch ID" ||
		!strings.Contains(emails[0].Text, "The passkey MacBook, Touch ID was added to your account. Anyone who holds it can sign in as you.\n") {
		t.Errorf("%+v", emails)
	}
	f.clock.Advance(time.Minute)
	a.Count = 8
	who, err := f.signInWithPasskey(a)
	if err != nil || who.UserID != owner.UserID || who.Email != "owner@example.org" || who.Name != "owner@example.org" ||
		who.Provider != model.ProviderPasskey || who.IdentityID != added.ID {
		t.Fatalf("%#v, %v", who, err)
	}
	session, err := f.Session(t.Context(), who.SessionID)
	if err != nil || !session.ProvedAt.Equal(f.clock.Now()) {
		t.Errorf("%+v, %v", session, err)
	}
	all, err := f.As(who, here).Passkeys(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "MacBook, Touch ID" || !all[0].LastUsedAt.Equal(f.clock.Now()) || all[0].SignCount != 8 ||
		all[0].Elsewhere || !all[0].Removable {
		t.Errorf("%#v, %v", all, err)
	}
	f.clock.Advance(time.Hour)
	proofs, err := f.As(who, here).Proofs(t.Context())
	if err != nil || !proofs.Passkey || !proofs.Password {
		t.Errorf("%+v, %v", proofs, err)
	}
	a.Count = 9
	if err := f.prove(who, a); err != nil {
		t.Error(err)
	}
	if session, err = f.Session(t.Context(), who.SessionID); err != nil || !session.ProvedAt.Equal(f.clock.Now()) {
		t.Errorf("%+v, %v", session, err)
	}
	const want = "account-made, signed-in, passkey-added MacBook, Touch ID, signed-in with a passkey, password-confirmed with a passkey"
	if got := f.happened(owner.UserID); got != want {
		t.Error(got)
	}
	if renamed, err := f.As(who, here).RenamePasskey(t.Context(), added.ID, " Work "); err != nil || renamed.Name != "Work" {
		t.Errorf("%v, %v", renamed, err)
	}
	for _, name := range []string{"", " \u202e ", strings.Repeat("é", 61)} {
		_, err := f.As(who, here).RenamePasskey(t.Context(), added.ID, name)
		is(t, err, model.KindBadLabel)
	}
	box.taken(f)
	if _, err := f.As(owner, here).RemovePasskey(t.Context(), added.ID); err != nil {
		t.Fatal(err)
	}
	emails = box.taken(f)
	if len(emails) != 1 || emails[0].Subject != "Latchkey: A passkey was removed: Work" ||
		!strings.Contains(emails[0].Text, "The passkey Work can no longer be used to sign in as you") {
		t.Errorf("%+v", emails)
	}
	_, err = f.Session(t.Context(), who.SessionID)
	is(t, err, model.KindSessionOver)
	_, err = f.signInWithPasskey(a)
	is(t, err, model.KindBadPasskey)
}

func TestWhateverIsWrongWithAPasskeyIsOneRefusalAndInTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	owner, other := f.signUp("owner@example.org"), f.signUp("other@example.org")
	_, a := f.addPasskey(owner, "mine")
	_, others := f.addPasskey(other, "theirs")
	fresh := func() (options []byte, challenge string) {
		options, challenge, err := f.PasskeyOptions(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		return options, challenge
	}
	refused := func(name, says string, err error) {
		t.Helper()
		if !model.Is(err, model.KindBadPasskey) || !strings.Contains(f.logs.String(), says) {
			t.Errorf("%s: %v; logged: %s", name, err, f.logs)
		}
		f.logs.Reset()
	}
	signIn := func(challenge string, answer []byte) error {
		_, err := f.SignInWithPasskey(ctx, here, challenge, answer)
		return err
	}
	options, challenge := fresh()
	if err := signIn(challenge, a.Sign(t, options)); err != nil {
		t.Fatal(err)
	}
	refused("a challenge once more", "was used", signIn(challenge, a.Sign(t, options)))
	first, older := fresh()
	f.clock.Advance(model.ChallengeLifetime)
	refused("a challenge of five minutes ago", "expired", signIn(older, a.Sign(t, first)))
	first, older = fresh()
	_, challenge = fresh()
	refused("the challenge of another page", "challenge", signIn(challenge, a.Sign(t, first)))
	refused("one that an answer did not fit to", "was used", signIn(challenge, a.Sign(t, first)))
	refused("no challenge", "no challenge", signIn("nothing", a.Sign(t, first)))
	refused("an answer that is none", "ID missing", signIn(older, []byte("{}")))

	options, challenge = fresh()
	a.Origin = "https://keys.example.net"
	refused("another origin", "origin", signIn(challenge, a.Sign(t, options)))
	a.Origin = testURL
	options, challenge = fresh()
	a.UserNotVerified = true
	refused("nobody verified", "verif", signIn(challenge, a.Sign(t, options)))
	a.UserNotVerified = false
	options, challenge = fresh()
	refused("a passkey that nobody has", "nobody has", signIn(challenge, testkit.NewAuthenticator(t, testURL).Sign(t, options)))

	// What is for one thing is for no other, and for nobody else.
	options, challenge, err := f.As(owner, here).ProofOptions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	refused("the challenge of a proof", "something else", signIn(challenge, a.Sign(t, options)))
	refused("the challenge of another person", "something else", f.As(other, here).CheckPasskey(ctx, challenge, others.Sign(t, options)))
	refused("the passkey of somebody else", "somebody else", f.As(owner, here).CheckPasskey(ctx, challenge, others.Sign(t, options)))
	options, challenge, err = f.As(owner, here).NewPasskeyOptions(ctx)
	if err != nil || !a.Excluded(t, options) || others.Excluded(t, options) {
		t.Fatalf("%s, %v", options, err)
	}
	_, err = f.As(other, here).AddPasskey(ctx, challenge, "stolen", testkit.NewAuthenticator(t, testURL).Create(t, options))
	refused("what another person adds", "something else", err)
	_, err = f.As(owner, here).AddPasskey(ctx, challenge, "", a.Create(t, options))
	is(t, err, model.KindBadLabel)
	_, err = f.As(owner, here).AddPasskey(ctx, challenge, "again", a.Create(t, options))
	is(t, err, model.KindPasskeyTaken)

	if err := f.prove(owner, a); err != nil {
		t.Error(err)
	}
	if _, _, err := f.Disable(ctx, "owner@example.org"); err != nil {
		t.Fatal(err)
	}
	options, challenge = fresh()
	is(t, signIn(challenge, a.Sign(t, options)), model.KindDisabled)
	if got := f.happened(owner.UserID); !strings.HasSuffix(got, "account-disabled, sign-in-failed "+model.ReasonDisabled) {
		t.Error(got)
	}
}

func TestAnAuthenticatorThatChangesItsFlagsOrCountsBackIsAccepted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("owner@example.org")
	_, a := f.addPasskey(owner, "phone")
	a.BackupEligible, a.BackupState, a.Count = true, true, 8
	who, err := f.signInWithPasskey(a)
	if err != nil || !strings.Contains(f.logs.String(), "something else of whether it can be copied") {
		t.Fatalf("%v, %s", err, f.logs)
	}
	a.Count = 8
	if err := f.prove(who, a); err != nil || !strings.Contains(f.logs.String(), "there may be two of it") {
		t.Errorf("%v, %s", err, f.logs)
	}
	a.Count = 1
	if _, err := f.signInWithPasskey(a); err != nil {
		t.Error(err)
	}
	const want = "signed-in with a passkey, password-confirmed with a passkey, passkey-count-back phone, signed-in with a passkey, passkey-count-back phone"
	if got := f.happened(owner.UserID); !strings.HasSuffix(got, want) {
		t.Error(got)
	}
	if all, err := f.As(owner, here).Passkeys(t.Context()); err != nil || !all[0].Synced() || all[0].SignCount != 1 {
		t.Errorf("%#v, %v", all, err)
	}
}

func TestOfTwoWithOneChallengeOneGetsIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("owner@example.org")
	_, a := f.addPasskey(owner, "phone")
	options, challenge, err := f.PasskeyOptions(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	answer := a.Sign(t, options)
	refused := errors.New("refused")
	outcomes := testkit.AtOnce(t, 2, func(ctx context.Context, _ int) error {
		_, err := f.SignInWithPasskey(ctx, here, challenge, answer)
		if model.Is(err, model.KindBadPasskey) {
			return refused
		}
		return err
	}, refused)
	if outcomes[nil] != 1 || outcomes[refused] != 1 {
		t.Errorf("%v", outcomes)
	}
}

func TestAPersonHasTenPasskeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("owner@example.org")
	for range model.MaxPasskeys - 1 {
		f.addPasskey(owner, "one of ten")
	}
	options, challenge, err := f.As(owner, here).NewPasskeyOptions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.addPasskey(owner, "the tenth")
	_, err = f.As(owner, here).AddPasskey(t.Context(), challenge, "the eleventh", testkit.NewAuthenticator(t, testURL).Create(t, options))
	is(t, err, model.KindPasskeyLimit)
	_, _, err = f.As(owner, here).NewPasskeyOptions(t.Context())
	is(t, err, model.KindPasskeyLimit)
	all, err := f.As(owner, here).Passkeys(t.Context())
	if err != nil || len(all) != model.MaxPasskeys || string(all[0].UserHandle) != string(all[9].UserHandle) || len(all[0].UserHandle) != 32 {
		t.Errorf("%d, %v", len(all), err)
	}
}

func TestAPasswordIsRemovedWhereAWayInIsLeftAndComesBackByALink(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	owner := f.signUp("owner@example.org")
	elsewhere, err := f.SignIn(ctx, here, "owner@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	is(t, f.As(owner, here).RemovePassword(ctx), model.KindFewPasskeys)
	only, a := f.addPasskey(owner, "phone")
	is(t, f.As(owner, here).RemovePassword(ctx), model.KindFewPasskeys) // no link can be sent
	box := &mailbox{}
	f.cfg.Mailer = box
	if err := f.As(owner, here).RemovePassword(ctx); err != nil {
		t.Fatal(err)
	}
	emails := box.taken(f)
	if len(emails) != 1 || emails[0].Subject != "Latchkey: Your password is no longer used" ||
		!strings.Contains(emails[0].Text, "You can now sign in to your account with passkeys alone") {
		t.Errorf("%+v", emails)
	}
	is(t, f.As(owner, here).RemovePassword(ctx), model.KindNotFound)
	_, err = f.Session(ctx, owner.SessionID)
	if err != nil {
		t.Error(err)
	}
	_, err = f.Session(ctx, elsewhere.SessionID)
	is(t, err, model.KindSessionOver)
	_, err = f.SignIn(ctx, here, "owner@example.org", testPassword)
	is(t, err, model.KindWrongPassword)
	is(t, f.As(owner, here).CheckPassword(ctx, testPassword), model.KindWrongPassword)
	proofs, err := f.As(owner, here).Proofs(ctx)
	if err != nil || proofs.Password || !proofs.Passkey {
		t.Errorf("%+v, %v", proofs, err)
	}
	_, err = f.As(owner, here).RemovePasskey(ctx, only.ID)
	is(t, err, model.KindLastWay)
	if who, err := f.signInWithPasskey(a); err != nil || who.Email != "owner@example.org" {
		t.Errorf("%#v, %v", who, err)
	}
	if got := f.happened(owner.UserID); !strings.Contains(got, ", password-removed, ") {
		t.Error(got)
	}
	if err := f.SendLink(ctx, here, model.LinkReset, "owner@example.org"); err != nil {
		t.Fatal(err)
	}
	emails = box.taken(f)
	if len(emails) != 1 {
		t.Fatalf("%+v", emails)
	}
	if _, err := f.UseLink(ctx, here, f.link(emails[0]), "another long password"); err != nil {
		t.Fatal(err)
	}
	back, err := f.SignIn(ctx, here, "owner@example.org", "another long password")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.As(back, here).RemovePasskey(ctx, only.ID); err != nil {
		t.Error(err)
	}
}

// What is kept of somebody is a way in only as long as the server lets people in by it.
func TestTheOnlyPasskeyStaysWhereNothingElseLetsItsOwnerIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("owner@example.org")
	byPassword, _ := f.addPasskey(owner, "phone")
	f.cfg.PasswordsOff, f.cfg.Mailer = true, &mailbox{}
	_, err := f.As(owner, here).RemovePasskey(t.Context(), byPassword.ID)
	is(t, err, model.KindLastWay)
	is(t, f.As(owner, here).RemovePassword(t.Context()), model.KindFewPasskeys) // which no link brings back
	f.cfg.PasswordsOff = false
	if _, err := f.As(owner, here).RemovePasskey(t.Context(), byPassword.ID); err != nil {
		t.Error(err)
	}

	g := newFixture(t)
	imported := g.signUp("imported@example.org")
	google := model.Proved{Provider: model.ProviderGoogle, Subject: "imported-at-google"}
	if _, err := g.As(imported, here).LinkToken(t.Context(), google); err != nil {
		t.Fatal(err)
	}
	byGoogle, _ := g.addPasskey(imported, "phone")
	g.cfg.PasswordsOff, g.cfg.TakesTokens = true, func(provider string) bool { return provider != model.ProviderGoogle }
	_, err = g.As(imported, here).RemovePasskey(t.Context(), byGoogle.ID)
	is(t, err, model.KindLastWay)
	g.cfg.TakesTokens = nil
	if _, err := g.As(imported, here).RemovePasskey(t.Context(), byGoogle.ID); err != nil {
		t.Error(err)
	}

	c := newConnected(t)
	ada := c.arrives()
	byAcme, _ := c.addPasskey(ada, "phone")
	was := c.cfg.OpenID
	c.cfg.OpenID = nil // no longer set up
	_, err = c.As(ada, here).RemovePasskey(t.Context(), byAcme.ID)
	is(t, err, model.KindLastWay)
	c.cfg.OpenID = was
	if _, err := c.As(ada, here).RemovePasskey(t.Context(), byAcme.ID); err != nil {
		t.Error(err)
	}
}

func TestAnOperatorHelpsSomebodyWhoHasLostTheirOnlyPasskey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("owner@example.org")
	f.addPasskey(owner, "one")
	f.addPasskey(owner, "two")
	if err := f.As(owner, here).RemovePassword(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, link, err := f.ResetPassword(t.Context(), "owner@example.org", false, false)
	if err != nil || found.Passkeys != 2 {
		t.Fatal(found.Passkeys, err)
	}
	if _, err := f.UseLink(t.Context(), here, linkOf(t, link), "another long password"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), here, "owner@example.org", "another long password"); err != nil {
		t.Error(err)
	}
}

func TestPasskeysOfAnotherHostAreListedAndOpenNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("owner@example.org")
	_, a := f.addPasskey(owner, "old")
	moved := newFixtureOn(t, f.store, func(cfg *Config) { cfg.PublicURL = "https://keys.new.example.org" })
	if hosts, err := moved.PasskeysElsewhere(t.Context()); err != nil || len(hosts) != 1 || hosts[0] != "keys.example.org" {
		t.Errorf("%q, %v", hosts, err)
	}
	_, err := moved.signInWithPasskey(a)
	is(t, err, model.KindBadPasskey)
	a.Origin, a.Host = "https://keys.new.example.org", "keys.new.example.org"
	_, err = moved.signInWithPasskey(a)
	is(t, err, model.KindBadPasskey)
	all, err := moved.As(owner, here).Passkeys(t.Context())
	if err != nil || len(all) != 1 || !all[0].Elsewhere || !all[0].Removable {
		t.Errorf("%#v, %v", all, err)
	}
	proofs, err := moved.As(owner, here).Proofs(t.Context())
	if err != nil || proofs.Passkey {
		t.Errorf("%+v, %v", proofs, err)
	}
	_, _, err = moved.As(owner, here).ProofOptions(t.Context())
	is(t, err, model.KindNotFound)
	plain := newFixtureOn(t, f.store, func(cfg *Config) { cfg.PublicURL = "http://keys.example.org" })
	_, _, err = plain.PasskeyOptions(t.Context(), here)
	is(t, err, model.KindNotOffered)
	_, _, err = plain.As(owner, here).NewPasskeyOptions(t.Context())
	is(t, err, model.KindNotOffered)
	_, err = plain.SignInWithPasskey(t.Context(), here, strings.Repeat("A", 43), []byte("{}"))
	is(t, err, model.KindNotOffered)
}

func TestChallengesOfOnePlaceKeepNobodyElseOut(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(testkit.LongAgo)
	l := newChallengeLimits(clock.Now, nil)
	take := func(address string) time.Duration {
		wait, err := l.take(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for range addressChallenges {
		if take("192.0.2.1") > 0 {
			t.Fatal("a school has to wait")
		}
	}
	if take("192.0.2.1") == 0 || take("192.0.2.2") > 0 {
		t.Error("one address has more than its share, or keeps its neighbour out")
	}
	// An attacker with all addresses of a provider leaves half.
	taken := addressChallenges + 1
	for i := 0; i < 1<<16 && taken < everyoneChallenges; i++ {
		if take(fmt.Sprintf("198.51.%d.%d", i>>8, i&0xff)) == 0 {
			taken++
		}
	}
	if taken > providerChallenges+addressChallenges+1 || take("203.0.113.1") > 0 {
		t.Errorf("%d are taken, and another waits %v", taken, take("203.0.113.1"))
	}
	clock.Advance(challengeStretch)
	if take("192.0.2.1") > 0 {
		t.Error("it is not forgotten")
	}
}
