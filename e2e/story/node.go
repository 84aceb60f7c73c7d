package story

import (
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
	cmd := exec.CommandContext(Within(t), "node", args...)
	cmd.Dir = Path("e2e")
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
