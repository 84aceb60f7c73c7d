package authserver

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/accounts"
)

// refusals are the lines of the log that tell of requests that were refused, since it was last asked.
func (f *fixture) refusals() (lines []map[string]any) {
	f.t.Helper()
	for text := range strings.Lines(f.logs.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			f.t.Fatal(err)
		}
		if line["msg"] == "request refused" {
			lines = append(lines, line)
		}
	}
	f.logs.Reset()
	return lines
}

func TestEveryRefusalIsOneLineThatSaysWhereFromAndWhomItWasAbout(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config, rules *accounts.Config) {
		rules.Mailer = box
		cfg.ClientAddress = func(r *http.Request) string { return r.Header.Get("X-From") }
	})
	t.Cleanup(f.Drain)
	ana := f.confirmed(box, "ana@example.org")
	bob := f.confirmed(box, "bob@example.org")
	key := f.createKey(ana, "pump")
	device := f.loginWithKey(key.Value)
	gone := f.login("bob@example.org", testPassword)
	f.do("DELETE", sessionPath, gone.RefreshToken, "").want(204)
	wrong := func(email string) string { return object("username", email, "password", "not this one") }
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		times                           int
		about                           string
	}{
		{"a wrong password", "POST", loginPath("local-userpass"), "", wrong("ana@example.org"), 401, 5, ana.UserID},
		{"one too many", "POST", loginPath("local-userpass"), "", wrong("ana@example.org"), 429, 1, ana.UserID},
		{"nobody's password", "POST", loginPath("local-userpass"), "", wrong("nobody@example.org"), 401, 5, ""},
		{"one too many of nobody's", "POST", loginPath("local-userpass"), "", wrong("nobody@example.org"), 429, 1, ""},
		{"a value of no key", "POST", loginPath("api-key"), "", object("key", unknownValue()), 401, 1, ""},
		{"a session that has ended", "POST", sessionPath, gone.RefreshToken, "", 401, 1, bob.UserID},
		{"the other token", "POST", sessionPath, ana.AccessToken, "", 401, 1, ana.UserID},
		{"a token that is none", "POST", sessionPath, "x.y.z", "", 401, 1, ""},
		{"no token", "GET", keysPath, "", "", 401, 1, ""},
		{"a key that wants to manage keys", "GET", keysPath, device.RefreshToken, "", 403, 1, ana.UserID},
		{"a name that will not do", "POST", keysPath, ana.RefreshToken, object("name", "a b"), 400, 1, ana.UserID},
		{"a body that is none", "POST", keysPath, ana.RefreshToken, "{", 400, 1, ana.UserID},
		{"a body too large", "POST", keysPath, ana.RefreshToken, object("name", strings.Repeat("x", 1<<17)), 413, 1, ana.UserID},
		{"another's key", "GET", keysPath + "/" + key.ID, bob.RefreshToken, "", 404, 1, bob.UserID},
		{"the question for the password", "POST", proofPath, ana.RefreshToken, object("password", "not this one"), 403, 10, ana.UserID},
		{"the question once too often", "POST", proofPath, ana.RefreshToken, object("password", "not this one"), 429, 1, ana.UserID},
		{"a link that is none", "POST", appPath("/auth/providers/local-userpass/reset"), "", object("token", "x", "tokenId", "0123456789abcdef01234567", "password", testPassword), 400, 1, ""},
		{"an email too many", "POST", appPath(resetSendRest), "", object("email", "ana@example.org"), 429, 1, ana.UserID},
		{"an address that is taken", "POST", appPath(registerRest), "", object("email", "ana@example.org", "password", testPassword), 429, 1, ana.UserID},
		{"another app", "GET", "/api/client/v2.0/app/other/location", "", "", 404, 1, ""},
		{"no such call", "GET", "/api/client/v2.0/nowhere", "", "", 404, 1, ""},
		{"another method", "PUT", keysPath, "", "", 405, 1, ""},
	} {
		if strings.HasPrefix(c.name, "an email too many") {
			for range siteShareOfEmails {
				r := newRequest(c.method, c.path, c.body)
				r.Header.Set("X-From", "198.51.100.7")
				f.send(r)
				f.clock.Advance(accountGap)
			}
		}
		f.logs.Reset()
		for range c.times {
			r := newRequest(c.method, c.path, c.body)
			r.Header.Set("X-From", "198.51.100.7")
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			f.send(r).want(c.status)
		}
		text := f.logs.String()
		lines := f.refusals()
		if len(lines) != c.times {
			t.Errorf("%s: %d lines", c.name, len(lines))
		}
		for _, line := range lines {
			about, _ := line["user"].(string)
			if line["from"] != "198.51.100.7" || about != c.about || line["status"] != float64(c.status) || line["level"] != "INFO" {
				t.Errorf("%s: %v, want one about %q", c.name, line, c.about)
			}
		}
		if strings.Contains(text, "@example.org") || strings.Contains(text, "not this one") || strings.Count(text, `"user":`) > len(lines) {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}
