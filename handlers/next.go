package handlers

import (
	"net/url"
	"path"
	"strings"
)

// home is where a person goes who asked for nothing else.
const home = "/keys"

// localPath makes a place to return to harmless: it gives back next when that is the path of one of our pages, and home for
// everything else. What a browser does with a strange spelling ("//host", "/\host", "/%5chost", "/a/../\host") varies, so
// nothing is repaired: the spelling must be the plain one.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" {
		return home
	}
	if u.EscapedPath() != next || u.Path != next || path.Clean(next) != next || strings.ContainsAny(next, "\\%") {
		return home
	}
	if next == home || next == "/login" || next == "/register" || strings.HasPrefix(next, home+"/") {
		return next
	}
	return home
}
