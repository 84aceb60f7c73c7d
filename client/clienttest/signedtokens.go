package clienttest

import (
	"context"
	"net/http"
	"testing"

	"latchkey/client"
)

// notOffered is the answer of a provider that is known and not set up, and of one
// whose token is wrong: the test apps of the SDKs saw the same for both.
var notOffered = want{http.StatusUnauthorized, "InvalidSession", "unauthorized"}

func (s *suite) testSignedTokens(t *testing.T) {
	t.Run("a provider that is not set up refuses", s.providersNotSetUp)
	if s.CustomToken == nil {
		return
	}
	t.Run("the same subject is the same user", s.customToken)
	t.Run("a damaged token is refused", s.damagedToken)
}

func (s *suite) providersNotSetUp(t *testing.T) {
	c := s.newClient(t)
	with := map[string]client.Credentials{"custom-token": client.CustomToken("a.b.c")}
	if s.Strict { // elsewhere these may be set up
		with["oauth2-google"], with["oauth2-apple"] = client.GoogleIDToken("a.b.c"), client.AppleIDToken("a.b.c")
	}
	for name, credentials := range with {
		_, err := c.Login(t.Context(), credentials)
		t.Run(name, func(t *testing.T) { refused(t, err, notOffered) })
	}
}

func (s *suite) customToken(t *testing.T) {
	c, subject := s.newClient(t), "subject-"+random(8)
	login := func() *client.Session {
		t.Helper()
		session, err := c.Login(t.Context(), client.CustomToken(s.CustomToken(t, subject)))
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	first, second := login(), login()
	t.Cleanup(func() { _ = first.DeleteUser(context.WithoutCancel(t.Context())) })
	if first.UserID() != second.UserID() {
		t.Errorf("the subject was user %s, then %s", first.UserID(), second.UserID())
	}
	profile, err := second.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if profile.Type != "normal" || len(profile.Identities) != 1 || profile.Identities[0].Provider != "custom-token" || profile.Identities[0].ID != subject {
		t.Errorf("profile %+v, want type normal and one identity of custom-token, %s", profile, subject)
	}
	key, err := first.APIKeys().Create(t.Context(), "of-a-token")
	if err != nil {
		t.Fatal(err)
	}
	device, err := c.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	if err != nil || device.UserID() != first.UserID() {
		t.Errorf("the key opened %v, %v", device, err)
	}
	if err := first.DeleteUser(t.Context()); err != nil {
		t.Error(err)
	}
	if again := login(); again.UserID() == first.UserID() {
		t.Error("the deleted user came back")
	} else if err := again.DeleteUser(t.Context()); err != nil {
		t.Error(err)
	}
}

func (s *suite) damagedToken(t *testing.T) {
	c := s.newClient(t)
	token := s.CustomToken(t, "subject-"+random(8))
	for _, wrong := range []string{"", "x", token[:len(token)-10], token + "AAAA"} {
		if wrong == "" && !s.Strict {
			continue
		}
		_, err := c.Login(t.Context(), client.CustomToken(wrong))
		refused(t, err, want{status: 0, code: ""})
	}
	_, err := c.Login(t.Context(), client.CustomToken(token[:len(token)-10]))
	refused(t, err, notOffered)
}
