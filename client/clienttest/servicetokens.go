package clienttest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/client"
)

// testServiceTokens is about tokens for a service that the target's operator has
// named, which Latchkey alone has.
func (s *suite) testServiceTokens(t *testing.T) {
	if s.Audience == "" {
		t.Skip("no service is named")
	}
	t.Run("a session gets one that says whose it is and opens nothing", s.getsServiceTokens)
	t.Run("a key that is turned off gets no more", s.offGetsNone)
	t.Run("a session that has ended gets no more", s.endedGetsNone)
	t.Run("there is none for no service, or an unknown one", s.noneForNobody)
}

// exchange asks by hand, and gives the code of the refusal.
func (s *suite) exchange(t *testing.T, accessToken string, audience ...string) string {
	t.Helper()
	a := s.send(t, request{
		method: http.MethodPost, root: "/oauth", path: "/token",
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		body: url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "audience": audience,
			"subject_token": {accessToken}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		}.Encode(),
	})
	code, _ := a.object(t)["error"].(string)
	if a.status != http.StatusOK && a.status != http.StatusBadRequest {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	return code
}

func (s *suite) getsServiceTokens(t *testing.T) {
	p := s.newPerson(t)
	token, err := p.session.TokenFor(t.Context(), s.Audience)
	if err != nil {
		t.Fatal(err)
	}
	c := claims(t, token.Value.Reveal())
	if string(c["sub"]) != `"`+p.session.UserID()+`"` || c["typ"] != nil {
		t.Errorf("sub is %s, typ %s", c["sub"], c["typ"])
	}
	for _, name := range []string{"iss", "aud", "jti"} {
		if len(c[name]) <= len(`""`) {
			t.Errorf("%s is %s", name, c[name])
		}
	}
	for _, name := range []string{"exp", "iat"} {
		if !integer.Match(c[name]) {
			t.Errorf("%s is %s", name, c[name])
		}
	}
	if a := s.send(t, request{method: http.MethodGet, path: "/auth/profile", bearer: token.Value.Reveal()}); a.status != http.StatusUnauthorized {
		t.Errorf("it opens a profile: %d", a.status)
	}
	if code := s.exchange(t, token.Value.Reveal(), s.Audience); code != "invalid_grant" {
		t.Errorf("exchanged once more: %q", code)
	}
	if code := s.exchange(t, p.refresh(), s.Audience); code != "invalid_grant" {
		t.Errorf("a refresh token is exchanged: %q", code)
	}
}

func (s *suite) offGetsNone(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	device := p.loginWith(t, key)
	if _, err := device.TokenFor(t.Context(), s.Audience); err != nil {
		t.Fatal(err)
	}
	if err := p.keys.Disable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := device.TokenFor(t.Context(), s.Audience); err == nil || client.IsNotReported(err) {
		t.Errorf("got %v", err)
	}
}

func (s *suite) endedGetsNone(t *testing.T) {
	p := s.newPerson(t)
	accessToken, _ := s.login(t, p, `{}`)["access_token"].(string)
	if code := s.exchange(t, accessToken, s.Audience); code != "" {
		t.Fatalf("refused: %s", code)
	}
	if err := p.session.EndOtherAuthSessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := s.exchange(t, accessToken, s.Audience); code != "invalid_grant" {
		t.Errorf("got %q", code)
	}
}

func (s *suite) noneForNobody(t *testing.T) {
	p := s.newPerson(t)
	accessToken, _ := s.login(t, p, `{}`)["access_token"].(string)
	for _, audience := range [][]string{nil, {""}, {s.Audience, s.Audience}, {strings.Repeat("x", 60)}} {
		if code := s.exchange(t, accessToken, audience...); code != "invalid_target" {
			t.Errorf("%q: %q", audience, code)
		}
	}
	var said *client.Error
	if _, err := p.session.TokenFor(t.Context(), "none"); !errors.As(err, &said) || said.Code != "invalid_target" {
		t.Errorf("got %v", err)
	}
}
