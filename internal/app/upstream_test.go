package app

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey/internal/app/config"
)

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	cfg := config.Defaults()
	cfg.Upstream = text
	return parsed(t, cfg).Upstream
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

func TestPlainHTTPDoesNotLeaveTheMachine(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	listening := strings.TrimPrefix(server.URL, "http://")
	for _, upstream := range []string{server.URL, "https://" + listening} {
		conn, err := upstreamDialer(parse(t, upstream)).DialContext(t.Context(), "tcp", listening)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	// What "localhost" is made to mean decides, not the name.
	_, err := upstreamDialer(parse(t, "http://localhost")).DialContext(t.Context(), "tcp", "192.0.2.1:80")
	if err == nil || !strings.Contains(err.Error(), "plain http is only allowed to this one") {
		t.Errorf("got %v", err)
	}
	if dialer := upstreamDialer(parse(t, "https://services.example.org")); dialer.ControlContext != nil {
		t.Error("https may not leave the machine")
	}
}

func TestAnUpstreamsLocationMustNameTheUpstream(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"hostname":%q}`, elsewhere.URL)
	}))
	defer upstream.Close()
	var log bytes.Buffer // read when the program has stopped
	cfg := testConfig(t)
	cfg.Upstream, cfg.LogTo = upstream.URL, &log
	a := run(t, cfg)
	page := post(t, browser(t), a.URL()+"/login", account)
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	if page.Status != http.StatusBadGateway || asked.Load() != 0 {
		t.Errorf("status %d, and the other host was asked %d times", page.Status, asked.Load())
	}
	if !strings.Contains(page.Body, "This server is misconfigured") {
		t.Errorf("people are told %s", page.Body)
	}
	if !strings.Contains(log.String(), "is --upstream the address that it goes by?") || !strings.Contains(log.String(), "it names "+elsewhere.URL) || strings.Contains(page.Body, elsewhere.URL) {
		t.Errorf("the operator is not told which host, or everybody is: %s", log.String())
	}
}
