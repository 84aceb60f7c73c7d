package client

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
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
	asked     atomic.Bool // the transport looked for a connection
	connected atomic.Bool // and got one, so that bytes may have been written
}

// trace returns the hooks that feed d.
func (d *delivery) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { d.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.connected.Store(true) },
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
