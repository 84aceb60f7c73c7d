package handlers

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

const (
	passkeysPath      = accountPath + "/passkeys"
	newPasskeyPath    = passkeysPath + "/new"
	stopPasswordPath  = accountPath + "/password/stop"
	passkeySignInPath = "/login/passkey"
)

// The fields of the form that adds a passkey. They are others than those of a proof, which the form may have as well.
const (
	ceremonyField   = "ceremony"   // the challenge
	credentialField = "credential" // what the browser created
)

// The forms about ways to sign in that need a step-up.
var (
	toAddPasskey    = stepUp{act: lang.New("passkeys.add", "Add a passkey"), unnamed: lang.New("stepup.add-passkey", "add a passkey"), back: backToAccount}
	toRemovePasskey = stepUp{act: lang.New("button.remove", "Remove"), unnamed: lang.New("stepup.remove-passkey", "remove this passkey"), back: backToAccount}
	toStopPassword  = stepUp{
		act: lang.New("stop-password.button", "Stop using the password"), unnamed: lang.New("stepup.stop-password", "stop using your password"), back: backToAccount,
	}
)

func backToAccount(echo.Context, url.Values) string { return accountPath }

// --- Signing in -------------------------------------------------------------------------------------------------------

// givePasskeyOptions is asked by the script of the sign-in page. They are not in the page: few who look at it need them.
func (h *dashboard) givePasskeyOptions(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	options, challenge, err := h.Service.PasskeyOptions(ctx, originOf(ctx))
	switch {
	case model.Is(err, model.KindNotOffered):
		return echo.ErrNotFound
	case err != nil:
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Challenge string          `json:"challenge"`
		Options   json.RawMessage `json:"options"`
	}{challenge, options})
}

// signInWithPasskey answers whatever is wrong alike, as signIn does.
func (h *dashboard) signInWithPasskey(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	given, _ := proofIn(form)
	err = h.logInWithPasskey(c, given)
	m := h.signInModel(c)
	m.Next = form.Get("next")
	status := http.StatusUnprocessableEntity
	switch {
	case err == nil:
		return h.goOn(c, m.Next)
	case model.Is(err, model.KindBadPasskey):
		m.PasskeyError = badPasskey.In(c.Request().Context())
	case model.Is(err, model.KindDisabled): // those who have the passkey may know
		m.PasskeyError = accountDisabled.In(c.Request().Context())
	case model.Is(err, model.KindTooManyTries):
		status, m.PasskeyError = http.StatusTooManyRequests, h.tooManyTries(c, err)
	default:
		return signingIn.in(err)
	}
	return h.renderSignIn(c, status, m)
}

// logInWithPasskey opens a session at the service and a web session here.
func (h *dashboard) logInWithPasskey(c echo.Context, given proof) error {
	if !given.withPasskey() {
		return &model.Error{Kind: model.KindBadPasskey}
	}
	ctx := c.Request().Context()
	a, err := h.Service.SignInWithPasskey(ctx, originOf(ctx), given.challenge, []byte(given.passkey.Reveal()))
	if err != nil {
		return about(c, err)
	}
	if _, err := h.leave(c, model.EndedSignedIn); err != nil { // whoever this browser was signed in as until now
		return err
	}
	if err := sessionsDown(h.sessions.Start(c.Response(), c.Request(), a)); err != nil {
		return err
	}
	if a.Email != "" { // the password has tries of its own in a browser of the person's
		h.known.Remember(c.Response(), c.Request(), a.Email)
	}
	h.noticeReset(c, a)
	return nil
}

// --- The account page -------------------------------------------------------------------------------------------------

// passkeysModel is the part of the account page about passkeys, nil where the service has none.
func (h *dashboard) passkeysModel(c echo.Context, password bool) (*views.Passkeys, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	list, err := h.person(c).Passkeys(ctx)
	switch {
	case model.Is(err, model.KindNotOffered), model.Is(err, model.KindForbidden):
		return nil, nil
	case err != nil:
		return nil, err
	}
	m := &views.Passkeys{Limit: model.MaxPasskeys, Password: password}
	m.Unusable, m.Instead = noPasskeysAt(ctx, h.PublicURL)
	for _, one := range list {
		m.List = append(m.List, h.passkeyModel(one))
	}
	return m, nil
}

func (h *dashboard) passkeyModel(p model.Passkey) views.Passkey {
	m := views.Passkey{
		ID: p.ID, Name: p.Name, Created: views.NewWhen(p.CreatedAt, h.Now()), Used: views.NewWhen(p.LastUsedAt, h.Now()),
		Synced: p.Synced(), Removable: p.Removable,
	}
	if p.Elsewhere {
		m.Elsewhere = p.RPID
	}
	return m
}

// noPasskeysAt says why browsers create no passkeys at the address of the server, "" when they do, and by which address they would on this
// machine.
func noPasskeysAt(ctx context.Context, publicURL string) (why, instead string) {
	u, err := url.Parse(publicURL)
	switch {
	case err != nil, model.PasskeyHost(publicURL) != "":
		return "", ""
	case u.Scheme != "https" && !loopback(publicURL):
		return lang.T(ctx, "passkeys.need-https", "Passkeys need an address that begins with https."), ""
	}
	why = lang.T(ctx, "passkeys.need-name", "Passkeys need an address with a name: {address} is a number.", "address", u.Hostname())
	if !loopback(publicURL) {
		return why, ""
	}
	u.Host = "localhost"
	if port := portOf(publicURL); port != "" {
		u.Host = net.JoinHostPort("localhost", port)
	}
	return why, u.String()
}

func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Port()
}

// --- Adding one -------------------------------------------------------------------------------------------------------

// stepUpToAddPasskey is requireStepUp for those who have something to show it with. The others can show it by signing in alone, and some
// providers do not tell that a person has just done so: they add their first passkey while they are new here.
func (h *dashboard) stepUpToAddPasskey(next echo.HandlerFunc) echo.HandlerFunc {
	confirmed := h.requireStepUp(toAddPasskey)(next)
	return func(c echo.Context) error {
		if row := rowOf(c); !websession.Proved(row, h.StepUp, h.Now()) && h.signedInLately(row, h.StepUp) {
			ctx, cancel := readContext(c)
			defer cancel()
			proofs, err := h.person(c).Proofs(ctx)
			if err != nil {
				return err
			}
			if !proofs.Password && !proofs.Passkey {
				return next(c)
			}
		}
		return confirmed(c)
	}
}

// signedInLately says whether a person signed in within that time, by which a web session began. In the future none has. By a link of an
// app nobody signs in: the app's session may be as old as any, and whoever has it alone must not leave with more. What counts there is what
// the app proved, for as long as that is good.
func (h *dashboard) signedInLately(row model.WebSession, within time.Duration) bool {
	now := h.Now()
	if row.FromApp {
		return row.ProvedAt.Before(row.CreatedAt) && websession.Proved(row, h.StepUp, now)
	}
	return now.Sub(row.CreatedAt) <= within && !model.FromFuture(row.CreatedAt, now)
}

// isolates are what a text is left without that becomes the person's own.
var isolates = strings.NewReplacer(lang.Isolate, "", lang.EndIsolate, "")

// showNewPasskey is where the browser is asked to create one. Each look at it is given a challenge, so it is no page to come back to.
func (h *dashboard) showNewPasskey(c echo.Context) error {
	suggested := orUnknown(knownProgram(c.Request().Context(), c.Request().UserAgent()), "")
	return h.renderNewPasskey(c, http.StatusOK, views.NewPasskey{Name: isolates.Replace(suggested)})
}

func (h *dashboard) renderNewPasskey(c echo.Context, status int, m views.NewPasskey) error {
	ctx, cancel := actContext(c)
	defer cancel()
	options, challenge, err := h.person(c).NewPasskeyOptions(ctx)
	if err != nil {
		return h.answerPasskey(c, err, addingPasskey)
	}
	m.Page = h.page(c, lang.T(ctx, "passkeys.add", "Add a passkey"))
	m.Here = accountPath
	m.Options, m.Challenge = string(options), challenge
	return render(c, status, views.NewPasskeyPage(m), views.NewPasskeyPage(m))
}

// addPasskey keeps what the browser has created. When that is refused the browser may have it all the same, and says so when it is asked
// again.
func (h *dashboard) addPasskey(c echo.Context) error {
	m := views.NewPasskey{Name: passkeyName(c)}
	if model.CheckPasskeyName(m.Name) != nil {
		m.NameError = badPasskeyName.In(c.Request().Context())
		return h.renderNewPasskey(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	_, err := h.person(c).AddPasskey(ctx, c.FormValue(ceremonyField), m.Name, []byte(c.FormValue(credentialField)))
	switch {
	case err == nil:
		h.leaveFlash(c, "passkey-added", "")
		return redirect(c, accountPath)
	case model.Is(err, model.KindBadPasskey):
		m.Error = badPasskey.In(ctx)
		return h.renderNewPasskey(c, http.StatusUnprocessableEntity, m)
	case model.Is(err, model.KindPasskeyTaken):
		m.Error = lang.T(ctx, "passkeys.taken", "This passkey is registered already.")
		return h.renderNewPasskey(c, http.StatusConflict, m)
	default:
		return h.answerPasskey(c, err, addingPasskey)
	}
}

var badPasskeyName = lang.New("passkeys.bad-name", "Enter a name of at most 60 characters.")

// passkeyName is what a form calls a passkey.
func passkeyName(c echo.Context) string {
	return strings.TrimSpace(model.CleanText(c.FormValue("name")))
}

// answerPasskey says on the account page why nothing was changed, if it is one of the rules of passkeys that says so.
func (h *dashboard) answerPasskey(c echo.Context, err error, act doubt) error {
	switch {
	case model.Is(err, model.KindNotFound):
		h.leaveFlash(c, "passkey-gone", "")
	case model.Is(err, model.KindLastWay):
		h.leaveFlash(c, "last-way", "")
	case model.Is(err, model.KindPasskeyLimit):
		h.leaveFlash(c, "passkey-limit", "")
	case model.Is(err, model.KindNotOffered):
		h.leaveFlash(c, "no-passkeys", "")
	default:
		return act.in(err)
	}
	return redirect(c, accountPath)
}

// --- Renaming and removing ----------------------------------------------------------------------------------------------

func (h *dashboard) showPasskeyName(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	list, err := h.person(c).Passkeys(ctx)
	if err != nil {
		return h.answerPasskey(c, err, anyAct)
	}
	for _, one := range list {
		if one.ID == c.Param("id") {
			return h.renderPasskeyName(c, http.StatusOK, views.PasskeyName{Passkey: h.passkeyModel(one), Name: one.Name})
		}
	}
	return h.answerPasskey(c, &model.Error{Kind: model.KindNotFound}, anyAct)
}

func (h *dashboard) renderPasskeyName(c echo.Context, status int, m views.PasskeyName) error {
	m.Page = h.page(c, t(c, "passkeys.rename.title", "Rename this passkey"))
	m.Here = accountPath
	return render(c, status, views.PasskeyNamePage(m), views.PasskeyNamePage(m))
}

func (h *dashboard) renamePasskey(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	id, name := c.Param("id"), passkeyName(c)
	_, err := h.person(c).RenamePasskey(ctx, id, name)
	switch {
	case err == nil:
		h.leaveFlash(c, "passkey-renamed", "")
		return redirect(c, accountPath)
	case model.Is(err, model.KindBadLabel):
		m := views.PasskeyName{Passkey: views.Passkey{ID: id}, Name: name, Error: badPasskeyName.In(ctx)}
		return h.renderPasskeyName(c, http.StatusUnprocessableEntity, m)
	default:
		return h.answerPasskey(c, err, renamingPasskey)
	}
}

func (h *dashboard) removePasskey(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	if _, err := h.person(c).RemovePasskey(ctx, c.Param("id")); err != nil {
		return h.answerPasskey(c, err, removingPasskey)
	}
	h.leaveFlash(c, "passkey-removed", "")
	return redirect(c, accountPath)
}

// --- Going without a password -------------------------------------------------------------------------------------------

func (h *dashboard) showStopPassword(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	proofs, err := h.person(c).Proofs(ctx)
	switch {
	case err != nil:
		return err
	case !proofs.Password:
		h.leaveFlash(c, "password-gone", "")
		return redirect(c, accountPath)
	}
	return h.renderStopPassword(c, http.StatusOK, "")
}

func (h *dashboard) renderStopPassword(c echo.Context, status int, problem string) error {
	m := views.StopPassword{Page: h.page(c, t(c, "stop-password.page", "Stop using your password")), Mail: h.SendsLinks, Error: problem}
	m.Here = accountPath
	return render(c, status, views.StopPasswordPage(m), views.StopPasswordPage(m))
}

func (h *dashboard) stopPassword(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	err := h.person(c).RemovePassword(ctx)
	switch {
	case err == nil:
		h.leaveFlash(c, "password-stop", "")
	case model.Is(err, model.KindNotFound): // in another tab
		h.leaveFlash(c, "password-gone", "")
	case model.Is(err, model.KindFewPasskeys):
		return h.renderStopPassword(c, http.StatusUnprocessableEntity, lang.T(ctx, "stop-password.one-passkey", "Add a second passkey first: with only one, losing it would lock you out."))
	default:
		return h.answerPasskey(c, err, stoppingPassword)
	}
	return redirect(c, accountPath)
}
