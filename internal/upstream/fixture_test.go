package upstream_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/handlers/servicetest"
	"latchkey/internal/accounts"
	"latchkey/internal/authserver"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
	"latchkey/internal/upstream"
)

const appID = "latchkey-test"

// rig is a service at a real auth server, which it reaches by HTTP, and whatever the two work with.
type rig struct {
	*upstream.Service
	t       testing.TB
	clock   *testkit.Clock
	rules   *accounts.Accounts // of the other server
	box     *postbox           // what it sends
	api     *client.Client     // of a device, which nothing goes wrong for
	way     *way               // from the service to the other server
	events  *events
	signIns *signIns
	notices *notices
	log     *testkit.Log
}

// setup is what a rig can be without.
type setup struct {
	sendsMail bool // the other server does
	foreign   bool // it has no calls of Latchkey's own

	there, written *store.Store // what it keeps, and what is recorded here; nil: a new one
}

func newRig(t testing.TB, how setup) *rig {
	t.Helper()
	if how.there == nil {
		how.there, how.written = testkit.Store(t), testkit.Store(t)
	}
	r := &rig{t: t, clock: servicetest.NewClock(), box: &postbox{}, log: &testkit.Log{}, notices: &notices{}}
	log := slog.New(slog.NewJSONHandler(r.log, nil))

	// An operator of both servers exempts the dashboard from the limit of sign-ins, which it counts itself. That is what this clock is for.
	var exempt atomic.Int64
	cfg := accounts.Config{
		PublicURL: "https://keys.example.org", Registration: true, MinPassword: 8,
		PasswordCost: testkit.Cheap, Now: r.clock.Now,
		Limits: accounts.NewLimits(func() time.Time { return r.clock.Now().Add(time.Duration(exempt.Load()) * time.Hour) }, nil),
	}
	if how.sendsMail {
		cfg.Mailer = r.box
	}
	r.rules = accounts.New(cfg, how.there)
	t.Cleanup(r.rules.Drain)
	access, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := authserver.NewTokens([]*ecdsa.PrivateKey{access}, [][]byte{bytes.Repeat([]byte{2}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	var api http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	inner := authserver.New(authserver.Config{AppID: appID, PublicURL: server.URL, Now: r.clock.Now}, r.rules, tokens)
	api = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case how.foreign && strings.HasPrefix(req.URL.Path, "/api/latchkey/"):
			http.NotFound(w, req)
			return
		case strings.HasSuffix(req.URL.Path, "/local-userpass/login"):
			exempt.Add(1)
		}
		inner.ServeHTTP(w, req)
	})

	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	r.way = &way{next: transport}
	connect := func(through http.RoundTripper) *client.Client {
		c, err := client.New(server.URL, appID, client.WithHTTPClient(&http.Client{Transport: through}), client.WithBaseHostOnly())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r.api = connect(transport)
	r.events = &events{Store: how.written}
	r.signIns = &signIns{limits: accounts.NewLimitsElsewhere(r.clock.Now, nil)}
	r.Service = upstream.New(upstream.Config{
		Client: connect(r.way), SignIns: r.signIns, Asked: accounts.NewElsewhere(r.clock.Now, nil), Events: r.events, Cards: how.written.Elsewhere(), Notices: r.notices, Now: r.clock.Now, Log: log,
	})
	return r
}

// As is what package app makes of it.
func (r *rig) As(a model.Account, from model.Origin) handlers.Person { return r.Service.As(a, from) }

func (r *rig) tenant(how setup) servicetest.Tenant {
	tenant := servicetest.Tenant{
		Service: r,
		Device: func(t testing.TB, value model.Secret) func() bool {
			session, err := r.api.Login(t.Context(), client.UserAPIKey(value.Reveal()))
			if err != nil {
				lives(t, err)
				return nil
			}
			return func() bool { return lives(t, session.Refresh(context.Background())) }
		},
		GoesOn: func(t testing.TB, a model.Account) bool {
			return lives(t, r.api.Resume(a.UserID, client.Secret(a.Token.Reveal())).Refresh(context.Background()))
		},
		Events: func(t testing.TB, userID string) []model.Event { return r.written(userID) },
		Clock:  r.clock, ReportsUsage: !how.foreign, NoSessions: how.foreign, NoNewPassword: how.foreign, NoAdoption: true, NoSpellings: true,
		OthersByBrowser: true, TrialsAreUses: true, OnlyReminds: true, NoEvidence: true,
	}
	if how.sendsMail {
		tenant.Link = func(t testing.TB, email string) model.GivenLink {
			r.rules.Drain()
			return r.box.Link(t, email)
		}
	}
	return tenant
}

// lives says whether the request was let in.
func lives(t testing.TB, err error) bool {
	t.Helper()
	if err != nil && !client.IsUnauthorized(err) {
		t.Errorf("the other server: %v", err)
	}
	return err == nil
}

// written is what was recorded on this side, and on the other by the time that this answers.
func (r *rig) written(userID string) []model.Event {
	r.t.Helper()
	r.rules.Drain()
	all, err := r.events.Store.Events(context.Background(), userID, model.EventQuery{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// postbox keeps emails.
type postbox struct{ servicetest.Postbox }

func (p *postbox) Send(_ context.Context, m accounts.Email) error {
	p.Keep(m.To, m.Text)
	return nil
}

// events are kept in a store, unless it is broken.
type events struct {
	*store.Store
	broken atomic.Bool
}

func (e *events) RecordEvent(ctx context.Context, event model.Event) error {
	if e.broken.Load() {
		return errors.New("disk full")
	}
	return e.Store.RecordEvent(ctx, event)
}

// signIns counts as package app has it, and what was given back.
type signIns struct {
	limits           *accounts.Limits
	taken, givenBack atomic.Int64
}

func (s *signIns) Take(ctx context.Context, account, address, knownBrowser string) (succeeded func(), wait time.Duration, err error) {
	back, wait, err := s.limits.Take(ctx, accounts.Attempt{Account: account, Address: address, KnownBrowser: knownBrowser})
	if err != nil || wait > 0 {
		return nil, wait, err
	}
	s.taken.Add(1)
	return func() {
		s.givenBack.Add(1)
		back()
	}, 0, nil
}

// notices keeps what people are told, or fails.
type notices struct {
	mu     sync.Mutex
	told   []string
	broken bool
}

func (n *notices) KeyCreated(_ context.Context, email, key string, _ model.Words, at time.Time, from model.Origin) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, strings.Join([]string{email, key, at.Format(time.Kitchen), from.Address, from.Pairing}, " "))
	if n.broken {
		return errors.New("no mail today")
	}
	return nil
}

func (n *notices) KeyLeaked(_ context.Context, email, key string, _ model.Words, news upstream.Leaked, _ time.Time, from model.Origin) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	what := map[upstream.Leaked]string{
		upstream.LeakedTurnedOff: "leaked", upstream.LeakedWasOff: "leaked, was off", upstream.LeakedTurnedOn: "leaked, turned on",
	}
	n.told = append(n.told, strings.Join([]string{email, key, what[news], from.Address}, " "))
	return nil
}

// way leads to the other server. It counts what is sent and can lose or replace answers.
type way struct {
	next http.RoundTripper

	mu     sync.Mutex
	sent   []string
	faults map[string]happens
}

// happens is what becomes of a request.
type happens func(next http.RoundTripper, r *http.Request) (*http.Response, error)

// Calls, as the way names them.
const (
	logIn     = "POST /auth/providers/local-userpass/login"
	listKeys  = "GET /auth/api_keys"
	createKey = "POST /auth/api_keys"
	fetchKey  = "GET /auth/api_keys/one"
	turnOff   = "PUT /auth/api_keys/one/disable"
	deleteKey = "DELETE /auth/api_keys/one"
	keyFacts  = "GET /key_facts"
	sessions  = "GET /sessions"
	endOne    = "DELETE /sessions/one"
	endOthers = "DELETE /sessions"
	proof     = "POST /proof"
	password  = "PUT /password"
)

var (
	id   = regexp.MustCompile(`[0-9a-f]{24}`)
	root = regexp.MustCompile(`^/api/(client/v2\.0(/app/[^/]+)?|latchkey/v1)`)
)

// RoundTrip lets the fault for the call decide.
func (w *way) RoundTrip(r *http.Request) (*http.Response, error) {
	call := r.Method + " " + id.ReplaceAllString(root.ReplaceAllString(r.URL.Path, ""), "one")
	w.mu.Lock()
	w.sent = append(w.sent, call)
	broken := w.faults[call]
	w.mu.Unlock()
	if broken != nil {
		return broken(w.next, r)
	}
	return w.next.RoundTrip(r)
}

// breaks makes something happen to a call from now on; nothing heals it.
func (w *way) breaks(call string, what happens) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faults == nil {
		w.faults = map[string]happens{}
	}
	w.faults[call] = what
}

// count says how often a call was sent, to a server that answered or not.
func (w *way) count(call string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sent := range w.sent {
		if sent == call {
			n++
		}
	}
	return n
}

// refusesConnections is a server that is down: nothing was sent.
func refusesConnections(http.RoundTripper, *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// losesRequests is a connection that breaks before the server sees anything. The sender cannot know that.
func losesRequests(http.RoundTripper, *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

// losesAnswers is a connection that breaks after the server has done what was asked.
func losesAnswers(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	res, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// timesOut is a server that never answers and does nothing.
func timesOut(http.RoundTripper, *http.Request) (*http.Response, error) {
	return nil, context.DeadlineExceeded
}

// says answers in the server's stead.
func says(status int, retryAfter string) happens {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		res := w.Result()
		res.Request = r
		return res, nil
	}
}

// isUnsure is a server that does not know whether it saved something.
func isUnsure(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.WriteString(`{"error":"it is not known whether this was saved","error_code":"OutcomeUnknown"}`)
	res := w.Result()
	res.Request = r
	return res, nil
}

// after lets a number of calls through before the fault begins.
func after(calls int, fault happens) happens {
	var done atomic.Int32
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if int(done.Add(1)) <= calls {
			return next.RoundTrip(r)
		}
		return fault(next, r)
	}
}
