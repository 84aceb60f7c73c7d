package app

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"latchkey/internal/app/weburl"
)

// healthPath answers whatever host it is asked for: a load balancer and a container have only an address.
const healthPath = "/healthz"

// hosts are those that the program answers for. A page under any other name that leads here is somebody else's: by a name of
// their own they could make a browser inside the network talk to this program (DNS rebinding).
//
// Ports are not compared, but for this machine: nothing is built from what a request says, and proxies pass on the port that
// they listen on, ours, or none.
type hosts struct {
	name      string // of the public URL, as browsers send it
	port      string // that the program listens on
	addresses bool   // whether any IP address will do
	log       *slog.Logger
}

// newHosts gives the host of publicURL and this machine. Unless the operator has chosen the URL, any address will do too: the
// program may be reached by others than the one it found out itself, and rebinding needs a name.
func newHosts(publicURL string, chosen bool, listening net.Addr, log *slog.Logger) hosts {
	u, err := url.Parse(publicURL)
	if err != nil {
		u = &url.URL{} // it was checked, or made by us; otherwise nobody is answered but this machine
	}
	name, _ := weburl.Host(u.Hostname())
	_, port, _ := net.SplitHostPort(listening.String())
	return hosts{name: name, port: port, addresses: !chosen, log: log}
}

// include says whether a request's Host is one of them.
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

const misdirected = `This server does not answer for the host in that address.
If you run it: --public-url (LATCHKEY_PUBLIC_URL) says by which address it is reached, and a proxy must pass on the Host header
of what it was asked.
`

// only answers for these hosts and refuses everything else. A request that names a whole URL is meant for a proxy, which this
// is none; in that URL and in X-Forwarded-Host could stand anything.
func (h hosts) only(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host == "" && (r.URL.Path == healthPath || h.include(r.Host)) {
			next.ServeHTTP(w, r)
			return
		}
		h.log.Debug("refused a request for another host", "host", legibleHost(r.Host), "from", r.RemoteAddr)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusMisdirectedRequest)
		_, _ = w.Write([]byte(misdirected)) // the client has gone: nobody is left to tell
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
