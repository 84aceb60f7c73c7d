package client_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

// quiet is the log of a server that would tell of failed handshakes.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// contextEndingAfter is a context for tests that want a call to time out.
func contextEndingAfter(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// roundTripper is a transport made of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// create sends a create through the given transport; its location request is
// answered without it, so that the outcome is the create's own.
func create(t *testing.T, base string, via http.RoundTripper) error {
	t.Helper()
	h := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.URL.Path, "/location") {
			return via.RoundTrip(r)
		}
		body := `{"hostname":"` + base + `"}`
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})}
	c, err := client.New(base, appID, client.WithHTTPClient(h))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextEndingAfter(t, 5*time.Second)
	defer cancel()
	_, err = c.Resume(userID, refresh).APIKeys().Create(ctx, "phone")
	return err
}

// listen accepts connections and gives each to serve.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func TestNeverSentIsTrueWhenNoConnectionCameAbout(t *testing.T) {
	sealed := httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = quiet()
	sealed.StartTLS()
	defer sealed.Close()
	mute := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()

	noName := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "keys.example.com", IsNotFound: true}}
	}}
	for name, tc := range map[string]struct {
		base string
		via  http.RoundTripper
	}{
		"nobody listens":                  {"http://" + closed.Addr().String(), &http.Transport{}},
		"the name does not resolve":       {"http://keys.example.com", noName},
		"the certificate is not trusted":  {sealed.URL, &http.Transport{}},
		"the server does not speak TLS":   {"https://" + mute, &http.Transport{TLSHandshakeTimeout: 10 * time.Millisecond}},
		"a plain transport says so":       {"http://x", failing(&net.OpError{Op: "dial", Err: errors.New("refused")})},
		"a plain transport has no number": {"http://x", failing(&net.DNSError{Err: "no such host"})},
	} {
		t.Run(name, func(t *testing.T) {
			err := create(t, tc.base, tc.via)
			if !client.NeverSent(err) {
				t.Errorf("NeverSent is false for %v", err)
			}
			var e *client.Error
			if !errors.As(err, &e) || e.Op != "create key" || e.Status != 0 || e.Err == nil {
				t.Errorf("got %#v, want the op, no status and the cause", err)
			}
			if !strings.Contains(err.Error(), "not sent") {
				t.Errorf("error %q does not say that it was not sent", err)
			}
		})
	}
}

// failing is a transport that knows nothing of traces.
func failing(err error) http.RoundTripper {
	return roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
}

// readRequest reads one request off a connection.
func readRequest(c net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

func TestNeverSentIsFalseWhenTheServerMayHaveSeenIt(t *testing.T) {
	hangsUp := listen(t, func(c net.Conn) { readRequest(c); _ = c.Close() })
	silent := listen(t, func(c net.Conn) { readRequest(c); _, _ = io.Copy(io.Discard, c) })
	babbles := listen(t, func(c net.Conn) { readRequest(c); _, _ = io.WriteString(c, "what?\r\n\r\n"); _ = c.Close() })
	breaksOff := listen(t, func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"_id\":")
		_ = c.Close()
	})
	impatient := &http.Transport{ResponseHeaderTimeout: 10 * time.Millisecond}
	stubborn := roundTripper(func(r *http.Request) (*http.Response, error) {
		// A transport that tries once more, and then finds nobody.
		res, err := (&http.Transport{}).RoundTrip(r)
		if err == nil {
			_ = res.Body.Close()
			return nil, errors.New("that should have failed")
		}
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	})
	for name, tc := range map[string]struct {
		address string
		via     http.RoundTripper
		status  int
	}{
		"the server hangs up":         {hangsUp, &http.Transport{}, 0},
		"the server says nothing":     {silent, impatient, 0},
		"the server speaks no HTTP":   {babbles, &http.Transport{}, 0},
		"the answer breaks off":       {breaksOff, &http.Transport{}, 201},
		"the transport tried again":   {hangsUp, stubborn, 0},
		"the transport does not tell": {"x", failing(errors.New("broken")), 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := create(t, "http://"+tc.address, tc.via)
			if err == nil || client.NeverSent(err) {
				t.Errorf("NeverSent is true for %v", err)
			}
			var e *client.Error
			if !errors.As(err, &e) || e.Op != "create key" || e.Status != tc.status || e.Err == nil {
				t.Errorf("got %#v, want the op, status %d and the cause", err, tc.status)
			}
		})
	}
}

func TestNeverSentIsFalseForAnswersAndOtherErrors(t *testing.T) {
	for _, err := range []error{nil, io.EOF, &client.Error{Status: 500}, &net.OpError{Op: "dial"}} {
		if client.NeverSent(err) {
			t.Errorf("NeverSent is true for %v", err)
		}
	}
}

// TestCreateIsSentOnceOnAKeptConnection is about net/http, which repeats some
// requests when a kept connection turns out to be dead.
func TestCreateIsSentOnceOnAKeptConnection(t *testing.T) {
	f := startFake(t)
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	f.handle("POST "+keysPath, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.Close()
	})
	keys := f.session(t).APIKeys()
	for range 5 {
		if _, err := keys.FetchAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := keys.Create(t.Context(), "phone")
		if err == nil || client.NeverSent(err) {
			t.Errorf("got %v, want an unclear outcome", err)
		}
	}
	if n := f.count("POST " + keysPath); n != 5 {
		t.Errorf("%d creates arrived for 5 calls", n)
	}
}

func TestACauseKeepsItsIdentity(t *testing.T) {
	for name, tc := range map[string]struct {
		via  http.RoundTripper
		want error
	}{
		"an error of the transport": {failing(io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
		"a deadline":                {failing(context.DeadlineExceeded), context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			if err := create(t, "http://x", tc.via); !errors.Is(err, tc.want) {
				t.Errorf("got %v, which is not %v", err, tc.want)
			}
		})
	}
}
