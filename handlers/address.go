package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// forwardedFor is the header in which proxies say whose request they pass on.
const forwardedFor = "X-Forwarded-For"

// Proxies are those whose word counts on where a request came from.
type Proxies struct{ networks []netip.Prefix }

// NewProxies believes what comes from these networks, and nobody when there are none.
func NewProxies(trusted []*net.IPNet) Proxies {
	var p Proxies
	for _, network := range trusted {
		address, ok := netip.AddrFromSlice(network.IP)
		ones, _ := network.Mask.Size()
		if ok {
			p.networks = append(p.networks, netip.PrefixFrom(address, ones))
		}
	}
	return p
}

// ClientAddress gives the function that says whose address a request has: the connection's, or with trusted proxies the one
// that they name. From anybody else X-Forwarded-For counts for nothing.
func ClientAddress(trusted []*net.IPNet) func(*http.Request) string {
	p := NewProxies(trusted)
	return func(r *http.Request) string {
		address, _ := p.Client(r)
		return address
	}
}

// Trusts says whether the other end of the connection is one of the proxies.
func (p Proxies) Trusts(r *http.Request) bool {
	peer, ok := peerOf(r)
	return ok && p.Has(peer)
}

// Client is whose request it is. Of what was passed on, the nearest words are the ones to believe: from the end up to the first
// that is no proxy's. Unreadable is a word that is no address; then the proxy that wrote it is the last one known, and counts.
func (p Proxies) Client(r *http.Request) (address, unreadable string) {
	at, ok := peerOf(r)
	if !ok {
		return r.RemoteAddr, "" // of a request that came over no network
	}
	if !p.Has(at) {
		return at.String(), ""
	}
	words := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for i := len(words) - 1; i >= 0 && p.Has(at); i-- {
		word := strings.TrimSpace(words[i])
		if word == "" {
			continue
		}
		before, ok := forwardedAddress(word)
		if !ok {
			return at.String(), word
		}
		at = before
	}
	return at.String(), ""
}

// Has says whether the address is one of theirs.
func (p Proxies) Has(a netip.Addr) bool {
	for _, network := range p.networks {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// forwardedAddress reads an address as proxies write it: alone, in brackets, in quotes, and with a port behind it.
func forwardedAddress(word string) (netip.Addr, bool) {
	word = strings.TrimSpace(strings.Trim(word, `"`))
	if a, err := netip.ParseAddr(word); err == nil {
		return plain(a), true
	}
	if withPort, err := netip.ParseAddrPort(word); err == nil {
		return plain(withPort.Addr()), true
	}
	inside, opened := strings.CutPrefix(word, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	a, err := netip.ParseAddr(inside)
	return plain(a), opened && closed && err == nil && a.Is6()
}

// peerOf is the other end of a connection.
func peerOf(r *http.Request) (netip.Addr, bool) { return forwardedAddress(r.RemoteAddr) }

// plain gives an address its one form: of IPv4 where it is that, and without the name of one of our own network cards.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
