package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"latchkey/handlers"
)

// newUpstreamClient sends to the server of --upstream: it follows no redirect, uses no proxy that only the environment
// knows of, and looks at the address it dials. The size of a body is the client's to limit.
func newUpstreamClient(upstream *url.URL) *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: noRedirect,
		Transport: &http.Transport{
			DialContext:            upstreamDialer(upstream).DialContext,
			TLSHandshakeTimeout:    3 * time.Second,
			ResponseHeaderTimeout:  8 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    64,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}

// notHere answers devices that were pointed at the dashboard. They want JSON, not its sign-in page.
func (a *App) notHere(baseURL string, from func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.log.Info("refused a call of the client API, which another server answers", "status", http.StatusNotFound, "from", from(r))
		handlers.RefuseProgram(w, r, http.StatusNotFound, "", "the client API of this app is at "+baseURL)
	})
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// upstreamDialer connects to the host that the operator named, wherever it is, with plain http only inside this machine. The
// client asks for no other host: it refuses a location that names one.
func upstreamDialer(upstream *url.URL) *net.Dialer {
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	if upstream.Scheme == "http" {
		dialer.ControlContext = onlyLoopback
	}
	return dialer
}

// onlyLoopback looks at the address itself, whatever "localhost" is made to mean.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	host, _, _ := net.SplitHostPort(address) // a dialler gives nothing else
	if ip := net.ParseIP(host); !ip.IsLoopback() {
		return fmt.Errorf("%s is another machine, and plain http is only allowed to this one", address)
	}
	return nil
}
