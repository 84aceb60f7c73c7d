package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// flashCookie carries what an act did over the redirect that follows it. It holds a word and a key's name, never text, so
// that nobody can plant a sentence on a page; and it is no part of the web session, so that showing it writes nothing.
const flashCookie = "latchkey-flash"

// What is true of an upstream that was not told, or cannot be, that sessions ended.
const (
	notTold  = "The key service could not be reached. Apps using this session may stay signed in."
	appsStay = "Apps stay signed in: change your password at the key service."
)

// flashes are the sentences that can follow an act, with {name} for the key's name.
var flashes = map[string]lang.Text{
	"on":              lang.New("flash.on", "{name} is on."),
	"off":             lang.New("flash.off", "{name} is off. It can’t sign in."),
	"still-on":        lang.New("flash.still-on", "Nothing changed: {name} is still on."),
	"still-off":       lang.New("flash.still-off", "Nothing changed: {name} is still off."),
	"on-expired":      lang.New("flash.on-expired", "{name} is on, but it has expired. Extend it."),
	"expires":         lang.New("flash.expires", "Saved: {name} expires on the day you chose."),
	"never-expires":   lang.New("flash.never-expires", "Saved: {name} never expires."),
	"deleted":         lang.New("flash.deleted", "{name} was deleted."),
	"back":            lang.New("flash.back", "{name} is on again. Nothing replaces it any more."),
	"both-stay":       lang.New("flash.both-stay", "{name} stays on, and so does the new key. Neither replaces the other any more."),
	"full":            lang.New("flash.full", "{name} was not created: you have 20 of 20 keys."),
	"adopted":         lang.New("flash.adopted", "{name} was adopted. It is waiting for the device’s first sign-in."),
	"not-adopted":     lang.New("flash.not-adopted", "{name} was not adopted: you have 20 of 20 keys."),
	"unlabelled":      lang.New("flash.unlabelled", "Approved. The label of {name} could not be saved: try again on the key’s page."),
	"labelled":        lang.New("flash.labelled", "Saved. The name stays {name}: programs may rely on it."),
	"leak-not-kept":   lang.New("flash.leak-not-kept", "{name} is off. That its value leaked could not be saved: report it again."),
	"gone":            lang.New("flash.gone", "That key was deleted already, in another place."),
	"session-ended":   lang.New("flash.session-ended", "Session signed out."),
	"session-gone":    lang.New("flash.session-gone", "That session was signed out already."),
	"ended-here":      lang.New("flash.ended-here", "Signed out here. "+notTold),
	"app-stays":       lang.New("flash.app-stays", "Not signed out: the key service can’t sign apps out. Change your password there."),
	"others-ended":    lang.New("flash.others-ended", "Signed out everywhere else."),
	"browsers-ended":  lang.New("flash.browsers-ended", "Your other browsers were signed out. "+appsStay),
	"browsers-here":   lang.New("flash.browsers-here", "Your other browsers were signed out here. The key service could not be reached, and apps stay signed in: change your password there."),
	"password":        lang.New("flash.password", "Your password was changed, and everything else was signed out."),
	"account-deleted": lang.New("flash.account-deleted", "Your account was deleted."),
	"way-gone":        lang.New("flash.way-gone", "Nothing changed: that way to sign in was removed already, or has to stay."),
	"google-removed":  lang.New("flash.google-removed", "Sign-in with Google was removed. What it opened is signed out."),
	"apple-removed":   lang.New("flash.apple-removed", "Sign-in with Apple was removed. What it opened is signed out."),
	"token-removed":   lang.New("flash.token-removed", "Sign-in with a signed token was removed. What it opened is signed out."),
	"connected":       lang.New("flash.connected", "Connected. You can sign in with it from now on."),
	"disconnected":    lang.New("flash.disconnected", "Disconnected. What it opened is signed out."),
	"it-is-you":       lang.New("flash.it-is-you", "You’ve confirmed that it’s you. Go on where you left off."),
	"passkey-added":   lang.New("flash.passkey-added", "Passkey added. You can sign in with it from now on."),
	"passkey-renamed": lang.New("flash.passkey-renamed", "Passkey renamed."),
	"passkey-removed": lang.New("flash.passkey-removed", "Passkey removed. What it opened is signed out."),
	"passkey-gone":    lang.New("flash.passkey-gone", "Nothing changed: that passkey was removed already."),
	"passkey-limit":   lang.New("flash.passkey-limit", "Nothing changed: you have as many passkeys as you can have."),
	"no-passkeys":     lang.New("flash.no-passkeys", "Nothing changed: passkeys can’t be created here."),
	"last-way":        lang.New("flash.last-way", "Nothing changed: this is the only way in that you have left."),
	"password-stop":   lang.New("flash.password-stop", "Your password no longer works, and everything else was signed out."),
	"password-gone":   lang.New("flash.password-gone", "You have no password any more."),
	"reset":           lang.New("flash.reset", "Your new password is set, and everything was signed out. Sign in with it."),
	"chosen":          lang.New("flash.chosen", "Your password is set. Sign in with it."),
	"confirmed":       lang.New("flash.confirmed", "Your address is confirmed. Sign in to continue."),
	"reopen":          lang.New("flash.reopen", "That question isn’t open in this session, so nothing was decided."),

	// About users, devices and keys, to an operator.
	"account-gone":                lang.New("flash.account-gone", "This account is gone."),
	"user-disabled":               lang.New("flash.user-disabled", "The account is disabled. Everything was signed out."),
	"user-was-disabled":           lang.New("flash.user-was-disabled", "Nothing changed: the account was disabled already."),
	"user-enabled":                lang.New("flash.user-enabled", "The account is enabled."),
	"user-was-enabled":            lang.New("flash.user-was-enabled", "Nothing changed: the account was enabled already."),
	"user-signed-out":             lang.New("flash.user-signed-out", "The user was signed out everywhere."),
	"user-was-signed-out":         lang.New("flash.user-was-signed-out", "Nothing changed: the user wasn’t signed in anywhere."),
	"reset-sent":                  lang.New("flash.reset-sent", "The reset link is on its way."),
	"reset-stuck":                 lang.New("flash.reset-stuck", "The reset link is waiting: this server can’t send email right now."),
	"user-key-off":                lang.New("flash.user-key-off", "{name} is off. Its devices were signed out."),
	"user-key-off-unnamed":        lang.New("flash.user-key-off-unnamed", "The key is off. Its devices were signed out."),
	"user-key-was-off":            lang.New("flash.user-key-was-off", "Nothing changed: {name} was off already."),
	"user-key-was-off-unnamed":    lang.New("flash.user-key-was-off-unnamed", "Nothing changed: the key was off already."),
	"not-yourself":                lang.New("flash.not-yourself", "Nothing changed: you can’t disable your own account."),
	"last-operator":               lang.New("flash.last-operator", "Nothing changed: this is the last administrator who can sign in."),
	"no-password":                 lang.New("flash.no-password", "Nothing was sent: this user signs in without a password."),
	"no-email":                    lang.New("flash.no-email", "Nothing was sent: this server can’t send email right now."),
	"too-many-emails":             lang.New("flash.too-many-emails", "Nothing was sent: this user got an email a moment ago."),
	"operated-gone":               lang.New("flash.operated-gone", "Nothing changed: that key was deleted."),
	"value-of-key":                lang.New("flash.value-of-key", "That’s the value of {name}, a key of this user."),
	"value-of-key-unnamed":        lang.New("flash.value-of-key-unnamed", "That’s the value of a key of this user."),
	"value-of-server-key":         lang.New("flash.value-of-server-key", "That’s the value of the server key {name}."),
	"value-of-server-key-unnamed": lang.New("flash.value-of-server-key-unnamed", "That’s the value of a server key."),
	"knock-gone":                  lang.New("flash.knock-gone", "That device isn’t waiting any more."),
	"knock-taken":                 lang.New("flash.knock-taken", "Nothing changed: the value of that device is a key already."),
	"knock-ignored":               lang.New("flash.knock-ignored", "The device is ignored."),
	"knock-assigned":              lang.New("flash.knock-assigned", "{name} was created for the device. It signs in the next time it tries."),
	"knock-server-key":            lang.New("flash.knock-server-key", "The server key {name} was created for the device. It signs in the next time it tries."),
}

// flashOf is the sentence that follows an act, about what has that name.
func flashOf(ctx context.Context, act, name string) string {
	return flashes[act].In(ctx, "name", name)
}

func (h *dashboard) leaveFlash(c echo.Context, act, name string) { h.leaveFlashFor(c, act, name, "") }

// leaveFlashFor is leaveFlash about a key that the person may want to turn on again.
func (h *dashboard) leaveFlashFor(c echo.Context, act, name, keyID string) {
	if !model.ValidName(name) {
		name = "" // it would not be shown, and what fits in no cookie net/http writes to a log of its own
	}
	c.SetCookie(h.plainCookie(flashCookie, act+"."+name+"."+keyID, 60))
}

// takeFlash gives the sentence left by the request before this one, with the way back, and clears it.
func (h *dashboard) takeFlash(c echo.Context) (string, *views.Undo) {
	kept := h.kept(c, flashCookie)
	if kept == "" {
		return "", nil
	}
	c.SetCookie(h.plainCookie(flashCookie, "", -1))
	act, about, _ := strings.Cut(kept, ".")
	name, keyID, _ := strings.Cut(about, ".")
	if strings.Contains(flashes[act].English, "{name}") && !model.ValidName(name) || keyID != "" && !model.IsID(keyID) {
		return "", nil
	}
	place := views.PlaceRow
	if c.Request().URL.Path != home {
		place = views.PlacePage
	}
	return flashOf(c.Request().Context(), act, name), wayBack(act, model.Key{ID: keyID, Name: name}, place)
}

// wayBack is what turns a key on again that was just turned off.
func wayBack(act string, key model.Key, place string) *views.Undo {
	if act != "off" || !model.IsID(key.ID) {
		return nil
	}
	return &views.Undo{KeyID: key.ID, Name: key.Name, Place: place}
}

// cookieName is under which name this program's cookies are kept. Over https it begins so that browsers take it from this host
// alone: another one of the domain could plant a message otherwise.
func (h *dashboard) cookieName(name string) string {
	if h.https {
		name = "__Host-" + name
	}
	return name + h.Instance
}

// kept is the value of a plain cookie as the browser sends it back, "" without one. Most pages have none, and need not name it in full.
func (h *dashboard) kept(c echo.Context, name string) string {
	if !slices.ContainsFunc(c.Request().Header["Cookie"], func(line string) bool { return strings.Contains(line, name) }) {
		return ""
	}
	return cookieValue(c, h.cookieName(name))
}

// cookieValue is the first value of that name, "" without one. Nothing else in the header is read.
func cookieValue(c echo.Context, name string) string {
	for _, line := range c.Request().Header["Cookie"] {
		for line != "" {
			var one string
			one, line, _ = strings.Cut(line, ";")
			if value, ok := strings.CutPrefix(strings.TrimLeft(one, " "), name); ok && strings.HasPrefix(value, "=") {
				return value[1:]
			}
		}
	}
	return ""
}

// drop has the browser forget a plain cookie, if it has it.
func (h *dashboard) drop(c echo.Context, name string) {
	if h.kept(c, name) != "" {
		c.SetCookie(h.plainCookie(name, "", -1))
	}
}

// plainCookie is a cookie that holds no secret. maxAge is in seconds; negative deletes it.
func (h *dashboard) plainCookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure as the public URL allows: on plain http it would not come back
		Name: h.cookieName(name), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: h.https, SameSite: http.SameSiteLaxMode,
	}
}
