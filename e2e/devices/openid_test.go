package devices

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// An app at App Services signed people in with the tokens of a provider. They come back by the same app, and by a browser.
func TestAnImportedPersonIsTheSameBySDKAndByBrowser(t *testing.T) {
	t.Parallel()
	provider := testkit.NewProvider(t, time.Now)
	const id = "5f3a1c2b9d0e4a00123456a7"
	program := story.StartProgram(t, func(cfg *config.Config) {
		dir := t.TempDir()
		cfg.Providers = filepath.Join(dir, "providers.json")
		for name, content := range map[string]string{
			"secret": provider.ClientSecret.Reveal(),
			"providers.json": `{
				"custom-token": {"algorithm": "RS256", "jwks": "` + provider.URL + `/jwks", "issuer": "` + provider.URL + `"},
				"openid": [{"id": "acme", "name": "Acme", "issuer": "` + provider.URL + `", "client_id": "` + provider.ClientID + `",
					"client_secret_file": "secret", "provider": "custom-token", "new_users": false}]}`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	users := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(users, []byte(`[{"_id": "`+id+`", "identities": [{"id": "ada-at-acme", "provider_type": "custom-token"}]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	program.Orders(t, "import-users", users)

	played := program.Plays(t,
		[]any{"signIn", "token", provider.Token(t, testkit.Claims(time.Now(), "ada-at-acme", "latchkey-local", map[string]any{"iss": provider.URL}))},
		[]any{"createKey", "porch-cam"},
	)
	if ada := played[0].User; ada == nil || ada.ID != id || played[1].Key == "" {
		t.Fatalf("by the SDK: %+v", played)
	}
	left := program.SendForm(t, http.MethodPost, "/login/with/acme", nil, nil)
	address, _ := strings.CutPrefix(left.Header.Get("Refresh"), "0; url=")
	arrived := program.SendForm(t, http.MethodGet, provider.Visit(t, address).RequestURI(), nil, cookies(left))
	keys := program.SendForm(t, http.MethodGet, "/keys", nil, cookies(arrived))
	if !strings.Contains(keys.Body, "porch-cam") || !strings.Contains(keys.Body, `name="owner" content="`+id) {
		t.Errorf("by the browser: %d, %d and %d", left.StatusCode, arrived.StatusCode, keys.StatusCode)
	}
}

// cookies are those that an answer sets, as the next request sends them.
func cookies(a story.Answer) http.Header {
	var list []string
	for _, c := range a.Cookies {
		if c.MaxAge >= 0 {
			list = append(list, c.Name+"="+c.Value)
		}
	}
	return http.Header{"Cookie": {strings.Join(list, "; ")}}
}
