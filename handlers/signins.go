package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/views"
)

// SignIns counts tries of passwords where the key service cannot: an upstream sees one address for everybody.
type SignIns interface {
	// Take counts a try, or says how long to wait for one. Succeeded gives that one try back, and is nil when there is none.
	Take(account, address, knownDevice string) (succeeded func(), wait time.Duration)
}

// openSession opens an auth session at the key service with a password. Whoever checks one by logging in does it here, so that all
// tries are counted. Too many are an error for which client.IsLimited is true, whoever counted them.
func (h *dashboard) openSession(c echo.Context, email, password string) (*client.Session, error) {
	ctx := c.Request().Context()
	from := originOf(ctx)
	from.KnownBrowser = h.known.name(c.Request(), email)
	succeeded := func() {}
	if h.signIns != nil {
		var wait time.Duration
		if succeeded, wait = h.signIns.Take(email, from.Address, from.KnownBrowser); wait > 0 {
			return nil, &client.Error{Op: "sign in", Status: http.StatusTooManyRequests, RetryAfter: wait}
		}
	}
	session, err := h.client.Login(h.fromOrigin(ctx, from), client.EmailPassword(email, password))
	if err == nil || client.NeverSent(err) {
		succeeded()
	}
	return session, err
}

// renderTooMany is the form for signing in, with what was typed into it but the password, when tries are used up.
func (h *dashboard) renderTooMany(c echo.Context, m views.SignIn, err error) error {
	m.Error = tooManyTries(askToWait(c, err))
	return h.renderSignIn(c, http.StatusTooManyRequests, m)
}
