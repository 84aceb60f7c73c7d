package authserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// linkTo links a provider to the account of a session.
func (f *fixture) linkTo(s loginAnswer, provider string, fields ...any) reply {
	f.t.Helper()
	return f.do("POST", loginPath(provider)+whenLinking, s.AccessToken, object(fields...))
}

// linkEmail is linkTo for an address and its password.
func (f *fixture) linkEmail(s loginAnswer, email string) reply {
	f.t.Helper()
	return f.linkTo(s, "local-userpass", "username", email, "password", testPassword)
}

// identities are the providers of a user's, in the order of the profile.
func (f *fixture) identities(s loginAnswer) string {
	f.t.Helper()
	var got profileAnswer
	if err := json.Unmarshal(f.do("GET", profilePath, s.AccessToken, "").want(200).body, &got); err != nil {
		f.t.Fatal(err)
	}
	var of []string
	for _, id := range got.Identities {
		of = append(of, id.ProviderType)
	}
	return strings.Join(of, " ")
}

func TestAnAnonymousSessionBecomesThatOfAPerson(t *testing.T) {
	f := newFixture(t)
	f.register("ana@example.org", testPassword) // before, and it is listed behind all the same
	anonymous := f.loginAnonymously()
	f.do("POST", keysPath, anonymous.RefreshToken, object("name", "porch")).want(403)
	var got map[string]string
	if err := json.Unmarshal(f.linkEmail(anonymous, "ana@example.org").want(200).body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got["user_id"] != anonymous.UserID || got["device_id"] != anonymous.DeviceID {
		t.Errorf("the answer has %d fields, of user %s and device %s", len(got), got["user_id"], got["device_id"])
	}
	if c := f.mustVerify(got["access_token"], accessToken); c.Identity.Provider != "local-userpass" || c.Subject != anonymous.UserID {
		t.Errorf("the new access token says %+v", c)
	}
	if of := f.identities(anonymous); of != "anon-user local-userpass" { // the old one is good until it expires
		t.Errorf("identities are %s", of)
	}
	f.do("POST", keysPath, anonymous.RefreshToken, object("name", "porch")).want(201)
	if in := f.login("ana@example.org", testPassword); in.UserID != anonymous.UserID {
		t.Errorf("the address signs in as %s, want %s", in.UserID, anonymous.UserID)
	}
	if got := f.kinds(anonymous.UserID); !strings.Contains(got, "identity-linked") || strings.Contains(got, "account-made") {
		t.Errorf("written down: %s", got)
	}

	// A program that did not read the answer sends it once more, with the token that it has.
	f.linkEmail(anonymous, "ana@example.org").want(200)
	f.do("POST", loginPath("local-userpass")+whenLinking, got["access_token"], object("username", "ana@example.org", "password", testPassword)).want(200)
	if got := strings.Count(f.kinds(anonymous.UserID), "identity-linked"); got != 1 {
		t.Errorf("linked %d times", got)
	}
}

// The texts and codes are those that the tests of the SDKs look for, see link.
func TestWhatCannotBeLinkedIsRefusedInTheWordsOfTheSDKsTests(t *testing.T) {
	f := newFixture(t)
	used := f.signUp("used@example.org")
	key := f.createKey(used, "porch")
	f.register("first@example.org", testPassword)
	f.register("second@example.org", testPassword)
	f.register("off@example.org", testPassword)
	if id, err := f.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, "off@example.org"); err != nil {
		t.Fatal(err)
	} else {
		f.disable(id.UserID)
	}
	anonymous := f.loginAnonymously()
	taken := "invalid user link request: unauthorized: a user already exists with the specified provider"
	f.linkEmail(anonymous, "used@example.org").want(400).says(taken, "InvalidParameter")
	f.linkTo(anonymous, "api-key", "key", key.Value).want(400).says("invalid user link request", "InvalidParameter")
	f.linkTo(anonymous, "anon-user").want(400).says("invalid user link request", "InvalidParameter")
	f.linkTo(anonymous, "local-userpass", "username", "first@example.org", "password", "not this one").want(400).says("unauthorized", "InvalidPassword")
	f.linkEmail(anonymous, "nobody@example.org").want(400).says("unauthorized", "InvalidPassword")
	f.linkEmail(anonymous, "off@example.org").want(400).says("unauthorized", "UserDisabled")
	f.linkTo(anonymous, "local-userpass", "username", "first@example.org").want(400).says("'password' is a required string", "MissingParameter")

	f.linkEmail(anonymous, "first@example.org").want(200)
	second := "invalid user link request: unauthorized: linking a local-userpass identity is not allowed when one is already linked"
	f.linkEmail(anonymous, "second@example.org").want(400).says(second, "InvalidParameter")
	f.linkEmail(used, "second@example.org").want(400).says(second, "InvalidParameter")
	f.linkEmail(used, "first@example.org").want(400).says(taken, "InvalidParameter")
	f.login("second@example.org", testPassword) // is as it was
	f.do("GET", keysPath, anonymous.RefreshToken, "").want(200)

	f.linkTo(f.loginWithKey(key.Value), "local-userpass", "username", "third@example.org", "password", testPassword).
		want(403).says("nothing can be linked with an API key: sign in as the person", "")
	f.do("DELETE", sessionPath, used.RefreshToken, "").want(204)
	f.linkEmail(used, "used@example.org").want(401).says("invalid session: failed to find refresh token", "InvalidSession")
}

func TestTokensThatOthersSignAreLinkedOneAfterTheOther(t *testing.T) {
	f, issuer := newTokenFixture(t)
	token := func(subject string) string {
		return issuer.Token(t, testkit.Claims(f.clock.Now(), subject, testApp, map[string]any{"email": "ada@example.org"}))
	}
	anonymous := f.loginAnonymously()
	f.register("ana@example.org", testPassword)
	f.linkEmail(anonymous, "ana@example.org").want(200)
	want := "anon-user local-userpass"
	for _, provider := range []string{model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple} {
		f.linkTo(anonymous, provider, fieldOf[provider], token("ada")).want(200)
		f.linkTo(anonymous, provider, fieldOf[provider], token("ada")).want(200) // nothing changes
		want += " " + provider
		in := f.loggedIn(provider, object(fieldOf[provider], token("ada")))
		if of := f.identities(in); in.UserID != anonymous.UserID || of != want {
			t.Errorf("%s signs in as %s, want %s, who has %s", provider, in.UserID, anonymous.UserID, of)
		}
	}
	if got := strings.Count(f.kinds(anonymous.UserID), "identity-linked"); got != 4 {
		t.Errorf("linked %d times", got)
	}
	var details []string
	for _, e := range f.eventsOf(anonymous.UserID, model.EventIdentityLinked) {
		details = append(details, e.Detail)
	}
	slices.Sort(details)
	if got := strings.Join(details, ", "); got != "with Apple, with Google, with a signed token, with email and password" {
		t.Errorf("written down: %s", got)
	}

	// To a person who signed in with something else, whose session stays what it is.
	bob := f.signUp("bob@example.org")
	f.linkTo(bob, model.ProviderGoogle, "id_token", token("ada")).want(400).
		says("invalid user link request: unauthorized: a user already exists with the specified provider", "InvalidParameter")
	f.linkTo(bob, model.ProviderGoogle, "id_token", token("bob")+"x").want(400).says("unauthorized", "AuthError")
	access := f.linkTo(bob, model.ProviderGoogle, "id_token", token("bob")).want(200).fields()["access_token"].(string)
	if c := f.mustVerify(access, accessToken); c.Identity.Provider != model.ProviderEmailPassword {
		t.Errorf("the session is of %s", c.Identity.Provider)
	}
	newFixture(t).linkTo(bob, model.ProviderGoogle, "id_token", token("bob")).want(401) // another server
	f, _ = newMailFixture(t)
	f.linkTo(f.loginAnonymously(), model.ProviderGoogle, "id_token", "x").want(400).says("unauthorized", "AuthError") // not set up
}

func TestAnAddressIsLinkedOnceItIsConfirmed(t *testing.T) {
	f, box := newMailFixture(t)
	f.register("ana@example.org", testPassword)
	confirm := f.link(box.one(f))
	anonymous := f.loginAnonymously()
	f.linkEmail(anonymous, "ana@example.org").want(400).says("unauthorized", "AuthError")
	f.do("POST", appPath(confirmRest), "", confirm).want(200)
	f.linkEmail(anonymous, "ana@example.org").want(200)
	letter := box.one(f)
	if letter.To != "ana@example.org" || letter.Subject != "Latchkey: New way to sign in" || !strings.Contains(letter.Text, "Sign-in with email and password was added") {
		t.Errorf("%q is told about %q: %s", letter.To, letter.Subject, letter.Text)
	}
	f.login("ana@example.org", testPassword)
}

// Otherwise an anonymous session would be a way to guess passwords as often as one likes.
func TestPasswordsAreGuessedByLinkingNoMoreOftenThanBySigningIn(t *testing.T) {
	f := newFixture(t)
	f.register("ana@example.org", testPassword)
	anonymous := f.loginAnonymously()
	guess := func() reply {
		return f.linkTo(anonymous, "local-userpass", "username", "ana@example.org", "password", "not this one")
	}
	for range addressShare {
		guess().want(400)
	}
	guess().want(429)
	f.do("POST", loginPath("local-userpass"), "", object("username", "ana@example.org", "password", testPassword)).want(429)
}

func TestCallsOfFunctionsThatConfirmOrResetAreRefusedAlikeForEveryAddress(t *testing.T) {
	for name, mailed := range map[string]bool{"automatic confirmation is enabled": false, "confirmation by email is enabled": true} {
		f := newFixture(t)
		if mailed {
			f, _ = newMailFixture(t)
		}
		f.register("ana@example.org", testPassword)
		for _, email := range []string{"ana@example.org", "nobody@example.org"} {
			f.do("POST", appPath("/auth/providers/local-userpass/confirm/call"), "", object("email", email)).
				want(400).says("cannot run confirmation for "+email+": "+name, "")
			f.do("POST", appPath("/auth/providers/local-userpass/reset/call"), "", `{"email":"`+email+`","password":"another battery","arguments":["say-the-magic-word",42]}`).
				want(400).says(`failed to reset password for user "`+email+`"`, "")
		}
		f.do("POST", appPath("/auth/providers/local-userpass/confirm/call"), "", object("email", strings.Repeat("x", 200))).want(400).says("email invalid", "BadRequest")
	}
}
