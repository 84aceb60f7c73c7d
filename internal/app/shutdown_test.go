package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	cfg := patientConfig(t)
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
	a := run(t, patientConfig(t))
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

// stopsVariable says how often the program is stopped under clients; many times is for before a release.
const stopsVariable = "LATCHKEY_STOPS"

// TestAStopBreaksNothingThatWasAccepted counts what a client can know: a connection that was established, or that the server has not said to
// close, and no answer on it. Being refused a connection is none of that.
func TestAStopBreaksNothingThatWasAccepted(t *testing.T) {
	t.Parallel()
	stops := 3
	if given := os.Getenv(stopsVariable); given != "" {
		var err error
		if stops, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	for name, drain := range map[string]time.Duration{"at once": 0, "after a while": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := patientConfig(t)
			cfg.Addr, cfg.DrainTime = "127.0.0.1:"+freePort(t), drain
			clients := startImpatient(t, cfg.Addr)
			var longest time.Duration
			for range stops {
				a := run(t, cfg)
				awaitMore(t, &clients.answered, 240)
				began := time.Now()
				if err := a.stop(); err != nil {
					t.Fatal(err)
				}
				longest = max(longest, time.Since(began))
			}
			clients.stop()
			broken := clients.broken.Load()
			if broken > 0 {
				t.Errorf("%d requests got no answer: %v", broken, clients.why.Load())
			}
			t.Logf("torture: %s: %d stops, %d requests, %d broken, %d connections refused; at most %v to stop",
				name, stops, clients.answered.Load(), broken, clients.refused.Load(), longest.Round(time.Millisecond))
		})
	}
}

// impatientClients ask one thing after the other, of any listener. Half of them keep their connections.
type impatientClients struct {
	t                         *testing.T
	answered, refused, broken atomic.Int64
	why                       atomic.Value
	stop                      func()
}

func startImpatient(t *testing.T, addr string) *impatientClients {
	t.Helper()
	clients := &impatientClients{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for n := range 12 {
		transport := &http.Transport{DisableKeepAlives: n%2 == 0}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport, CheckRedirect: noRedirect, Timeout: time.Minute}
		all.Go(func() {
			for ctx.Err() == nil {
				clients.ask(client, "http://"+addr+"/theme")
			}
		})
	}
	clients.stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(clients.stop)
	return clients
}

// ask sends what no client sends twice by itself.
func (c *impatientClients) ask(client *http.Client, to string) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(c.t.Context()), http.MethodPost, to, strings.NewReader("theme=dark"))
	if err != nil {
		c.t.Error(err)
		return
	}
	res, err := client.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	var op *net.OpError
	switch {
	case err == nil:
		c.answered.Add(1)
	case errors.As(err, &op) && op.Op == "dial":
		c.refused.Add(1)
		time.Sleep(time.Millisecond)
	default:
		c.broken.Add(1)
		c.why.Store(err.Error())
	}
}
