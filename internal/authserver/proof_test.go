package authserver

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestAProofIsThePasswordOfWhoeverAsks(t *testing.T) {
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	f.do("POST", proofPath, ana.RefreshToken, object("password", testPassword)).want(204)
	f.do("POST", proofPath, ana.RefreshToken, object("password", "not this one")).want(403).says("the password is wrong", "InvalidPassword")
	f.do("POST", proofPath, ana.RefreshToken, object("password", strings.Repeat("x", 5000))).want(403).says("the password is wrong", "InvalidPassword")
	f.do("POST", proofPath, ana.RefreshToken, object("password", nil)).want(400).says("'password' is a required string", "MissingParameter")
	f.Drain()
	if got, want := f.kinds(ana.UserID), "sign-in-failed password-confirmed"; !strings.HasPrefix(got, want) {
		t.Errorf("written down: %s, want %s first", got, want)
	}
}

func TestAProofIsCountedAsASignInIs(t *testing.T) {
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	for range sessionTries {
		f.do("POST", proofPath, ana.RefreshToken, object("password", "not this one")).want(403)
	}
	if wait := f.do("POST", proofPath, ana.RefreshToken, object("password", testPassword)).want(429).header.Get("Retry-After"); wait != "600" {
		t.Errorf("Retry-After is %q", wait)
	}
	f.do("PUT", passwordPath, ana.RefreshToken, object("current_password", testPassword, "new_password", "another battery")).want(429)
	// Another session counts for itself: one of them cannot keep the owner from acting in another.
	other := f.login("ana@example.org", testPassword)
	f.do("POST", proofPath, other.RefreshToken, object("password", testPassword)).want(204)
	f.clock.Advance(tryStretch)
	f.do("POST", proofPath, ana.RefreshToken, object("password", testPassword)).want(204)
}

// Somebody who finds a browser open could otherwise leave its cookie out, or show it, for as many tries again.
func TestASessionHasOneBudgetWhateverItsBrowserProves(t *testing.T) {
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	prove := func(known string, password model.Secret, want model.Kind) {
		t.Helper()
		err := f.inBrowser(ana, model.Origin{Address: "192.0.2.1", KnownBrowser: known}).CheckPassword(t.Context(), password)
		if !model.Is(err, want) {
			t.Errorf("browser %q: %v", known, err)
		}
	}
	for i := range sessionTries {
		prove([]string{"", "laptop", "desk"}[i%3], "not this one", model.KindWrongPassword)
	}
	for _, known := range []string{"", "laptop", "desk", "another"} {
		prove(known, testPassword, model.KindTooManyTries)
	}
	f.do("POST", proofPath, ana.RefreshToken, object("password", testPassword)).want(429)
}

// A stranger who guesses at the sign-in uses up the account's tries, and not those of a session that is there.
func TestGuessesOfOthersDoNotKeepAnOwnerFromProving(t *testing.T) {
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	for i := range accountTries {
		f.send(guess("ana@example.org", fmt.Sprintf("198.51.%d.1:1", i), "")).want(401)
	}
	f.do("POST", loginPath("local-userpass"), "", object("username", "ana@example.org", "password", testPassword)).want(429)
	f.do("POST", proofPath, ana.RefreshToken, object("password", testPassword)).want(204)
}

func TestANewPasswordEndsAllOtherSessions(t *testing.T) {
	f := newFixture(t)
	ana, elsewhere := f.signUp("ana@example.org"), f.login("ana@example.org", testPassword)
	key := f.createKey(ana, "porch-cam")
	device := f.loginWithKey(key.Value)
	bob := f.signUp("bob@example.org")

	f.do("PUT", passwordPath, ana.RefreshToken, object("current_password", testPassword, "new_password", "another battery")).want(204)

	f.do("GET", keysPath, ana.RefreshToken, "").want(200)
	f.do("POST", sessionPath, elsewhere.RefreshToken, "").want(401)
	f.do("POST", sessionPath, device.RefreshToken, "").want(401)
	f.do("POST", sessionPath, bob.RefreshToken, "").want(201)
	f.loginWithKey(key.Value) // the key itself still works
	f.do("POST", loginPath("local-userpass"), "", object("username", "ana@example.org", "password", testPassword)).want(401)
	f.login("ana@example.org", "another battery")
	f.login("bob@example.org", testPassword)
	if got := f.kinds(ana.UserID); !strings.Contains(got, "password-changed") || strings.Count(got, "password-changed") != 1 {
		t.Errorf("written down: %s", got)
	}
}

func TestAPasswordIsChangedOnlyByWhoKnowsIt(t *testing.T) {
	for _, c := range []struct {
		name, body, text, code string
		status                 int
	}{
		{"a wrong one", object("current_password", "not this one", "new_password", "another battery"), "the password is wrong", "InvalidPassword", 403},
		{"none", object("new_password", "another battery"), "'current_password' is a required string", "MissingParameter", 400},
		{"no new one", object("current_password", testPassword), "'new_password' is a required string", "MissingParameter", 400},
		{"a short new one", object("current_password", testPassword, "new_password", "short"), "password must be between 8 and 128 characters", "BadRequest", 400},
		{"a common new one", object("current_password", testPassword, "new_password", "Sunshine1"), "password is on the list that attackers try first", "BadRequest", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			ana, elsewhere := f.signUp("ana@example.org"), f.login("ana@example.org", testPassword)
			f.do("PUT", passwordPath, ana.RefreshToken, c.body).want(c.status).says(c.text, c.code)
			f.do("POST", sessionPath, elsewhere.RefreshToken, "").want(201)
			f.login("ana@example.org", testPassword)
		})
	}
}

// Of two changes at once that know the same password, one was first.
func TestOfTwoChangesAtOnceOneHolds(t *testing.T) {
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	ids, err := f.store.Identities(t.Context(), ana.UserID)
	if err != nil {
		t.Fatal(err)
	}
	overtake := f.derive
	f.derive = func(password, salt []byte, cost model.PasswordCost) []byte {
		if string(password) == "another battery" {
			if err := f.store.ChangePassword(t.Context(), ids[0], "$another", ""); err != nil {
				t.Error(err)
			}
		}
		return overtake(password, salt, cost)
	}
	f.do("PUT", passwordPath, ana.RefreshToken, object("current_password", testPassword, "new_password", "another battery")).
		want(403).says("the password is wrong", "InvalidPassword")
}

// kinds are what was recorded of a user, newest first.
func (f *fixture) kinds(userID string) string {
	f.t.Helper()
	events, err := f.store.Events(f.t.Context(), userID, model.EventQuery{Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}
