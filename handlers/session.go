package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/model"
	"latchkey/views"
)

const (
	accountKey = "account"
	rowKey     = "web session"
	// confirmedKey is set when the password was confirmed in this very request.
	confirmedKey = "confirmed"
)

// accountOf gives who is signed in, once loadAccount has run.
func accountOf(c echo.Context) (model.Account, bool) {
	a, ok := c.Get(accountKey).(model.Account)
	return a, ok
}

// sessionHash names the web session in which accountOf is signed in, without giving it away.
func sessionHash(c echo.Context) [32]byte { return rowOf(c).IDHash }

// rowOf is that web session's row, as it was when the request came.
func rowOf(c echo.Context) model.WebSession {
	row, _ := c.Get(rowKey).(model.WebSession)
	return row
}

// person is how the signed-in person reaches what is theirs.
func (h *dashboard) person(c echo.Context) Person {
	a, _ := accountOf(c)
	return h.as(c, a, originOf(c.Request().Context()))
}

// as is the only place where the dashboard acts for somebody: with an account from the row of a web session that was read in this
// request.
func (h *dashboard) as(c echo.Context, a model.Account, from model.Origin) Person {
	if c.Request().Method == http.MethodPost { // which a password may be in
		from.KnownBrowser = h.known.Name(c.Request(), a.Email)
	}
	from.Confirmed = c.Get(confirmedKey) == true || websession.Proved(rowOf(c), h.StepUp, h.Now())
	return h.Service.As(a, from)
}

// sessionsDown says of an error that it is about web sessions, and not about the keys or a mistake of ours.
func sessionsDown(err error) error {
	if err == nil || errors.Is(err, websession.ErrNone) { // the latter is about one session
		return err
	}
	return errors.Join(errSessionsDown, err)
}

// loadAccount finds out who is signed in. It refuses nobody, but says so when it cannot know: a person must not be sent
// to the sign-in page because a disk is slow.
func (h *dashboard) loadAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if asksByItself(c) {
			c.SetRequest(c.Request().WithContext(websession.ByItself(c.Request().Context())))
		}
		a, row, err := h.sessions.Current(c.Request())
		if err != nil {
			return sessionsDown(err)
		}
		if a.UserID != "" {
			c.Set(accountKey, a)
			c.Set(rowKey, row)
		}
		return next(c)
	}
}

// asksByItself says that no person need be there for the request: it is for a stream, which browsers open again by themselves, or for
// the part of a page that a stream said has changed. Whoever says so falsely signs themselves out.
func asksByItself(c echo.Context) bool {
	return isStream(c) || c.Request().Method == http.MethodGet && wantsPart(c) && views.AsksByItself(c.QueryParam(views.ByItself))
}

// requireAccount sends everybody else to the sign-in page, and back afterwards. Nothing is done here for a page that is somebody else's.
func (h *dashboard) requireAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, ok := accountOf(c); !ok {
			_, err := c.Cookie(h.sessions.Cookie)
			if err != nil {
				return h.askToSignIn(c, "")
			}
			return h.askToSignIn(c, endedHere)
		}
		return h.actsAs(c, next)
	}
}

// answerNobody has what a page asks beside an act come to nothing for those who have been signed out meanwhile: the answer to the act leads
// them to the page that says why, and nothing else may lead them away from there.
func answerNobody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, ok := accountOf(c); !ok && wantsPart(c) {
			return c.NoContent(http.StatusNoContent)
		}
		return next(c)
	}
}

// actsAs lets only the page of the person who is signed in act, and has their waiting pages notice when the act ends their session.
func (h *dashboard) actsAs(c echo.Context, act echo.HandlerFunc) error {
	if err := requireOwner(c); err != nil {
		if isStream(c) { // which ends, and does not come back
			return c.NoContent(http.StatusNoContent)
		}
		return err
	}
	if a, ok := accountOf(c); ok && c.Request().Method == http.MethodPost {
		defer h.watches.acted(a.UserID)
	}
	return act(c)
}

// forbidAccount keeps people who are signed in off the pages for signing in.
func (h *dashboard) forbidAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, ok := accountOf(c); ok {
			if next := localPath(c.QueryParam("next")); !slices.Contains(entrances, next) { // which lead here
				return redirect(c, next)
			}
			return redirect(c, home)
		}
		return next(c)
	}
}

// What the sign-in page is told of a session that there was: whether it ran out here, or the key service has ended it.
const (
	endedHere      = "1"
	endedByService = "service"
)

// askToSignIn answers a request that needs a person. ended is one of the above, or "" when there was no session.
func (h *dashboard) askToSignIn(c echo.Context, ended string) error {
	query := url.Values{"next": {returnAfterSignIn(c)}}
	if ended != "" {
		query.Set("ended", ended)
	}
	return redirect(c, "/login?"+query.Encode())
}

// returnAfterSignIn is where a person goes on who must sign in first. A part of a page is nothing to return to: the page that
// asked for it is. A code on its way is kept: its time runs. So is a name that was typed for a key.
func returnAfterSignIn(c echo.Context) string {
	r := c.Request()
	page, err := url.Parse(r.Header.Get("HX-Current-URL"))
	switch {
	case r.URL.Path == home && r.Method == http.MethodPost: // the form that makes a key
		return newKeyWith(typedName(c.FormValue("name"), c.FormValue("label")))
	case strings.HasPrefix(r.URL.Path, activityPath+"."): // a file is no page
		return activityPath
	case r.URL.Path == devicePath, strings.HasPrefix(r.URL.Path, devicePath+"/") && c.FormValue("code") != "":
		return replacesIn(c).on(codeEntry(cmp.Or(c.FormValue("code"), c.QueryParam("user_code"))))
	case err == nil && page.Path != "" && wantsPart(c):
		return localPath(page.Path)
	case strings.HasPrefix(r.URL.Path, devicePath+"/") && (r.Method != http.MethodGet || !isPairingPage(r.URL.Path)):
		return devicePath
	case isPairingPage(r.URL.Path):
		return replacesIn(c).on(r.URL.Path)
	case r.Method == http.MethodGet:
		return localPath(r.URL.Path)
	default:
		return home
	}
}
