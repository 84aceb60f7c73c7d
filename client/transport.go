package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"
)

// Limits of the HTTP client used when the caller brings none. A person waits
// for most of these calls, so they give up long before the 60 seconds of the
// SDKs.
const (
	dialTimeout      = 3 * time.Second
	firstByteTimeout = 8 * time.Second
	totalTimeout     = 10 * time.Second
	maxHeaderBytes   = 64 << 10
	idlePerHost      = 32
	idleTimeout      = 60 * time.Second
)

// defaultHTTPClient returns an HTTP client of its own, so that no setting of
// http.DefaultClient or http.DefaultTransport reaches this package.
func defaultHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		Timeout: totalTimeout,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  firstByteTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
		},
	}
}

// restrained returns a copy of h that follows no redirect, because the next hop
// would be given the token, and keeps no cookies, because one Client may serve
// many users and the protocol has no use for cookies.
func restrained(h *http.Client) *http.Client {
	own := *h
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	return &own
}

// delivery watches one request on its way, to tell later whether the server can
// have seen it.
type delivery struct {
	left      bool        // it was given to the transport
	asked     atomic.Bool // which looked for a connection
	unsealed  atomic.Bool // and could not agree on how to encrypt it,
	connected atomic.Bool // or got one, so that bytes may have been written
	answered  atomic.Bool // and got a first byte back
}

// trace returns the hooks that feed d.
func (d *delivery) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { d.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.connected.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			d.unsealed.Store(err != nil && !timedOut(err) && !brokeDown(err))
		},
		GotFirstResponseByte: func() { d.answered.Store(true) },
	}
}

// impossible reports whether the request certainly did not reach the server. A
// connection counts once and for all: a transport that tries again after a
// broken attempt must not make a delivered request look like an undelivered one.
func (d *delivery) impossible(err error) bool {
	if d.connected.Load() {
		return false
	}
	if d.asked.Load() {
		return true
	}
	// A round tripper of the caller's may know nothing of traces.
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns)
}

// insecure reports whether there was no secure connection to be had.
func (d *delivery) insecure(err error) bool {
	if d.connected.Load() {
		return false
	}
	var untrusted *tls.CertificateVerificationError // from a round tripper that knows nothing of traces
	return d.unsealed.Load() || errors.As(err, &untrusted)
}

// failedEarly reports whether the connection failed before any byte of an answer,
// and not because time was up or somebody in between cannot be trusted.
func (d *delivery) failedEarly(ctx context.Context, err error) bool {
	return d.left && !d.answered.Load() && ctx.Err() == nil && !timedOut(err) && !d.insecure(err)
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, context.Canceled)
}

// brokeDown reports whether the other side went away, which says nothing about
// who it was.
func brokeDown(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// shortPause lets whatever broke the connection pass, and keeps many callers from
// coming back at the same moment.
func shortPause(ctx context.Context) error {
	timer := time.NewTimer(100*time.Millisecond + rand.N(200*time.Millisecond)) //nolint:gosec // nobody gains by guessing it
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sentOnce is an empty body that cannot be had twice. Without it net/http repeats
// a request without a body on every kept connection that turns out to be dead, in
// addition to the one time that this package does. Over HTTP/2, where one
// connection serves all, it would be a body on the wire.
type sentOnce struct{}

func (sentOnce) Read([]byte) (int, error) { return 0, io.EOF }

func (sentOnce) Close() error { return nil }
