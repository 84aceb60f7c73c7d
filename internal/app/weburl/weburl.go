// Package weburl reads the addresses of servers, as operators and devices are given them.
package weburl

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Parse takes absolute http and https URLs that have a host and neither user, query nor fragment. Host and port get the spelling
// that browsers send.
func Parse(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(text, "?#\\") {
		return nil, false
	}
	if u.Host, err = hostAndPort(u); err != nil {
		return nil, false
	}
	return u, u.Scheme == "http" || u.Scheme == "https"
}

// hostAndPort spells them as browsers do, which leave out the port that a scheme has anyway.
func hostAndPort(u *url.URL) (string, error) {
	host, err := Host(u.Hostname())
	if err != nil {
		return "", err
	}
	if address, numeric := oldIPv4(host); numeric && !strings.Contains(host, ":") {
		host = address
	}
	if host == "" {
		return "", errNoHost
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), defaultPorts[u.Scheme]), 10, 16)
	if err != nil || port == 0 {
		return "", errNoHost
	}
	if text := strconv.FormatUint(port, 10); text != defaultPorts[u.Scheme] {
		return net.JoinHostPort(host, text), nil
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host, nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// NamesZone says whether a URL was refused because its address has a zone, which is written %25eth0 there and often only %eth0.
func NamesZone(text string) bool {
	_, rest, _ := strings.Cut(text, "[")
	address, _, closed := strings.Cut(rest, "]")
	_, err := Host(strings.Replace(address, "%25", "%", 1))
	return closed && errors.Is(err, errZone)
}

// ParseHost is Parse for URLs of a host and nothing more.
func ParseHost(text string) (*url.URL, bool) {
	u, ok := Parse(text)
	return u, ok && strings.Trim(u.Path, "/") == ""
}

// WithoutPassword is the text as an error may repeat it. It goes by what a person would take for a password: the text may be
// refused because it is no URL.
func WithoutPassword(text string) string {
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

// Origin is the one spelling that browsers use of where a URL leads: scheme, host, and the port when it is not the usual one.
func Origin(u *url.URL) string {
	host, err := hostAndPort(u)
	if err != nil {
		host = strings.ToLower(u.Host) // it is nobody's, and the same as nobody's
	}
	return u.Scheme + "://" + host
}

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool {
	host, err := Host(host)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
