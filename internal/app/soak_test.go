package app

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/testkit"
)

// The long run behind docs/reliability.md: 1,000 signed-in browsers ask for their keys, 200 times a second, through a dashboard in
// front of an upstream that takes 50 ms. Faults fail it; time and memory are reported.
//
//	LATCHKEY_SOAK=5m go test -count=1 -timeout 60m -run TestSoak -v ./internal/app
const (
	soakVariable  = "LATCHKEY_SOAK"
	soakUsers     = 25
	soakBrowsers  = 1000
	soakRate      = 200 // requests a second
	soakDelay     = 50 * time.Millisecond
	soakReadEvery = 10 * time.Second
)

func TestSoak(t *testing.T) {
	if os.Getenv(soakVariable) == "" {
		t.Skip("set " + soakVariable + " to a time, such as 5m, to run it")
	}
	lasting, err := time.ParseDuration(os.Getenv(soakVariable))
	if err != nil {
		t.Fatal(err)
	}
	cfg, slow := testConfig(t), "127.0.0.1:"+freePort(t)
	cfg.PublicURL = "http://" + slow
	keys := run(t, cfg)
	takeTime(t, slow, keys.listener.Addr().String())
	server := startDashboardOf(t, keys.URL())
	browsers := signInAll(t, keys.URL(), "http://"+server.addr)

	resting := server.footprint(t)
	t.Logf("resting: %s", resting)
	began := time.Now()
	var readings []footprint
	took := steadily(t, lasting, func(n int) *http.Client { return browsers[n%len(browsers)] }, "http://"+server.addr+"/keys", func() {
		readings = append(readings, server.footprint(t))
	})
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("torture: soak=%v requests=%d p50=%v p99=%v added-p99=%v", time.Since(began).Round(time.Second), len(took),
		p50.Round(time.Millisecond), p99.Round(time.Millisecond), (p99 - soakDelay).Round(time.Millisecond))
	for tenth := 1; tenth <= 10; tenth++ {
		t.Logf("torture: soak-memory after=%d0%% %s", tenth, readings[len(readings)*tenth/10-1])
	}
}

// takeTime serves in front of another server and takes its time.
func takeTime(t *testing.T, addr, to string) {
	t.Helper()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: to})
		r.Out.Host = r.In.Host
	}}
	proxy.ModifyResponse = func(res *http.Response) error {
		time.Sleep(soakDelay) // the upstream's own time: not a wait for something else
		return nil
	}
	listener := &http.Server{Addr: addr, Handler: proxy, ReadHeaderTimeout: time.Second}
	go func() { _ = listener.ListenAndServe() }()
	t.Cleanup(func() { _ = listener.Close() })
}

func startDashboardOf(t *testing.T, upstream string) *server {
	t.Helper()
	binary := buildProgram(t)
	return startServer(t, "127.0.0.1:"+freePort(t), binary,
		"--data", filepath.Join(t.TempDir(), "data"), "--upstream", upstream, "--log-level", "error")
}

// signInAll are the browsers, some of each user's.
func signInAll(t *testing.T, api, dashboard string) []*http.Client {
	t.Helper()
	c := newClient(t, api)
	transport := &http.Transport{MaxIdleConnsPerHost: soakBrowsers}
	browsers := make([]*http.Client, soakBrowsers)
	var all sync.WaitGroup
	for u := range soakUsers {
		email := fmt.Sprintf("user-%d@example.com", u)
		people := people{}
		session := people.register(t, c, email)
		for k := range client.MaxKeys {
			if _, err := session.APIKeys().Create(t.Context(), fmt.Sprintf("device-key-%d", k)); err != nil {
				t.Fatal(err)
			}
		}
		all.Go(func() {
			for i := u; i < soakBrowsers; i += soakUsers {
				jar, _ := cookiejar.New(nil) // never fails
				browsers[i] = &http.Client{Transport: transport, Jar: jar}
				form := url.Values{"email": {email}, "password": {testkit.Password}}
				if a := post(t, browsers[i], dashboard+"/login", form); !strings.Contains(a.Body, "device-key-19") {
					t.Errorf("sign-in: %d", a.Status)
				}
			}
		})
		if u%2 == 1 { // two at a time: as many as hash at once
			all.Wait()
		}
	}
	all.Wait()
	return browsers
}

// steadily sends requests at the rate, whatever the answers take, and gives back how long those took. Any that is no page fails.
func steadily(t *testing.T, lasting time.Duration, by func(n int) *http.Client, url string, read func()) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / soakRate)
	defer tick.Stop()
	reading := time.NewTicker(soakReadEvery)
	defer reading.Stop()
	end := time.After(lasting)
	for n := 0; ; n++ {
		select {
		case <-end:
			all.Wait()
			read()
			return took
		case <-reading.C:
			read()
		case <-tick.C:
			all.Go(func() {
				began := time.Now()
				a := get(t, by(n), url)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(began))
				if a.Status != http.StatusOK || !strings.Contains(a.Body, "device-key-19") {
					t.Errorf("request %d: %d", n, a.Status)
				}
			})
		}
	}
}

// footprint is what a program holds.
type footprint struct {
	memory float64 // MB
	files  int
}

func (u footprint) String() string { return fmt.Sprintf("%.1fMB/%d-files", u.memory, u.files) }

func (s *server) footprint(t *testing.T) footprint {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return footprint{s.memory(t), len(files)}
}
