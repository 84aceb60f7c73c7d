package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// The wire's bounds for both, in characters.
const (
	maxEmail    = 128
	maxPassword = 128
)

var accountDisabled = lang.New("login.disabled", "This account is disabled. Ask the administrator of this server.")

func (h *dashboard) showSignIn(c echo.Context) error {
	m := h.signInModel(c)
	m.Next = h.goingTo(c, c.QueryParam("next"))
	switch c.QueryParam("ended") {
	case "":
	case endedByService:
		m.Reason = t(c, "login.ended.elsewhere", "The key service ended your session. Sign in to continue.")
		if h.Here {
			m.Reason = t(c, "login.ended.here", "This server ended your session. Sign in to continue.")
		}
	default:
		m.Reason = t(c, "login.ended", "Your session has ended. Sign in to continue.")
	}
	return h.renderSignIn(c, http.StatusOK, m)
}

func (h *dashboard) signInModel(c echo.Context) views.SignIn {
	return views.SignIn{
		Page: h.page(c, t(c, "login.title", "Sign in")), Registration: h.Registration, Mail: h.SendsLinks,
		NoPassword: h.PasswordsOff, Providers: providers(h.Service.OpenID()),
		Passkeys: h.Here && model.PasskeyHost(h.PublicURL) != "", Elsewhere: h.PasskeysElsewhere,
	}
}

func (h *dashboard) renderSignIn(c echo.Context, status int, m views.SignIn) error {
	m.Next = localPath(m.Next)
	m.Here, m.Code = entrance("/login", m.Next), codeIn(m.Next)
	if m.Code != "" {
		m.Title = t(c, "login.title.device", "Sign in to connect a device")
	}
	return render(c, status, views.SignInPage(m), views.SignInPage(m))
}

// signIn answers a wrong password and an unknown email address alike: one text, one status, and the key service takes the
// same time for both.
func (h *dashboard) signIn(c echo.Context) error {
	email, password := strings.TrimSpace(c.FormValue("email")), c.Request().PostFormValue(passwordField)
	m := h.signInModel(c)
	m.Email, m.Next = email, c.FormValue("next")
	m.Error = t(c, "login.wrong", "Wrong email or password.")
	if email == "" || password == "" { // the key service calls a sign-in without them malformed, not wrong
		return h.renderSignIn(c, http.StatusUnprocessableEntity, m)
	}
	err := h.logIn(c, c.FormValue("email"), password)
	switch {
	case err == nil:
		return h.goOn(c, m.Next)
	case model.Is(err, model.KindTooManyTries):
		return h.renderTooMany(c, m, err)
	case model.Is(err, model.KindUnconfirmed):
		h.keepNext(c, m.Next)
		return h.askToConfirm(c, http.StatusUnprocessableEntity, email, false)
	case model.Is(err, model.KindDisabled): // which is told to those who know the password
		m.Error = accountDisabled.In(c.Request().Context())
	case !model.Is(err, model.KindWrongPassword):
		return signingIn.in(err)
	}
	return h.renderSignIn(c, http.StatusUnprocessableEntity, m)
}

// renderTooMany is the form for signing in, with what was typed into it but the password, when tries are used up.
func (h *dashboard) renderTooMany(c echo.Context, m views.SignIn, err error) error {
	m.Error = h.tooManyTries(c, err)
	return h.renderSignIn(c, http.StatusTooManyRequests, m)
}

// goOn leads somebody who has just signed in to where they were going.
func (h *dashboard) goOn(c echo.Context, next string) error {
	h.drop(c, nextCookie)
	return redirect(c, localPath(next))
}

// logIn opens a session at the service and a web session here, for the account that is meant by what was typed. A browser is known with
// the account and not with a spelling of it.
func (h *dashboard) logIn(c echo.Context, typed, password string) error {
	email, err := h.Service.Named(c.Request().Context(), typed)
	if err != nil {
		return err
	}
	from := originOf(c.Request().Context())
	from.KnownBrowser = h.known.Name(c.Request(), email)
	a, err := h.Service.SignIn(c.Request().Context(), from, email, model.Secret(password))
	if err != nil {
		return about(c, err)
	}
	if _, err := h.leave(c, model.EndedSignedIn); err != nil { // whoever this browser was signed in as until now
		return err
	}
	if err := sessionsDown(h.sessions.Start(c.Response(), c.Request(), a)); err != nil {
		return err
	}
	h.known.Remember(c.Response(), c.Request(), email)
	h.noticeReset(c, a)
	return nil
}

// signOut ends the web session here and the auth session at the key service.
func (h *dashboard) signOut(c echo.Context) error {
	told, err := h.leave(c, model.EndedSignedOut)
	if err != nil {
		return signingOut.in(err)
	}
	if err := sessionsDown(h.sessions.End(c.Response(), c.Request())); err != nil { // and its cookie
		return signingOut.in(err)
	}
	h.clearBrowser(c)
	h.drop(c, nextCookie)
	h.drop(c, resetCookie)
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
	h.sessions.Gone(c.Request())
	return told, nil
}

// endBrowser ends a web session of a person's, and the session that it holds at the service, and says whether the service knows of
// it. When that cannot be told the web session is over all the same, and its token, which was only ever here, has gone with it; but a
// token that somebody copied goes on there, and the person must know.
func (h *dashboard) endBrowser(c echo.Context, holds model.Account, session [32]byte, why string) (told bool, err error) {
	ctx, cancel := actContext(c)
	defer cancel()
	ended := h.event(c, model.EventSessionEnded)
	ended.UserID, ended.Detail = holds.UserID, why
	if err := h.sessions.Delete(ctx, session, ended); err != nil {
		return false, sessionsDown(err)
	}
	if err := h.as(c, holds, originOf(ctx)).SignOut(ctx); err != nil {
		h.Log.Warn("auth session outlives its web session", "request", requestIDOf(c), "cause", err)
		return holds.Token == "", nil // without one it is here, and has ended with the web session
	}
	return true, nil
}

func (h *dashboard) showRegister(c echo.Context) error {
	m := h.registerModel(c)
	m.Next = c.QueryParam("next")
	return h.renderRegister(c, http.StatusOK, m)
}

func (h *dashboard) registerModel(c echo.Context) views.Register {
	return views.Register{Page: h.page(c, t(c, "register.title", "Create your account")), MinPassword: h.MinPassword, Stuck: h.ConfirmEmail && h.mailStuck()}
}

func (h *dashboard) renderRegister(c echo.Context, status int, m views.Register) error {
	if !h.Registration {
		return h.renderClosed(c)
	}
	m.Next = localPath(m.Next)
	m.Here, m.Code = entrance("/register", m.Next), codeIn(m.Next)
	if m.Code != "" {
		m.Title = t(c, "register.title.device", "Create an account to connect a device")
	}
	return render(c, status, views.RegisterPage(m), views.RegisterPage(m))
}

// renderClosed is in the place of the form when people cannot create accounts themselves, here or at the upstream.
func (h *dashboard) renderClosed(c echo.Context) error {
	p := problem{status: http.StatusForbidden, heading: t(c, "register.closed", "Sign-up is closed here"),
		text: t(c, "register.closed.text", "Ask the administrator of this server for an account."), link: entrance("/login", c.FormValue("next")), linkText: t(c, "button.sign-in", "Sign in")}
	page := views.ErrorPage(p.model(h, c, nil))
	return render(c, p.status, page, page)
}

func (h *dashboard) register(c echo.Context) error {
	m := h.registerModel(c)
	m.Email, m.Next = model.TidyEmail(c.FormValue("email")), c.FormValue("next")
	password := c.Request().PostFormValue(passwordField)
	m.EmailError, m.PasswordError = checkEmail(c, m.Email), h.checkPassword(c, password)
	if m.EmailError != "" || m.PasswordError != "" || !h.Registration {
		return h.renderRegister(c, http.StatusUnprocessableEntity, m)
	}
	err := h.Service.Register(c.Request().Context(), originOf(c.Request().Context()), m.Email, model.Secret(password))
	if err != nil {
		return h.answerNotRegistered(c, m, about(c, err))
	}
	if h.ConfirmEmail {
		h.keepNext(c, m.Next)
		return h.askToConfirm(c, http.StatusOK, m.Email, true)
	}
	err = h.logIn(c, m.Email, password)
	next := h.signInModel(c)
	next.Email, next.Next = m.Email, m.Next
	switch model.KindOf(err) {
	case model.KindTooManyTries:
		next.Reason = t(c, "register.later", "Your account was created. Sign in a little later.")
		return h.renderTooMany(c, next, err)
	case model.KindWrongPassword, model.KindUnconfirmed, model.KindDisabled: // another server may want the address confirmed first
		h.keepNext(c, m.Next)
		next.Reason = t(c, "register.confirm", "Your account was created. If you were sent an email, open its link first, then sign in.")
		return h.renderSignIn(c, http.StatusOK, next)
	}
	if lost(err) || model.Is(err, model.KindStorageDown) || errors.Is(err, errSessionsDown) {
		h.logFault(c, "sign-in to a new account failed", err)
		next.Reason = t(c, "register.sign-in-now", "Your account was created. Sign in to continue.")
		return h.renderSignIn(c, http.StatusOK, next)
	}
	if err != nil {
		return err
	}
	return h.goOn(c, m.Next)
}

// answerNotRegistered says what stands in the way of an account.
func (h *dashboard) answerNotRegistered(c echo.Context, m views.Register, err error) error {
	status := http.StatusUnprocessableEntity
	switch model.KindOf(err) {
	case model.KindEmailTaken:
		m.EmailError = t(c, "register.taken", "This address has an account already. Sign in instead, below.")
	case model.KindRegistrationClosed:
		return h.renderClosed(c)
	case model.KindTooManyEmails:
		status, m.EmailError = http.StatusTooManyRequests, h.tooManyEmails(c, err)
	case model.KindTooManyAccounts:
		status, m.EmailError = http.StatusTooManyRequests, h.tooManyAccounts(c, err)
	case model.KindBadPassword, model.KindBadEmail: // a rule of the service's own, stricter than ours
		m.PasswordError = h.refusal(c.Request().Context(), err)
	default:
		return registering.in(err)
	}
	return h.renderRegister(c, status, m)
}

// reasonOf is what the service says of what it refuses, in its own words.
func reasonOf(err error) string {
	var e *model.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// checkEmail asks for an address that mail could be sent to. The wire takes any text; this form is for people.
func checkEmail(c echo.Context, email string) string {
	if !model.IsMailAddress(email) {
		return t(c, "field.email", "Enter an email address, like {example}.", "example", "ana@example.com")
	}
	if utf8.RuneCountInString(email) > maxEmail {
		return t(c, "field.email.long", "Use an address of at most {n} characters.", "n", strconv.Itoa(maxEmail))
	}
	return ""
}

func (h *dashboard) checkPassword(c echo.Context, password string) string {
	switch n := model.Secret(password).Length(); {
	case n < h.MinPassword:
		return t(c, "field.password.short", "Use at least {n} characters.", "n", strconv.Itoa(h.MinPassword))
	case n > maxPassword:
		return t(c, "field.password.long", "Use at most {n} characters.", "n", strconv.Itoa(maxPassword))
	}
	return ""
}
