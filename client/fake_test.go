package client_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"latchkey/client"
)

// Facts that the tests and the fake server share. The last three are secrets.
const (
	appID   = "latchkey-local"
	userID  = "65f1c0de0123456789abcdef"
	keyID   = "65f1c0defedcba9876543210"
	device  = "65f1c0de00000000000000d1"
	access  = "access.token.one"
	refresh = "refresh.token.one"
	value   = "Q3vJ0aTq8yXkZ1mWc7RfUe5Hs2LpGn9Bd4KxVt6YjCo0iSbEwMzAhPuNgDlFrO7q"
)

const (
	apiRoot  = "/api/client/v2.0"
	appRoot  = apiRoot + "/app/" + appID
	location = "GET " + appRoot + "/location"
	keysPath = apiRoot + "/auth/api_keys"
)

// recorded is a request as it arrived.
type recorded struct {
	method, path string
	header       http.Header
	body         string
}

// call is the request line, as tests compare it.
func (r recorded) call() string { return r.method + " " + r.path }

// fake is a loopback server that answers as it was told and keeps what it was
// sent. A request it was not told about gets status 501, which no test expects.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	handlers map[string]http.HandlerFunc
	got      []recorded
}

// newFake starts a fake that knows its location and sign-ins.
func newFake() *fake {
	f := &fake{handlers: map[string]http.HandlerFunc{}}
	f.Server = httptest.NewServer(f)
	f.on(location, http.StatusOK, fmt.Sprintf(
		`{"deployment_model":"GLOBAL","location":"US-VA","hostname":%q,"ws_hostname":"ws://localhost"}`, f.URL))
	for _, provider := range []string{"local-userpass", "api-key", "anon-user", "custom-token", "oauth2-google", "oauth2-apple"} {
		f.on("POST "+appRoot+"/auth/providers/"+provider+"/login", http.StatusOK, fmt.Sprintf(
			`{"user_id":%q,"device_id":%q,"access_token":%q,"refresh_token":%q}`, userID, device, access, refresh))
	}
	return f
}

// startFake is newFake for the length of a test.
func startFake(t *testing.T) *fake {
	t.Helper()
	f := newFake()
	t.Cleanup(f.Close)
	return f
}

// on answers a call, "METHOD /path", with a status and a JSON body.
func (f *fake) on(call string, status int, body string) {
	f.handle(call, func(w http.ResponseWriter, _ *http.Request) {
		if body != "" {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// handle answers a call with a function.
func (f *fake) handle(call string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers[call] = h
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	in := recorded{r.Method, r.URL.RequestURI(), r.Header, string(body)}
	f.mu.Lock()
	f.got = append(f.got, in)
	h := f.handlers[in.call()]
	f.mu.Unlock()
	if h == nil {
		http.Error(w, "the fake was not told about "+in.call(), http.StatusNotImplemented)
		return
	}
	h(w, r)
}

// requests returns what arrived, without requests for the location.
func (f *fake) requests() []recorded {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.got), func(r recorded) bool { return r.call() == location })
}

// only returns the one request that arrived.
func (f *fake) only(t *testing.T) recorded {
	t.Helper()
	got := f.requests()
	if len(got) != 1 {
		t.Fatalf("%d requests arrived, want one: %v", len(got), got)
	}
	return got[0]
}

// count returns how often a call arrived.
func (f *fake) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.got {
		if r.call() == call {
			n++
		}
	}
	return n
}

// client returns a client of the fake.
func (f *fake) client(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(f.URL, appID, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// session returns a session without an access token, which cost no request.
func (f *fake) session(t *testing.T) *client.Session {
	t.Helper()
	return f.client(t).Resume(userID, refresh)
}

// login returns a session with both tokens.
func (f *fake) login(t *testing.T) *client.Session {
	t.Helper()
	s, err := f.client(t).Login(t.Context(), client.EmailPassword("ada@example.com", "correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.got = nil
	f.mu.Unlock()
	return s
}

// exchange is what a call must send.
type exchange struct {
	call, authorization, contentType, body string
}

// check compares a request with what it should have been.
func (r recorded) check(t *testing.T, want exchange) {
	t.Helper()
	got := exchange{r.call(), r.header.Get("Authorization"), r.header.Get("Content-Type"), r.body}
	if got != want {
		t.Errorf("the client sent\n%+v, want\n%+v", got, want)
	}
	if r.header.Get("Accept") != "application/json" {
		t.Errorf("Accept is %q", r.header.Get("Accept"))
	}
}
