package accounts

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

// withAcme has people sign in at a provider too.
func withAcme(t *testing.T, issuer, client, secret string, more map[string]any) func(*config.Config) {
	t.Helper()
	dir := t.TempDir()
	settings := map[string]any{
		"id": "acme", "name": "Acme", "issuer": issuer, "client_id": client, "client_secret_file": filepath.Join(dir, "secret"), "new_users": true,
	}
	for name, value := range more {
		settings[name] = value
	}
	file, err := json.Marshal(map[string]any{"openid": []any{settings}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"secret": []byte(secret), "providers.json": file} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(cfg *config.Config) { cfg.Providers = filepath.Join(dir, "providers.json") }
}

// The provider is a program that others have written and that people use. It does not say when somebody has signed in there unless it is
// asked to have them do it anew, so that the first key takes that.
func TestSomebodySignsInAtARealProviderCreatesAKeyAndSignsOut(t *testing.T) {
	t.Parallel()
	issuer := story.OtherProvider(t, "latchkey", "a-secret-of-this-story", "/login/with/acme/return")
	program := story.StartProgram(t, withAcme(t, issuer, "latchkey", "a-secret-of-this-story", nil))
	page := program.Open(t, story.At("/login"))
	page.Must(page.Context.Route("https://fonts.googleapis.com/**", func(r playwright.Route) { _ = r.Fulfill() })) // no page leaves this machine
	signInThere := func() {
		t.Helper()
		page.Must(page.GetByPlaceholder("Enter any login").Fill("ada"))
		page.Must(page.GetByPlaceholder("and password").Fill("any"))
		page.Press(page.Button("Sign-in"))
		page.Press(page.Button("Continue"))
	}
	page.Press(page.Button("Sign in with Acme"))
	signInThere()
	page.IsAt("/keys")
	page.IsSignedInAs("ada@example.org")
	page.Expects(http.StatusForbidden)
	page.TriesToCreate("porch-cam")
	page.Press(page.InDialog("Confirm with Acme"))
	signInThere()
	page.IsAt("/keys/new?name=porch-cam")
	page.Says("You’ve confirmed that it’s you. Go on where you left off.")
	page.Press(page.Button("Create key"))
	page.Sees(page.Ready("porch-cam"))
	value := page.Value()
	page.SaveKey()
	if story.Node(t, "", value, "realmweb.mjs", "device", program.URL) == "refused" {
		t.Error("the key signs nothing in")
	}
	page.Visit("/account")
	page.Sees(page.GetByText("Signing out here doesn’t sign you out of Acme."))
	page.SignOut()
	page.IsAt("/login")
	page.Visit("/keys")
	page.IsAt("/login?next=%2Fkeys")
	page.Press(page.Button("Sign in with Acme"))
	page.Press(page.Button("Continue")) // she still is signed in there
	page.IsAt("/keys")
	page.Sees(page.Row("porch-cam"))
}

func TestAnAccountIsConnectedToAProviderByItsPasswordWithoutScript(t *testing.T) {
	t.Parallel()
	provider := testkit.NewProvider(t, time.Now)
	provider.Has(testkit.AnswerWithForm)
	provider.SignIn(testkit.ProviderPerson{Subject: "ana-at-acme", Email: "ana@example.com", Verified: true})
	program := story.StartProgram(t, withAcme(t, provider.URL, provider.ClientID, provider.ClientSecret.Reveal(), nil))
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.NoScript, story.Phone, story.At("/login?next=%2Faccount"))
	page.Press(page.Button("Sign in with Acme"))
	page.Press(page.Button("Continue"))
	page.Sees(page.Heading("There is an account with this address"))
	page.Fits()
	page.Expects(http.StatusUnprocessableEntity)
	page.Fill("Password", "wrong horse")
	page.Press(page.Button("Connect and sign in"))
	page.Sees(page.GetByText("Wrong password."))
	page.Fill("Password", story.Password)
	page.Press(page.Button("Connect and sign in"))
	page.IsAt("/account")
	page.Sees(page.GetByText("Acme: ana@example.com, connected"))
	page.Fits()
	page.SignOut()
	page.Press(page.Button("Sign in with Acme"))
	page.Press(page.Button("Continue"))
	page.Sees(page.Row("porch-cam")) // and no question
	page.Expects(http.StatusBadRequest)
	page.Visit("/login/with/acme/return?code=x&state=y")
	page.Sees(page.GetByText("That sign-in was not finished."))
}

// Not parallel: see story.OwnClock.
func TestAPersonOfAProviderAloneCreatesPairsAndReplacesKeys(t *testing.T) {
	clock := story.OwnClock(t)
	provider := testkit.NewProvider(t, clock.Now)
	program := story.StartProgram(t, withAcme(t, provider.URL, provider.ClientID, provider.ClientSecret.Reveal(), nil), func(cfg *config.Config) {
		cfg.Now, cfg.Passwords = clock.Now, "off"
	})
	page := program.Open(t, story.At("/login"))
	page.Lacks(page.Field("Password"))
	page.Press(page.Button("Sign in with Acme"))
	page.IsSignedInAs("ada@example.org")
	late := func() {
		t.Helper()
		clock.Advance(20 * time.Minute)
		page.Visit("/keys")
		clock.Advance(11 * time.Minute)
		page.Visit("/keys")
	}
	confirms := func(back string) {
		t.Helper()
		page.Press(page.Button("Confirm with Acme"))
		page.IsAt(back)
	}
	late()
	page.Expects(http.StatusForbidden)
	page.TriesToCreate("porch-cam")
	confirms("/keys/new?name=porch-cam")
	page.Press(page.Button("Create key"))
	page.Sees(page.Ready("porch-cam"))
	page.SaveKey()

	late()
	grant := program.Grant(t, "Greenhouse Pi")
	page.Visit("/device")
	page.EnterCode(grant.UserCode)
	page.Press(page.Button("Approve"))
	page.Press(page.Button("Confirm with Acme"))
	page.Sees(page.Heading(story.ConnectThis))
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("Approved"))

	late()
	page.Press(page.Link("porch-cam"))
	page.Press(page.Link("Replace…"))
	page.Press(page.Button("Create the replacement"))
	page.Press(page.Button("Confirm with Acme"))
	page.Sees(page.Heading("Replace porch-cam?"))
	page.Press(page.Button("Create the replacement"))
	page.Sees(page.Ready("porch-cam-2"))
}
