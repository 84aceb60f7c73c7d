package app

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// stopping is a program that has been told to stop and takes its time.
func stopping(t *testing.T, a *App) (ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	end := make(chan error, 1)
	go func() { end <- a.Run(ctx) }()
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	at := "http://" + a.listener.Addr().String() + healthPath
	if got := get(t, fresh, at); got.Status != http.StatusOK {
		t.Fatalf("before: %d", got.Status)
	}
	cancel()
	for get(t, fresh, at).Status == http.StatusOK { // it fails when nobody listens any more
	}
	return end
}

func TestHealthChecksAreToldBeforeTheListenerCloses(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.DrainTime, cfg.AdminAddr = time.Second, "127.0.0.1:0"
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := stopping(t, a)
	base, admin := a.URL(), "http://"+a.admin.listener.Addr().String()
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]int{base + healthPath: 503, admin + "/readyz": 503, base + "/login": 200, admin + "/metrics": 200} {
		if got := get(t, fresh, path); got.Status != want {
			t.Errorf("%s: %d, want %d", path, got.Status, want)
		}
	}
	if got := get(t, fresh, admin+"/metrics"); !strings.Contains(got.Body, "\nlatchkey_ready 0\n") {
		t.Error("the metrics say that it is ready")
	}
	conn := dial(t, a.listener.Addr().String())
	if _, err := io.WriteString(conn, "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || !strings.Contains(string(got), "\r\nConnection: close\r\n") {
		t.Errorf("a connection is kept for another request: %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	waitUntilRefused(t, a.listener.Addr().String())
	waitUntilRefused(t, a.admin.listener.Addr().String())
}

func TestStreamsAreLetGoOfWhenTheListenerClosesAndHoldNothingUp(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	stream := openStream(t, a)
	began := time.Now()
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= shutdownTime {
		t.Errorf("it took %v to stop", took)
	}
	if rest, err := io.ReadAll(stream); err != nil || strings.Contains(string(rest), "event: end") {
		t.Errorf("the page is told not to come back: %q, %v", rest, err)
	}
}

// openStream is the answer to a page that waits for the first use of a key, after its first words.
func openStream(t *testing.T, a running) io.ReadCloser {
	t.Helper()
	keyOfAna(t, a)
	ana := browser(t)
	post(t, ana, a.URL()+"/login", url.Values{"email": {"ana@example.com"}, "password": account["password"]})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/keys/arrival?state=x", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := ana.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if said, err := firstEvents(res.Body); err != nil || strings.Contains(string(said), "event: end") {
		t.Fatalf("the stream ends with %q, %v", said, err)
	}
	return res.Body
}
