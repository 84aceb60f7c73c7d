package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/internal/model"
)

// accountValue is the one thing a web session holds.
const accountValue = "account"

// account is who is signed in, and the refresh token with which their keys are managed. The access token is not kept.
type account struct {
	UserID, Email string
	token         client.Secret
}

// sealedAccount is an account as it is sealed: the one place where the token is written out.
type sealedAccount struct{ UserID, Email, Token string }

func (a account) pack() ([]byte, error) {
	return json.Marshal(sealedAccount{a.UserID, a.Email, a.token.Reveal()})
}

func unpackAccount(b []byte) (account, error) {
	var s sealedAccount
	err := json.Unmarshal(b, &s)
	return account{s.UserID, s.Email, client.Secret(s.Token)}, err
}

// LogValue and Format keep the token and the e-mail address out of every log and error. Package fmt would not ask the token
// itself, since its field is not exported.
func (a account) LogValue() slog.Value { return slog.StringValue(a.UserID) }

// Format is for every verb.
func (a account) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.UserID) }

const (
	accountKey = "account"
	rowKey     = "web session"
)

// accountOf gives who is signed in, once loadAccount has run.
func accountOf(c echo.Context) (account, bool) {
	a, ok := c.Get(accountKey).(account)
	return a, ok
}

// sessionHash names the web session in which accountOf is signed in, without giving it away.
func sessionHash(c echo.Context) [32]byte { return rowOf(c).IDHash }

// rowOf is that web session's row, as it was when the request came.
func rowOf(c echo.Context) model.WebSession {
	row, _ := c.Get(rowKey).(model.WebSession)
	return row
}

// resume gives the auth session that an account was signed in with.
func (h *dashboard) resume(a account) *client.Session { return h.client.Resume(a.UserID, a.token) }

// keys is the access to the signed-in person's keys.
func (h *dashboard) keys(c echo.Context) patientKeys {
	a, _ := accountOf(c)
	return patientKeys{h.resume(a).APIKeys(), h.patience, a.UserID}
}

func (h *dashboard) session(c echo.Context) (*sessions.Session, error) {
	session, err := h.sessions.Get(c.Request(), h.sessions.cookie)
	return session, sessionsDown(err)
}

// sessionsDown says of an error that it is about web sessions, and not about the keys or a mistake of ours.
func sessionsDown(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errSessionsDown, err)
}

// reissue gives the token of an account signed under the newest key.
func (h *dashboard) reissue(ctx context.Context, a account) (client.Secret, error) {
	session, err := h.resume(a).Reissue(ctx)
	if err != nil {
		return "", err
	}
	return session.RefreshToken(), nil
}

// startSession signs a person in under a new id; what the browser was signed in with before ends.
func (h *dashboard) startSession(c echo.Context, a account) error {
	session, err := h.session(c)
	if err != nil {
		return err
	}
	session.Values[accountValue] = a
	if h.embedded {
		session.Values[authSessionValue] = h.resume(a).ID()
	}
	err = session.Save(c.Request(), c.Response())
	if errors.Is(err, ErrNoWebSession) { // the auth session was ended from another place meanwhile
		return err
	}
	return sessionsDown(err)
}

func (h *dashboard) endSession(c echo.Context) error {
	session, err := h.session(c)
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	return sessionsDown(session.Save(c.Request(), c.Response()))
}

// loadAccount finds out who is signed in. It refuses nobody, but says so when it cannot know: a person must not be sent
// to the log-in page because a disk is slow.
func (h *dashboard) loadAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		session, err := h.session(c)
		if err != nil {
			return err
		}
		if a, ok := session.Values[accountValue].(account); ok {
			c.Set(accountKey, a)
			c.Set(rowKey, session.Values[rowValue])
		}
		return next(c)
	}
}

// requireAccount sends everybody else to the log-in page, and back afterwards.
func (h *dashboard) requireAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, ok := accountOf(c); !ok {
			_, err := c.Cookie(h.sessions.cookie)
			if err != nil {
				return h.askToSignIn(c, "")
			}
			return h.askToSignIn(c, endedHere)
		}
		return next(c)
	}
}

// forbidAccount keeps people who are signed in off the pages for signing in.
func (h *dashboard) forbidAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, ok := accountOf(c); ok {
			return redirect(c, home)
		}
		return next(c)
	}
}

// What the log-in page is told of a session that there was: whether it ran out here, or the key service has ended it.
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
		return keysPageWith(strings.TrimSpace(c.FormValue("name")))
	case strings.HasPrefix(r.URL.Path, activityPath+"."): // a file is no page
		return activityPath
	case r.URL.Path == devicePath:
		return codeEntry(cmp.Or(c.FormValue("code"), c.QueryParam("user_code")))
	case err == nil && page.Path != "" && wantsPart(c):
		return localPath(page.Path)
	case strings.HasPrefix(r.URL.Path, devicePath+"/") && (r.Method != http.MethodGet || !isPairingPage(r.URL.Path)):
		return devicePath
	case r.Method == http.MethodGet:
		return localPath(r.URL.Path)
	default:
		return home
	}
}
