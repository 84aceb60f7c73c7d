package devices

import (
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// Apps that signed people in with tokens at App Services do so with the same code.
func TestAppsSignInWithTokensThatOthersSign(t *testing.T) {
	t.Parallel()
	issuer := testkit.NewIssuer(t)
	program := story.StartProgram(t, func(cfg *config.Config) {
		cfg.Providers = filepath.Join(t.TempDir(), "providers.json")
		file := `{
			"custom-token": {"algorithm": "RS256", "jwks": "` + issuer.URL + `", "data": [{"claim": "profile.full_name", "field": "name"}]},
			"oauth2-google": {"client_ids": ["123.apps.googleusercontent.com"], "data": [{"claim": "email"}]},
			"oauth2-apple": {"client_ids": ["org.example.app"]}}`
		if err := os.WriteFile(cfg.Providers, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.KeySets = map[string]string{"oauth2-google": issuer.URL, "oauth2-apple": issuer.URL}
	})
	now := time.Now()
	claims := func(others map[string]any) map[string]any {
		return testkit.Claims(now, "auth0|77", "latchkey-local", others)
	}
	of := map[string]any{"profile": map[string]any{"full_name": "Ada Lovelace"}}
	google := testkit.Claims(now, "1178", "123.apps.googleusercontent.com", map[string]any{"iss": "accounts.google.com", "email": "ada@example.org"})
	apple := testkit.Claims(now, "0012.ab", "org.example.app", map[string]any{"iss": "https://appleid.apple.com"})
	before := issuer.Token(t, claims(of))
	played := program.Plays(t,
		[]any{"signIn", "token", before},
		[]any{"createKey", "porch-cam"},
		[]any{"refresh"},
		[]any{"signOut"},
		[]any{"signIn", "google", issuer.Token(t, google)},
		[]any{"signIn", "apple", issuer.Token(t, apple)},
	)
	for i, p := range played {
		if p.Status != 0 {
			t.Fatalf("step %d: %+v", i, p)
		}
	}
	ada := played[0].User
	if ada.Provider != "custom-token" || ada.Type != "normal" || ada.Data["name"] != "Ada Lovelace" || !slices.Equal(ada.Identities, []string{"custom-token"}) {
		t.Errorf("%+v", ada)
	}
	if value := played[1].Key; story.Node(t, "", value, "realmweb.mjs", "device", program.URL) != ada.ID {
		t.Error("the device with her key is somebody else's")
	}
	if with := played[4].User; with.Provider != "oauth2-google" || with.Data["email"] != "ada@example.org" || with.ID == ada.ID {
		t.Errorf("%+v", with)
	}
	if with := played[5].User; with.Provider != "oauth2-apple" || with.ID == ada.ID || with.ID == played[4].User.ID {
		t.Errorf("%+v", with)
	}

	public, err := x509.MarshalPKIXPublicKey(issuer.Key(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(before, ".")[1] + "."
	wrong := []string{
		none, testkit.SignToken(t, jose.HS256, public, issuer.KeyID(), claims(nil)),
		issuer.Token(t, claims(map[string]any{"aud": "another"})), issuer.Token(t, claims(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()})),
		issuer.Token(t, claims(map[string]any{"pad": strings.Repeat("x", 5<<10)})),
	}
	issuer.Rotate()
	var steps [][]any
	for _, token := range wrong {
		steps = append(steps, []any{"signIn", "token", token})
	}
	played = program.Plays(t, append(steps, []any{"signIn", "token", issuer.Token(t, claims(of))}, []any{"signIn", "token", before})...)
	last := len(played) - 2
	for i, p := range played {
		if i != last && (p.Status != 401 || p.Code != "InvalidSession" || p.Error != "unauthorized") {
			t.Errorf("wrong token %d: %+v", i, p)
		}
	}
	if p := played[last]; p.Status != 0 || p.User.ID != ada.ID {
		t.Errorf("with the issuer's next key: %+v", p)
	}
}
