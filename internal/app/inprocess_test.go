package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func within(handler http.HandlerFunc) *http.Client {
	return &http.Client{Transport: inProcess{handler, slog.New(slog.DiscardHandler)}, CheckRedirect: noRedirect}
}

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Add("X-Twice", "one")
	w.Header().Add("X-Twice", "two")
	switch r.URL.Query().Get("answer") {
	case "redirect":
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
		return
	case "nothing":
		w.WriteHeader(http.StatusNoContent)
		return
	case "twice":
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
	case "silence":
		return
	}
	_, _ = fmt.Fprintf(w, "%s %s path=%s raw=%s query=%s absolute=%t auth=%s length=%d body=%s %v",
		r.Method, r.RequestURI, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.IsAbs(), r.Header.Get("Authorization"),
		r.ContentLength, body, err)
}

func TestAHandlerInProcessAnswersAsItDoesBehindAPort(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	remote := server.Client()
	remote.CheckRedirect = noRedirect
	for name, tc := range map[string]struct{ method, path, body string }{
		"a GET":                       {"GET", "/a/b?x=1&y=2", ""},
		"a GET of the root":           {"GET", "/", ""},
		"a POST with a body":          {"POST", "/a", `{"name":"sensor"}`},
		"a PUT without one":           {"PUT", "/a/enable", ""},
		"a DELETE":                    {"DELETE", "/a", ""},
		"a HEAD":                      {"HEAD", "/a", ""},
		"an escaped path":             {"GET", "/a%2Fb/%E2%82%AC%20", ""},
		"a redirect that is left":     {"GET", "/a?answer=redirect", ""},
		"an answer without a body":    {"GET", "/a?answer=nothing", ""},
		"a status that is set twice":  {"GET", "/a?answer=twice", ""},
		"a handler that says nothing": {"GET", "/a?answer=silence", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := exchange(t, remote, tc.method, server.URL+tc.path, tc.body)
			got := exchange(t, within(echo), tc.method, server.URL+tc.path, tc.body)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// exchange is one request and what came of it, but for the headers that a server adds itself.
func exchange(t *testing.T, c *http.Client, method, url, body string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token")
	got := do(t, c, req)
	for _, name := range []string{"Date", "Content-Length"} {
		got.Header.Del(name)
	}
	return got
}

func TestAnInProcessRequestSharesNothingWithItsCallers(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://latchkey.example/a?b=c", nil)
	if err != nil {
		t.Fatal(err)
	}
	do(t, within(func(_ http.ResponseWriter, r *http.Request) {
		if r.Host != "latchkey.example" || r.RemoteAddr == "" {
			t.Errorf("host %q, from %q", r.Host, r.RemoteAddr)
		}
		r.URL.Path, r.Method = "/changed", "CHANGED"
		r.SetPathValue("id", "changed")
	}), req)
	if req.URL.String() != "http://latchkey.example/a?b=c" || req.Method != http.MethodGet || req.PathValue("id") != "" || req.Body != nil {
		t.Errorf("the request is now %s %s", req.Method, req.URL)
	}
}

func TestAnInProcessRequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	called := false
	_, err := send(ended, within(func(http.ResponseWriter, *http.Request) { called = true }), nil)
	if !errors.Is(err, context.Canceled) || called {
		t.Errorf("ended before: %v, the handler was called: %t", err, called)
	}

	ctx, cancel := context.WithCancel(t.Context())
	_, err = send(ctx, within(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
		w.WriteHeader(http.StatusServiceUnavailable)
	}), nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended meanwhile: %v", err)
	}
}

func send(ctx context.Context, c *http.Client, body io.Reader) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://latchkey.example/a", body)
	if err != nil {
		return 0, err
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func TestAPanicInProcessIsALostConnection(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := &http.Client{Transport: inProcess{
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no such luck") }),
		slog.New(slog.NewTextHandler(&log, nil)),
	}}
	_, err := send(t.Context(), c, nil)
	if err == nil || strings.Contains(err.Error(), "luck") {
		t.Errorf("error: %v", err)
	}
	if !strings.Contains(log.String(), "no such luck") || !strings.Contains(log.String(), "inprocess_test.go") {
		t.Errorf("log: %s", log.String())
	}
}

func TestAnInProcessAnswerIsBounded(t *testing.T) {
	t.Parallel()
	chunk := bytes.Repeat([]byte("x"), maxInProcessBody/4)
	var failed []error
	handler := func(w http.ResponseWriter, _ *http.Request) {
		for range 4 {
			_, err := w.Write(chunk)
			failed = append(failed, err)
		}
	}
	if status, err := send(t.Context(), within(handler), nil); err != nil || status != http.StatusOK {
		t.Errorf("up to the bound: %d, %v", status, err)
	}
	chunk, failed = append(chunk, 'x'), nil
	if _, err := send(t.Context(), within(handler), nil); err == nil {
		t.Error("beyond the bound: no error")
	}
	if slices.Index(failed, nil) != 0 || failed[3] == nil {
		t.Errorf("the handler was told %v", failed)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestAnInProcessRequestsBodyIsClosed(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"when it is read":      echo,
		"when it is not":       func(http.ResponseWriter, *http.Request) {},
		"when a panic follows": func(http.ResponseWriter, *http.Request) { panic("now") },
	} {
		body := &closing{Reader: strings.NewReader("x")}
		_, _ = send(t.Context(), within(handler), body)
		if !body.closed {
			t.Errorf("%s: left open", name)
		}
	}
}

func TestInProcessRequestsRunSideBySide(t *testing.T) {
	t.Parallel()
	const callers = 8
	var together sync.WaitGroup
	together.Add(callers)
	c := within(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	})
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			if _, err := send(t.Context(), c, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func BenchmarkInProcess(b *testing.B) {
	c := within(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := send(b.Context(), c, nil); err != nil {
			b.Fatal(err)
		}
	}
}
