package model

import (
	"slices"
	"strconv"
	"strings"
)

// MaxReturnURL is how long an address may be to which an app has its person led back.
const MaxReturnURL = 500

// ReturnURL is where apps may have their people led back to: everything that begins with an address of a site, or one address of an app
// on a phone.
type ReturnURL struct{ place }

// place is an address as browsers understand it. Only those count whose meaning is the same to all of them.
type place struct {
	origin string // scheme, host and port in one spelling; "" for the address of an app, which is compared as a whole
	path   string // of a site, never ""
	whole  string
}

// unsafeSchemes run or show what is in the address, or reach what is no app's.
var unsafeSchemes = []string{
	"about", "blob", "chrome", "data", "feed", "file", "filesystem", "ftp", "intent", "jar", "javascript", "mailto", "resource", "sms", "tel", "vbscript",
	"view-source", "ws", "wss",
}

// ParseReturnURL reads an address that an operator allows: https://app.example.org/path, without a query, or myapp://anything, which only
// stands for itself.
func ParseReturnURL(text string) (ReturnURL, bool) {
	p, ok := placeOf(text)
	if !ok || p.origin != "" && strings.ContainsAny(text, "?#") {
		return ReturnURL{}, false
	}
	return ReturnURL{p}, true
}

// AllowedReturn says whether one of the addresses admits that a person is led back to another.
func AllowedReturn(allowed []ReturnURL, to string) bool {
	p, ok := placeOf(to)
	return ok && slices.ContainsFunc(allowed, func(a ReturnURL) bool { return a.admits(p) })
}

// admits says whether an address is one's own or below it. A path ends where one of its segments does.
func (a ReturnURL) admits(p place) bool {
	if a.origin == "" || p.origin == "" {
		return a.whole == p.whole
	}
	return a.origin == p.origin && (p.path == a.path || strings.HasPrefix(p.path, strings.TrimSuffix(a.path, "/")+"/"))
}

// ReturnName is what people know an address by to which they are led back: its host, or the scheme of an app. "" is of none.
func ReturnName(to string) string {
	p, ok := placeOf(to)
	if !ok {
		return ""
	}
	scheme, rest, _ := strings.Cut(p.origin, "://")
	if p.origin == "" {
		scheme, _, _ = strings.Cut(p.whole, "://")
		return scheme
	}
	return strings.TrimSuffix(rest, map[string]string{"http": ":80", "https": ":443"}[scheme])
}

func placeOf(text string) (place, bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !ok || len(text) > MaxReturnURL || !isScheme(scheme) || strings.ContainsFunc(text, notInURLs) || slices.Contains(unsafeSchemes, scheme) {
		return place{}, false
	}
	if scheme != "http" && scheme != "https" {
		return place{whole: text}, rest != ""
	}
	authority, path := rest, "/"
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, path = rest[:end], rest[end:]
		if end := strings.IndexAny(path, "?#"); end >= 0 {
			path = path[:end]
		}
		if path == "" {
			path = "/"
		}
	}
	host, ok := hostOf(scheme, authority)
	return place{origin: scheme + "://" + host, path: path, whole: text}, ok && isPlainPath(path)
}

// hostOf is the one spelling of host and port, with the port always there. A user in front of it is none.
func hostOf(scheme, authority string) (string, bool) {
	host, port := strings.ToLower(authority), map[string]string{"http": "80", "https": "443"}[scheme]
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		n, err := strconv.ParseUint(host[at+1:], 10, 16)
		if err != nil || n == 0 {
			return "", false
		}
		host, port = host[:at], strconv.FormatUint(n, 10)
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	allowed := "abcdefghijklmnopqrstuvwxyz0123456789.-"
	if bracketed {
		allowed = "abcdef0123456789:."
		if inner, bracketed = strings.CutSuffix(inner, "]"); !bracketed {
			return "", false
		}
	}
	return host + ":" + port, inner != "" && consistsOf(inner, allowed)
}

// isPlainPath says whether a path means to everybody what it looks like: no segment of it is empty but the last, or leads up, however
// that is written.
func isPlainPath(path string) bool {
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		name, _, _ := strings.Cut(strings.ToLower(segment), ";") // what some servers cut off
		if name == "." || name == ".." || segment == "" && i < len(segments)-1 {
			return false
		}
		for rest := name; ; {
			_, after, escaped := strings.Cut(rest, "%")
			if !escaped {
				break
			}
			if len(after) < 2 || !consistsOf(after[:2], "0123456789abcdef") || after[:2] < "20" ||
				slices.Contains([]string{"25", "2e", "2f", "5c", "7f"}, after[:2]) {
				return false
			}
			rest = after[2:]
		}
	}
	return true
}

func isScheme(scheme string) bool {
	return scheme != "" && 'a' <= scheme[0] && scheme[0] <= 'z' && consistsOf(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.")
}

func consistsOf(text, letters string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(letters, r) })
}

// notInURLs is what no address has in it as it is sent: what is not ASCII, spaces, control characters, backslashes, quotation marks.
func notInURLs(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
}
