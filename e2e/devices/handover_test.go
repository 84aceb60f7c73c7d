package devices

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// anApp is a page of another site whose people sign in to it, and the program whose keys page it opens.
type anApp struct {
	playwright.Page
	t       *testing.T
	program *story.Program
	issuer  *testkit.Issuer
	home    string
}

func newApp(t *testing.T) *anApp {
	t.Helper()
	app := &anApp{Page: story.OpenElsewhere(t), t: t, issuer: testkit.NewIssuer(t)}
	app.home = app.URL()
	app.program = story.StartProgram(t, func(cfg *config.Config) {
		cfg.ReturnURLs = app.home
		cfg.Providers = filepath.Join(t.TempDir(), "providers.json")
		file := `{"custom-token": {"algorithm": "RS256", "jwks": "` + app.issuer.URL + `"}}`
		if err := os.WriteFile(cfg.Providers, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	return app
}

// asks is what the button "My devices" of the app does, as docs/handover.md has it. The path of the link comes back.
func (a *anApp) asks() string {
	a.t.Helper()
	link, err := a.Evaluate(`async (baseUrl) => {
		const answer = await fetch(baseUrl + "/api/latchkey/v1/handovers", {
			method: "POST",
			headers: { Authorization: "Bearer " + app.currentUser.accessToken, "Content-Type": "application/json" },
			body: JSON.stringify({ return: location.href + "?tab=devices" }),
		});
		return (await answer.json()).url;
	}`, a.program.URL)
	text, _ := link.(string)
	path, ours := strings.CutPrefix(text, a.program.URL)
	if err != nil || !ours {
		a.t.Fatal(link, err)
	}
	return path
}

// signsIn has realm-web sign somebody in with a token of the app's own issuer.
func (a *anApp) signsIn(subject string) {
	a.t.Helper()
	_, err := a.Evaluate(`async ([baseUrl, token]) => {
		window.app = new Realm.App({ id: "latchkey-local", baseUrl });
		await app.logIn(Realm.Credentials.jwt(token));
	}`, []string{a.program.URL, a.issuer.Token(a.t, testkit.Claims(time.Now(), subject, "latchkey-local", nil))})
	if err != nil {
		a.t.Fatal(err)
	}
}

func TestAnAppOpensTheKeysPageForItsPersonAndTakesThemBack(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	app.signsIn("auth0|77")
	app.program.Open(t, story.At(app.asks())).IsAccessibleInEveryLook("the question of an app")
	page := app.program.Open(t, story.At(app.asks()))
	page.Sees(page.GetByText("Continue as auth0|77"))
	page.Press(page.Button("Continue"))
	page.CreateKey("porch-cam") // who has nothing to confirm it with signed in to the app a moment ago
	page.SaveKey()
	page.NewTab("/keys").IsAccessibleInEveryLook("opened from an app")
	page.Press(page.Link("Back to " + strings.TrimSuffix(strings.TrimPrefix(app.home, "http://"), "/")))
	page.Must(page.WaitForURL(app.home + "?tab=devices"))
	if _, err := app.Evaluate(`() => app.currentUser.logOut()`); err != nil {
		t.Fatal(err)
	}
	page.Visit("/keys")
	page.Sees(page.GetByText("Your session has ended. Sign in to continue."))
}

func TestAnAppOpensTheKeysPageInABrowserWithoutScript(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	app.signsIn("auth0|77")
	page := app.program.Open(t, story.NoScript, story.SignedIn(app.program.PersonNamed(t, "bob@example.com")))
	page.Visit(app.asks())
	page.Sees(page.GetByText("Continuing signs that account out in this browser."))
	page.Press(page.Link("Not me"))
	page.Visit(app.asks())
	page.Press(page.Button("Continue"))
	page.CreateKey("porch-cam")
	page.Visit("/account")
	page.Sees(page.GetByText("Signed in as auth0|77"))
}
