package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// accountPath is the page about the account itself.
const accountPath = "/account"

func (h *dashboard) showAccount(c echo.Context) error {
	m, err := h.accountModel(c)
	if err != nil {
		return err
	}
	return h.renderAccount(c, http.StatusOK, m)
}

func (h *dashboard) accountModel(c echo.Context) (views.Account, error) {
	m := views.Account{Page: h.page(c, t(c, "account.title", "Account")), Embedded: h.Here, MinPassword: h.MinPassword, Decides: h.decides()}
	m.Here = accountPath // also where it answers the form
	if !h.Here {
		return m, nil
	}
	ctx, cancel := readContext(c)
	defer cancel()
	ways, err := h.person(c).Ways(ctx)
	switch {
	case model.Is(err, model.KindNotOffered), model.Is(err, model.KindForbidden): // of a session that has none to be told of
		return m, nil
	case err != nil:
		return m, err
	}
	m.Ways, m.Connectable = h.ways(ctx, ways)
	proofs, err := h.person(c).Proofs(ctx)
	if err != nil {
		return m, err
	}
	m.NoPassword = h.PasswordsOff || !proofs.Password
	for i, way := range ways {
		if m.NoPassword && way.Provider == model.ProviderEmailPassword {
			m.Ways[i].Kind = lang.T(ctx, "label.email", "Email")
		}
	}
	m.Mail = h.SendsLinks
	m.Again = !h.PasswordsOff && slices.ContainsFunc(ways, func(w model.Way) bool { return w.Provider == model.ProviderEmailPassword })
	m.Passkeys, err = h.passkeysModel(c, !m.NoPassword)
	return m, err
}

// decides is the host of the server that decides how people sign in, "" when that is this one.
func (h *dashboard) decides() string {
	at, err := url.Parse(h.BaseURL)
	if h.Here || err != nil {
		return ""
	}
	return at.Host
}

// removeWay takes away a way to sign in. One that is gone is said to be so, and whose it ever was is not told.
func (h *dashboard) removeWay(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	way, err := h.person(c).RemoveWay(ctx, c.Param("id"))
	switch {
	case model.Is(err, model.KindNotFound):
		h.leaveFlash(c, "way-gone", "")
	case err != nil:
		return removingWay.in(err)
	default:
		h.leaveFlash(c, removedWay(way), "")
	}
	return redirect(c, accountPath)
}

// removedWay is the flash about a way to sign in that was removed.
func removedWay(way model.Way) string {
	if way.OpenID.ID != "" {
		return "disconnected"
	}
	return removedWays[way.Provider]
}

// removedWays are the flashes about ways to sign in that were removed.
var removedWays = map[string]string{
	model.ProviderGoogle: "google-removed", model.ProviderApple: "apple-removed", model.ProviderCustomToken: "token-removed",
}

// wayKind is what a way to sign in is called.
func wayKind(ctx context.Context, provider string) string {
	switch provider {
	case model.ProviderEmailPassword:
		return lang.T(ctx, "account.way.password", "Email and password")
	case model.ProviderCustomToken:
		return lang.T(ctx, "account.way.token", "Signed token")
	case model.ProviderGoogle:
		return "Google"
	case model.ProviderApple:
		return "Apple"
	default:
		return ""
	}
}

func (h *dashboard) renderAccount(c echo.Context, status int, m views.Account) error {
	return render(c, status, views.AccountPage(m), views.AccountPage(m))
}

// changePassword replaces the password. Everything else that is signed in is signed out by it; this browser stays.
func (h *dashboard) changePassword(c echo.Context) error {
	current, replacement := c.Request().PostFormValue("current"), c.Request().PostFormValue("new")
	m, err := h.accountModel(c)
	if err != nil {
		return err
	}
	m.CurrentError, m.NewError = checkGiven(c.Request().Context(), current), h.checkPassword(c, replacement)
	if m.CurrentError != "" {
		return h.renderAccount(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	status := http.StatusUnprocessableEntity
	if m.NewError != "" { // both are told at once
		err = h.person(c).CheckPassword(ctx, model.Secret(current))
	} else {
		err = h.person(c).ChangePassword(ctx, model.Secret(current), model.Secret(replacement))
	}
	switch {
	case err == nil && m.NewError == "":
		h.leaveFlash(c, "password", "")
		return redirect(c, accountPath)
	case err == nil:
	case model.Is(err, model.KindWrongPassword):
		m.CurrentError = wrongPassword.In(ctx)
		if also := besides(err, model.KindBadPassword); also != nil {
			m.NewError = h.refusal(ctx, also)
		}
	case model.Is(err, model.KindBadPassword):
		m.NewError = h.refusal(ctx, err)
	case model.Is(err, model.KindTooManyTries):
		status, m.CurrentError = http.StatusTooManyRequests, h.tooManyTries(c, err)
	case model.Is(err, model.KindNotOffered):
		m.Embedded = false // the page says where passwords are then
	default:
		return changingPassword.in(err)
	}
	return h.renderAccount(c, status, m)
}

// besides is the error of a kind that was joined to another one, nil when there is none.
func besides(err error, kind model.Kind) error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			if model.Is(one, kind) {
				return one
			}
		}
	}
	return nil
}

func checkGiven(ctx context.Context, password string) string {
	if password == "" {
		return lang.T(ctx, "account.password.enter-current", "Enter your current password.")
	}
	return ""
}

// refusal says why a new password is not accepted: by this server in the language of the page, by the key service in its own words.
func (h *dashboard) refusal(ctx context.Context, err error) string {
	reason := reasonOf(err)
	switch {
	case reason == "" && h.Here:
		return lang.T(ctx, "password.refused", "This server doesn’t accept this password.")
	case reason == "":
		return lang.T(ctx, "password.refused.elsewhere", "The key service doesn’t accept this password.")
	case !h.Here:
		return lang.T(ctx, "password.refused.reason", "The key service doesn’t accept this password: {reason}.", "reason", reason)
	}
	var least, most int
	if n, _ := fmt.Sscanf(reason, "password must be between %d and %d characters", &least, &most); n == 2 {
		return lang.T(ctx, "password.length", "The password must be between {least} and {most} characters.", "least", strconv.Itoa(least), "most", strconv.Itoa(most))
	}
	if words, ok := refusedPasswords[reason]; ok {
		return words.In(ctx)
	}
	return lang.T(ctx, "password.rule", "The {rule}.", "rule", reason)
}

// refusedPasswords are the rules of this server, by the words that programs are given.
var refusedPasswords = map[string]lang.Text{
	"password must be valid UTF-8":           lang.New("password.utf8", "The password must be valid UTF-8."),
	"password must not be the email address": lang.New("password.email", "The password must not be the email address."),
	"password is on the list that attackers try first": lang.New("password.listed",
		"Choose another password: this one is on the list that attackers try first."),
}

func (h *dashboard) confirmDeleteAccount(c echo.Context) error {
	return h.renderDeleteAccount(c, http.StatusOK, notProved{})
}

// renderDeleteAccount says what goes with the account before anybody decides.
func (h *dashboard) renderDeleteAccount(c echo.Context, status int, wrong notProved) error {
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		return err
	}
	m := views.DeleteAccount{Page: h.page(c, t(c, "account.delete", "Delete your account")), Embedded: h.Here, Within: views.Stretch(c.Request().Context(), freshFor)}
	if m.Confirming, err = h.confirming(c, wrong); err != nil {
		return err
	}
	m.Shown = h.shownLately(c, m.Password || m.Passkey)
	if m.None() && !m.Shown && rowOf(c).FromApp {
		return h.askApp(c, toDeleteAccount)
	}
	for _, key := range keys.List {
		m.Keys = append(m.Keys, key.Name)
	}
	return render(c, status, views.DeleteAccountPage(m), views.DeleteAccountPage(m))
}

// toDeleteAccount is what askApp says of it. It is asked about in a way of its own otherwise.
var toDeleteAccount = stepUp{
	act: lang.New("delete-account.button", "Delete account"), unnamed: lang.New("stepup.delete-account", "delete your account"), back: backToAccount,
}

// freshFor is for how long it is enough to have signed in, for what otherwise asks anew each time.
const freshFor = 5 * time.Minute

// shownLately says of a person who cannot show it on the page that they did a moment ago, by signing in.
func (h *dashboard) shownLately(c echo.Context, canShow bool) bool {
	row := rowOf(c)
	return !canShow && (websession.Proved(row, freshFor, h.Now()) || h.signedInLately(row, freshFor))
}

// deleteAccount asks for the password or a passkey whenever it was last given: this cannot be undone.
func (h *dashboard) deleteAccount(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	if proved, err := h.provedAnew(c, form); err != nil || !proved {
		return err
	}
	ctx, cancel := actContext(c)
	defer cancel()
	a, _ := accountOf(c)
	if err := h.person(c).DeleteAccount(ctx); err != nil {
		return deletingAccount.in(err)
	}
	if err := h.endSessionsOf(c, a.UserID); err != nil {
		return accountGone.about(err)
	}
	if err := sessionsDown(h.sessions.End(c.Response(), c.Request())); err != nil {
		return accountGone.about(err)
	}
	h.clearBrowser(c)
	h.leaveFlash(c, "account-deleted", "")
	return redirect(c, "/login")
}

// provedAnew says whether the form shows that it is the person, or they did so a moment ago who can show it by signing in alone. If not it
// has asked.
func (h *dashboard) provedAnew(c echo.Context, form url.Values) (bool, error) {
	given, asked := proofIn(form)
	if !asked {
		ctx, cancel := readContext(c)
		defer cancel()
		proofs, err := h.person(c).Proofs(ctx)
		if err != nil {
			return false, err
		}
		if h.shownLately(c, proofs.Password || proofs.Passkey) {
			return true, nil
		}
	}
	err := h.prove(c, given)
	if err == nil {
		return true, nil
	}
	return false, h.answerNotProved(c, given, err, func(status int, wrong notProved) error { return h.renderDeleteAccount(c, status, wrong) })
}

// endSessionsOf ends the web sessions of an account that is gone. Those that held an auth session of this
// program are gone with that.
func (h *dashboard) endSessionsOf(c echo.Context, userID string) error {
	ctx := c.Request().Context()
	rows, err := h.WebSessions.WebSessions(ctx, userID)
	for _, row := range rows {
		err = errors.Join(err, h.sessions.Delete(ctx, row.IDHash))
	}
	return sessionsDown(err)
}
