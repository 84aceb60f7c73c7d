package story

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// Node runs a program in Node.js, in the directory where realm-web is installed, and gives what it prints.
func Node(t *testing.T, program, apiKey string, args ...string) string {
	t.Helper()
	return runNode(t, program, []string{"API_KEY=" + apiKey}, args...)
}

func runNode(t *testing.T, program string, variables []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(Within(t), "node", args...)
	cmd.Dir = Path("e2e")
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdin = strings.NewReader(program)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return strings.TrimSpace(string(out))
}

// Played is what came of a step that an app took with realm-web: who is signed in afterwards, and the refusal if it was refused.
type Played struct {
	Status      int    // of the answer that refused, 0 when none did
	Code, Error string // that it gave
	Key         string // the value of a key that was created
	Requests    int    // that realm-web sent for the step
	User        *struct {
		ID, Provider, Type string
		Data, CustomData   map[string]any
		Identities         []string // their providers
	}
}

// Plays has one app of realm-web take steps, each the name of an act and what it takes, as "play" of realmweb.mjs knows them.
func (p *Program) Plays(t *testing.T, steps ...[]any) (played []Played) {
	t.Helper()
	encoded, err := json.Marshal(steps)
	if err != nil {
		t.Fatal(err)
	}
	out := runNode(t, "", []string{"APP_ID=" + p.AppID, "STEPS=" + string(encoded)}, "realmweb.mjs", "play", p.URL)
	if err := json.Unmarshal([]byte(out), &played); err != nil || len(played) != len(steps) {
		t.Fatalf("of %d steps: %s", len(steps), out)
	}
	return played
}

// OpenElsewhere opens a page of another site, which has realm-web's bundle for browsers.
func OpenElsewhere(t *testing.T) playwright.Page {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /realm-web.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, modules("realm-web", "dist", "bundle.iife.js"))
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

// OtherProvider starts a provider with OpenID Connect that others have written, and gives its issuer. Its one client has the secret, and may
// come from the path at any port of this machine.
func OtherProvider(t *testing.T, client, secret, path string) string {
	t.Helper()
	cmd := exec.Command("node", "provider.mjs", client, secret, path) //nolint:noctx // it ends when its input does
	cmd.Dir = Path("e2e")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the provider: %v\n%s", err, complaints.String())
		}
	})
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(issuer)
}
