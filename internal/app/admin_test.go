package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// withAdmin is a program that operators can ask, and the URL at which they do.
func withAdmin(t *testing.T, change ...func(*config.Config)) (running, string) {
	t.Helper()
	cfg := testConfig(t)
	cfg.AdminAddr = "127.0.0.1:0"
	for _, c := range change {
		c(&cfg)
	}
	a := run(t, cfg)
	return a, "http://" + a.admin.listener.Addr().String()
}

func TestOperatorsFindReadinessMetricsAndProfilesOnAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	a, at := withAdmin(t)
	for _, path := range []string{"/readyz", "/metrics", "/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/heap", "/debug/pprof/symbol"} {
		if got := get(t, http.DefaultClient, at+path); got.Status != http.StatusOK {
			t.Errorf("%s: %d", path, got.Status)
		}
		if got := get(t, http.DefaultClient, a.URL()+path); got.Status != http.StatusNotFound {
			t.Errorf("%s on the public listener: %d", path, got.Status)
		}
	}
	for _, path := range []string{"/", "/keys", "/login", "/healthz", "/api/client/v2.0/app/latchkey-local/location"} {
		if got := get(t, http.DefaultClient, at+path); got.Status != http.StatusNotFound {
			t.Errorf("%s for operators: %d", path, got.Status)
		}
	}
	// A flag may hold a password.
	if got := get(t, http.DefaultClient, at+"/debug/pprof/cmdline"); got.Status != http.StatusNotFound {
		t.Errorf("the command line is told: %d %s", got.Status, got.Body)
	}
	if got := post(t, http.DefaultClient, at+"/metrics", nil); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("POST /metrics: %d", got.Status)
	}
}

func TestWithoutAnAddressThereIsNoListenerForOperators(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	if a.admin != nil {
		t.Error("there is one")
	}
}

func TestTheListenerForOperatorsAnswersForItsOwnHostsAlone(t *testing.T) {
	t.Parallel()
	_, at := withAdmin(t, func(cfg *config.Config) { cfg.AdminAddr = "localhost:0" })
	for host, want := range map[string]int{"": 200, "localhost": 200, "10.0.0.3:9090": 200, "evil.example": 421, "metrics.evil.example:9090": 421} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/debug/pprof/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		if got := do(t, http.DefaultClient, req); got.Status != want {
			t.Errorf("host %q: %d, want %d", host, got.Status, want)
		}
	}
}

func TestAnAddressForOperatorsThatIsTakenIsRefusedAndNothingIsHeld(t *testing.T) {
	t.Parallel()
	_, at := withAdmin(t)
	cfg := testConfig(t)
	cfg.Addr, cfg.AdminAddr = "127.0.0.1:"+freePort(t), strings.TrimPrefix(at, "http://")
	_, err := New(t.Context(), cfg)
	testkit.WantSentence(t, err, "--admin-addr", cfg.AdminAddr, "in use")
	cfg.AdminAddr = "127.0.0.1:" + freePort(t)
	cfg.SessionKeys = "c2hvcnQ=" // refused after both listeners are open
	if _, err := New(t.Context(), cfg); err == nil {
		t.Fatal("started")
	}
	cfg.SessionKeys = ""
	run(t, cfg)
}

// metricLine is one line of metrics.
var metricLine = regexp.MustCompile(`^([a-z_]+)(?:\{((?:[A-Za-z]+="[^"\\]*",? ?)+)\})? (-?[0-9.e+-]+)$`)

// metricsOf reads what is told at the URL, line by line, as Prometheus would: each metric is declared before it is given.
func metricsOf(t *testing.T, at string) map[string]string {
	t.Helper()
	got := get(t, http.DefaultClient, at+"/metrics")
	if got.Status != http.StatusOK || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %s", got.Status, got.Header.Get("Content-Type"))
	}
	values, kinds, last := map[string]string{}, map[string]string{}, ""
	for line := range strings.Lines(got.Body) {
		line = strings.TrimSuffix(line, "\n")
		if declared, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(declared, " ")
			if kinds[name] != "" {
				t.Errorf("%s is declared twice", name)
			}
			kinds[name], last = kind, name
			continue
		}
		if help, ok := strings.CutPrefix(line, "# HELP "); ok {
			if name, text, _ := strings.Cut(help, " "); strings.HasPrefix(name, "latchkey_") && text == "" {
				t.Errorf("%s does not say what it is", name)
			}
			continue
		}
		parts := metricLine.FindStringSubmatch(line)
		if parts == nil {
			t.Errorf("no line of metrics: %s", line)
			continue
		}
		base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(parts[1], "")
		if kinds[parts[1]] == "" && kinds[base] != "histogram" && kinds[base] != "summary" {
			t.Errorf("%s was not declared", parts[1])
		}
		if last != parts[1] && last != base {
			t.Errorf("%s stands among those of %s", parts[1], last)
		}
		name := strings.TrimSuffix(line, " "+parts[3])
		if _, twice := values[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		values[name] = parts[3]
	}
	return values
}

func TestMetricsCountRequestsByRouteAndSignInsByOutcome(t *testing.T) {
	t.Parallel()
	a, at := withAdmin(t)
	ana, key := keyOfAna(t, a) // registers, signs in, creates a key
	device := newClient(t, a.URL())
	if _, err := device.Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); err != nil {
		t.Fatal(err)
	}
	if _, err := device.Login(t.Context(), client.EmailPassword("ana@example.com", "wrong password")); err == nil {
		t.Fatal("signed in")
	}
	person := browser(t)
	post(t, person, a.URL()+"/register", account) // and is signed in, and sees the keys
	for range 3 {
		get(t, person, a.URL()+"/keys/"+key.ID)
	}
	if _, err := ana.APIKeys().FetchAll(t.Context()); err != nil {
		t.Fatal(err)
	}

	got := metricsOf(t, at)
	for name, want := range map[string]string{
		`latchkey_http_requests_total{route="/keys/:id",method="GET",status="404"}`:                                                   "3",
		`latchkey_http_requests_total{route="/register",method="POST",status="303"}`:                                                  "1",
		`latchkey_http_requests_total{route="/api/client/v2.0/auth/api_keys",method="POST",status="201"}`:                             "1",
		`latchkey_http_requests_total{route="/api/client/v2.0/app/{app}/auth/providers/{provider}/login",method="POST",status="401"}`: "1",
		`latchkey_http_request_duration_seconds_count{route="/keys/:id"}`:                                                             "3",
		`latchkey_http_request_duration_seconds_bucket{route="/keys/:id",le="+Inf"}`:                                                  "3",
		`latchkey_log_ins_total{outcome="good"}`:                                                                                      "3", // ana, her device, and the form of the dashboard
		`latchkey_log_ins_total{outcome="refused"}`:                                                                                   "1",
		`latchkey_ready`:                   "1",
		`latchkey_streams_open`:            "0",
		`latchkey_password_hashes_running`: "0",
		`latchkey_password_hashes_waiting`: "0",
		`latchkey_http_requests_in_flight`: "0",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	for _, name := range []string{"latchkey_store_commits_total", "latchkey_store_writes_total", "latchkey_store_reads_total", "go_goroutines", "latchkey_connections_open", "process_resident_memory_bytes"} {
		if got[name] == "" || got[name] == "0" {
			t.Errorf("%s is %q", name, got[name])
		}
	}
}

func TestMetricsNameRoutesAndNothingThatWasSent(t *testing.T) {
	t.Parallel()
	a, at := withAdmin(t)
	const canary = "canary-5f2c"
	host := a.listener.Addr().String()
	for _, message := range []string{
		"GET /" + canary + " HTTP/1.1\r\nHost: " + host,
		"GET /keys/" + canary + "?" + canary + "=1 HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + canary,
		"GET /static/" + canary + " HTTP/1.1\r\nHost: " + host,
		"GET /login HTTP/1.1\r\nHost: " + canary,
		strings.ToUpper(canary) + " /login HTTP/1.1\r\nHost: " + host,
		"GET /api/client/v2.0/app/" + canary + "/location HTTP/1.1\r\nHost: " + host,
		"GET /api/client/v2.0/" + canary + " HTTP/1.1\r\nHost: " + host,
		"GET /api/latchkey/v1/../" + canary + " HTTP/1.1\r\nHost: " + host,
	} {
		if got := say(t, dial(t, host), message+"\r\nConnection: close\r\n\r\n"); len(got) != 1 {
			t.Errorf("%q: %v", message, got)
		}
	}
	routes := slices.Collect(func(yield func(string) bool) {
		for path := range tables() {
			if !yield(path) {
				return
			}
		}
	})
	label := regexp.MustCompile(`route="([^"]*)"`)
	for name := range metricsOf(t, at) {
		if strings.Contains(strings.ToLower(name), canary) {
			t.Errorf("%s repeats what was sent", name)
		}
		if m := label.FindStringSubmatch(name); m != nil && m[1] != otherRoute && !slices.Contains(routes, m[1]) {
			t.Errorf("%s names no route", name)
		}
	}
}

func TestAStreamIsCountedWhileItIsOpen(t *testing.T) {
	t.Parallel()
	m := newMetrics(testConfig(t).Now)
	begun, end := make(chan struct{}), make(chan struct{})
	handler := m.watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = "/keys/arrival"
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error("a stream cannot be flushed:", err)
		}
		close(begun)
		<-end
	}), []string{"GET /keys/arrival"})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/keys/arrival", nil))
	}()
	<-begun
	if n := m.streams.Load(); n != 1 {
		t.Errorf("%d streams are open", n)
	}
	close(end)
	<-ended
	if n := m.streams.Load(); n != 0 || len(m.took) != 0 || m.requests[request{"/keys/arrival", "GET", 200}].Get() != 1 {
		t.Errorf("%d streams are open, took %v, requests %v", n, m.took, m.requests)
	}
}

func TestOperatorsSeeAnOpenStreamWhileItLasts(t *testing.T) {
	t.Parallel()
	a, at := withAdmin(t)
	stream := openStream(t, a)
	if n := metricsOf(t, at)["latchkey_streams_open"]; n != "1" {
		t.Errorf("%s streams are open", n)
	}
	_ = stream.Close()
	for metricsOf(t, at)["latchkey_streams_open"] != "0" { // the server has yet to see that the browser has left
	}
}

func TestARequestThatPanicsIsCountedAndIsNotInFlight(t *testing.T) {
	t.Parallel()
	m := newMetrics(testConfig(t).Now)
	handler := m.watch(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), nil)
	func() {
		defer func() { _ = recover() }()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	}()
	if m.inFlight.Load() != 0 || len(m.requests) != 1 {
		t.Errorf("%d in flight, %v", m.inFlight.Load(), m.requests)
	}
}

func TestTheSignInsAtAnUpstreamAreCountedToo(t *testing.T) {
	t.Parallel()
	upstream := run(t, testConfig(t))
	a, at := withAdmin(t, func(cfg *config.Config) { cfg.Upstream = upstream.URL() })
	post(t, browser(t), a.URL()+"/register", account)
	post(t, browser(t), a.URL()+"/login", map[string][]string{"email": account["email"], "password": {"wrong password"}})
	got := metricsOf(t, at)
	if good, refused := got[`latchkey_log_ins_total{outcome="good"}`], got[`latchkey_log_ins_total{outcome="refused"}`]; good != "1" || refused != "1" {
		t.Errorf("good %q, refused %q", good, refused)
	}
	if _, ok := got["latchkey_password_hashes_running"]; ok {
		t.Error("hashes are counted that are hashed elsewhere")
	}
}

// BenchmarkEdge is what a request passes before any page or call.
func BenchmarkEdge(b *testing.B) {
	for _, admin := range []string{"", "127.0.0.1:0"} {
		b.Run(fmt.Sprintf("counted=%t", admin != ""), func(b *testing.B) {
			cfg := testConfig(b)
			cfg.AdminAddr = admin
			a := run(b, cfg)
			handler := a.admin.watch(a.edge(parsed(b, cfg), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), nil)
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/login", nil)
			r.Host = "localhost"
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

func TestNoPageOfAnotherSiteGetsAnythingDoneAtTheOperatorsListener(t *testing.T) {
	t.Parallel()
	_, at := withAdmin(t, func(*config.Config) {})
	for name, c := range map[string]struct {
		header http.Header
		ok     bool
	}{
		"no browser":                     {http.Header{}, true},
		"typed by the operator":          {http.Header{"Sec-Fetch-Site": {"none"}}, true},
		"a page of its own":              {http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {at}}, true},
		"an old browser, its own page":   {http.Header{"Origin": {at}}, true},
		"another site":                   {http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		"another host of the same site":  {http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		"a word of later":                {http.Header{"Sec-Fetch-Site": {"cross-planet"}}, false},
		"an old browser, another origin": {http.Header{"Origin": {"https://evil.example"}}, false},
		"an old browser, another port":   {http.Header{"Origin": {"http://127.0.0.1:1"}}, false},
		"an old browser, hidden origin":  {http.Header{"Origin": {"null"}}, false},
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/profile?seconds=0", "/nothing", "/readyz"} {
			if path == "/debug/pprof/profile?seconds=0" && c.ok {
				continue // is done, and takes its time
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = c.header.Clone()
			got := do(t, http.DefaultClient, req)
			if refused := got.Status == http.StatusForbidden; refused == (c.ok || path == "/readyz") {
				t.Errorf("%s: %s is %d", name, path, got.Status)
			}
		}
	}
}
