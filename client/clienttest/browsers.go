package clienttest

import (
	"net/http"
	"strings"
	"testing"
)

// testBrowsers is about realm-web on a page of another origin.
func (s *suite) testBrowsers(t *testing.T) {
	s.strict(t)
	const origin = "https://app.example.com"
	id := strings.Repeat("0", 24)
	t.Run("may ask before every call", func(t *testing.T) {
		for _, r := range append(keyCalls(id),
			request{method: http.MethodGet, path: s.inApp("/location")},
			request{method: http.MethodPost, path: s.inApp("/auth/providers/local-userpass/register")},
			request{method: http.MethodPost, path: s.inApp("/auth/providers/local-userpass/login")},
			request{method: http.MethodPost, path: s.inApp("/auth/providers/api-key/login")},
			request{method: http.MethodPost, path: "/auth/session"},
			request{method: http.MethodDelete, path: "/auth/session"},
			request{method: http.MethodGet, path: "/auth/profile"},
			request{method: http.MethodDelete, path: "/auth/delete"},
		) {
			a := s.send(t, request{method: http.MethodOptions, path: r.path, header: http.Header{
				"Origin":                         {origin},
				"Access-Control-Request-Method":  {r.method},
				"Access-Control-Request-Headers": {"authorization,content-type"},
			}})
			if a.status/100 != 2 || !allowsOrigin(a, origin) {
				t.Errorf("asking for %s %s gave %d, origin %q", r.method, r.path, a.status, a.header.Get("Access-Control-Allow-Origin"))
			}
			mustList(t, a, "Access-Control-Allow-Methods", r.method)
			mustList(t, a, "Access-Control-Allow-Headers", "authorization")
			mustList(t, a, "Access-Control-Allow-Headers", "content-type")
		}
	})

	t.Run("may read every answer, refusals too", func(t *testing.T) {
		p := s.newPerson(t)
		for _, r := range []request{
			{method: http.MethodGet, path: s.inApp("/location")},
			{method: http.MethodGet, path: "/app/unknown-abcde/location"},
			{method: http.MethodGet, path: "/auth/api_keys", bearer: p.refresh()},
			{method: http.MethodGet, path: "/auth/api_keys/" + id, bearer: p.refresh()},
			{method: http.MethodGet, path: "/auth/api_keys"},
			{method: http.MethodGet, path: "/auth/profile", bearer: "x.y.z"},
			{method: http.MethodPost, path: s.inApp("/auth/providers/api-key/login"), body: `{"key":"x"}`},
			{method: http.MethodPost, path: s.inApp("/auth/providers/api-key/login"), body: `{`},
			{method: http.MethodDelete, path: "/auth/session", bearer: p.refresh()},
		} {
			r.header = http.Header{"Origin": {origin}}
			if a := s.send(t, r); !allowsOrigin(a, origin) {
				t.Errorf("%s %s answered %d, which a browser may not read", r.method, r.path, a.status)
			}
		}
	})
}

func allowsOrigin(a answer, origin string) bool {
	allowed := a.header.Values("Access-Control-Allow-Origin")
	return len(allowed) == 1 && (allowed[0] == "*" || allowed[0] == origin)
}

// mustList checks that a header of comma-separated names has one. A star does
// not count: it excludes Authorization.
func mustList(t *testing.T, a answer, header, name string) {
	t.Helper()
	for _, listed := range strings.Split(strings.Join(a.header.Values(header), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(listed), name) {
			return
		}
	}
	t.Errorf("%s is %q, without %s", header, a.header.Values(header), name)
}
