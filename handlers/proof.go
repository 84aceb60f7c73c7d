package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/views"
)

// passwordField is the one field of a form that is never drawn again.
const passwordField = "password"

// errWrongPassword says that a person has not proved who they are.
var errWrongPassword = errors.New("wrong password")

// proveFirst lets nobody give a device the means to sign in who has not proved lately who they are: whoever finds a browser open
// must not be able to leave with a key. It asks after the form was filled in, and carries along what was typed. What takes
// away, such as turning a key off, goes without it.
func (h *dashboard) proveFirst(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		row := rowOf(c)
		if h.now().Sub(row.ProvedAt) <= h.stepUp {
			return next(c)
		}
		form, err := sentValues(c)
		if err != nil {
			return err
		}
		if !form.Has(passwordField) {
			return h.askProof(c, http.StatusForbidden, form, "")
		}
		if err := h.prove(c, form.Get(passwordField)); err != nil {
			return answerNotProved(c, form.Get(passwordField), err, func(status int, problem string) error {
				return h.askProof(c, status, form, problem)
			})
		}
		if err := h.sessions.proved(c.Request().Context(), row); err != nil {
			if errors.Is(err, ErrNoWebSession) {
				return err
			}
			return sessionsDown(err)
		}
		return next(c)
	}
}

// sentValues are those of a form, and none of the address, which is in logs and histories: a password in it proves nothing.
func sentValues(c echo.Context) (url.Values, error) {
	if err := c.Request().ParseForm(); err != nil {
		return nil, echo.ErrBadRequest
	}
	return c.Request().PostForm, nil
}

// prove checks the password of the person who is signed in. A key service that has no call for it is asked to log them in.
func (h *dashboard) prove(c echo.Context, password string) error {
	if password == "" {
		return errWrongPassword
	}
	ctx, cancel := actContext(c)
	defer cancel()
	a, _ := accountOf(c)
	err := h.resume(a).Prove(ctx, password)
	switch {
	case client.IsWrongPassword(err):
		err = errWrongPassword
	case !h.embedded && (client.IsNotReported(err) || client.IsForbidden(err) || client.IsUnauthorized(err)):
		err = h.proveByLogIn(ctx, c, a, password)
	}
	switch {
	case err == nil:
		h.recordElsewhere(c, h.event(c, model.EventPasswordProved))
	case errors.Is(err, errWrongPassword):
		failed := h.event(c, model.EventSignInFailed)
		failed.Actor, failed.Detail = model.ActorUnknown, model.ReasonWrongPassword
		h.recordElsewhere(c, failed)
	}
	return err
}

// proveByLogIn opens a session for the proof alone, and ends it.
func (h *dashboard) proveByLogIn(ctx context.Context, c echo.Context, a account, password string) error {
	session, err := h.openSession(c, a.Email, password)
	if client.IsUnauthorized(err) {
		return errWrongPassword
	}
	if err != nil {
		return err
	}
	if err := session.Logout(ctx); err != nil {
		h.log.Warn("session of a proof not ended", "request", requestIDOf(c), "cause", err)
	}
	if session.UserID() != a.UserID { // the address has another owner by now
		return errWrongPassword
	}
	return nil
}

// answerNotProved asks once more when the password was wrong or came too soon. Other errors go their usual way.
func answerNotProved(c echo.Context, password string, err error, ask func(status int, problem string) error) error {
	switch {
	case errors.Is(err, errWrongPassword) && password == "":
		return ask(http.StatusUnprocessableEntity, "Enter your password.")
	case errors.Is(err, errWrongPassword):
		return ask(http.StatusUnprocessableEntity, "The password is wrong.")
	case client.IsLimited(err):
		return ask(http.StatusTooManyRequests, tooManyTries(askToWait(c, err)))
	default:
		return err
	}
}

// askProof draws the question with all that was typed, in the page's dialog or as a page of its own. Its form is sent to where the
// first one was.
func (h *dashboard) askProof(c echo.Context, status int, form url.Values, problem string) error {
	m := views.Proof{
		Page: h.page(c, "Confirm that it is you"), Action: c.Request().URL.EscapedPath(),
		Within: views.Stretch(h.stepUp), Script: wantsPart(c) || form.Has(scriptField), Error: problem,
	}
	m.Act, m.Back = actToProve(c, form)
	for name, values := range form {
		for _, value := range values {
			if name != passwordField && name != scriptField {
				m.Fields = append(m.Fields, views.Field{Name: name, Value: value})
			}
		}
	}
	slices.SortFunc(m.Fields, func(a, b views.Field) int { return strings.Compare(a.Name, b.Name) })
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", "#dialog")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
	}
	return render(c, status, views.ProofPage(m), views.ProofDialog(m))
}

// scriptField is in a form that script has drawn: the page that answers it may hide what script can show.
const scriptField = "script"

// actToProve is what the form was to do, as the button says it, and the page for whoever thinks better of it.
func actToProve(c echo.Context, form url.Values) (act, back string) {
	switch id := c.Param("id"); {
	case id == "":
		return "Create key", keysPageWith(strings.TrimSpace(form.Get("name")))
	case strings.HasPrefix(c.Path(), devicePath):
		return "Approve", pairingPage(id)
	case form.Get("place") == views.PlacePage && model.IsID(id):
		return "Turn on", home + "/" + id
	default:
		return "Turn on", home
	}
}
