package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"latchkey/handlers"
	"latchkey/internal/app/config"
	"latchkey/internal/app/weburl"
)

// healthPath answers whatever host it is asked for: a load balancer and a container have only an address.
const healthPath = handlers.HealthPath

// hosts are those that the program answers for. A page under any other name that leads here may be an attacker's: by a name of
// their own they could make a browser inside the network talk to this program (DNS rebinding).
//
// Ports are not compared, except for this machine: nothing is built from what a request says, and proxies pass on the port that
// they listen on, this one, or none.
type hosts struct {
	publicURL string
	name      string // of the public URL, as browsers send it
	also      []config.AlsoHost
	port      string                     // that the program listens on
	addresses bool                       // whether any IP address will do
	from      func(*http.Request) string // nil where no proxy is believed
	log       *slog.Logger
}

// newHosts gives the host of publicURL and this machine. Unless the operator has chosen the URL, any address will do too: the
// program may be reached by others than the one it found out itself, and rebinding needs a name. Devices may come by the
// hosts of also, too.
func newHosts(publicURL string, chosen bool, also []config.AlsoHost, listening net.Addr, log *slog.Logger) hosts {
	u, err := url.Parse(publicURL)
	if err != nil {
		u = &url.URL{} // it was checked before; otherwise only this machine is answered
	}
	name, _ := weburl.Host(u.Hostname())
	_, port, _ := net.SplitHostPort(listening.String())
	return hosts{publicURL: publicURL, name: name, also: also, port: port, addresses: !chosen, log: log}
}

// include says whether a request's Host is one of them, at which there is all that the program has.
func (h hosts) include(host string) bool {
	u := url.URL{Host: host}
	name, err := weburl.Host(u.Hostname())
	switch port := u.Port(); {
	case err != nil:
		return false
	case name == h.name:
		return true
	case h.addresses:
		return name == "localhost" || net.ParseIP(name) != nil
	default:
		return weburl.IsLoopback(name) && port == h.port
	}
}

// further is the host of --also-host that a request's Host is, if it is one. Of several with one name it is the one with the port.
func (h hosts) further(host string) (found config.AlsoHost, ok bool) {
	if len(h.also) == 0 {
		return found, false
	}
	u := url.URL{Host: host}
	name, err := weburl.Host(u.Hostname())
	if err != nil {
		return found, false
	}
	for _, also := range h.also {
		if also.Name != name {
			continue
		}
		if exact := strings.HasSuffix(also.URL, ":"+u.Port()); !ok || exact {
			found, ok = also, true
		}
	}
	return found, ok
}

// deviceURL is the address that a device is given, one that works for it. A device that comes by a host with a URL of its own
// stays there, since the public one may lead nowhere from where it is; all others get the public URL, also those that were set up
// with an earlier address. It is never put together from what the request says.
func (h hosts) deviceURL(r *http.Request) string {
	also, ok := h.further(r.Host)
	if !ok || also.URL == "" {
		return h.publicURL
	}
	// The public URL's own host may have another URL by another port alone.
	if port := (&url.URL{Host: r.Host}).Port(); also.Name == h.name && (port == "" || !strings.HasSuffix(also.URL, ":"+port)) {
		return h.publicURL
	}
	return also.URL
}

// instanceAt tells the program at a URL from others at its host, by the port, unless that is the usual one.
func instanceAt(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil || u.Port() == "" {
		return ""
	}
	return "-" + u.Port()
}

const misdirected = `This server does not answer for the host in that address.
If you run it: set --public-url (LATCHKEY_PUBLIC_URL) to the address of this server, name other hosts with --also-host,
and have a proxy pass on the Host header.
`

const misdirectedProgram = "this server does not answer for the host in that address: use the address shown on its pages, " +
	"or have its operator add this host with --public-url or --also-host"

// only answers for these hosts and refuses everything else. A request that names a whole URL is meant for a proxy, which this
// is none; in that URL and in X-Forwarded-Host could stand anything.
//
// At a further host there is all that programs ask for, and no page: there is one place where people sign in, with cookies that
// are good there alone. A page that somebody asks for, such as that of a link in an old email, is where they are sent. A host of the
// old service's has even less: it answers what an installed app asks for, and nobody is sent anywhere.
func (h hosts) only(next http.Handler) http.Handler {
	if h.from == nil {
		h.from = handlers.ClientAddress(nil)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forProxy := r.URL.Host != ""
		if !forProxy && (r.URL.Path == healthPath || h.include(r.Host)) {
			next.ServeHTTP(w, r)
			return
		}
		forPrograms := handlers.ForPrograms(r.URL.Path)
		if also, ok := h.further(r.Host); ok && !forProxy && (!isForeign(also.Name) || forInstalledApps(r.URL.Path)) {
			if forPrograms {
				next.ServeHTTP(w, r)
				return
			}
			h.sendToPublicURL(w, r)
			return
		}
		h.log.Info("refused a request for an unknown host", "host", legibleHost(r.Host), "status", http.StatusMisdirectedRequest, "from", h.from(r))
		if forPrograms {
			handlers.RefuseProgram(w, r, http.StatusMisdirectedRequest, "invalid_request", misdirectedProgram)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusMisdirectedRequest)
		_, _ = w.Write([]byte(misdirected)) // the client has gone
	})
}

// isForeign says whether a host is one of the service that is gone, which old apps ask for and which can be pointed here inside a
// network. Such a name is nobody's own: what is not for those apps has no business there.
func isForeign(name string) bool {
	return name == vendorDomain || strings.HasSuffix(name, "."+vendorDomain)
}

// vendorDomain has all hosts of the old service: services.cloud.mongodb.com, realm.mongodb.com, stitch.mongodb.com, and those of regions.
const vendorDomain = "mongodb.com"

// forInstalledApps says whether a path is of what an app can ask for that was built for the old service.
func forInstalledApps(path string) bool {
	return strings.HasPrefix(path, "/api/client/v2.0/") || path == "/.well-known/jwks.json"
}

// sendToPublicURL sends a browser on. What a form held is not sent along to another host: its page is opened there and filled in again.
func (h hosts) sendToPublicURL(w http.ResponseWriter, r *http.Request) {
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.HasPrefix(r.URL.Path, "/") {
		w.Header().Set("Location", h.publicURL+r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusMisdirectedRequest)
	_, _ = fmt.Fprintf(w, "Nothing was changed. The pages of this server are at %s: open them there.\n", h.publicURL)
}

// nothingThere answers programs that ask for what only looks like pairing.
func (h hosts) nothingThere() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.log.Info("refused an unknown pairing call", "status", http.StatusNotFound, "from", h.from(r))
		handlers.RefuseProgram(w, r, http.StatusNotFound, "invalid_request", handlers.NothingThere)
	})
}

// legibleHost is a host as the log may repeat it: short, and with nothing in it that a host has not.
func legibleHost(host string) string {
	const most = 64
	if len(host) > most {
		host = host[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(".:-_[]", r):
			return r
		default:
			return '?'
		}
	}, host)
}
