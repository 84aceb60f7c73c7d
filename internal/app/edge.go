package app

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"

	"latchkey/handlers"
	"latchkey/internal/app/config"
)

// edge is what every request passes before any page or call sees it.
func (a *App) edge(cfg config.Settings, next http.Handler) http.Handler {
	if strings.HasPrefix(a.url, "https://") {
		next = refusePlainHTTP(cfg.TrustedProxies, next)
	}
	next = newHosts(a.url, cfg.PublicURL != nil, a.listener.Addr(), a.log).only(next)
	return handlers.SecureHeaders(a.url, a.endConnections(next))
}

// endConnections makes some requests the last ones of their connection.
//
// One whose length is told by chunks, because another length may have stood beside it, which package http has dropped by now:
// if whoever passes requests on to us believed that one, the next bytes are not the request that they seem to be (RFC 9112,
// section 6.3). Browsers and SDKs send a length.
//
// And all when the program is about to stop, so that nobody holds a connection ready that will be gone when it is used.
func (a *App) endConnections(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || a.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// refusePlainHTTP refuses devices whose request went to a proxy of ours without TLS. A redirect would only hide that their
// secret has been sent for all to read; a browser, which sends no secret by http, the proxy may redirect.
func refusePlainHTTP(trusted []*net.IPNet, next http.Handler) http.Handler {
	refusal, _ := json.Marshal(map[string]string{ // strings always encode
		"error": "invalid_request", "error_description": "Use https: whatever this request held can be read on its way.",
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !forDevices(r.URL.Path) || !cameByPlainHTTP(r, trusted) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(refusal) // the device has gone: nobody is left to tell
	})
}

// forDevices says whether programs, not people, ask for the path.
func forDevices(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/oauth/") || strings.HasPrefix(path, "/.well-known/")
}

// cameByPlainHTTP says whether a proxy that is believed has taken the request without TLS. Of several proxies each may have
// added its word.
func cameByPlainHTTP(r *http.Request, trusted []*net.IPNet) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !contains(trusted, net.ParseIP(host)) {
		return false
	}
	for word := range strings.SplitSeq(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(word), "http") {
			return true
		}
	}
	return false
}

func contains(networks []*net.IPNet, ip net.IP) bool {
	for _, network := range networks {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}
