package clienttest

import (
	"net/http"
	"strings"
	"testing"
)

// testBadInput is about requests that no SDK sends. The answer is a refusal in
// the shape of every other; the checker sees to the shape.
func (s *suite) testBadInput(t *testing.T) {
	s.strict(t)
	p := s.newPerson(t)
	posts := map[string]request{
		"register": {path: s.inApp("/auth/providers/local-userpass/register")},
		"sign in":  {path: s.inApp("/auth/providers/local-userpass/login")},
		"key":      {path: s.inApp("/auth/providers/api-key/login")},
		"create":   {path: "/auth/api_keys", bearer: p.refresh()},
	}
	for name, body := range map[string]string{
		"no JSON":            `name=phone`,
		"JSON cut short":     `{"name":"pho`,
		"a list":             `["phone"]`,
		"a text":             `"phone"`,
		"null":               `null`,
		"numbers for texts":  `{"name":1,"email":1,"username":1,"password":1,"key":1}`,
		"objects for texts":  `{"name":{},"email":{},"username":{},"password":{},"key":{}}`,
		"two objects":        `{"name":"phone"}{"name":"phone"}`,
		"deeply nested JSON": strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000),
		"two megabytes":      `{"name":"phone","more":"` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			for to, r := range posts {
				r.method, r.body = http.MethodPost, body
				t.Run(to, func(t *testing.T) { s.send(t, r).refused(t, want{}) })
			}
		})
	}
	t.Run("another content type", func(t *testing.T) {
		s.send(t, request{
			method: http.MethodPost, path: "/auth/api_keys", bearer: p.refresh(), body: `{"name":"phone"}`,
			header: http.Header{"Content-Type": {"text/plain"}},
		}).refused(t, want{})
	})
	t.Run("other methods and paths", func(t *testing.T) {
		for _, r := range []request{
			{method: http.MethodPatch, path: "/auth/api_keys"},
			{method: http.MethodPost, path: "/auth/profile"},
			{method: http.MethodGet, path: "/auth/nothing"},
			{method: http.MethodGet, path: s.inApp("/nothing")},
			{method: http.MethodPost, path: "/app/unknown-abcde/auth/providers/api-key/login", body: `{"key":"x"}`},
		} {
			r.bearer = p.refresh()
			s.send(t, r).refused(t, want{})
		}
	})
	if got := p.list(t); len(got) != 0 {
		t.Errorf("bad input made keys: %+v", got)
	}
}
