package handlers

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

const (
	// resetCookie says when a new password was set by a link, until the keys page has told what that did not change.
	resetCookie = "latchkey-reset"
	// resetAge is in seconds: for a day, in which whoever chose a new password signs in with it.
	resetAge = 24 * 60 * 60
	// sinceReset is how many events are looked at to tell whether this sign-in is the first since. Apps sign in too.
	sinceReset = 50
)

// leaveReset has the keys page tell of keys that were made before a new password was set: whoever knew the old one may have made some.
func (h *dashboard) leaveReset(c echo.Context, at time.Time) {
	c.SetCookie(h.plainCookie(resetCookie, strconv.FormatInt(at.Unix(), 10), resetAge))
}

// noticeReset looks, when somebody signs in, whether it is the first time in a browser since their password was reset. Another server does
// not say; there the browser that set the password knows.
func (h *dashboard) noticeReset(c echo.Context, who model.Account) {
	if !h.Here {
		return
	}
	ctx, cancel := readContext(c)
	defer cancel()
	events, err := h.Events.Events(ctx, who.UserID, model.EventQuery{Limit: sinceReset}) // a filter would go through very many
	if err != nil {
		h.logFault(c, "whether a password was reset cannot be read", err)
		return
	}
	// What else lets in may be what somebody left behind who knew the password: it is not they who are to be told.
	others := 0
	if who.Provider == model.ProviderEmailPassword {
		others = 1 // the first is this one
	}
	byPassword := 0
	for _, e := range events {
		switch {
		case e.Kind == model.EventPasswordReset:
			h.leaveReset(c, e.At)
			return
		case e.Kind == model.EventSignedIn && e.Actor == model.ActorBrowser && e.Detail == "":
			if byPassword++; byPassword > others {
				return
			}
		}
	}
}

// takeReset gives the notice about keys from before the last new password, and about other ways to sign in, once, or nil when there
// is nothing to tell.
func (h *dashboard) takeReset(c echo.Context, keys []model.Key) *views.Notice {
	kept := h.kept(c, resetCookie)
	if kept == "" {
		return nil
	}
	h.drop(c, resetCookie)
	seconds, err := strconv.ParseInt(kept, 10, 64)
	if err != nil {
		return nil
	}
	at, before := time.Unix(seconds, 0), 0
	for _, key := range keys {
		if !key.Disabled && !createdAt(key).After(at) {
			before++
		}
	}
	ctx, ways := c.Request().Context(), h.otherWays(c)
	switch {
	case before > 0:
		return &views.Notice{
			Title: lang.N(ctx, "reset.notice", before, "{n} key from before your new password still works.", "{n} keys from before your new password still work."),
			Text:  lang.T(ctx, "reset.notice.text", "Changing your password does not affect keys. Turn off or delete any you do not recognise."),
			Link:  activityPath + "?kind=keys", LinkText: lang.T(ctx, "reset.notice.link", "See key activity"),
			Ways: ways,
		}
	case len(ways) > 0:
		return &views.Notice{
			Title: lang.T(ctx, "reset.notice.set", "Your new password is set."),
			Text:  lang.T(ctx, "reset.notice.ways", "It does not affect other ways to sign in."), Ways: ways,
		}
	default:
		return nil
	}
}

// otherWays are those to sign in that are not a matter of the password, each kind once, as they stand in a sentence. When they cannot be
// read the notice does without them: the page with the keys is there already.
func (h *dashboard) otherWays(c echo.Context) []string {
	page := c.Request().Context()
	ctx, cancel := readContext(c)
	defer cancel()
	ways, err := h.person(c).Ways(ctx)
	if err != nil {
		if !model.Is(err, model.KindNotOffered) {
			h.logFault(c, "other ways to sign in cannot be read", err)
		}
		return nil
	}
	var others []string
	for _, way := range ways {
		kind := cmp.Or(way.OpenID.Name, wayKind(page, way.Provider))
		if way.Provider == model.ProviderCustomToken {
			kind = lang.T(page, "reset.notice.token", "a signed token")
		}
		if way.Removable && !slices.Contains(others, kind) {
			others = append(others, kind)
		}
	}
	passkeys, err := h.person(c).Passkeys(ctx)
	switch {
	case err != nil && !model.Is(err, model.KindNotOffered):
		h.logFault(c, "passkeys cannot be read", err)
	case len(passkeys) == 1:
		others = append(others, lang.T(page, "reset.notice.passkey", "a passkey"))
	case len(passkeys) > 1:
		others = append(others, lang.N(page, "reset.notice.passkeys", len(passkeys), "{n} passkey", "{n} passkeys"))
	}
	return others
}
