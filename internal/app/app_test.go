package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// testConfig is a program on a free port of this machine, with data of its own.
func testConfig(t testing.TB) config.Config {
	t.Helper()
	cfg := config.Defaults()
	cfg.Addr = "127.0.0.1:0"
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.LogTo = io.Discard
	cfg.PasswordCost = testkit.Cheap // what it is really is no test's subject here
	cfg.StopAtOnce = true            // see patientConfig
	return cfg
}

// patientConfig is testConfig for tests of a stop, in which the program waits for those who are on the way as it always does.
func patientConfig(t testing.TB) config.Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.StopAtOnce = false
	return cfg
}

// parsed is what settings mean.
func parsed(t testing.TB, cfg config.Config) config.Settings {
	t.Helper()
	settings, err := cfg.Parse()
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// running is a program that serves until it is stopped, by the test or at its end.
type running struct {
	*App
	stop func() error
}

func run(t testing.TB, cfg config.Config) running {
	t.Helper()
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return serveUntilTheEnd(t, a)
}

func serveUntilTheEnd(t testing.TB, a *App) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return running{a, stop}
}

// answer is what a test looks at of an HTTP answer.
type answer struct {
	Status int
	Body   string
	Header http.Header
}

func get(t testing.TB, c *http.Client, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, c, req)
}

func post(t testing.TB, c *http.Client, url string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, c, req)
}

func do(t testing.TB, c *http.Client, req *http.Request) answer {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	read := io.ReadAll
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		read = firstEvents
	}
	body, err := read(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkCookies(t, req.Method+" "+req.URL.Path, res.Header)
	return answer{res.StatusCode, string(body), res.Header}
}

// firstEvents reads the beginning of an answer that goes on: how soon to come back, and what there is to tell at once.
func firstEvents(r io.Reader) ([]byte, error) {
	var events []byte
	for b := make([]byte, 1); bytes.Count(events, []byte("\n\n")) < 2; events = append(events, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			return events, err
		}
	}
	return events, nil
}

// browser keeps cookies and follows redirects.
func browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

var account = url.Values{"email": {"ada@example.com"}, "password": {testkit.Password}}

func TestItStartsOnAFreePortAndAnswersTheHealthCheck(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	if !strings.HasPrefix(a.URL(), "http://127.0.0.1:") || strings.HasSuffix(a.URL(), ":0") {
		t.Errorf("URL is %s", a.URL())
	}
	if got := get(t, http.DefaultClient, a.URL()+"/healthz"); got.Status != http.StatusOK {
		t.Errorf("GET /healthz: %d %s", got.Status, got.Body)
	}
}

func TestItStopsWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Addr = "127.0.0.1:" + freePort(t)
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	awaitFree(t, cfg.Addr)
	run(t, cfg) // the port is free again, and so is the data directory
}

// awaitFree gives a child process that another test is just starting the moment it takes to let go of our listener: between
// fork and exec it has all our files.
func awaitFree(t *testing.T, addr string) {
	t.Helper()
	for patience := time.Now().Add(time.Minute); time.Now().Before(patience); time.Sleep(5 * time.Millisecond) {
		listener, err := net.Listen("tcp", addr)
		if err == nil {
			_ = listener.Close()
			return
		}
	}
}

func TestAContextThatHasEndedBeforeRunStillReleasesEverything(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ended); err != nil {
		t.Fatal(err)
	}
	run(t, cfg)
}

func TestARequestInFlightIsAnsweredWhileItStops(t *testing.T) {
	t.Parallel()
	a := run(t, patientConfig(t))
	conn, answers := halfRequest(t, a.App)
	stopped := make(chan error, 1)
	go func() { stopped <- a.stop() }()
	waitUntilRefused(t, a.listener.Addr().String())
	if _, err := io.WriteString(conn, account.Encode()); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusUnprocessableEntity { // nobody has registered
		t.Errorf("status %d", res.StatusCode)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestARequestThatDoesNotEndInTimeIsCutOff(t *testing.T) {
	t.Parallel()
	a, err := New(t.Context(), testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.release)
	go func() { _ = a.server.Serve(a.listener) }()
	_, answers := halfRequest(t, a)
	noTime, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.shutdown(noTime); err != nil {
		t.Error(err)
	}
	if line, err := answers.ReadString('\n'); err == nil {
		t.Errorf("it was answered %q", line)
	}
}

// halfRequest is a sign-in whose handler waits for the body, account.
func halfRequest(t *testing.T, a *App) (net.Conn, *bufio.Reader) {
	t.Helper()
	addr := a.listener.Addr().String()
	conn := dial(t, addr)
	if _, err := fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", addr, len(account.Encode())); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := answers.ReadString('\n'); err != nil || line != want {
			t.Fatalf("the handler does not read the body: %q, %v", line, err)
		}
	}
	return conn, answers
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func waitUntilRefused(t *testing.T, addr string) {
	t.Helper()
	var d net.Dialer
	for {
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

func TestWhatIsTakenOrCannotBeUsedEndsTheStartWithOneSentence(t *testing.T) {
	t.Parallel()
	taken := run(t, testConfig(t))
	addr := strings.TrimPrefix(taken.URL(), "http://")
	file := filepath.Join(t.TempDir(), "file")
	testkit.WriteFile(t, file, "a file", 0o600)
	damaged := filepath.Join(t.TempDir(), "damaged")
	testkit.MakeDir(t, damaged, 0o700)
	testkit.WriteFile(t, filepath.Join(damaged, databaseFile), strings.Repeat("this is no database ", 500), 0o600)

	for name, tc := range map[string]struct {
		change func(*config.Config)
		want   []string
	}{
		"a taken port": {
			func(c *config.Config) { c.Addr = addr },
			[]string{"--addr", addr, "in use"},
		},
		"an address that is not of this machine": {
			func(c *config.Config) { c.Addr = "192.0.2.1:0" },
			[]string{"--addr", "192.0.2.1:0"},
		},
		"a data directory below a file": {
			func(c *config.Config) { c.Data = filepath.Join(file, "data") },
			[]string{"--data", filepath.Join(file, "data"), "not a directory"},
		},
		"a data directory that is a file": {
			func(c *config.Config) { c.Data = file },
			[]string{"--data", file, "not a directory"},
		},
		"a data directory that cannot be written to": {
			func(c *config.Config) { c.Data = "/proc/self" },
			[]string{"--data", "/proc/self", "cannot be written to"},
		},
		"a data directory of another program that runs": {
			func(c *config.Config) { c.Data = dataOf(t) },
			[]string{"--data", "another latchkey is using it"},
		},
		"a database that is none": {
			func(c *config.Config) { c.Data = damaged },
			[]string{"--data", damaged, "its database cannot be opened"},
		},
		"a file of session keys that is not there": {
			func(c *config.Config) { c.SessionKeysFile = filepath.Join(file, "keys") },
			[]string{"LATCHKEY_SESSION_KEYS_FILE", filepath.Join(file, "keys"), "cannot be read"},
		},
		"session keys that are too short": {
			func(c *config.Config) { c.SessionKeys = "c2hvcnQ=" },
			[]string{"LATCHKEY_SESSION_KEYS", "5 bytes", "32 random bytes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			tc.change(&cfg)
			_, err := New(t.Context(), cfg)
			testkit.WantSentence(t, err, tc.want...)
		})
	}
}

// dataOf starts another program and gives its data directory.
func dataOf(t *testing.T) string {
	t.Helper()
	cfg := testConfig(t)
	run(t, cfg)
	return cfg.Data
}

func TestAFailedStartHoldsNothing(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Addr = "127.0.0.1:" + freePort(t)
	cfg.SessionKeys = "c2hvcnQ=" // refused after the listener and the store are open
	if _, err := New(t.Context(), cfg); err == nil {
		t.Fatal("started")
	}
	cfg.SessionKeys = ""
	run(t, cfg)
}

// freePort is one that nobody listens on. It lies below those that systems give to port 0 and to connections, so that
// nothing that runs beside the test takes it meanwhile.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
}

func TestSessionsAndTokensSurviveARestart(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	first := run(t, cfg)
	person, device := browser(t), newClient(t, first.URL())
	if got := post(t, person, first.URL()+"/register", account); got.Status != http.StatusOK {
		t.Fatalf("register: %d %s", got.Status, got.Body)
	}
	session, err := device.Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}

	second := run(t, cfg)
	if got := get(t, person, second.URL()+"/keys"); !strings.Contains(got.Body, account.Get("email")) {
		t.Errorf("the web session has not survived: %d %s", got.Status, got.Body)
	}
	resumed := newClient(t, second.URL()).Resume(session.UserID(), session.RefreshToken())
	if err := resumed.Refresh(t.Context()); err != nil {
		t.Errorf("the refresh token has not survived: %v", err)
	}
}

func TestAnOldSessionKeyStillOpensWhatItMade(t *testing.T) {
	t.Parallel()
	oldKey, newKey := strings.Repeat("A", 43)+"=", strings.Repeat("B", 42)+"A="
	cfg := testConfig(t)
	cfg.SessionKeys = model.Secret(oldKey)
	first := run(t, cfg)
	person := browser(t)
	post(t, person, first.URL()+"/register", account)
	session, err := newClient(t, first.URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}

	cfg.SessionKeys = model.Secret(newKey + "," + oldKey)
	rotated := run(t, cfg)
	if err := newClient(t, rotated.URL()).Resume(session.UserID(), session.RefreshToken()).Refresh(t.Context()); err != nil {
		t.Errorf("with the old key behind the new one: %v", err)
	}
	if got := get(t, person, rotated.URL()+"/keys"); !strings.Contains(got.Body, account.Get("email")) {
		t.Errorf("with the old key behind the new one: %d", got.Status)
	}
	if err := rotated.stop(); err != nil {
		t.Fatal(err)
	}

	cfg.SessionKeys = model.Secret(strings.Repeat("C", 42) + "A=")
	foreign := run(t, cfg)
	err = newClient(t, foreign.URL()).Resume(session.UserID(), session.RefreshToken()).Refresh(t.Context())
	if !client.IsUnauthorized(err) {
		t.Errorf("with another key: %v", err)
	}
	if got := get(t, person, foreign.URL()+"/keys"); strings.Contains(got.Body, account.Get("email")) || got.Status != http.StatusOK {
		t.Errorf("with another key: %d, want the sign-in page", got.Status)
	}
}

// keyOfAna is a key of a new account, and her session.
func keyOfAna(t *testing.T, a running) (*client.Session, client.CreatedKey) {
	t.Helper()
	const email, password = "ana@example.com", "correct horse battery"
	c := newClient(t, a.URL())
	if err := c.Register(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	ana, err := c.Login(t.Context(), client.EmailPassword(email, password))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ana.APIKeys().Create(t.Context(), "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	return ana, key
}

func factsOf(t *testing.T, session *client.Session, key client.CreatedKey) client.KeyFact {
	t.Helper()
	facts, err := session.APIKeys().Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return facts.Keys[key.ID]
}

func TestAKeyThatSomebodyElseTriesOnThePageTellsItsOwnerFromWhere(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.TrustedProxies = "127.0.0.0/8"
	a := run(t, cfg)
	ana, key := keyOfAna(t, a)
	stranger := browser(t)
	post(t, stranger, a.URL()+"/register", account)
	form := url.Values{"value": {key.Value.Reveal()}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/keys/which", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	if got := do(t, stranger, req); !strings.Contains(got.Body, "It works, but it isn’t yours.") {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if got := factsOf(t, ana, key).LastUse; got.Address != "203.0.113.9" {
		t.Errorf("the last use is %+v", got)
	}
}

func TestARefusalIsWrittenDownBeforeItStops(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	first := run(t, cfg)
	ana, key := keyOfAna(t, first)
	if err := ana.APIKeys().Disable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := newClient(t, first.URL()).Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := run(t, cfg)
	resumed := newClient(t, second.URL()).Resume(ana.UserID(), ana.RefreshToken())
	if got := factsOf(t, resumed, key).LastRefusal; got.At.IsZero() {
		t.Error("it is lost")
	}
}

func newClient(t testing.TB, baseURL string) *client.Client {
	t.Helper()
	c, err := client.New(baseURL, "latchkey-local")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestADashboardOfAnUpstreamHasItsKeysAndServesNoAPI(t *testing.T) {
	t.Parallel()
	upstream := run(t, testConfig(t))
	cfg := testConfig(t)
	cfg.Upstream = upstream.URL()
	a := run(t, cfg)

	if got := post(t, browser(t), a.URL()+"/register", account); !strings.Contains(got.Body, account.Get("email")) {
		t.Errorf("register: %d %s", got.Status, got.Body)
	}
	credentials := client.EmailPassword(account.Get("email"), account.Get("password"))
	if _, err := newClient(t, upstream.URL()).Login(t.Context(), credentials); err != nil {
		t.Errorf("the account is not at the upstream: %v", err)
	}
	if _, err := a.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, account.Get("email")); err == nil {
		t.Error("the account is in the dashboard's own database")
	}
	got := get(t, http.DefaultClient, a.URL()+"/api/client/v2.0/app/latchkey-local/location")
	if got.Status != http.StatusNotFound || got.Header.Get("Content-Type") != "application/json" || !strings.Contains(got.Body, upstream.URL()) {
		t.Errorf("the client API answers %d %s", got.Status, got.Body)
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	for _, path := range []string{
		"/login", "/keys", "/healthz", "/no-such-page", "/.well-known/jwks.json",
		"/api/client/v2.0/app/latchkey-local/location", "/api/client/v2.0/no-such-call", "//", "/%2e%2e/",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			header := get(t, http.DefaultClient, a.URL()+path).Header
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
				"Strict-Transport-Security": "",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
				t.Errorf("Content-Security-Policy: %q", policy)
			}
		})
	}
}

func TestAnHTTPSPublicURLTurnsOnStrictTransportSecurity(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL = "https://Keys.example.org:443/"
	a := run(t, cfg)
	if a.URL() != "https://keys.example.org" {
		t.Errorf("URL is %s", a.URL())
	}
	got := get(t, http.DefaultClient, "http://"+a.listener.Addr().String()+"/healthz")
	if got.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

func TestTheAPIAndTheDashboardSharePathsWithoutRedirects(t *testing.T) {
	t.Parallel()
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	handler := divide(named("api"), named("dashboard"), named("nothing"))
	got := map[string]string{}
	want := map[string]string{
		"/":                       "dashboard",
		"/keys":                   "dashboard",
		"/api":                    "api",
		"/api/client":             "api",
		"/api/../login":           "api",
		"/x/../api/client":        "api",
		"/API/Client/v2.0/x":      "api",
		"/keys/api/client/v2.0/x": "api",
		"/apis":                   "dashboard",
		"/keys/api":               "dashboard",
		"/oauth":                  "nothing",
		"/oauth/../api/client":    "nothing",
		"/keys/oauth/token":       "nothing",
		"/oauth/token":            "dashboard",
		"/.well-known/oauth-authorization-server": "dashboard",
		"/api/client/v2.0/auth":                   "api",
		"/api/latchkey/v1/x":                      "api",
		"/api/client/../x":                        "api", // which refuses unclean paths itself
		"//api/client/v2.0/":                      "api",
		"/.well-known/jwks.json":                  "api",
		"/.well-known/openid-configuration":       "api",
		"/.well-known/jwks.json/x":                "api",
		"/.well-known":                            "api",
		"/.well-known/other":                      "api",
	}
	for path := range want {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
		if got[path] = w.Body.String(); strings.HasPrefix(got[path], "{") {
			got[path] = "" // neither: there is nothing
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheServerIsPatientWithNobody(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	type limits struct {
		Header, Read, Write, Idle time.Duration
		HeaderBytes               int
	}
	got := limits{a.server.ReadHeaderTimeout, a.server.ReadTimeout, a.server.WriteTimeout, a.server.IdleTimeout, a.server.MaxHeaderBytes}
	want := limits{5 * time.Second, 15 * time.Second, 30 * time.Second, 60 * time.Second, 16 << 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 32<<10))
	if got := do(t, http.DefaultClient, req); got.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 32 KB: %d", got.Status)
	}
}

func TestAVariableThatIsNoSettingIsReported(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	var log bytes.Buffer
	cfg.LogTo, cfg.Unknown = &log, []string{"LATCHKEY_REGISTRATON"}
	run(t, cfg)
	if !strings.Contains(log.String(), "LATCHKEY_REGISTRATON") {
		t.Errorf("log: %s", log.String())
	}
}

// BenchmarkStart measures from nothing running to the first answered request, on data that is there.
func BenchmarkStart(b *testing.B) {
	cfg := testConfig(b)
	warm := run(b, cfg)
	if err := warm.stop(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		a := run(b, cfg)
		get(b, http.DefaultClient, a.URL()+"/healthz")
		b.StopTimer()
		http.DefaultClient.CloseIdleConnections()
		if err := a.stop(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
