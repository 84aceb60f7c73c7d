package authserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"latchkey/internal/accounts"
	"latchkey/internal/apidoc/apidoctest"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

const (
	testApp      = "latchkey-test"
	testURL      = "https://keys.example.org"
	testPassword = testkit.Password
)

// testAudience is a service that there are tokens for.
var testAudience = model.Audience{Name: "sync", Audience: "https://sync.example.org", Lifetime: 10 * time.Minute}

// noDevice is the device id of a sign-in that said nothing about its device.
const noDevice = "000000000000000000000000"

// What is promised of limits and links.
const (
	accountTries = 10 // of passwords
	addressShare = 5  // of an account's
	sessionTries = 10
	tryStretch   = 10 * time.Minute

	actsAtOnce          = 300
	actPause            = time.Second
	registrationsAtOnce = 100
	registrationPause   = 36 * time.Second
	noticesAtOnce       = 20
	accountGap          = time.Minute // between two emails that are asked for
	siteShareOfEmails   = 3           // in an hour, to an account

	linkLifetime = 30 * time.Minute
)

// fixture is a server over a database of its own, with a clock that stands still until told otherwise.
type fixture struct {
	*Server
	t     testing.TB
	store *store.Store
	clock *testkit.Clock
	logs  *testkit.Log

	rules  accounts.Config
	derive func(password, salt []byte, cost model.PasswordCost) []byte // what hashes passwords
}

func newFixture(t testing.TB, change ...func(*Config, *accounts.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: testkit.NewClock(testkit.LongAgo), logs: &testkit.Log{}, derive: argon2id}
	log := f.logs.Logger()
	cfg := Config{AppID: testApp, PublicURL: testURL, Audiences: []model.Audience{testAudience}, StepUp: 30 * time.Minute, Now: f.clock.Now, Log: log}
	f.rules = accounts.Config{
		PublicURL:    testURL,
		Registration: true,
		Anonymous:    true,
		MinPassword:  8,
		PasswordCost: testkit.Cheap,
		Derive: func(password, salt []byte, cost model.PasswordCost) []byte {
			return f.derive(password, salt, cost)
		},
		Now: f.clock.Now,
		Log: log,
	}
	for _, c := range change {
		c(&cfg, &f.rules)
	}
	f.Server = &Server{cfg: cfg, tokens: newTokens(t)}
	f.restart(testkit.Store(t))
	return f
}

func argon2id(password, salt []byte, c model.PasswordCost) []byte {
	return argon2.IDKey(password, salt, c.Passes, c.Memory, c.Threads, 32)
}

// restart is another process with the same secrets, on a store.
func (f *fixture) restart(st *store.Store) {
	f.store, f.Server = st, New(f.cfg, accounts.New(f.rules, st), f.tokens)
}

// Drain waits until all is recorded.
func (f *fixture) Drain() { f.accounts.Drain() }

// inBrowser is the person of a session, as the dashboard acts for them from somewhere.
func (f *fixture) inBrowser(session loginAnswer, from model.Origin) *accounts.Person {
	f.t.Helper()
	row, err := f.store.AuthSession(f.t.Context(), f.mustVerify(session.RefreshToken, refreshToken).SessionID)
	if err != nil {
		f.t.Fatal(err)
	}
	from.Actor = model.ActorBrowser
	return f.accounts.As(model.Account{
		UserID: row.UserID, SessionID: row.ID, IdentityID: row.IdentityID, Provider: row.Provider,
	}, from)
}

// on is the same server, reporting to a subtest.
func (f *fixture) on(t testing.TB) *fixture {
	other := *f
	other.t = t
	return &other
}

func newTokens(t testing.TB) *Tokens {
	t.Helper()
	tokens, err := NewTokens(accessKeys(newAccessKey(t)), [][]byte{random(32)})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func newAccessKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// reply is an answer, read.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// do sends a request, with a token if there is one.
func (f *fixture) do(method, path, token, body string) reply {
	f.t.Helper()
	req := newRequest(method, path, body)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return f.send(req)
}

func (f *fixture) send(req *http.Request) reply {
	f.t.Helper()
	rec := httptest.NewRecorder()
	var answers http.Handler = f.Server
	if !testing.Short() { // the run under the race detector has enough to do
		answers = apidoctest.Some(f.t, f.Server)
	}
	answers.ServeHTTP(rec, req)
	return reply{f.t, rec.Code, rec.Header(), rec.Body.Bytes()}
}

// want fails the test unless the status is as said, and checks the rules that every answer obeys.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	r.obeysRules()
	return r
}

// obeysRules checks what clients rely on in every answer, good or bad.
func (r reply) obeysRules() {
	r.t.Helper()
	types, typed := r.header["Content-Type"]
	switch {
	case len(r.body) == 0 && typed:
		r.t.Errorf("empty answer with status %d has Content-Type %q", r.status, types)
	case len(r.body) > 0 && (len(types) != 1 || types[0] != "application/json"):
		r.t.Errorf("Content-Type is %q, want exactly application/json", types)
	case len(r.body) > 0 && !json.Valid(r.body):
		r.t.Errorf("body is not JSON: %s", r.body)
	}
	if got := r.header.Get("Access-Control-Allow-Origin"); got != "*" {
		r.t.Errorf("Access-Control-Allow-Origin is %q", got)
	}
	if got := r.header.Get("X-Content-Type-Options"); got != "nosniff" {
		r.t.Errorf("X-Content-Type-Options is %q", got)
	}
	if id := r.header.Get(requestIDHeader); !model.IsID(id) {
		r.t.Errorf("%s is %q", requestIDHeader, id)
	}
	if r.status >= 400 {
		r.hasEnvelope()
	}
}

// hasEnvelope checks the shape of an error: text always, code and link strings when there.
func (r reply) hasEnvelope() {
	r.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(r.body, &fields); err != nil {
		r.t.Fatalf("error body is not an object: %s", r.body)
	}
	for name, v := range fields {
		if text, ok := v.(string); !ok || text == "" {
			r.t.Errorf("%s is %#v, want a non-empty string", name, v)
		}
		if name != "error" && name != "error_code" && name != "link" {
			r.t.Errorf("unknown field %s", name)
		}
	}
	if fields["error"] == nil {
		r.t.Error("no error text")
	}
	link, _ := fields["link"].(string)
	if want := testURL + "/logs?co_id=" + r.header.Get(requestIDHeader); link != "" && link != want {
		r.t.Errorf("link is %q, want %q", link, want)
	}
}

// says checks the text and the code of an error.
func (r reply) says(text, code string) reply {
	r.t.Helper()
	var e errorBody
	r.into(&e)
	if e.Error != text || e.Code != code {
		r.t.Errorf("error %q code %q, want %q code %q", e.Error, e.Code, text, code)
	}
	return r
}

func (r reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("decode %s: %v", r.body, err)
	}
}

// fields decodes an answer without knowing its shape.
func (r reply) fields() map[string]any {
	r.t.Helper()
	var m map[string]any
	r.into(&m)
	return m
}

func appPath(rest string) string { return "/api/client/v2.0/app/" + testApp + rest }

func loginPath(provider string) string { return appPath("/auth/providers/" + provider + "/login") }

const (
	registerRest = "/auth/providers/local-userpass/register"
	sessionPath  = "/api/client/v2.0/auth/session"
	profilePath  = "/api/client/v2.0/auth/profile"
	deletePath   = "/api/client/v2.0/auth/delete"
	keysPath     = "/api/client/v2.0/auth/api_keys"
)

// object writes a JSON object from pairs.
func object(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (f *fixture) register(email, password string) {
	f.t.Helper()
	f.do("POST", appPath(registerRest), "", object("email", email, "password", password)).want(201)
}

func (f *fixture) login(email, password string) loginAnswer {
	f.t.Helper()
	return f.loggedIn("local-userpass", object("username", email, "password", password))
}

func (f *fixture) loginWithKey(value string) loginAnswer {
	f.t.Helper()
	return f.loggedIn("api-key", object("key", value))
}

func (f *fixture) loginAnonymously() loginAnswer {
	f.t.Helper()
	return f.loggedIn("anon-user", "")
}

func (f *fixture) loggedIn(provider, body string) loginAnswer {
	f.t.Helper()
	var out loginAnswer
	f.do("POST", loginPath(provider), "", body).want(200).into(&out)
	return out
}

// signUp is a new account and its first session.
func (f *fixture) signUp(email string) loginAnswer {
	f.t.Helper()
	f.register(email, testPassword)
	return f.login(email, testPassword)
}

// newKey is the wire's answer to the creation of a key.
type newKey struct {
	ID       string `json:"_id"`
	Name     string `json:"name"`
	Disabled bool   `json:"disabled"`
	Value    string `json:"key"`
}

func (f *fixture) createKey(session loginAnswer, name string) newKey {
	f.t.Helper()
	var k newKey
	f.do("POST", keysPath, session.RefreshToken, object("name", name)).want(201).into(&k)
	return k
}

func (f *fixture) createKeys(session loginAnswer, n int) []newKey {
	f.t.Helper()
	keys := make([]newKey, n)
	for i := range keys {
		keys[i] = f.createKey(session, fmt.Sprintf("key-%02d", i))
	}
	return keys
}

// withoutPassword creates an account straight in the store that no password fits.
func (f *fixture) withoutPassword(email string) {
	f.t.Helper()
	testkit.Person(f.t, f.store, email, f.clock.Now(), func(i *model.Identity) { i.PasswordHash = "" })
}

// fillQueue has as many passwords hashed and waiting as there may be, until the test is over.
func (f *fixture) fillQueue() {
	f.t.Helper()
	gate, full, ended := make(chan struct{}), make(chan struct{}, 10_000), sync.WaitGroup{}
	f.t.Cleanup(func() { close(gate); ended.Wait() })
	f.derive = func([]byte, []byte, model.PasswordCost) []byte { <-gate; return make([]byte, 32) }
	for i := 1; ; i++ {
		ended.Go(func() {
			from := model.Origin{Address: fmt.Sprintf("10.%d.0.1", i)}
			if _, err := f.accounts.SignIn(context.Background(), from, fmt.Sprintf("filler%d@example.org", i), testPassword); model.Is(err, model.KindBusy) {
				full <- struct{}{}
			}
		})
		for running, waiting := 0, 0; running+waiting < i; running, waiting = f.accounts.Hashing() {
			select {
			case <-full:
				return
			default:
				runtime.Gosched()
			}
		}
	}
}

// unknownValue has the shape of a value, and is none.
func unknownValue() string { return hex.EncodeToString(random(32)) }

// isValue says whether a text has the shape of App Services' values.
func isValue(s string) bool { return regexp.MustCompile(`^[A-Za-z0-9]{64}$`).MatchString(s) }

// newRequest is a request with a JSON content type if it has a body, as SDKs send it.
func newRequest(method, path, body string) *http.Request {
	req := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}
