package app

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parsePublicURL checks --public-url and gives it the one spelling that browsers use in Origin: lower case, no default
// port, no slash at the end. Every URL of the program is built from it, never from a request's Host.
func parsePublicURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, ok := parseBase(text)
	if !ok || strings.Trim(u.Path, "/") != "" {
		return "", refuse("public-url", withoutPassword(text), "must be an http or https URL of a host and nothing more, such as https://keys.example.org")
	}
	return origin(u), nil
}

// parseUpstream checks --upstream. Passwords and refresh tokens go there, so plain http may not leave the machine.
func parseUpstream(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, ok := parseBase(text)
	if !ok || u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, refuse("upstream", withoutPassword(text), "must be an https URL without user and query, such as https://services.example.org (http only to this machine)")
	}
	return u, nil
}

// parseBase takes absolute http and https URLs that have a host and neither user, query nor fragment.
func parseBase(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(text, "?#\\") {
		return nil, false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, false
		}
	}
	return u, u.Scheme == "http" || u.Scheme == "https"
}

// withoutPassword is the text as an error may repeat it. It goes by what a person would take for a password: the text may be
// refused because it is no URL.
func withoutPassword(text string) string {
	start, at := 0, strings.LastIndexByte(text, '@')
	if scheme, _, found := strings.Cut(text, "://"); found && !strings.ContainsAny(scheme, ":@") {
		start = len(scheme) + len("://")
	}
	if at < start {
		return text
	}
	user, _, found := strings.Cut(text[start:at], ":")
	if !found {
		return text
	}
	return text[:start] + user + ":xxxxx" + text[at:]
}

func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listenerURL is the public URL of a program that was given none. Behind a wildcard address it names the address of this
// machine in the local network, so that the printed URL opens on a phone beside it too.
func listenerURL(listening net.Addr, interfaces func() ([]net.Addr, error)) string {
	addr, ok := listening.(*net.TCPAddr)
	if !ok {
		return "http://" + listening.String()
	}
	ip := addr.IP
	if ip == nil || ip.IsUnspecified() {
		ip = privateIPv4(interfaces)
	}
	return "http://" + net.JoinHostPort(ip.String(), strconv.Itoa(addr.Port))
}

func privateIPv4(interfaces func() ([]net.Addr, error)) net.IP {
	addrs, err := interfaces()
	if err != nil {
		addrs = nil // then nothing is known but the loopback address
	}
	for _, addr := range addrs {
		if network, ok := addr.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsPrivate() {
			return network.IP
		}
	}
	return net.IPv4(127, 0, 0, 1)
}
