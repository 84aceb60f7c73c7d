package devices

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// withAudience names one service in the settings of a program.
func withAudience(t *testing.T) func(*config.Config) {
	return func(cfg *config.Config) {
		cfg.Audiences = filepath.Join(t.TempDir(), "audiences.json")
		if err := os.WriteFile(cfg.Audiences, []byte(`{"powersync": {"audience": "powersync", "lifetime": "10m"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALibraryGetsATokenThatPowerSyncWouldTake(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t, withAudience(t))
	ana := program.Person(t)
	if got := story.Node(t, "", ana.Keys(t, "porch-cam")[0].Value.Reveal(), "tokens.mjs", program.URL, "powersync"); got != ana.Session.UserID() {
		t.Errorf("the token is for %s", got)
	}
}

// The function is that of docs/tokens.md. Of the browser it takes leave to send a form to another site, and to read the answer.
func TestAnAppInAPageOfAnotherSiteGetsATokenForAService(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t, withAudience(t))
	ana := program.Person(t)
	text, err := os.ReadFile(story.Path("docs", "tokens.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, function, _ := strings.Cut(string(text), "```js\n")
	function, _, found := strings.Cut(function, "```")
	if !found {
		t.Fatal("docs/tokens.md has no function")
	}
	page := story.OpenElsewhere(t)
	got, err := page.Evaluate(`async ([BASE_URL, value, source]) => {
		const tokenFor = new Function("BASE_URL", source + "return tokenFor;")(BASE_URL);
		const user = await new Realm.App({ id: "latchkey-local", baseUrl: BASE_URL }).logIn(Realm.Credentials.apiKey(value));
		const { access_token } = await tokenFor(user, "powersync");
		const dead = { accessToken: "x", refreshCustomData: async () => { await user.refreshCustomData(); dead.accessToken = user.accessToken; } };
		const renewed = await tokenFor(dead, "powersync");
		const refused = await tokenFor(user, "none").catch((e) => e.message);
		const pairing = new URLSearchParams({ client_id: "latchkey-local", grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: "x" });
		const closed = await fetch(BASE_URL + "/oauth/token", { method: "POST", body: pairing }).catch((e) => e.name);
		return [JSON.parse(atob(access_token.split(".")[1])).sub === user.id, renewed.expires_in, refused, closed].join(" ");
	}`, []string{program.URL, ana.Keys(t, "porch-cam")[0].Value.Reveal(), function})
	if err != nil {
		t.Fatal(err)
	}
	if want := "true 600 invalid_target TypeError"; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
