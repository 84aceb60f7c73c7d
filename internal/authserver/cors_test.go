package authserver

import (
	"strings"
	"testing"
)

func TestPreflightsAreAnsweredOnEveryPathWithoutAToken(t *testing.T) {
	f := newFixture(t)
	paths := []string{"/api/client/v2.0/nowhere", "/api/client/v2.0/app/other/location"}
	for _, rt := range f.routes {
		paths = append(paths, strings.NewReplacer("{app}", testApp, "{provider}", "api-key", "{id}", "0123456789abcdef01234567").Replace(rt.path))
	}
	for _, path := range paths {
		req := newRequest("OPTIONS", path, "")
		req.Header.Set("Origin", "https://app.example.com")
		req.Header.Set("Access-Control-Request-Method", "PUT")
		req.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		got := f.send(req).want(204)
		for header, words := range map[string][]string{
			"Access-Control-Allow-Origin":  {"*"},
			"Access-Control-Allow-Methods": {"GET", "POST", "PUT", "DELETE", "OPTIONS"},
			"Access-Control-Allow-Headers": {"Authorization", "Content-Type", "Accept"},
			"Access-Control-Max-Age":       {"7200"},
		} {
			for _, word := range words {
				if !strings.Contains(got.header.Get(header), word) {
					t.Errorf("%s: %s is %q, lacks %s", path, header, got.header.Get(header), word)
				}
			}
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed, and the API knows none", path)
		}
	}
}

func TestErrorsCanBeReadByPagesOfAnyOrigin(t *testing.T) {
	f := newFixture(t)
	for _, got := range []reply{
		f.do("GET", profilePath, "", ""),
		f.do("GET", "/nowhere", "", ""),
		f.do("PATCH", keysPath, "", ""),
		f.do("POST", loginPath("api-key"), "", `{"key":"x"}`),
		f.do("POST", loginPath("api-key"), "", `{`),
		f.do("POST", loginPath("oauth2-google"), "", `{}`),
	} {
		if got.status < 400 || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("status %d: %v", got.status, got.header)
		}
	}
}
