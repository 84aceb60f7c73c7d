package handlers

import (
	"errors"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/views"
)

// The wire's bounds for both, in characters.
const (
	maxEmail    = 128
	maxPassword = 128
)

func (h *dashboard) showSignIn(c echo.Context) error {
	m := h.signInModel(c)
	m.Next = c.QueryParam("next")
	switch c.QueryParam("ended") {
	case "":
	case endedByService:
		m.Reason = "The key service has ended your session. Sign in to go on."
	default:
		m.Reason = "Your session has ended. Sign in to go on."
	}
	return h.renderSignIn(c, http.StatusOK, m)
}

func (h *dashboard) signInModel(c echo.Context) views.SignIn {
	return views.SignIn{Page: h.page(c, "Sign in"), Registration: h.registration}
}

func (h *dashboard) renderSignIn(c echo.Context, status int, m views.SignIn) error {
	m.Next = localPath(m.Next)
	return render(c, status, views.SignInPage(m), views.SignInPage(m))
}

// signIn answers a wrong password and an unknown e-mail address alike: one text, one status, and the key service takes the
// same time for both.
func (h *dashboard) signIn(c echo.Context) error {
	email, password := strings.TrimSpace(c.FormValue("email")), c.Request().PostFormValue(passwordField)
	m := h.signInModel(c)
	m.Email, m.Next = email, c.FormValue("next")
	m.Error = "The e-mail address or the password is wrong."
	if email == "" || password == "" { // the key service calls a log-in without them malformed, not wrong
		return h.renderSignIn(c, http.StatusUnprocessableEntity, m)
	}
	err := h.logIn(c, email, password)
	switch {
	case err == nil:
		return redirect(c, localPath(m.Next))
	case client.IsLimited(err):
		return h.renderTooMany(c, m, err)
	case client.IsUnconfirmed(err):
		return h.askToConfirm(c, http.StatusUnprocessableEntity, email, false)
	case client.IsUserDisabled(err): // which is told to those who know the password
		m.Error = "This account is turned off. Ask whoever runs this server."
	case !client.IsUnauthorized(err):
		return err
	}
	return h.renderSignIn(c, http.StatusUnprocessableEntity, m)
}

// logIn opens an auth session at the key service and a web session here.
func (h *dashboard) logIn(c echo.Context, email, password string) error {
	session, err := h.openSession(c, email, password)
	if client.IsForbidden(err) || client.IsNotFound(err) {
		return errors.Join(errRefused, err)
	}
	if err != nil {
		return err
	}
	if _, err := h.leave(c, model.EndedSignedIn); err != nil { // whoever this browser was signed in as until now
		return err
	}
	a := account{UserID: session.UserID(), Email: email, token: session.RefreshToken()}
	if err := h.startSession(c, a); err != nil {
		return err
	}
	h.known.remember(c, email)
	if !h.embedded {
		signedIn := h.event(c, model.EventSignedIn)
		signedIn.UserID = a.UserID // who was signed in here until now may be another
		h.record(c, signedIn)
	}
	return nil
}

// signOut ends the web session here and the auth session at the key service.
func (h *dashboard) signOut(c echo.Context) error {
	told, err := h.leave(c, model.EndedSignedOut)
	if err != nil {
		return err
	}
	if err := h.endSession(c); err != nil { // and its cookie
		return err
	}
	h.clearBrowser(c)
	if !told {
		h.leaveFlash(c, "ended-here", "")
	}
	return redirect(c, "/login")
}

// clearBrowser leaves nothing of a person behind for the next one at this screen: no page, no file, and not what they chose. The
// colours stay, which are for whoever looks at it. Without TLS browsers ignore this and complain.
func (h *dashboard) clearBrowser(c echo.Context) {
	if !h.plainHTTP {
		c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	}
}

// leave ends the session that this browser has, if any, and says whether the key service knows of it.
func (h *dashboard) leave(c echo.Context, why string) (told bool, err error) {
	a, ok := accountOf(c)
	if !ok {
		return true, nil
	}
	if told, err = h.endBrowser(c, a, sessionHash(c), why); err != nil {
		return told, err
	}
	session, err := h.session(c)
	if err == nil {
		session.ID = "" // its row has gone
	}
	return told, err
}

// endBrowser ends a web session of a person's with the auth session that it holds. The embedded server's ends in the same
// transaction; at an upstream it is logged out first. When that cannot be told the web session ends all the same, since its token
// was only ever here and goes with it; but a token that somebody copied goes on there, and the person must know.
func (h *dashboard) endBrowser(c echo.Context, holds account, session [32]byte, why string) (told bool, err error) {
	ctx, cancel := actContext(c)
	defer cancel()
	told = true
	if !h.embedded {
		if err := h.resume(holds).Logout(ctx); err != nil && !client.IsUnauthorized(err) {
			told = false
			h.log.Warn("auth session outlives its web session", "request", requestIDOf(c), "cause", err)
		}
	}
	ended := h.event(c, model.EventSessionEnded)
	ended.UserID, ended.Detail = holds.UserID, why
	return told, sessionsDown(h.sessions.rows.DeleteWebSession(ctx, session, ended))
}

func (h *dashboard) showRegister(c echo.Context) error {
	m := h.registerModel(c)
	m.Next = c.QueryParam("next")
	return h.renderRegister(c, http.StatusOK, m)
}

func (h *dashboard) registerModel(c echo.Context) views.Register {
	return views.Register{Page: h.page(c, "Create your account"), MinPassword: h.minPassword}
}

func (h *dashboard) renderRegister(c echo.Context, status int, m views.Register) error {
	if !h.registration {
		return h.renderClosed(c)
	}
	m.Next = localPath(m.Next)
	return render(c, status, views.RegisterPage(m), views.RegisterPage(m))
}

// renderClosed is in the place of the form when people cannot make accounts themselves, here or at the upstream.
func (h *dashboard) renderClosed(c echo.Context) error {
	p := problem{status: http.StatusForbidden, heading: "Accounts are made by the operator here",
		text: "Ask whoever runs this server for one.", link: "/login", linkText: "Sign in"}
	page := views.ErrorPage(p.model(h, c, nil))
	return render(c, p.status, page, page)
}

func (h *dashboard) register(c echo.Context) error {
	m := h.registerModel(c)
	m.Email, m.Next = strings.TrimSpace(c.FormValue("email")), c.FormValue("next")
	password := c.Request().PostFormValue(passwordField)
	m.EmailError, m.PasswordError = h.checkEmail(m.Email), h.checkPassword(password)
	if m.EmailError != "" || m.PasswordError != "" || !h.registration {
		return h.renderRegister(c, http.StatusUnprocessableEntity, m)
	}
	err := h.client.Register(c.Request().Context(), m.Email, password)
	var failed *client.Error
	switch {
	case client.IsAccountInUse(err):
		m.EmailError = "There is an account with this address already. Sign in instead, below."
		return h.renderRegister(c, http.StatusUnprocessableEntity, m)
	case client.IsForbidden(err):
		return h.renderClosed(c)
	case client.IsLimited(err) && h.mail:
		m.EmailError = tooManyMails(askToWait(c, err))
		return h.renderRegister(c, http.StatusTooManyRequests, m)
	case client.IsLimited(err) && h.embedded:
		m.EmailError = tooManyAccounts(askToWait(c, err))
		return h.renderRegister(c, http.StatusTooManyRequests, m)
	case errors.As(err, &failed) && failed.Status == http.StatusBadRequest: // an upstream's own rule, stricter than ours
		m.PasswordError = "The key service does not accept this: " + failed.Message
		return h.renderRegister(c, http.StatusUnprocessableEntity, m)
	case err != nil:
		return err
	}
	if h.mail {
		return h.askToConfirm(c, http.StatusOK, m.Email, true)
	}
	err = h.logIn(c, m.Email, password)
	if client.IsLimited(err) {
		next := h.signInModel(c)
		next.Email, next.Next, next.Reason = m.Email, m.Next, "Your account was made. Sign in a little later."
		return h.renderTooMany(c, next, err)
	}
	if client.IsUnauthorized(err) { // an upstream may want the address confirmed first
		next := h.signInModel(c)
		next.Email, next.Next = m.Email, m.Next
		next.Reason = "Your account was made. If you were sent an e-mail, follow its link first; then sign in."
		return h.renderSignIn(c, http.StatusOK, next)
	}
	if err != nil {
		return err
	}
	return redirect(c, localPath(m.Next))
}

// checkEmail asks for an address that mail could be sent to. The wire takes any text; this form is for people.
func (h *dashboard) checkEmail(email string) string {
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email {
		return "Enter an e-mail address, like ana@example.com."
	}
	if utf8.RuneCountInString(email) > maxEmail {
		return "Use an address of at most " + strconv.Itoa(maxEmail) + " characters."
	}
	return ""
}

func (h *dashboard) checkPassword(password string) string {
	switch n := utf8.RuneCountInString(password); {
	case n < h.minPassword:
		return "Use at least " + strconv.Itoa(h.minPassword) + " characters."
	case n > maxPassword:
		return "Use at most " + strconv.Itoa(maxPassword) + " characters."
	}
	return ""
}
