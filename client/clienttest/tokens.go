package clienttest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func (s *suite) testTokens(t *testing.T) {
	t.Run("a sign-in gives two tokens that the SDKs can read", s.readableTokens)
	t.Run("each call takes one kind of token", s.kindsOfToken)
	t.Run("no token and damaged tokens are refused", s.damagedTokens)
}

// login logs p in by hand and returns the answer.
func (s *suite) login(t *testing.T, p *person, options string) map[string]any {
	t.Helper()
	body := fmt.Sprintf(`{"username":%q,"password":%q,"provider":"local-userpass","more":[1],"options":%s}`,
		p.email, p.password, options)
	a := s.send(t, request{method: http.MethodPost, path: s.inApp("/auth/providers/local-userpass/login"), body: body})
	if a.status != http.StatusOK {
		t.Fatalf("sign-in answered %d %s", a.status, a.body)
	}
	return a.object(t)
}

// claims decodes the middle of a token, as the SDKs do; none checks the rest.
func claims(t *testing.T, token any) map[string]json.RawMessage {
	t.Helper()
	text, _ := token.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		t.Fatalf("a token has %d parts, want three that are not empty", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]json.RawMessage
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

var integer = regexp.MustCompile(`^[0-9]+$`)

func (s *suite) readableTokens(t *testing.T) {
	p := s.newPerson(t)
	object := s.login(t, p, `{}`)
	if object["user_id"] != p.session.UserID() {
		t.Errorf("user_id is %v, want %s", object["user_id"], p.session.UserID())
	}
	for _, kind := range []string{"access", "refresh"} {
		c := claims(t, object[kind+"_token"])
		for _, name := range []string{"exp", "iat"} {
			if !integer.Match(c[name]) {
				t.Errorf("%s of the %s token is %s, want an integer: core casts it unchecked", name, kind, c[name])
			}
		}
		if want := `"` + p.session.UserID() + `"`; string(c["sub"]) != want {
			t.Errorf("sub of the %s token is %s, want %s", kind, c["sub"], want)
		}
		if data, has := c["user_data"]; has && !strings.HasPrefix(string(data), "{") {
			t.Errorf("user_data of the %s token is %s, want an object or none", kind, data)
		}
	}
}

// keyCalls are the six calls on keys, about the key with the given id.
func keyCalls(id string) []request {
	return []request{
		{method: http.MethodPost, path: "/auth/api_keys", body: `{"name":"another-` + random(4) + `"}`},
		{method: http.MethodGet, path: "/auth/api_keys"},
		{method: http.MethodGet, path: "/auth/api_keys/" + id},
		{method: http.MethodPut, path: "/auth/api_keys/" + id + "/enable"},
		{method: http.MethodPut, path: "/auth/api_keys/" + id + "/disable"},
		{method: http.MethodDelete, path: "/auth/api_keys/" + id},
	}
}

func (s *suite) kindsOfToken(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	access, _ := s.login(t, p, `{}`)["access_token"].(string)
	for _, r := range []request{
		{method: http.MethodGet, path: "/auth/profile"},
		{method: http.MethodDelete, path: "/auth/delete"},
	} {
		r.bearer = p.refresh()
		s.send(t, r).refused(t, invalidSession)
	}
	t.Run("keys and sessions want the refresh token", func(t *testing.T) {
		s.strict(t)
		for _, r := range append(keyCalls(key.ID),
			request{method: http.MethodPost, path: "/auth/session"},
			request{method: http.MethodDelete, path: "/auth/session"},
		) {
			r.bearer = access
			s.send(t, r).refused(t, invalidSession)
		}
	})
	if got := p.list(t); len(got) != 1 || got[0] != key.APIKey {
		t.Errorf("refused calls left %+v, want %+v alone", got, key.APIKey)
	}
}

func (s *suite) damagedTokens(t *testing.T) {
	p := s.newPerson(t)
	parts := strings.Split(p.refresh(), ".")
	for name, header := range map[string]string{
		"no token":           "",
		"an empty token":     "Bearer ",
		"another scheme":     "Basic " + p.refresh(),
		"something else":     "Bearer not-a-token",
		"three empty parts":  "Bearer ..",
		"no signature":       "Bearer " + parts[0] + "." + parts[1] + ".",
		"another signature":  "Bearer " + parts[0] + "." + parts[1] + "." + flipped(parts[2]),
		"another payload":    "Bearer " + parts[0] + "." + flipped(parts[1]) + "." + parts[2],
		"the algorithm none": "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(header, "Bearer n") && !strings.HasPrefix(header, "Bearer ey") {
				s.strict(t)
			}
			for _, r := range append(keyCalls(strings.Repeat("0", 24)),
				request{method: http.MethodPost, path: "/auth/session"},
				request{method: http.MethodDelete, path: "/auth/session"},
				request{method: http.MethodGet, path: "/auth/profile"},
				request{method: http.MethodDelete, path: "/auth/delete"},
			) {
				if header != "" {
					r.header = http.Header{"Authorization": {header}}
				}
				s.send(t, r).refused(t, want{status: http.StatusUnauthorized})
			}
		})
	}
}

// flipped returns text with its first character exchanged.
func flipped(text string) string {
	if strings.HasPrefix(text, "A") {
		return "B" + text[1:]
	}
	return "A" + text[1:]
}
