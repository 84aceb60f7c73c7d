package looks

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// Every state of the pages about other providers. The name of one is as long as names may be.
func TestThePagesAboutOtherProvidersAreAccessibleInEveryLook(t *testing.T) {
	clock := story.OwnClock(t)
	provider := testkit.NewProvider(t, clock.Now)
	dir := t.TempDir()
	acme := map[string]any{
		"id": "acme", "name": "Acme", "issuer": provider.URL, "client_id": provider.ClientID, "client_secret_file": filepath.Join(dir, "secret"), "new_users": true,
	}
	other := map[string]any{
		"id": "other", "name": "The Lovelace Family’s Own Directory", "issuer": "https://id.example.org", "client_id": "latchkey", "client_secret_file": filepath.Join(dir, "secret"),
	}
	file, err := json.Marshal(map[string]any{"openid": []any{acme, other}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"secret": []byte(provider.ClientSecret.Reveal()), "providers.json": file} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start := func(passwords string) *story.Program {
		return story.StartProgram(t, func(cfg *config.Config) {
			cfg.Now, cfg.Providers, cfg.Passwords = clock.Now, filepath.Join(dir, "providers.json"), passwords
		})
	}
	alone := start("off").Open(t, story.At("/login"))
	alone.Lacks(alone.Field("Password"))
	alone.IsAccessibleInEveryLook("a sign-in page without passwords")

	program := start("on")
	program.PersonNamed(t, "ada@example.org")
	page := program.Open(t, story.At("/login"))
	page.Expects(http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusForbidden)
	page.Sees(page.Button("Sign in with Acme"))
	page.NewTab("/login").IsAccessibleInEveryLook("a sign-in page with other providers")
	tab := page.NewTab("/login/with/acme/return?code=x&state=y")
	tab.Sees(tab.GetByText("That sign-in was not finished."))
	tab.IsAt("/login/with/acme/return") // the code is no longer in the address
	tab.IsAccessibleInEveryLook("a sign-in that was not finished")

	tab = page.NewTab("/login")
	tab.Must(tab.Route(provider.URL+"/**", func(r playwright.Route) { _ = r.Abort("aborted") }))
	tab.Press(tab.Button("Sign in with Acme"))
	tab.Sees(tab.Link("Continue to Acme"))
	tab.IsAccessibleInEveryLook("on the way to a provider")

	page.Press(page.Button("Sign in with Acme"))
	page.Sees(page.Heading("There is an account with this address"))
	page.NewTab("/login/with/acme/connect").IsAccessibleInEveryLook("the question for the password of an account with the same address")
	tab = page.NewTab("/login/with/acme/connect")
	tab.Fill("Password", "wrong horse")
	tab.Press(tab.Button("Connect and sign in"))
	tab.Sees(tab.GetByText("Wrong password."))
	tab.IsAccessibleInEveryLook("a wrong answer to it")
	page.Fill("Password", story.Password)
	page.Press(page.Button("Connect and sign in"))
	page.IsSignedInAs("ada@example.org")
	tab = page.NewTab("/account")
	tab.Sees(tab.Button("Connect The Lovelace Family’s Own Directory"))
	tab.IsAccessibleInEveryLook("an account that is connected")

	provider.Has(testkit.TokenNoTime)
	clock.Advance(20 * time.Minute)
	page.Visit("/keys")
	clock.Advance(11 * time.Minute)
	tab = page.NewTab("/keys")
	tab.TriesToCreate("attic")
	tab.Sees(tab.Dialog())
	tab.Press(tab.InDialog("Confirm with Acme"))
	tab.Sees(tab.GetByText("Acme cannot tell us that you just signed in. Add a passkey to create keys."))
	tab.IsAccessibleInEveryLook("a provider that gives no proof")
}
