package app

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := parseUpstream(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAnUpstreamsRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	visited := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited = true }))
	defer elsewhere.Close()
	upstream := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer upstream.Close()
	c := newUpstreamClient(parse(t, upstream.URL))
	defer c.CloseIdleConnections()
	if got := get(t, c, upstream.URL); got.Status != http.StatusTemporaryRedirect || visited {
		t.Errorf("status %d, followed: %t", got.Status, visited)
	}
}

func TestAnUpstreamIsDialledWhereTheOperatorSaidAndNowhereInside(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	listening := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(listening, ":")
	for name, tc := range map[string]struct{ upstream, address, refusal string }{
		"the upstream itself":                            {server.URL, listening, ""},
		"the upstream itself, by TLS":                    {"https://" + listening, listening, ""},
		"this machine, named by an upstream elsewhere":   {"https://services.example.org", listening, "is inside this network"},
		"the network, named by an upstream elsewhere":    {"https://services.example.org", "10.0.0.1:443", "is inside this network"},
		"cloud metadata, named by an upstream elsewhere": {"https://services.example.org", "169.254.169.254:80", "is inside this network"},
		"another port of this machine":                   {"http://127.0.0.1:1", listening, "is inside this network"},
		"a name for this machine that is not":            {"http://localhost:" + port, "localhost:" + port, ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := upstreamDialer(parse(t, tc.upstream))(t.Context(), "tcp4", tc.address)
			if tc.refusal == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				return
			}
			if err == nil {
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), tc.refusal) {
				t.Error(err)
			}
		})
	}
	if err := onlyLoopback(t.Context(), "tcp", "192.0.2.1:80", nil); err == nil {
		t.Error("plain http may leave the machine")
	}
	if err := onlyPublic(t.Context(), "tcp", "192.0.2.1:443", nil); err != nil {
		t.Error(err)
	}
}
