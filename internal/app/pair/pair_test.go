package pair

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/testkit"
)

const (
	pairServer = "http://192.168.1.5:8080"
	pairValue  = "1yJ0oPzK5sV3dQbXwT8uHnRgLcAfMe7iZ2kB9xCvN4tYpWqGjDhSrEaUmOlF6yIz"
	pairSecret = "the-device-code"
)

// pairable is a server that devices pair with, answering by a script.
type pairable struct {
	t        *testing.T
	metadata map[string]any
	started  map[string]any
	polls    []http.HandlerFunc // one for each poll; the last answers all that follow

	first, start http.HandlerFunc // instead of the metadata and of the answer to a device that starts
	began        time.Time
	at           []time.Duration // when it was polled
	asked        []string        // paths
	name, agent  string
}

// within is an http.RoundTripper that calls a server in the time of the test. What panics breaks off.
type within struct{ http.Handler }

func (server within) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the server broke off")
		}
	}()
	res, err = testkit.InProcess{Handler: server}.RoundTrip(r)
	if r.Context().Err() != nil { // it has taken too long
		return nil, r.Context().Err()
	}
	return res, err
}

func newPairable(t *testing.T, polls ...http.HandlerFunc) *pairable {
	return &pairable{
		t: t,
		metadata: map[string]any{
			"issuer": pairServer, "app_id": "latchkey-local",
			"device_authorization_endpoint": pairServer + "/oauth/device_authorization",
			"token_endpoint":                pairServer + "/oauth/token",
		},
		started: map[string]any{
			"device_code": pairSecret, "user_code": "WDJB-MJHT", "verification_uri": pairServer + "/device",
			"verification_uri_complete": pairServer + "/device?user_code=WDJB-MJHT", "expires_in": 600, "interval": 5,
		},
		polls: polls,
	}
}

func (s *pairable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		if s.first != nil {
			s.first(w, r)
			return
		}
		says(http.StatusOK, s.metadata)(w, r)
	case "/oauth/device_authorization":
		if s.start != nil {
			s.start(w, r)
			return
		}
		s.name, s.agent, s.began = r.PostFormValue("device_name"), r.UserAgent(), time.Now()
		if got := r.PostForm.Get("client_id"); got != "latchkey-local" {
			s.t.Errorf("a device of app %q", got)
		}
		says(http.StatusOK, s.started)(w, r)
	case "/oauth/token":
		s.at = append(s.at, time.Since(s.began))
		want := "client_id=latchkey-local&device_code=" + pairSecret +
			"&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
		if body, _ := io.ReadAll(r.Body); string(body) != want || r.URL.RawQuery != "" {
			s.t.Errorf("a poll with %s", body)
		}
		s.polls[min(len(s.at), len(s.polls))-1](w, r)
	default:
		s.t.Errorf("asked for %s", r.URL)
	}
}

func says(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

func refuses(code string) http.HandlerFunc {
	return says(http.StatusBadRequest, map[string]string{"error": code, "error_description": "that is \x1b[2Jwhy"})
}

func page(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<h1>Something is wrong</h1>")
	}
}

func breaksOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func delivers(w http.ResponseWriter, r *http.Request) { says(http.StatusOK, delivery())(w, r) }

func delivery() map[string]any {
	return map[string]any{
		"access_token": pairValue, "token_type": "Bearer", "key_id": "64b5a2f0c3d2e1f0a9b8c7d6", "key_name": "porch-cam",
		"app_id": "latchkey-local", "base_url": pairServer, "user_id": "64b5a2f0c3d2e1f0a9b8c7d5",
	}
}

var pending, slowDown = refuses("authorization_pending"), refuses("slow_down")

// paired is what became of one run of the command.
type paired struct {
	err            error
	stdout, stderr string
	took           time.Duration
}

// pairWith runs the command against the server, in a time of its own that passes as soon as everybody waits.
func pairWith(t *testing.T, s *pairable, args ...string) (p paired) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { p = pairUntil(t.Context(), s, args...) })
	return p
}

func pairUntil(ctx context.Context, s *pairable, args ...string) paired {
	c := newClient()
	c.Transport = within{s}
	var stdout, stderr bytes.Buffer
	began := time.Now()
	err := run(ctx, append([]string{"--url", pairServer}, args...), &stdout, &stderr, false, c)
	return paired{err, stdout.String(), stderr.String(), time.Since(began)}
}

func (p paired) wants(t *testing.T, code int, words ...string) {
	t.Helper()
	if got := exitCode(p.err); got != code {
		t.Errorf("exit code %d, not %d: %v", got, code, p.err)
	}
	if code != 0 {
		testkit.WantSentence(t, p.err, words...)
	}
	for _, text := range []string{p.stderr, fmt.Sprint(p.err)} {
		if strings.Contains(text, pairValue) || strings.Contains(text, pairSecret) {
			t.Error("a secret is in what it says")
		}
	}
	if code != 0 && p.stdout != "" {
		t.Errorf("it failed and printed %s", p.stdout)
	}
}

const pairEnv = "# The key porch-cam (nectar-robin-4714). Keep this file out of version control.\n" +
	"APP_ID=latchkey-local\nBASE_URL=" + pairServer + "\nAPI_KEY=" + pairValue + "\n"

func TestPairShowsACodeAndWritesAFileForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	s := newPairable(t, pending, delivers)
	file := filepath.Join(t.TempDir(), ".env")
	p := pairWith(t, s, "--name", "Porch cam", "--out", file)
	p.wants(t, 0)
	if got := testkit.ReadFile(t, file); got != pairEnv {
		t.Errorf("wrote %s", got)
	}
	if got := testkit.ModeOf(t, file); got != 0o600 {
		t.Errorf("the file is %v", got)
	}
	for _, want := range []string{
		"\n    WDJB-MJHT\n", "\n    " + pairServer + "/device\n", "/device?user_code=WDJB-MJHT\n",
		"expires in 10 minutes", "unencrypted", "Connected. The key is called porch-cam (nectar-robin-4714).",
	} {
		if !strings.Contains(p.stderr, want) {
			t.Errorf("it does not say %q:\n%s", want, p.stderr)
		}
	}
	if p.stdout != "" || strings.Contains(p.stderr, "\x1b") {
		t.Errorf("printed %q, and a QR code where there is no terminal:\n%s", p.stdout, p.stderr)
	}
	if s.name != "Porch cam" || !strings.HasPrefix(s.agent, "latchkey-pair (") {
		t.Errorf("it called itself %q, a %q", s.name, s.agent)
	}
}

func TestPairPrintsJSONWithoutAFile(t *testing.T) {
	t.Parallel()
	s := newPairable(t, delivers)
	p := pairWith(t, s)
	p.wants(t, 0)
	got := map[string]string{}
	if err := json.Unmarshal([]byte(p.stdout), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"app_id": "latchkey-local", "base_url": pairServer, "api_key": pairValue,
		"key_id": "64b5a2f0c3d2e1f0a9b8c7d6", "key_name": "porch-cam", "user_id": "64b5a2f0c3d2e1f0a9b8c7d5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if host, _ := os.Hostname(); s.name != host {
		t.Errorf("it called itself %q, on the host %q", s.name, host)
	}
}

func TestPairPollsAtTheIntervalAndMoreSlowlyWhenTold(t *testing.T) {
	t.Parallel()
	s := newPairable(t, pending, slowDown, pending, slowDown, pending, delivers)
	pairWith(t, s).wants(t, 0)
	want := []time.Duration{5, 10, 20, 30, 45, 60}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(s.at, want) {
		t.Errorf("polled at %v", s.at)
	}

	s = newPairable(t, pending, delivers)
	delete(s.started, "interval")
	pairWith(t, s).wants(t, 0)
	if !slices.Equal(s.at, want[:2]) {
		t.Errorf("without an interval, polled at %v", s.at)
	}
}

func TestPairGoesOnAfterATroubleThatPasses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trouble http.HandlerFunc
		next    time.Duration // the poll after it
	}{
		"a connection that breaks, or a lost answer": {breaksOff, 15 * time.Second},
		"no answer at all":                           {hangs, 30 * time.Second},
		"a proxy's error page":                       {page(http.StatusBadGateway), 15 * time.Second},
		"the sign-in page of a hotel":                {page(http.StatusOK), 15 * time.Second},
		"a redirect":                                 {page(http.StatusFound, "Location", "http://login.example/"), 15 * time.Second},
		"a page that forbids":                        {page(http.StatusForbidden), 15 * time.Second},
		"too many requests":                          {page(http.StatusTooManyRequests, "Retry-After", "90"), 95 * time.Second},
		"a server that is busy":                      {says(503, map[string]string{"error": "x"}), 15 * time.Second},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":"`+pairValue[:9])
		}, 15 * time.Second},
		"an answer without end": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(" ", 1<<17))
		}, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPairable(t, c.trouble, pending, delivers)
			p := pairWith(t, s)
			p.wants(t, 0)
			if want := []time.Duration{5 * time.Second, c.next, c.next + 5*time.Second}; !slices.Equal(s.at, want) {
				t.Errorf("polled at %v, not %v", s.at, want)
			}
			if strings.Count(p.stderr, "Trying again") != 1 || strings.Count(p.stderr, "is answering again") != 1 {
				t.Errorf("it says:\n%s", p.stderr)
			}
		})
	}
}

func TestPairBacksOffFromAServerThatStaysAway(t *testing.T) {
	t.Parallel()
	s := newPairable(t, breaksOff, breaksOff, breaksOff, breaksOff, pending, breaksOff, delivers)
	p := pairWith(t, s)
	p.wants(t, 0)
	want := []time.Duration{5, 15, 35, 55, 75, 80, 90}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(s.at, want) {
		t.Errorf("polled at %v", s.at)
	}
	if strings.Count(p.stderr, "Trying again") != 2 {
		t.Errorf("it says:\n%s", p.stderr)
	}
}

func TestPairHonoursARetryAfterThatIsADate(t *testing.T) {
	t.Parallel()
	s := newPairable(t, func(w http.ResponseWriter, r *http.Request) {
		page(http.StatusServiceUnavailable, "Retry-After", time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat))(w, r)
	}, delivers)
	pairWith(t, s).wants(t, 0)
	if want := []time.Duration{5 * time.Second, 45 * time.Second}; !slices.Equal(s.at, want) {
		t.Errorf("polled at %v", s.at)
	}
}

func TestPairHasAnExitCodeForEachEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last http.HandlerFunc
		code int
		says string
		took time.Duration
	}{
		"denied":                         {refuses("access_denied"), 3, "denied", 10 * time.Second},
		"expired":                        {refuses("expired_token"), 4, "expired", 10 * time.Second},
		"never decided":                  {pending, 4, "expired", 10 * time.Minute},
		"told to slow down to the end":   {slowDown, 4, "expired", 10 * time.Minute},
		"gone until the code expired":    {breaksOff, 5, "did not answer before the code expired", 11 * time.Minute},
		"told to come back tomorrow":     {page(http.StatusTooManyRequests, "Retry-After", "86400"), 5, "429", 11 * time.Minute},
		"a code that is not known":       {refuses("invalid_grant"), 1, "delete it", 10 * time.Second},
		"an app that is not known":       {refuses("invalid_client"), 1, `"invalid_client", "that is \x1b[2Jwhy"`, 10 * time.Second},
		"a key without a value":          {says(http.StatusOK, map[string]string{"key_name": "x"}), 1, "cannot be used", 10 * time.Second},
		"something else in good wording": {says(http.StatusOK, "hello"), 5, "not from a Latchkey server", 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), ".env")
			p := pairWith(t, newPairable(t, pending, c.last), "--out", file)
			p.wants(t, c.code, c.says)
			if p.took != c.took {
				t.Errorf("it took %v, not %v", p.took, c.took)
			}
			if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the file is still there:", err)
			}
		})
	}
}

func TestPairStopsWhenInterruptedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, poll := range map[string]http.HandlerFunc{"between polls": pending, "in a poll": hangs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				time.AfterFunc(7*time.Second, interrupt)
				file := filepath.Join(t.TempDir(), ".env")
				p := pairUntil(ctx, newPairable(t, poll), "--out", file)
				p.wants(t, 1, "do not approve")
				if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) || p.took != 7*time.Second {
					t.Errorf("after %v the file: %v", p.took, err)
				}
				if strings.Contains(p.stderr, "Trying again") {
					t.Errorf("it says:\n%s", p.stderr)
				}
			})
		})
	}
}

func TestPairOverwritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there, link, dangling := filepath.Join(dir, "there"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	testkit.WriteFile(t, there, "mine", 0o644)
	for path, to := range map[string]string{link: there, dangling: filepath.Join(dir, "nowhere")} {
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	for path, why := range map[string]string{
		there: "already", link: "already", dangling: "already",
		dir: "already", filepath.Join(dir, "absent", ".env"): "cannot be created",
	} {
		s := newPairable(t, delivers)
		p := pairWith(t, s, "--out", path)
		p.wants(t, 1, "--out", why)
		if len(s.asked) > 0 {
			t.Errorf("%s: it asked the server first", path)
		}
		if _, err := os.Lstat(path); err != nil && why == "already" {
			t.Errorf("%s is gone: %v", path, err)
		}
	}
	if got := testkit.ReadFile(t, there); got != "mine" {
		t.Errorf("the file now says %s", got)
	}
	if _, err := os.Lstat(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("it followed a link")
	}
}

func TestPairRefusesAServerThatIsNotWhatItSays(t *testing.T) {
	t.Parallel()
	is := func(field string, value any) func(*pairable) { return func(s *pairable) { s.metadata[field] = value } }
	gives := func(field string, value any) func(*pairable) { return func(s *pairable) { s.started[field] = value } }
	first := func(h http.HandlerFunc) func(*pairable) { return func(s *pairable) { s.first = h } }
	start := func(h http.HandlerFunc) func(*pairable) { return func(s *pairable) { s.start = h } }
	for name, c := range map[string]struct {
		change func(*pairable)
		code   int
		says   string
	}{
		"another website":              {first(page(http.StatusOK)), 1, "not a Latchkey server"},
		"nothing at that path":         {first(page(http.StatusNotFound)), 1, "not a Latchkey server"},
		"a redirect":                   {first(page(http.StatusFound, "Location", "https://b.example")), 1, `to "https://b.example":`},
		"a redirect to odd letters":    {first(page(http.StatusFound, "Location", "https://b%C2%9B2J.%E2%80%AEexample")), 1, `to "https://b\u009b2j.\u202eexample"`},
		"a name of odd letters":        {is("issuer", "https://b\u009b2J.\u202e\u00e9xample"), 1, `"https://b\u009b2J.\u202e\u00e9xample"`},
		"an address that moves":        {gives("verification_uri", pairServer+"/\u009b2J"), 1, "cannot be used for pairing"},
		"an address in another order":  {gives("verification_uri", pairServer+"/\u202eecived"), 1, "cannot be used for pairing"},
		"an address in two parts":      {gives("verification_uri", pairServer+"/device and more"), 1, "cannot be used for pairing"},
		"an address in the QR":         {gives("verification_uri_complete", pairServer+"/device?user_code=\u009b2J"), 1, "cannot be used for pairing"},
		"a redirect to a path":         {first(page(http.StatusSeeOther, "Location", "/login")), 1, "another page"},
		"a broken gateway":             {first(page(http.StatusBadGateway)), 5, "status 502"},
		"no answer":                    {first(hangs), 5, "timed out"},
		"another name":                 {is("issuer", "https://keys.example"), 1, `"https://keys.example"`},
		"no name":                      {is("issuer", nil), 1, `""`},
		"an authority without an app":  {is("app_id", nil), 1, "not a Latchkey server"},
		"a foreign device endpoint":    {is("device_authorization_endpoint", "http://192.168.1.6:8080/x"), 1, "another server"},
		"a foreign token endpoint":     {is("token_endpoint", pairServer+"@evil.example/token"), 1, "another server"},
		"a token endpoint elsewhere":   {is("token_endpoint", "https://192.168.1.5:8080/oauth/token"), 1, "another server"},
		"no token endpoint":            {is("token_endpoint", nil), 1, "another server"},
		"no device code":               {gives("device_code", ""), 1, "cannot be used for pairing"},
		"a code that moves the cursor": {gives("user_code", "WDJB\x1b[2J"), 1, "cannot be used for pairing"},
		"a foreign page":               {gives("verification_uri", "http://evil.example/device"), 1, "cannot be used for pairing"},
		"a foreign page in the QR":     {gives("verification_uri_complete", "http://evil.example/device"), 1, "cannot be used for pairing"},
		"a code that has expired":      {gives("expires_in", 0), 1, "cannot be used for pairing"},
		"a code for all time":          {gives("expires_in", 1<<40), 1, "cannot be used for pairing"},
		"an interval below nothing":    {gives("interval", -5), 1, "cannot be used for pairing"},
		"a time that is no number":     {gives("expires_in", "soon"), 1, "cannot be used for pairing"},
		"a refusal":                    {start(refuses("invalid_client")), 1, `"invalid_client"`},
		"a refusal in HTML":            {start(page(http.StatusForbidden)), 1, "status 403"},
		"too many devices":             {start(page(http.StatusTooManyRequests, "Retry-After", "300")), 5, "in 5 minutes"},
		"a full server":                {start(page(http.StatusServiceUnavailable)), 5, "status 503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPairable(t, delivers)
			c.change(s)
			p := pairWith(t, s)
			p.wants(t, c.code, c.says)
			if len(s.at) > 0 || strings.Contains(p.stderr, "WDJB") {
				t.Errorf("it went on:\n%s", p.stderr)
			}
			if text := p.stderr + p.err.Error(); strings.ContainsFunc(text, oddOnATerminal) || strings.Count(text, "\n") > 1 {
				t.Errorf("it says %q", text)
			}
		})
	}
}

func oddOnATerminal(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }

// The errors of package x509 repeat the names in a certificate as they are.
func TestPairRepeatsNothingThatMovesTheCursor(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"b\x1b[2J.example"}, NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	var complaints bytes.Buffer
	address := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	err = run(t.Context(), []string{"--url", address}, io.Discard, &complaints, false, newClient())
	testkit.WantSentence(t, err, "no answer from", "b?[2J.example")
	if text := complaints.String() + err.Error(); exitCode(err) != 5 || strings.ContainsFunc(text, oddOnATerminal) {
		t.Errorf("exit code %d, it says %q", exitCode(err), text)
	}
}

func TestPairDoesNotWriteWhatANeighbouringLineCouldHide(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]string{
		"access_token": pairValue + "\nLD_PRELOAD=/tmp/x", "base_url": "http://192.168.1.5:8080/$(reboot)", "app_id": "a b",
		"key_name": "porch\x1b[2J", "key_id": "", "user_id": "'",
	} {
		file := filepath.Join(t.TempDir(), ".env")
		p := pairWith(t, newPairable(t, func(w http.ResponseWriter, r *http.Request) {
			d := delivery()
			d[field] = value
			says(http.StatusOK, d)(w, r)
		}), "--out", file)
		p.wants(t, 1, "delete it on the keys page")
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the file is there: %v", field, err)
		}
	}
}

func TestAKeyThatCannotBePrintedIsSaidToBeLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient()
		c.Transport = within{newPairable(t, delivers)}
		err := run(t.Context(), []string{"--url", pairServer}, testkit.BrokenPipe{}, testkit.BrokenPipe{}, false, c)
		testkit.WantSentence(t, err, "porch-cam", "lost", "broken pipe")
		if strings.Contains(err.Error(), pairValue) {
			t.Error("the value is in the error")
		}
	})
}

func TestPairReachesAServerThatIsThereAndSaysWhenNoneIs(t *testing.T) {
	t.Parallel()
	var out, complaints bytes.Buffer
	err := run(t.Context(), []string{"--url", "http://127.0.0.1:1"}, &out, &complaints, false, newClient())
	testkit.WantSentence(t, err, "no answer from http://127.0.0.1:", "refused", "is this device itself", "--addr 0.0.0.0:8080", "--url")
	if exitCode(err) != 5 || strings.Contains(complaints.String(), "unencrypted") {
		t.Errorf("exit code %d, %s", exitCode(err), complaints.String())
	}
}

func TestPairChecksItsFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--url", "192.168.1.5:8080"}, {"--url", "ftp://192.168.1.5"}, {"--url", "http://192.168.1.5/device"}, {"--url", ""},
		{"--url", "http://ana:secret@192.168.1.5"}, {"--file", "x"}, {"now"}, {"--no-qr=perhaps"},
	} {
		s := newPairable(t, delivers)
		p := pairWith(t, s, args...)
		p.wants(t, 2)
		if len(s.asked) > 0 || strings.Contains(p.err.Error(), "secret") {
			t.Errorf("%v: %v", args, p.err)
		}
	}
	for url, want := range map[string]string{
		"HTTP://Keys.Example:80/": "http://keys.example", "https://keys.example:443": "https://keys.example",
		"http://[::1]:8080": "http://[::1]:8080",
	} {
		if got, err := loadPair([]string{"--url", url}); err != nil || got.url != want {
			t.Errorf("%s: %q, %v", url, got.url, err)
		}
	}
}

func TestPairHelpSaysEveryFlagAndexitCode(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--name", "x", "-help"}} {
		var out bytes.Buffer
		if err := Run(t.Context(), args, &out, io.Discard, false); err != nil {
			t.Fatal(err)
		}
		var want []string
		pairFlags(&pairSettings{}).VisitAll(func(f *flag.Flag) { want = append(want, "  --"+f.Name) })
		for code := range 6 {
			want = append(want, fmt.Sprintf("\n  %d  ", code))
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%v does not say %q", args, text)
			}
		}
	}
	if err := Run(t.Context(), []string{"--help"}, testkit.BrokenPipe{}, io.Discard, false); err == nil {
		t.Error("help that nobody reads is no error")
	}
}

func TestInATerminalThereIsAQRCodeToo(t *testing.T) {
	t.Parallel()
	s := startedPairing{
		UserCode: "WDJB-MJHT", Address: pairServer + "/device", Complete: pairServer + "/device?user_code=WDJB-MJHT", ExpiresIn: 90,
	}
	if got := s.text(true); !strings.Contains(got, "▀") || !strings.Contains(got, "90 seconds") {
		t.Errorf("%s", got)
	}
	s.Complete = ""
	if got := s.text(true); strings.Contains(got, "contains the code") || !strings.Contains(got, "▀") {
		t.Errorf("without an address that has the code:\n%s", got)
	}
	s.Address += strings.Repeat("x", 3000)
	if got := s.text(true); strings.Contains(got, "▀") || !strings.Contains(got, "WDJB-MJHT") {
		t.Errorf("with an address that fits no QR code:\n%s", got)
	}
}

func TestAnAddressThatOnlyThisComputerCanOpenIsDrawnForNoPhone(t *testing.T) {
	t.Parallel()
	for server, only := range map[string]bool{"http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:8080": true, pairServer: false} {
		s := startedPairing{UserCode: "WDJB-MJHT", Address: server + "/device", Complete: server + "/device?user_code=WDJB-MJHT", ExpiresIn: 600}
		got := s.text(true)
		if strings.Contains(got, "▀") == only || strings.Contains(got, "Only this computer can open that address") != only {
			t.Errorf("%s: %s", server, got)
		}
	}
}

// exitCode is what the process ends with.
func exitCode(err error) int {
	var own interface {
		error
		ExitCode() int
	}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &own):
		return own.ExitCode()
	default:
		return 1
	}
}
