package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/client"
)

func TestNewRefusesWhatIsNoBaseURL(t *testing.T) {
	for name, tc := range map[string]struct{ base, app, want string }{
		"empty":          {"", appID, "must start with http"},
		"no scheme":      {"keys.example.com", appID, "must start with http"},
		"host and port":  {"localhost:8080", appID, "must start with http"},
		"another scheme": {"ftp://keys.example.com", appID, "must start with http"},
		"no host":        {"https://", appID, "names no host"},
		"a port only":    {"https://:8080", appID, "names no host"},
		"opaque":         {"https:keys.example.com", appID, "names no host"},
		"a password":     {"https://ada:s3cret@keys.example.com", appID, "user name"},
		"a query":        {"https://keys.example.com?a=s3cret", appID, "query"},
		"a bare query":   {"https://keys.example.com?", appID, "query"},
		"a fragment":     {"https://keys.example.com#s3cret", appID, "fragment"},
		"no URL":         {"https://s3cret:x@y z/%", appID, "not a URL"},
		"no app id":      {"https://keys.example.com", "", "app id"},
		"a dot as app":   {"https://keys.example.com", ".", "app id"},
		"dots as app":    {"https://keys.example.com", "..", "app id"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := client.New(tc.base, tc.app)
			if err == nil || c != nil {
				t.Fatalf("got %v, %v; want an error", c, err)
			}
			if !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q, want one with %q", err, tc.want)
			}
		})
	}
}

func TestClientAsksAtTheBaseURLWithoutItsSlashes(t *testing.T) {
	f := startFake(t)
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	c, err := client.New(f.URL+"//", appID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context()); err != nil {
		t.Error(err)
	}
	if n := f.count(location); n != 1 {
		t.Errorf("%d requests for the location, want 1", n)
	}
}

func TestAppIDIsEscaped(t *testing.T) {
	f := startFake(t)
	c, err := client.New(f.URL, "my app/../x?y")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Register(t.Context(), "ada@example.com", value)
	f.only(t).check(t, exchange{call: "GET " + apiRoot + "/app/my%20app%2F..%2Fx%3Fy/location"})
}

func TestRequestsSayWhoSendsThem(t *testing.T) {
	f := startFake(t)
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	list := func(opts ...client.Option) string {
		if _, err := f.client(t, opts...).Resume(userID, refresh).APIKeys().FetchAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := f.requests()
		return all[len(all)-1].header.Get("User-Agent")
	}
	if got := list(); got != "latchkey-client-go/1" {
		t.Errorf("the default User-Agent is %q", got)
	}
	if got := list(client.WithUserAgent("greenhouse/2")); got != "greenhouse/2" {
		t.Errorf("the chosen User-Agent is %q", got)
	}
}

// watched counts connections used and bodies closed.
type watched struct {
	next         http.RoundTripper
	open, closed atomic.Int32
}

type watchedBody struct {
	io.ReadCloser
	once sync.Once
	w    *watched
}

func (b *watchedBody) Close() error {
	b.once.Do(func() { b.w.closed.Add(1) })
	return b.ReadCloser.Close()
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.next.RoundTrip(r)
	if err == nil {
		w.open.Add(1)
		res.Body = &watchedBody{ReadCloser: res.Body, w: w}
	}
	return res, err
}

func TestEveryBodyIsClosedAndTheConnectionKept(t *testing.T) {
	f := startFake(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	w := &watched{next: transport}
	s := f.client(t, client.WithHTTPClient(&http.Client{Transport: w})).Resume(userID, refresh)
	addresses := map[string]bool{}
	answers := []struct {
		status int
		body   string
	}{
		{200, `[]`}, {200, ``}, {200, `{`}, {403, ``}, {404, `{"error":"m"}`}, {502, `<html>`}, {302, `moved`},
	}
	for i := range 70 {
		a := answers[i%len(answers)]
		f.handle("GET "+keysPath, func(rw http.ResponseWriter, r *http.Request) {
			addresses[r.RemoteAddr] = true
			rw.WriteHeader(a.status)
			_, _ = io.WriteString(rw, a.body)
		})
		_, _ = s.APIKeys().FetchAll(t.Context())
	}
	if w.open.Load() != 71 || w.closed.Load() != 71 {
		t.Errorf("%d answers, %d bodies closed; want 71 of each", w.open.Load(), w.closed.Load())
	}
	if len(addresses) != 1 {
		t.Errorf("%d connections for calls one after the other, want 1", len(addresses))
	}
}

func TestRedirectsAreReportedAndNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			elsewhere := startFake(t)
			f := startFake(t)
			f.handle("POST "+keysPath, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+keysPath, status)
			})
			// Even an HTTP client that wants to follow.
			c := f.client(t, client.WithHTTPClient(&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}))
			_, err := c.Resume(userID, refresh).APIKeys().Create(t.Context(), "phone")
			var e *client.Error
			if !errors.As(err, &e) || e.Status != status || client.NeverSent(err) {
				t.Errorf("got %v, want an error with status %d", err, status)
			}
			if got := elsewhere.requests(); len(got) != 0 {
				t.Errorf("the other host was sent %v", got)
			}
		})
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	f := startFake(t)
	f.handle("GET "+keysPath, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "ada"})
		_, _ = io.WriteString(w, `[]`)
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := f.client(t, client.WithHTTPClient(&http.Client{Jar: jar})).Resume(userID, refresh)
	for range 2 {
		if _, err := s.APIKeys().FetchAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range f.requests() {
		if r.header.Get("Cookie") != "" {
			t.Errorf("the client sent a cookie: %s", r.header.Get("Cookie"))
		}
	}
}

func TestTheCallersHTTPClientIsLeftAlone(t *testing.T) {
	f := startFake(t)
	h := &http.Client{}
	f.client(t, client.WithHTTPClient(h))
	if h.CheckRedirect != nil {
		t.Error("New changed the HTTP client it was given")
	}
}

func TestATokenThatNoHeaderCanCarryIsNotSent(t *testing.T) {
	f := startFake(t)
	for _, token := range []client.Secret{"line\nbreak-secret", "a b-secret", "ünsent-secret"} {
		err := f.client(t).Resume(userID, token).Logout(t.Context())
		if !client.NeverSent(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want an error of a call never sent", err)
		}
	}
	if got := f.requests(); len(got) != 0 {
		t.Errorf("the server was sent %v", got)
	}
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	f := startFake(t)
	s := f.login(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.APIKeys().Create(ctx, "phone")
	if !errors.Is(err, context.Canceled) || !client.NeverSent(err) {
		t.Errorf("got %v, want context.Canceled and never sent", err)
	}
	if got := f.requests(); len(got) != 0 {
		t.Errorf("the server was sent %v", got)
	}
}
