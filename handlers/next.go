package handlers

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

// home is where a person goes who asked for nothing else.
const home = "/keys"

// localPath makes a place to return to harmless: it gives back next when that is the path of one of our pages, and home for
// everything else. What a browser does with a strange spelling ("//host", "/\host", "/%5chost", "/a/../\host") varies, so
// nothing is repaired: the spelling must be the plain one.
func localPath(next string) string {
	if isDevicePage(next) || isFilledForm(next) || isRunningPage(next) {
		return next
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" {
		return home
	}
	if u.EscapedPath() != next || u.Path != next || path.Clean(next) != next || strings.ContainsAny(next, "\\%") {
		return home
	}
	if strings.HasSuffix(next, arrivalSuffix) { // a stream is no page
		return home
	}
	if slices.Contains(ownPages, next) || strings.HasPrefix(next, home+"/") || isPasskeyPage(next) {
		return next
	}
	return home
}

// ownPages are those that need no more than their path, besides those of keys and devices.
var ownPages = []string{home, activityPath, sessionsPath, accountPath, accountPath + "/delete", stopPasswordPath, helpPath, apiPagePath, "/login", "/register", forgotPath, resetPath, confirmPath,
	runningPath, runningKnocks, runningServers, runningWebhooks, runningActs}

// isPasskeyPage says whether next is the page on which a passkey is called something else.
func isPasskeyPage(next string) bool {
	id, ok := strings.CutPrefix(next, passkeysPath+"/")
	id, name := strings.CutSuffix(id, "/name")
	return ok && name && model.IsID(id)
}

// newKeyWith is the form for a new key with the name filled in, or the keys page when no key can have it. Such a name needs no
// escapes.
func newKeyWith(name string) string {
	if !model.ValidName(name) || likeAValue(name) {
		return home
	}
	return newKeyPath + "?name=" + name
}

// isFilledForm says whether next is the form for a new key with a name filled in.
func isFilledForm(next string) bool {
	name, ok := strings.CutPrefix(next, newKeyPath+"?name=")
	return ok && next == newKeyWith(name)
}

// devicePath is the page for codes. Below it, each pairing has a page of its own.
const devicePath = "/device"

// codeEntry is the page for codes with the code filled in, or without one when it can be none.
func codeEntry(code string) string {
	code, ok := onboard.NormalizeCode(code)
	if !ok {
		return devicePath
	}
	return devicePath + "?user_code=" + onboard.ShowCode(code)
}

// codeIn is the code, as it is shown, of a page that is codeEntry of one, "" of every other.
func codeIn(next string) string {
	next, _ = withoutReplaces(next)
	code, ok := strings.CutPrefix(next, devicePath+"?user_code=")
	if !ok || next != codeEntry(code) {
		return ""
	}
	return code
}

// isDevicePage says whether next is the page for codes, with a code in the one spelling that we use or without, or a
// pairing's page; either may say which key is to be replaced.
func isDevicePage(next string) bool {
	next, _ = withoutReplaces(next)
	return next == devicePath || codeIn(next) != "" || isPairingPage(next)
}

// isPairingPage knows the ids of pairings by their form: 26 letters and digits of base 32.
func isPairingPage(next string) bool {
	id, ok := strings.CutPrefix(next, devicePath+"/")
	foreign := func(r rune) bool { return !('A' <= r && r <= 'Z' || '2' <= r && r <= '7') }
	return ok && len(id) == 26 && !strings.ContainsFunc(id, foreign)
}
