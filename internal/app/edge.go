package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/handlers"
	"latchkey/internal/app/config"
	"latchkey/internal/app/listen"
)

// connectionsOfStream is for how many connections there may be one stream, which cannot be hung up on for a newcomer.
const connectionsOfStream = 4

// sharedStreams is how many streams a node has at most. Where others write too, each asks the database every second whether anything has
// changed: several nodes together are to leave it most of its time for everything else.
const sharedStreams = 500

// mostStreams is how many streams there may be beside so many connections.
func mostStreams(connections int, alone bool) int {
	most := connections / connectionsOfStream
	if !alone {
		most = min(most, sharedStreams)
	}
	return most
}

// listen takes the address of the public listener.
func (a *App) listen(ctx context.Context, cfg config.Settings) (*listen.Listener, error) {
	most, files := cfg.Connections, 1
	if cfg.Upstream != nil {
		files = 2 // each may want another connection to it
	}
	if most == 0 {
		most = listen.AsFilesAllow(files)
	}
	return listenAt(ctx, "addr", cfg.Addr, listen.Config{Most: most, Trusted: handlers.NewProxies(cfg.TrustedProxies).Has, AtOnce: cfg.StopAtOnce, Log: a.log})
}

// listenAt takes an address that is given by a setting.
func listenAt(ctx context.Context, setting, addr string, cfg listen.Config) (*listen.Listener, error) {
	l, err := listen.New(ctx, addr, cfg)
	if err != nil {
		return nil, config.Refuse(setting, addr, "cannot listen on it ("+err.Error()+")")
	}
	return l, nil
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// Package http would answer OPTIONS * itself, without the headers that every answer has.
		DisableGeneralOptionsHandler: true,
	}
}

// divide gives the dashboard its pages and what belongs to pairing, and the client API whatever else programs ask for. What only looks
// like pairing gets neither. It is no http.ServeMux because that one redirects unclean paths, and a device would take its token along to
// wherever the redirect points.
func divide(api, dashboard, nothing http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case handlers.IsPairing(path), !handlers.ForPrograms(path):
			dashboard.ServeHTTP(w, r)
		case handlers.NearPairing(path):
			nothing.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// edge is what every request passes before any page or call sees it.
func (a *App) edge(cfg config.Settings, next http.Handler) http.Handler {
	proxies := handlers.NewProxies(cfg.TrustedProxies)
	if strings.HasPrefix(a.url, "https://") {
		next = a.refusePlainHTTP(proxies, next)
	}
	return handlers.SecureHeaders(a.url, a.endConnections(withoutDoubledSlash(a.listenToProxies(proxies, a.hosts.only(next)))))
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

// proxyHeaders are those in which proxies say whose request they pass on, in the order in which they are named to the operator. The
// first alone is heeded: a proxy that sets one passes the others on as they came from outside.
var proxyHeaders = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip"}

// listenToProxies warns the operator of a proxy whose word is lost, so that everybody seems to come from its address and shares what
// one address may do.
func (a *App) listenToProxies(trusted handlers.Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, header := range proxyHeaders {
			if r.Header[header] != nil {
				a.hearProxy(trusted, r, header)
				break
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (a *App) hearProxy(trusted handlers.Proxies, r *http.Request, header string) {
	if !trusted.Trusts(r) {
		a.warnings.raise(warnStrangeProxy, "a proxy that is not in --trusted-proxies (LATCHKEY_TRUSTED_PROXIES) forwards requests: "+
			"everyone behind it counts as one address. If the proxy is yours, add it there", "header", header, "peer", r.RemoteAddr)
		return
	}
	if header != proxyHeaders[0] {
		a.warnings.raise(warnUnreadProxy, "a trusted proxy names its clients in a header that is not read: "+
			"make it set X-Forwarded-For", "header", header, "peer", r.RemoteAddr)
		return
	}
	if _, word := trusted.Client(r); word != "" {
		a.warnings.raise(warnUnreadProxy, "a trusted proxy names a client that is not an address: "+
			"the requests count as the proxy's own", "header", header, "word", legibleHost(word), "peer", r.RemoteAddr)
	}
}

// endConnections makes some requests the last ones of their connection.
//
// Chunked ones, because a Content-Length may have stood beside the chunks, which package http has dropped by now:
// if a proxy in front believed that one, the next bytes are not the request that they seem to be (RFC 9112,
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

// refusePlainHTTP refuses devices whose request reached a trusted proxy without TLS. A redirect would only hide that their
// secret has been sent for all to read; a browser, which sends no secret by http, the proxy may redirect.
//
// Where the operator lets devices use plain http, by a URL of --also-host, that is what they use.
func (a *App) refusePlainHTTP(trusted handlers.Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !handlers.ForPrograms(r.URL.Path) || !cameByPlainHTTP(r, trusted) || strings.HasPrefix(a.hosts.deviceURL(r), "http://") {
			next.ServeHTTP(w, r)
			return
		}
		from, _ := trusted.Client(r)
		a.log.Info("refused a request over plain http", "status", http.StatusForbidden, "from", from)
		handlers.RefuseProgram(w, r, http.StatusForbidden, "invalid_request", "use https: anyone on the way could read this request")
	})
}

// cameByPlainHTTP says whether a proxy that is believed has taken the request without TLS. Of several proxies each may have
// added its word.
func cameByPlainHTTP(r *http.Request, trusted handlers.Proxies) bool {
	if !trusted.Trusts(r) {
		return false
	}
	for word := range strings.SplitSeq(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(word), "http") {
			return true
		}
	}
	return false
}
