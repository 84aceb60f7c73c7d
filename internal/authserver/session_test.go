package authserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRenewGivesAFreshAccessTokenAndNothingElse(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.clock.Advance(accessLifetime)
	f.do("GET", profilePath, owner.AccessToken, "").want(401).says("invalid session", "InvalidSession")

	got := f.do("POST", sessionPath, owner.RefreshToken, "").want(201).fields()
	token, _ := got["access_token"].(string)
	if len(got) != 1 || token == "" {
		t.Fatalf("answer %v, want only access_token", got)
	}
	f.do("GET", profilePath, token, "").want(200)
	f.do("GET", keysPath, token, "").want(401).says("invalid refresh token: incorrect token type", "InvalidSession")
}

func TestARenewedTokenIsOfTheSameSession(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	var renewed renewAnswer
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201).into(&renewed)
	before := f.mustVerify(owner.AccessToken, accessToken)
	after := f.mustVerify(renewed.AccessToken, accessToken)
	if before.ID == after.ID {
		t.Error("two access tokens have one jti")
	}
	before.ID, after.ID = "", ""
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("claims (-first +renewed):\n%s", diff)
	}
}

func TestASessionLastsSixtyDaysWhateverIsDoneWithIt(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.clock.Advance(refreshLifetime - time.Second)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
	f.clock.Advance(time.Second)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(401).says("invalid session", "InvalidSession")
	f.do("DELETE", sessionPath, owner.RefreshToken, "").want(401)
	f.login("a@example.org", testPassword)
}

func TestSignOutEndsThisSessionAlone(t *testing.T) {
	f := newFixture(t)
	phone := f.signUp("a@example.org")
	laptop := f.login("a@example.org", testPassword)
	if phone.RefreshToken == laptop.RefreshToken {
		t.Fatal("two sign-ins share a refresh token")
	}
	f.do("DELETE", sessionPath, phone.RefreshToken, "").want(204)
	f.do("DELETE", sessionPath, phone.RefreshToken, "").want(401).
		says("invalid session: failed to find refresh token", "InvalidSession")
	f.do("POST", sessionPath, laptop.RefreshToken, "").want(201)
	// As on App Services, the access token expires by itself.
	f.do("GET", profilePath, phone.AccessToken, "").want(200)
}

func TestABodyOnACallThatWantsNoneIsIgnored(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.do("POST", sessionPath, owner.RefreshToken, "{not json").want(201)
	f.do("DELETE", sessionPath, owner.RefreshToken, "{}").want(204)
}

func (f *fixture) mustVerify(raw string, typ tokenType) claims {
	f.t.Helper()
	c, err := f.tokens.verify(raw, typ, f.ids.domain, f.clock.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}
