package authserver

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	diffs "github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
)

// payloadOf is what apps read in a token.
func payloadOf(t *testing.T, token string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var fields map[string]any
	if err != nil || json.Unmarshal(payload, &fields) != nil {
		t.Fatalf("payload %s, %v", payload, err)
	}
	return fields
}

func (f *fixture) keepData(userID, data string) {
	f.t.Helper()
	if err := f.accounts.SetCustomData(f.t.Context(), userID, []byte(data)); err != nil {
		f.t.Fatal(err)
	}
}

func TestCustomDataIsInAccessTokensFromTheNextOneOn(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	server, value := f.serverKey("gateway")
	ways := map[string]func() loginAnswer{
		"a password":   func() loginAnswer { return f.login("a@example.org", testPassword) },
		"a key":        func() loginAnswer { return f.loginWithKey(key.Value) },
		"a server key": func() loginAnswer { return f.loginWithKey(value.Reveal()) },
	}
	for way, signIn := range ways {
		for _, data := range []string{"", `{"team":"<red>","owner":{"$oid":"5f0000000000000000000001"}}`, `{"team":"blue"}`, ""} {
			before := signIn()
			userID := owner.UserID
			if way == "a server key" {
				userID = server.UserID
			}
			f.keepData(userID, cmp.Or(data, "{}"))
			after := signIn()
			var renewed renewAnswer
			f.do("POST", sessionPath, before.RefreshToken, "").want(201).into(&renewed)
			profile := f.do("GET", profilePath, before.AccessToken, "").want(200).fields()
			var want any
			if data != "" {
				_ = json.Unmarshal([]byte(data), &want)
			}
			for where, got := range map[string]any{
				"a new token":     payloadOf(t, after.AccessToken)["user_data"],
				"a renewed token": payloadOf(t, renewed.AccessToken)["user_data"],
				"the profile":     profile["custom_data"],
			} {
				if diff := diffs.Diff(want, got); diff != "" {
					t.Errorf("signed in with %s, %s (-want +got):\n%s", way, where, diff)
				}
			}
			for name, token := range map[string]string{"access": after.AccessToken, "refresh": after.RefreshToken} {
				if _, there := payloadOf(t, token)["user_data"]; there != (name == "access" && data != "") {
					t.Errorf("signed in with %s: user_data in the %s token: %t", way, name, there)
				}
			}
			if _, there := profile["custom_data"]; there != (data != "") {
				t.Errorf("signed in with %s: custom_data in the profile: %t", way, there)
			}
			if elsewhere, err := f.Exchange(t.Context(), model.Secret(renewed.AccessToken), testAudience.Name); err != nil {
				t.Error(err)
			} else if _, there := payloadOf(t, elsewhere.Value.Reveal())["user_data"]; there {
				t.Error("custom data is passed on to another service")
			}
		}
	}
}

// An access token is in a header of each request, and proxies take 8 KB of all of them.
func TestATokenWithAllTheCustomDataThereCanBeIsReadHere(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for _, letter := range []string{"x", "<", "é", `\"`, "\u2028"} {
		n := (model.MaxCustomData - len(`{"a":""}`)) / len(letter)
		f.keepData(owner.UserID, `{"a":"`+strings.Repeat(letter, n)+`"}`)
		session := f.login("a@example.org", testPassword)
		if len(session.AccessToken) > maxToken {
			t.Errorf("%s: a token of %d bytes", letter, len(session.AccessToken))
		}
		profile := f.do("GET", profilePath, session.AccessToken, "").want(200).fields()
		if diff := diffs.Diff(payloadOf(t, session.AccessToken)["user_data"], profile["custom_data"]); diff != "" {
			t.Error(diff)
		}
	}
	if c, err := f.tokens.open(f.login("a@example.org", testPassword).AccessToken); err != nil || c.UserData != "" {
		t.Errorf("custom data is kept with tokens that were verified: %v", err)
	}
}

func TestSigningInAsksNothingMoreForCustomData(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	f.loginWithKey(key.Value)
	f.keepData(owner.UserID, `{"team":"blue"}`)
	for _, tt := range []struct {
		name          string
		do            func()
		reads, writes int64
	}{
		{"sign in with a key", func() { f.loginWithKey(key.Value) }, 1, 1},
		{"sign in with a password", func() { f.login("a@example.org", testPassword) }, 1, 1},
		{"renew", func() { f.do("POST", sessionPath, owner.RefreshToken, "").want(201) }, 1, 0},
		{"profile", func() { f.do("GET", profilePath, owner.AccessToken, "").want(200) }, 2, 0},
	} {
		before := f.store.Stats()
		tt.do()
		f.Drain()
		after := f.store.Stats()
		if reads, writes := after.Reads-before.Reads, after.Writes-before.Writes; reads != tt.reads || writes != tt.writes {
			t.Errorf("%s: %d reads and %d writes, want %d and %d", tt.name, reads, writes, tt.reads, tt.writes)
		}
	}
}
