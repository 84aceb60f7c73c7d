package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

// node runs a program in Node.js, in the directory where realm-web is installed, and gives what it prints.
func node(t *testing.T, program, apiKey string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), "API_KEY="+apiKey)
	cmd.Stdin = strings.NewReader(program)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return strings.TrimSpace(string(out))
}

func TestRealmWebManagesKeysAndLogsInWithThem(t *testing.T) {
	t.Parallel()
	node(t, "", "", "realmweb.mjs", "journey", startProgram(t).url)
}

func TestAKeyMadeInTheBrowserLogsADeviceInUntilItIsTurnedOff(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.saveKey()
	device := func() string { return node(t, "", value, "realmweb.mjs", "device", program.url) }

	if got := device(); got != ana.session.UserID() {
		t.Errorf("the key is %s's, not %s's", got, ana.session.UserID())
	}
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is off. It can no longer sign in.")
	if got := device(); got != "refused" {
		t.Errorf("a key that is off logs in as %s", got)
	}
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is on.")
	if got := device(); got != ana.session.UserID() {
		t.Errorf("turned on again: %s", got)
	}
	page.press(page.menu("porch-cam", "Delete…"))
	page.press(page.inDialog("Delete porch-cam"))
	page.says("porch-cam was deleted.")
	if got := device(); got != "refused" {
		t.Errorf("a key that is gone logs in as %s", got)
	}
}

// openElsewhere opens a page of another site, which has realm-web's bundle for browsers.
func openElsewhere(t *testing.T) playwright.Page {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /realm-web.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "node_modules/realm-web/dist/bundle.iife.js")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,"><script src="/realm-web.js"></script>`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	context, err := chromium.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = context.Close() })
	page, err := context.NewPage()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := page.Goto(server.URL); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestRealmWebInAPageOfAnotherSiteManagesKeys(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := openElsewhere(t)
	got, err := page.Evaluate(`async ([baseUrl, email, password]) => {
		const app = new Realm.App({ id: "latchkey-local", baseUrl });
		const error = await app.logIn(Realm.Credentials.emailPassword(email, "wrong")).catch((e) => e);
		const user = await app.logIn(Realm.Credentials.emailPassword(email, password));
		const made = await user.apiKeys.create("porch-cam");
		await user.apiKeys.disable(made._id);
		const off = await user.apiKeys.fetch(made._id);
		await user.apiKeys.enable(made._id);
		const device = await new Realm.App({ id: "latchkey-local", baseUrl }).logIn(Realm.Credentials.apiKey(made.key));
		await user.apiKeys.delete(made._id);
		const left = await user.apiKeys.fetchAll();
		await user.logOut();
		return [error.statusCode, error.errorCode, error.error, off.disabled, device.id === user.id, left.length].join(" ");
	}`, []string{program.url, ana.email, password})
	if err != nil {
		t.Fatal(err)
	}
	if want := "401 InvalidPassword unauthorized true true 0"; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// The key's page promises it: "what it opened ends at once".
func TestTurningAKeyOffEndsTheSessionsItOpened(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	device, err := program.client.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	page := program.open(t, signedIn(ana))
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is off. It can no longer sign in.")
	if err := device.Refresh(t.Context()); !client.IsUnauthorized(err) {
		t.Errorf("the device's session goes on: %v", err)
	}
}
