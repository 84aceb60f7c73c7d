package app

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"latchkey/handlers"
	"latchkey/internal/app/config"
)

// edge is what every request passes before any page or call sees it.
func (a *App) edge(cfg config.Settings, next http.Handler) http.Handler {
	if strings.HasPrefix(a.url, "https://") {
		next = a.refusePlainHTTP(cfg.TrustedProxies, next)
	}
	return handlers.SecureHeaders(a.url, a.endConnections(withoutDoubledSlash(a.hosts.only(next))))
}

// withoutDoubledSlash takes what programs ask for by "//api/…" for "/api/…": SDKs put paths together with a base URL that somebody
// has pasted with a slash at its end. It comes before everything that looks at the path, so that all of it sees the one that is
// answered; a redirect would take a token along to wherever it points. Slashes that are escaped stay, and lead nowhere.
func withoutDoubledSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.EscapedPath(), "//") && r.URL.Host == "" && handlers.ForPrograms(r.URL.Path) {
			escaped := "/" + strings.TrimLeft(r.URL.EscapedPath(), "/")
			if path, err := url.PathUnescape(escaped); err == nil {
				r.URL.Path, r.URL.RawPath = path, escaped
			}
		}
		next.ServeHTTP(w, r)
	})
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
//
// Where the operator lets devices use plain http, by a URL of --also-host, that is what they use.
func (a *App) refusePlainHTTP(trusted []*net.IPNet, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !handlers.ForPrograms(r.URL.Path) || !cameByPlainHTTP(r, trusted) || strings.HasPrefix(a.hosts.deviceURL(r), "http://") {
			next.ServeHTTP(w, r)
			return
		}
		handlers.RefuseProgram(w, r, http.StatusForbidden, "invalid_request", "use https: whatever this request held can be read on its way")
	})
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
