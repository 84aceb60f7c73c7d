package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/testkit"
)

// What is refused before any page or call sees it is traced like the rest: to where a trusted proxy says that it came from.
func TestARefusalAtTheEdgeIsOneLineThatSaysWhereFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host, path string
		header     map[string]string
		upstream   string
		status     int
	}{
		"another host":        {"evil.example", "/keys", nil, "", http.StatusMisdirectedRequest},
		"a call by http":      {"keys.example.org", "/api/client/v2.0/app/latchkey-local/location", map[string]string{"X-Forwarded-Proto": "http"}, "", http.StatusForbidden},
		"a pairing by http":   {"keys.example.org", "/oauth/token", map[string]string{"X-Forwarded-Proto": "http"}, "", http.StatusForbidden},
		"a call that is away": {"keys.example.org", "/api/client/v2.0/app/latchkey-local/location", nil, "http://127.0.0.1:1", http.StatusNotFound},
	} {
		log := &testkit.Log{}
		cfg := testConfig(t)
		cfg.PublicURL, cfg.TrustedProxies, cfg.Upstream, cfg.LogTo, cfg.Log = "https://keys.example.org", "127.0.0.1/32", c.upstream, log, "json"
		a := run(t, cfg)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.listener.Addr().String()+c.path+"?q=secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		req.Header.Set("X-Forwarded-For", "198.51.100.7")
		for name, value := range c.header {
			req.Header.Set(name, value)
		}
		log.Reset()
		if got := do(t, http.DefaultClient, req); got.Status != c.status {
			t.Errorf("%s: status %d, want %d", name, got.Status, c.status)
		}
		var line map[string]any
		text := log.String()
		if err := json.Unmarshal([]byte(text), &line); err != nil || strings.Count(text, "\n") != 1 {
			t.Errorf("%s: %q is not one line", name, text)
		}
		if line["from"] != "198.51.100.7" || line["status"] != float64(c.status) || strings.Contains(text, "secret") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
