package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"latchkey/internal/app/weburl"
)

// parsePublicURL checks --public-url. nil: it is not given.
func parsePublicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, ok := weburl.ParseHost(text)
	if !ok {
		return nil, Refuse("public-url", weburl.WithoutPassword(text), "must be an http or https URL with only a host, such as https://keys.example.org"+aboutZones(text))
	}
	return u, nil
}

// maxAlsoHosts is more than a move from address to address takes, and few enough to look through for each request.
const maxAlsoHosts = 20

// parseAlsoHosts reads --also-host. A URL says where devices that come by its host stay; a host alone is one that they leave.
func parseAlsoHosts(list string) ([]AlsoHost, error) {
	var hosts []AlsoHost
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		text, stays := part, strings.Contains(part, "://")
		if _, err := netip.ParseAddr(part); err == nil && strings.Contains(part, ":") {
			text = "[" + part + "]"
		}
		if !stays {
			text = "http://" + text
		}
		u, ok := weburl.ParseHost(text)
		if !ok || !stays && strings.Contains(part, "/") {
			return nil, Refuse("also-host", weburl.WithoutPassword(part), "must be hosts such as keys.example.org or 192.168.1.5, or http or https URLs with only a host, separated by commas"+aboutZones(text))
		}
		host := AlsoHost{Name: u.Hostname()}
		if stays {
			host.URL = weburl.Origin(u)
		}
		hosts = append(hosts, host)
	}
	return hosts, check("also-host", list, len(hosts) <= maxAlsoHosts, "must be at most "+strconv.Itoa(maxAlsoHosts)+" hosts")
}

// aboutZones is what to add to a complaint about a URL whose address has a zone.
func aboutZones(text string) string {
	if !weburl.NamesZone(text) {
		return ""
	}
	return "; an address with a zone, such as %eth0, only works on one machine, and browsers do not open it"
}

// parseUpstream checks --upstream. Passwords and refresh tokens go there, so plain http may not leave the machine.
func parseUpstream(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, ok := weburl.Parse(text)
	if !ok || u.Scheme == "http" && !weburl.IsLoopback(u.Hostname()) {
		return nil, Refuse("upstream", weburl.WithoutPassword(text), "must be an https URL without user and query, such as https://services.example.org (http only to this machine)"+aboutZones(text))
	}
	return u, nil
}

// URL is how browsers and devices reach a program that listens there, without a slash at the end. Every URL of the program is
// built from it, never from a request's Host. Chosen says that it was picked from the addresses of this machine.
func (s Settings) URL(listening net.Addr) (url string, chosen bool) {
	if s.PublicURL != nil {
		return weburl.Origin(s.PublicURL), false
	}
	return listenerURL(listening, thisMachine)
}

// LikelyURL is where a program with these settings is reached; "" when nobody can know before it listens.
func (s Settings) LikelyURL() string {
	if s.PublicURL != nil {
		return weburl.Origin(s.PublicURL)
	}
	addr, err := net.ResolveTCPAddr("tcp", s.Addr)
	if err != nil || addr.Port == 0 {
		return ""
	}
	url, _ := listenerURL(addr, thisMachine)
	return url
}

// listenerURL is the public URL of a program that was given none. Behind a wildcard address it names an address that this
// machine has in its network, so that the printed URL opens on a phone beside it too.
func listenerURL(listening net.Addr, here func() machine) (url string, chosen bool) {
	addr, ok := listening.(*net.TCPAddr)
	if !ok {
		return "http://" + listening.String(), false
	}
	ip := addr.IP.String()
	if addr.IP == nil || addr.IP.IsUnspecified() {
		in, found := here().inNetwork(addr.IP.To4() != nil)
		if !found {
			in = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		ip, chosen = in.String(), found
	}
	return "http://" + net.JoinHostPort(ip, strconv.Itoa(addr.Port)), chosen
}
