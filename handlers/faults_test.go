package handlers_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"

	"latchkey/internal/testkit"
)

// Faults of the way to the auth server, for upstream.breaks. None of them waits.

// refusesConnections is a server that is down: nothing was sent.
func refusesConnections(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
	address := &net.TCPAddr{IP: net.IPv4(10, 9, 8, 7), Port: 443}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: syscall.ECONNREFUSED}
}

// isNowhere is a host name that does not resolve.
func isNowhere(_ http.RoundTripper, _ *http.Request) (*http.Response, error) {
	return nil, &net.DNSError{Err: "no such host", Name: "keys.internal.example", Server: "10.0.0.53:53", IsNotFound: true}
}

// isAStranger is a server whose certificate nobody vouches for.
func isAStranger(_ http.RoundTripper, _ *http.Request) (*http.Response, error) {
	return nil, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
}

// losesRequests is a connection that breaks before the server sees anything. The sender cannot know that.
func losesRequests(_ http.RoundTripper, _ *http.Request) (*http.Response, error) {
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
func timesOut(_ http.RoundTripper, _ *http.Request) (*http.Response, error) { return nil, timeout{} }

// timeout is what net/http gives when time is up.
type timeout struct{}

func (timeout) Error() string   { return "timeout awaiting response headers" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// outOfTime is a context that ended while the answer was awaited.
func outOfTime(_ http.RoundTripper, _ *http.Request) (*http.Response, error) {
	return nil, context.DeadlineExceeded
}

// says answers in the server's stead. A body that starts with { is JSON, any other HTML.
func says(status int, body string) happens {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		header := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
		switch {
		case body == "":
			header.Del("Content-Type")
		case strings.HasPrefix(body, "{"), strings.HasPrefix(body, "["):
			header.Set("Content-Type", "application/json")
		}
		return testkit.Answer(r, status, header, strings.NewReader(body)), nil
	}
}

// asksForTime is a server that has too much to do and says when to come back.
func asksForTime(status int, retryAfter string) happens {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		return testkit.Answer(r, status, http.Header{"Retry-After": {retryAfter}}, http.NoBody), nil
	}
}

// breaksOff answers with the beginning of what the server said.
func breaksOff(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	res, err := next.RoundTrip(r)
	if err == nil {
		res.Body = io.NopCloser(io.MultiReader(io.LimitReader(res.Body, 20), brokenReader{}))
	}
	return res, err
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

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

// first does one thing the first time and another from then on.
func first(once, after happens) happens {
	done := make(chan struct{}, 1)
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		select {
		case done <- struct{}{}:
			return once(next, r)
		default:
			return after(next, r)
		}
	}
}

// works is no fault.
func works(next http.RoundTripper, r *http.Request) (*http.Response, error) { return next.RoundTrip(r) }
