package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
)

// pauses makes the client's pauses short and counts them.
func pauses(c *client.Client) *atomic.Int32 {
	var n atomic.Int32
	c.SetPause(func(ctx context.Context) error {
		n.Add(1)
		return ctx.Err()
	})
	return &n
}

// dropsConnection answers nothing and hangs up.
func dropsConnection(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = c.Close()
	}
}

// dropsOnce hangs up on the first request and answers the others.
func dropsOnce(body string) http.HandlerFunc {
	var dropped atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) {
		if dropped.CompareAndSwap(false, true) {
			dropsConnection(w, r)
			return
		}
		_, _ = io.WriteString(w, body)
	}
}

func TestWhatChangesNothingIsSentASecondTimeWhenTheConnectionBreaks(t *testing.T) {
	for call, tc := range map[string]struct {
		body string
		do   func(context.Context, *client.Session) error
	}{
		"GET " + keysPath: {listBody, func(ctx context.Context, s *client.Session) error {
			_, err := s.APIKeys().FetchAll(ctx)
			return err
		}},
		"POST " + sessionCall: {`{"access_token":"a.b.c"}`, func(ctx context.Context, s *client.Session) error {
			return s.Refresh(ctx)
		}},
	} {
		t.Run(call, func(t *testing.T) {
			f := startFake(t)
			f.handle(call, dropsOnce(tc.body))
			c := f.client(t)
			paused := pauses(c)
			if err := tc.do(t.Context(), c.Resume(userID, refresh)); err != nil {
				t.Error(err)
			}
			if f.count(call) != 2 || paused.Load() != 1 {
				t.Errorf("sent %d times with %d pauses, want 2 and 1", f.count(call), paused.Load())
			}

			f.handle(call, dropsConnection)
			if err := tc.do(t.Context(), c.Resume(userID, refresh)); !client.BrokeOff(err) || client.NeverSent(err) {
				t.Errorf("got %v", err)
			}
			if f.count(call) != 4 {
				t.Errorf("sent %d times, want twice and no more", f.count(call)-2)
			}
		})
	}
}

func TestWhatChangesSomethingIsNeverSentASecondTime(t *testing.T) {
	one := keysPath + "/" + keyID
	for call, do := range map[string]func(context.Context, *client.Client) error{
		"POST " + keysPath: func(ctx context.Context, c *client.Client) error {
			_, err := c.Resume(userID, refresh).APIKeys().Create(ctx, "phone")
			return err
		},
		"PUT " + one + "/enable": func(ctx context.Context, c *client.Client) error {
			return c.Resume(userID, refresh).APIKeys().Enable(ctx, keyID)
		},
		"PUT " + one + "/disable": func(ctx context.Context, c *client.Client) error {
			return c.Resume(userID, refresh).APIKeys().Disable(ctx, keyID)
		},
		"DELETE " + one: func(ctx context.Context, c *client.Client) error {
			return c.Resume(userID, refresh).APIKeys().Delete(ctx, keyID)
		},
		"DELETE " + sessionCall: func(ctx context.Context, c *client.Client) error {
			return c.Resume(userID, refresh).Logout(ctx)
		},
		"POST " + appRoot + "/auth/providers/local-userpass/login": func(ctx context.Context, c *client.Client) error {
			_, err := c.Login(ctx, client.EmailPassword("ada@example.com", "correct horse"))
			return err
		},
		"POST " + appRoot + "/auth/providers/local-userpass/register": func(ctx context.Context, c *client.Client) error {
			return c.Register(ctx, "ada@example.com", "correct horse")
		},
	} {
		t.Run(call, func(t *testing.T) {
			f := startFake(t)
			f.on("GET "+keysPath, http.StatusOK, listBody)
			f.handle(call, dropsConnection)
			c := f.client(t)
			paused := pauses(c)
			for range 3 { // on a new connection, and on kept ones
				if err := do(t.Context(), c); !client.BrokeOff(err) {
					t.Errorf("got %v", err)
				}
				if _, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if f.count(call) != 3 || paused.Load() != 0 {
				t.Errorf("3 calls arrived %d times, with %d pauses", f.count(call), paused.Load())
			}
		})
	}
}

// TestManyDeadConnectionsCauseOneRepetition is about net/http, which by itself
// repeats a request on every kept connection that turns out to be dead.
func TestManyDeadConnectionsCauseOneRepetition(t *testing.T) {
	const kept = 5
	f := startFake(t)
	var together atomic.Int32
	all := make(chan struct{})
	f.handle("GET "+keysPath, func(w http.ResponseWriter, _ *http.Request) {
		if together.Add(1) == kept {
			close(all)
		}
		<-all
		_, _ = io.WriteString(w, listBody)
	})
	c := f.client(t)
	pauses(c)
	s := c.Resume(userID, refresh)
	done := make(chan error, kept)
	for range kept {
		go func() {
			_, err := s.APIKeys().FetchAll(t.Context())
			done <- err
		}()
	}
	for range kept {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	before := f.count("GET " + keysPath)
	f.handle("GET "+keysPath, dropsConnection)
	if _, err := s.APIKeys().FetchAll(t.Context()); !client.BrokeOff(err) {
		t.Errorf("got %v", err)
	}
	if n := f.count("GET "+keysPath) - before; n != 2 {
		t.Errorf("one call arrived %d times, want 2", n)
	}
}

func TestNothingIsSentAgainAfterAByteOrATimeoutOrAStranger(t *testing.T) {
	sealed := httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = quiet()
	sealed.StartTLS()
	defer sealed.Close()
	babbles := listen(t, func(c net.Conn) { readRequest(c); _, _ = io.WriteString(c, "what?\r\n\r\n"); _ = c.Close() })
	silent := listen(t, func(c net.Conn) { readRequest(c); _, _ = io.Copy(io.Discard, c) })
	for name, tc := range map[string]struct {
		base      string
		transport *http.Transport
	}{
		"a byte came":                    {"http://" + babbles, &http.Transport{}},
		"no byte came in time":           {"http://" + silent, &http.Transport{ResponseHeaderTimeout: 10 * time.Millisecond}},
		"the certificate is not trusted": {sealed.URL, &http.Transport{}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := client.New(tc.base, appID, client.WithHTTPClient(&http.Client{Transport: tc.transport}))
			if err != nil {
				t.Fatal(err)
			}
			paused := pauses(c)
			if err := c.Resume(userID, refresh).Refresh(t.Context()); err == nil || paused.Load() != 0 {
				t.Errorf("%d pauses before %v", paused.Load(), err)
			}
		})
	}
}

func TestACallerWhoLeavesDuringThePauseGetsTheFirstError(t *testing.T) {
	f := startFake(t)
	f.handle("GET "+keysPath, dropsConnection)
	c := f.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.SetPause(func(context.Context) error {
		cancel()
		return ctx.Err()
	})
	if _, err := c.Resume(userID, refresh).APIKeys().FetchAll(ctx); !client.BrokeOff(err) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := f.count("GET " + keysPath); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

func TestAnInsecureConnectionIsToldFromAMissingOne(t *testing.T) {
	sealed := httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = quiet()
	sealed.StartTLS()
	defer sealed.Close()
	open := startFake(t)
	mute := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	hangsUp := listen(t, func(c net.Conn) { _ = c.Close() })
	trusting := sealed.Client().Transport
	for name, tc := range map[string]struct {
		base string
		via  http.RoundTripper
		want bool
	}{
		"a certificate that is not trusted": {sealed.URL, &http.Transport{}, true},
		"one for another name":              {strings.Replace(sealed.URL, "127.0.0.1", "localhost", 1), trusting, true},
		"a server without TLS":              {strings.Replace(open.URL, "http:", "https:", 1), &http.Transport{}, true},
		"a server that says nothing":        {"https://" + mute, &http.Transport{TLSHandshakeTimeout: 10 * time.Millisecond}, false},
		"a server that hangs up":            {"https://" + hangsUp, &http.Transport{}, false},
		"nobody":                            {"https://127.0.0.1:1", &http.Transport{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := create(t, tc.base, tc.via)
			if client.IsInsecure(err) != tc.want || !client.NeverSent(err) || client.BrokeOff(err) {
				t.Errorf("IsInsecure is %v, NeverSent %v for %v", client.IsInsecure(err), client.NeverSent(err), err)
			}
		})
	}
	if client.IsInsecure(nil) || client.IsInsecure(io.EOF) || client.IsInsecure(&client.Error{Status: 500}) {
		t.Error("another error counts as an insecure connection")
	}
}

func TestAnAnswerThatBreaksOffIsToldFromOneThatIsWrong(t *testing.T) {
	half := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "[")
		}
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   bool
	}{
		"no answer":                  {dropsConnection, true},
		"half a success":             {half(200), true},
		"half an error":              {half(502), false},
		"half the JSON":              {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[") }, false},
		"more than anybody wants":    {endless(200, "["), false},
		"an answer of another shape": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.handle("GET "+keysPath, tc.answer)
			c := f.client(t)
			pauses(c)
			_, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context())
			if err == nil || client.BrokeOff(err) != tc.want || client.NeverSent(err) {
				t.Errorf("BrokeOff is %v for %v", client.BrokeOff(err), err)
			}
		})
	}
}

func TestASuccessWithNothingToSayIsOneOnlyWithoutWords(t *testing.T) {
	for body, ok := range map[string]bool{
		"": true, " \r\n": true, "{}": true, "null": true, `{"more":1}`: true,
		"<h1>Sign in to this network</h1>": false, `{"mo`: false, "OK": false, `{"error":"no"}`: false,
	} {
		f := startFake(t)
		f.handle("DELETE "+keysPath+"/"+keyID, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if err := f.session(t).APIKeys().Delete(t.Context(), keyID); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestAServerThatAsksForTimeIsHeard(t *testing.T) {
	f := startFake(t)
	busy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	f.handle("GET "+keysPath, busy)
	_, err := f.session(t).APIKeys().FetchAll(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.RetryAfter != 30*time.Second || !client.IsLimited(err) {
		t.Errorf("got %#v", err)
	}
	f.handle(location, busy)
	_, err = f.session(t).APIKeys().FetchAll(t.Context())
	if !errors.As(err, &e) || e.RetryAfter != 30*time.Second || !client.IsLimited(err) || !client.NeverSent(err) {
		t.Errorf("while looking for the location: got %#v", err)
	}
	if client.IsLimited(nil) || client.IsLimited(fmt.Errorf("doing: %w", &client.Error{Status: 503})) {
		t.Error("another error counts as a limit")
	}
}
