package authserver

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"latchkey/internal/accounts"
)

func TestLocationSendsClientsToThePublicURL(t *testing.T) {
	for public, ws := range map[string]string{
		"https://keys.example.org":  "wss://keys.example.org",
		"http://127.0.0.1:8080":     "ws://127.0.0.1:8080",
		"https://http.example:8443": "wss://http.example:8443",
	} {
		f := newFixture(t, func(c *Config, _ *accounts.Config) { c.PublicURL = public })
		req := newRequest("GET", appPath("/location"), "")
		req.Host = "evil.example.com"
		req.Header.Set("X-Forwarded-Host", "evil.example.com")
		want := map[string]any{"deployment_model": "LOCAL", "location": "self-hosted", "hostname": public, "ws_hostname": ws}
		if diff := cmp.Diff(want, f.send(req).want(200).fields()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", public, diff)
		}
	}
}

func TestPublishedKeysVerifyAccessTokensAndNothingElse(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	var set jose.JSONWebKeySet
	f.do("GET", "/.well-known/jwks.json", "", "").want(200).into(&set)
	if len(set.Keys) != 1 || !set.Keys[0].IsPublic() || set.Keys[0].Use != "sig" || set.Keys[0].Algorithm != "ES256" {
		t.Fatalf("published %+v", set.Keys)
	}
	token, err := jose.ParseSignedCompact(owner.AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if token.Signatures[0].Protected.KeyID != set.Keys[0].KeyID {
		t.Error("the token names a key that is not published")
	}
	if _, err := token.Verify(set); err != nil {
		t.Errorf("verify with the published keys: %v", err)
	}
}
