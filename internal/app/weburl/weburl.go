// Package weburl reads the addresses of servers, as operators and devices are given them.
package weburl

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Parse takes absolute http and https URLs that have a host and neither user, query nor fragment.
func Parse(text string) (*url.URL, bool) {
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

// Origin is the one spelling that browsers use of where a URL leads: lower case, no default port, no slash at the end.
func Origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":")
}

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
