package authserver

import (
	"strings"
	"testing"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func TestLoginAnswersWithExactlyFourStrings(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	value := f.createKey(owner, "pump").Value
	for provider, body := range map[string]string{
		"local-userpass": object("username", "a@example.org", "password", testPassword),
		"api-key":        object("key", value),
		"anon-user":      "",
	} {
		got := f.do("POST", loginPath(provider), "", body).want(200).fields()
		for _, name := range []string{"access_token", "refresh_token", "user_id", "device_id"} {
			if s, ok := got[name].(string); !ok || s == "" {
				t.Errorf("%s: %s is %#v", provider, name, got[name])
			}
		}
		if len(got) != 4 {
			t.Errorf("%s: %d fields", provider, len(got))
		}
	}
}

func TestAKeySignsInAsItsOwner(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	device := f.loginWithKey(f.createKey(owner, "pump").Value)
	if device.UserID != owner.UserID || device.RefreshToken == owner.RefreshToken {
		t.Errorf("user %s with a session of its own, want user %s", device.UserID, owner.UserID)
	}
}

func TestRefusedLoginsSayNothingButUnauthorized(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	off, gone := f.createKey(owner, "off"), f.createKey(owner, "gone")
	f.do("PUT", keysPath+"/"+off.ID+"/disable", owner.RefreshToken, "").want(204)
	f.do("DELETE", keysPath+"/"+gone.ID, owner.RefreshToken, "").want(204)
	for _, tt := range []struct {
		name, provider, body, code, reason string
	}{
		{"wrong password", "local-userpass", object("username", "a@example.org", "password", "wrong password"), "InvalidPassword", "wrong password"},
		{"unknown email", "local-userpass", object("username", "b@example.org", "password", testPassword), "InvalidPassword", "no such account"},
		{"email in another case", "local-userpass", object("username", "A@example.org", "password", testPassword), "InvalidPassword", "no such account"},
		{"empty password", "local-userpass", object("username", "a@example.org", "password", ""), "InvalidPassword", "wrong password"},
		{"empty email", "local-userpass", object("username", "", "password", testPassword), "InvalidPassword", "no account can have"},
		{"password of 129 characters", "local-userpass", object("username", "a@example.org", "password", strings.Repeat("x", 129)), "InvalidPassword", "no account can have"},
		{"key turned off", "api-key", object("key", off.Value), "AuthError", "key is turned off"},
		{"deleted key", "api-key", object("key", gone.Value), "AuthError", "no such key"},
		{"key that never was", "api-key", object("key", unknownValue()), "AuthError", "no such key"},
		{"key in another case", "api-key", object("key", strings.ToLower(off.Value)), "AuthError", "no such key"},
		{"empty key", "api-key", object("key", ""), "AuthError", "not shaped like a key"},
		{"key with a space", "api-key", object("key", " "+off.Value), "AuthError", "not shaped like a key"},
		{"key cut short", "api-key", object("key", off.Value[:63]), "AuthError", "not shaped like a key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := f.on(t).do("POST", loginPath(tt.provider), "", tt.body)
			got.want(401).says("unauthorized", tt.code)
			// The operator can find out more, by the id in the link.
			line := f.on(t).logLine(got.header.Get(requestIDHeader))
			if !strings.Contains(line, tt.reason) || !strings.Contains(line, `"level":"INFO"`) {
				t.Errorf("log line %q does not say %q", line, tt.reason)
			}
		})
	}
}

func TestRefusedLoginsAreLoggedWithTheUserAndNeverTheEmail(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("canary@example.org")
	got := f.do("POST", loginPath("local-userpass"), "", object("username", "canary@example.org", "password", "canary-password"))
	line := f.logLine(got.want(401).header.Get(requestIDHeader))
	if !strings.Contains(line, owner.UserID) || strings.Contains(line, "canary") {
		t.Errorf("logged %q", line)
	}
}

// logLine finds what was logged about a request.
func (f *fixture) logLine(id string) string {
	f.t.Helper()
	for line := range strings.Lines(f.logs.String()) {
		if strings.Contains(line, `"co_id":"`+id+`"`) {
			return line
		}
	}
	f.t.Fatalf("nothing logged about request %s", id)
	return ""
}

func TestMissingCredentialsAreNamed(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct{ name, provider, body, field string }{
		{"no username", "local-userpass", `{"password":"x"}`, "username"},
		{"null username", "local-userpass", `{"username":null,"password":"x"}`, "username"},
		{"register's field name", "local-userpass", `{"email":"a","password":"x"}`, "username"},
		{"no password", "local-userpass", `{"username":"a"}`, "password"},
		{"no key", "api-key", `{}`, "key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := f.on(t).do("POST", loginPath(tt.provider), "", tt.body)
			got.want(400).says("'"+tt.field+"' is a required string", "MissingParameter")
		})
	}
}

// So App Services answered for a provider that an app had not set up, as the test apps of the SDKs show.
func TestProvidersThatAreNotSetUpRefuseEverybody(t *testing.T) {
	f := newFixture(t, func(_ *Config, c *accounts.Config) { c.Anonymous = false })
	for _, provider := range []string{"anon-user", "custom-token", "custom-function", "oauth2-google", "oauth2-apple", "oauth2-facebook"} {
		f.do("POST", loginPath(provider), "", "not even json").want(401).says("unauthorized", "InvalidSession")
	}
}

func TestUnknownProvidersAreNotFound(t *testing.T) {
	f := newFixture(t)
	for _, provider := range []string{"API-KEY", "local-userpass%20", "%00", "..%2fapi-key", "oauth2-github"} {
		got := f.do("POST", loginPath(provider), "", "not even json")
		got.want(404).says("authentication provider not found", "AuthProviderNotFound")
	}
}

func TestAnonymousLoginsAreDifferentUsers(t *testing.T) {
	f := newFixture(t)
	first := f.loginAnonymously()
	// Realm's core names the provider in the body.
	second := f.loggedIn("anon-user", `{"provider":"anon-user","options":{"device":{"platform":"linux"}}}`)
	if first.UserID == second.UserID {
		t.Error("two anonymous sign-ins share a user")
	}
	f.do("GET", profilePath, second.AccessToken, "").want(200)
}

func TestOnlyASignInThatSaysLinkTrueLinks(t *testing.T) {
	f := newFixture(t)
	f.signUp("a@example.org")
	f.do("POST", loginPath("local-userpass")+"?link=false", "", object("username", "a@example.org", "password", testPassword)).want(200)
	f.do("POST", loginPath("local-userpass")+"?%zz", "", object("username", "a@example.org", "password", testPassword)).want(200)
}

func TestDeviceIDs(t *testing.T) {
	const known = "5f9d1a2b3c4d5e6f70819203"
	f := newFixture(t)
	f.signUp("a@example.org")
	const fresh = "fresh"
	for _, tt := range []struct{ name, options, want string }{
		{"no options", `null`, noDevice},
		{"no device", `{}`, noDevice},
		{"null device", `{"device":null}`, noDevice},
		{"a device without an id", `{"device":{"platform":"android","sdkVersion":"1"}}`, fresh},
		{"an empty device", `{"device":{}}`, fresh},
		{"an id as Stitch sends it", `{"device":{"deviceId":"` + known + `"}}`, known},
		{"an id as realm-web sends it", `{"device":{"deviceId":{"$oid":"` + known + `"}}}`, known},
		{"an id of zeros", `{"device":{"deviceId":"` + noDevice + `"}}`, fresh},
		{"null for an id", `{"device":{"deviceId":null}}`, fresh},
		{"an id of another shape", `{"device":{"deviceId":"my phone"}}`, fresh},
		{"an id of quotes and braces", `{"device":{"deviceId":"\"}{"}}`, fresh},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := f.on(t).loggedIn("local-userpass", `{"username":"a@example.org","password":"`+testPassword+`","options":`+tt.options+`}`)
			if tt.want == fresh {
				if !model.IsID(out.DeviceID) || out.DeviceID == noDevice {
					t.Errorf("device id %q, want a new one", out.DeviceID)
				}
			} else if out.DeviceID != tt.want {
				t.Errorf("device id %q, want %q", out.DeviceID, tt.want)
			}
			for raw, typ := range map[string]tokenType{out.AccessToken: accessToken, out.RefreshToken: refreshToken} {
				if got := f.on(t).mustVerify(raw, typ).DeviceID; got != out.DeviceID {
					t.Errorf("%s token says device %q, the answer %q", typ, got, out.DeviceID)
				}
			}
		})
	}
}

func TestARenewedTokenKeepsTheDevice(t *testing.T) {
	f := newFixture(t)
	f.signUp("a@example.org")
	out := f.loggedIn("local-userpass", `{"username":"a@example.org","password":"`+testPassword+`","options":{"device":{}}}`)
	var renewed renewAnswer
	f.do("POST", sessionPath, out.RefreshToken, "").want(201).into(&renewed)
	if got := f.mustVerify(renewed.AccessToken, accessToken).DeviceID; got != out.DeviceID {
		t.Errorf("device %q became %q", out.DeviceID, got)
	}
}

func TestLoginSavesTheSessionBeforeItAnswers(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	c := f.mustVerify(owner.RefreshToken, refreshToken)
	row, err := f.store.AuthSession(t.Context(), c.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	if row.UserID != owner.UserID || row.Provider != model.ProviderEmailPassword || row.KeyID != "" ||
		!row.ExpiresAt.Equal(f.clock.Now().Add(refreshLifetime)) {
		t.Errorf("row %+v", row)
	}
	key := f.createKey(owner, "pump")
	c = f.mustVerify(f.loginWithKey(key.Value).RefreshToken, refreshToken)
	if row, err = f.store.AuthSession(t.Context(), c.SessionID); err != nil || row.KeyID != key.ID {
		t.Errorf("row %+v of a key session, %v", row, err)
	}
}

func TestAPasswordStoredAtAnotherCostIsRehashedOnce(t *testing.T) {
	f := newFixture(t, func(_ *Config, cfg *accounts.Config) {
		cfg.PasswordCost = model.PasswordCost{Memory: 32, Passes: 2, Threads: 1}
	})
	f.register("a@example.org", testPassword)
	f.rules.PasswordCost = testkit.Cheap
	f.restart(f.store)
	stored := func() string {
		id, err := f.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, "a@example.org")
		if err != nil {
			t.Fatal(err)
		}
		return id.PasswordHash
	}
	old := stored()
	f.do("POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", "wrong password")).want(401)
	if stored() != old {
		t.Fatal("a wrong password was stored")
	}
	f.login("a@example.org", testPassword)
	renewed := stored()
	if renewed == old || !strings.Contains(renewed, "m=64,t=1,p=1") {
		t.Fatalf("stored %q after the sign-in", renewed)
	}
	f.login("a@example.org", testPassword)
	if stored() != renewed {
		t.Error("a current hash was replaced")
	}
}

// An account imported without a password has a row and no hash.
func TestAnAccountWithoutAPasswordRefusesEveryPassword(t *testing.T) {
	f := newFixture(t)
	f.withoutPassword("imported@example.org")
	for _, password := range []string{"", testPassword} {
		f.do("POST", loginPath("local-userpass"), "", object("username", "imported@example.org", "password", password)).
			want(401).says("unauthorized", "InvalidPassword")
	}
}

func FuzzLogin(f *testing.F) {
	fix := newFixture(f)
	fix.register("a@example.org", testPassword)
	for _, seed := range []string{
		`{"username":"a@example.org","password":"` + testPassword + `"}`,
		`{"username":"a@example.org","password":"x","options":{"device":{"deviceId":{"$oid":"5f9d1a2b3c4d5e6f70819203"}}}}`,
		`{"key":"` + strings.Repeat("a", 64) + `"}`, `{"key":"\u0000\ud800"}`, `{}`, `[]`, `null`, `"`, ``, "\xff", `{"key":`,
		`{"username":"\u0000","password":""}`, strings.Repeat(`{"options":`, 500), `{"username":1e999}`,
	} {
		for _, provider := range []string{"local-userpass", "api-key", "anon-user", "custom-token"} {
			f.Add(provider, seed)
		}
	}
	f.Fuzz(func(t *testing.T, provider, body string) {
		if len(provider) > 40 || !isPathSegment(provider) {
			provider = "api-key"
		}
		got := fix.on(t).do("POST", loginPath(provider), "", body)
		got.obeysRules()
		if got.status >= 500 {
			t.Errorf("status %d for %q: %s", got.status, body, got.body)
		}
	})
}

// isPathSegment keeps the fuzzer to paths that a request can be built from.
func isPathSegment(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}
