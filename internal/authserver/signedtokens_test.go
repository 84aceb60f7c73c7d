package authserver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/accounts"
	"latchkey/internal/idtokens"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// newTokenFixture takes tokens of one issuer for all three providers.
func newTokenFixture(t testing.TB) (*fixture, *testkit.Issuer) {
	t.Helper()
	issuer := testkit.NewIssuer(t)
	f := newFixture(t, func(c *Config, rules *accounts.Config) { takeTokens(c, rules, issuer) })
	return f, issuer
}

func takeTokens(c *Config, rules *accounts.Config, issuer *testkit.Issuer) {
	rules.NewUsers = map[string]bool{model.ProviderCustomToken: true, model.ProviderGoogle: true, model.ProviderApple: true}
	var all []idtokens.Provider
	for name := range rules.NewUsers {
		all = append(all, idtokens.Provider{Name: name, KeySet: issuer.URL, Audience: []string{testApp}, Data: []idtokens.Claim{
			{Path: []string{"email"}, Field: "email"}, {Path: []string{"age"}, Field: "min_age"}, {Path: []string{"roles"}, Field: "roles"},
			{Path: []string{"roles"}, Field: "name"},
		}})
	}
	c.IDTokens = idtokens.New(c.Now, all...)
}

// fieldOf is where the token of a provider is in the body of a sign-in.
var fieldOf = map[string]string{model.ProviderCustomToken: "token", model.ProviderGoogle: "id_token", model.ProviderApple: "id_token"}

func TestPeopleSignInWithTokensThatOthersSign(t *testing.T) {
	f, issuer := newTokenFixture(t)
	users := map[string]bool{}
	for provider, field := range fieldOf {
		token := issuer.Token(t, testkit.Claims(f.clock.Now(), "ada", testApp, map[string]any{"email": "ada@example.org", "age": 36, "roles": []string{"a"}}))
		session := f.loggedIn(provider, object("provider", provider, field, token, "options", map[string]any{"device": map[string]any{"platform": "linux"}}))
		users[session.UserID] = true
		// Realm's core ends an app that asks for a text which is none.
		data := map[string]any{"email": "ada@example.org", "min_age": "36", "roles": []any{"a"}}
		want := map[string]any{
			"user_id": session.UserID, "domain_id": f.ids.domain, "type": "normal", "data": data,
			"identities": []any{map[string]any{"id": "ada", "provider_type": provider, "provider_id": f.ids.provider(provider), "provider_data": data}},
		}
		if diff := cmp.Diff(want, f.do("GET", profilePath, session.AccessToken, "").want(200).fields()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", provider, diff)
		}

		key := f.createKey(session, "pump")
		f.do("GET", keysPath, session.RefreshToken, "").want(200)
		f.do("GET", keysPath, f.loginWithKey(key.Value).RefreshToken, "").want(403)
		f.do("POST", proofPath, session.RefreshToken, object("password", testPassword)).want(403).says("this kind of session may not do that", "")
		f.do("POST", sessionPath, session.RefreshToken, "").want(201)
		f.do("DELETE", deletePath, session.AccessToken, "").want(204)
	}
	if len(users) != 3 {
		t.Errorf("what three providers call ada is %d users", len(users))
	}
}

func TestAWrongTokenIsRefusedAndTheLogSaysWhy(t *testing.T) {
	f, issuer := newTokenFixture(t)
	other := testkit.NewIssuer(t)
	other.Rotate()
	now := f.clock.Now()
	for why, token := range map[string]string{
		"it has expired":        issuer.Token(t, testkit.Claims(now.Add(-2*time.Hour), "ada", testApp, nil)),
		"another-app":           issuer.Token(t, testkit.Claims(now, "ada", "another-app", nil)),
		"signed by no key":      other.Token(t, testkit.Claims(now, "ada", testApp, nil)),
		"more than 4096":        issuer.Token(t, testkit.Claims(now, "ada", testApp, map[string]any{"x": strings.Repeat("x", 5<<10)})),
		"not a signed token":    "a.b.c",
		"sub must be":           issuer.Token(t, testkit.Claims(now, "", testApp, nil)),
		"exp is missing":        issuer.Token(t, testkit.Claims(now, "ada", testApp, map[string]any{"exp": nil})),
		"not signed by RS256":   f.loginAnonymously().AccessToken,
		"custom-token: not a s": "",
	} {
		got := f.do("POST", loginPath(model.ProviderCustomToken), "", object("token", token))
		got.want(401).says("unauthorized", "InvalidSession")
		if line := f.logOf(got); !strings.Contains(line, why) || token != "" && strings.Contains(line, token) {
			t.Errorf("%s: logged %s", why, line)
		}
	}
	if n, _, err := f.store.CountUsers(t.Context()); n != 1 || err != nil { // the anonymous one
		t.Errorf("%d users, %v", n, err)
	}
	for provider, field := range fieldOf {
		f.do("POST", loginPath(provider), "", object("options", nil)).want(400).says("'"+field+"' is a required string", "MissingParameter")
		f.do("POST", loginPath(provider), "", `{"`+field+`":7}`).want(400)
	}
	f.do("POST", loginPath(model.ProviderGoogle), "", object("authCode", "4/0AX4XfWh")).want(400).
		says("send an id_token: this server does not exchange codes", "BadRequest")
}

func (f *fixture) logOf(r reply) string { return f.logLine(r.header.Get(requestIDHeader)) }

func TestWithoutTheKeysOfAnIssuerAProgramIsToComeBack(t *testing.T) {
	f, issuer := newTokenFixture(t)
	issuer.AnswerBy(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	body := object("token", issuer.Token(t, testkit.Claims(f.clock.Now(), "ada", testApp, nil)))
	got := f.do("POST", loginPath(model.ProviderCustomToken), "", body)
	got.want(503).says("the keys of the issuer cannot be fetched right now: try again in a moment", "")
	if got.header.Get("Retry-After") != "10" || !strings.Contains(f.logOf(got), "502") {
		t.Errorf("Retry-After %q, log %s", got.header.Get("Retry-After"), f.logOf(got))
	}
	issuer.AnswerBy(nil)
	f.clock.Advance(time.Minute)
	f.loggedIn(model.ProviderCustomToken, body)
}
