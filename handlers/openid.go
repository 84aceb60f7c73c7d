package handlers

import (
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

var unfinished = lang.New("openid.unfinished", "That sign-in was not finished. Start again.")

// openIDRoutes are the ways to other providers and back.
func (h *dashboard) openIDRoutes(e *echo.Echo, page func(string, echo.HandlerFunc, ...echo.MiddlewareFunc), user, connecting []echo.MiddlewareFunc) {
	e.POST(errandPath+"/:id", h.signInWith, h.loadAccount, h.nameProvider)
	page(errandPath+"/:id/return", h.returnFrom, h.loadAccount, h.nameProvider)
	page(errandPath+"/:id/connect", h.showSameAddress, h.loadAccount, h.nameProvider)
	e.POST(errandPath+"/:id/connect", h.connectSameAddress, h.loadAccount, h.nameProvider)
	e.POST(accountPath+"/openid/:id/connect", h.connectTo, append(slices.Clip(connecting), h.nameProvider)...)
	e.POST(confirmPath+"/with/:id", h.confirmWith, append(slices.Clip(user), h.nameProvider)...)
}

const providerKey = "provider"

// nameProvider finds the provider that the address names. There is no page of one that there is not.
func (h *dashboard) nameProvider(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, one := range h.Service.OpenID() {
			if one.ID == c.Param("id") {
				c.Set(providerKey, one)
				return next(c)
			}
		}
		return echo.ErrNotFound
	}
}

func providerOf(c echo.Context) model.OpenID {
	one, _ := c.Get(providerKey).(model.OpenID)
	return one
}

// signInWith sends a browser to another provider, for whoever it is to sign in there.
func (h *dashboard) signInWith(c echo.Context) error {
	return h.sendAway(c, h.newErrand(c, toSignIn, providerOf(c).ID, c.FormValue("next")))
}

// connectTo sends a person there who wants to sign in with it from now on.
func (h *dashboard) connectTo(c echo.Context) error {
	if err := h.mayProve(c); err != nil {
		return err
	}
	return h.sendAway(c, h.newErrand(c, toConnectTo, providerOf(c).ID, accountPath))
}

// confirmWith sends a person there to show that it is they.
func (h *dashboard) confirmWith(c echo.Context) error {
	if err := h.mayProve(c); err != nil {
		return err
	}
	return h.sendAway(c, h.newErrand(c, toConfirm, providerOf(c).ID, c.FormValue("back")))
}

// mayProve refuses a session that may not manage what is the person's, before they are sent anywhere.
func (h *dashboard) mayProve(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	_, err := h.person(c).Proofs(ctx)
	return err
}

// sendAway has the browser go to the provider by an answer of its own, not by a redirect: browsers hold form-action of our policy against
// every address that a form is redirected to, those behind the provider's own redirects too, of which nobody here can know.
func (h *dashboard) sendAway(c echo.Context, e errand) error {
	ctx, cancel := actContext(c)
	defer cancel()
	address, err := h.Service.BeginOpenID(ctx, e.Provider, model.OpenIDAsk{
		State: e.State, Nonce: e.Nonce, Verifier: model.Secret(e.Verifier), Fresh: e.For == toConfirm,
	})
	if model.Is(err, model.KindNoIssuer) {
		h.logFault(c, "another provider does not answer", err, "route", c.Path())
	}
	if err != nil {
		return h.answerErrand(c, e, err)
	}
	if err := h.keepErrand(c, e); err != nil {
		return err
	}
	if wantsPart(c) {
		return redirect(c, address)
	}
	name := providerOf(c).Name
	c.Response().Header().Set("Refresh", "0; url="+address)
	page := views.LeavingPage(views.Leaving{Page: h.page(c, lang.T(ctx, "openid.leaving.title", "Taking you to {provider}", "provider", name)), Provider: name, Address: address})
	return render(c, http.StatusOK, page, page)
}

// returnFrom is where a provider sends browsers back to. The address has a code in it, and is left at once: it is good once, for the
// browser that began.
func (h *dashboard) returnFrom(c echo.Context) error {
	provider := providerOf(c)
	e, ok := h.returned(c, provider.ID, c.QueryParam("state"))
	if !ok {
		return h.answerErrand(c, errand{Provider: provider.ID}, nil)
	}
	back := model.OpenIDReturn{
		Code: model.Secret(c.QueryParam("code")), Verifier: model.Secret(e.Verifier), Nonce: e.Nonce, Issuer: c.QueryParam("iss"),
		Error: c.QueryParam("error"), Description: c.QueryParam("error_description"),
	}
	if e.For == toSignIn {
		return h.arrive(c, e, back)
	}
	switch _, is := accountOf(c); {
	case !is:
		return redirect(c, entrance("/login", e.Next))
	case e.Session != sessionName(c): // somebody else has signed in meanwhile
		return h.answerErrand(c, e, nil)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	if e.For == toConfirm {
		err := h.person(c).ConfirmOpenID(ctx, provider.ID, back)
		if err == nil {
			err = sessionsDown(h.sessions.Confirmed(ctx, rowOf(c)))
		}
		if err != nil {
			return h.answerErrand(c, e, err)
		}
		h.leaveFlash(c, "it-is-you", "")
		return redirect(c, e.Next)
	}
	if _, err := h.person(c).ConnectOpenID(ctx, provider.ID, back); err != nil {
		return h.answerErrand(c, e, err)
	}
	h.leaveFlash(c, "connected", "")
	return redirect(c, accountPath)
}

// arrive signs somebody in whom a provider knows, or asks for the password of the account that has their address.
func (h *dashboard) arrive(c echo.Context, e errand, back model.OpenIDReturn) error {
	ctx, cancel := actContext(c)
	defer cancel()
	arrived, err := h.Service.ReturnOpenID(ctx, originOf(ctx), e.Provider, back)
	switch {
	case err != nil:
		return h.answerErrand(c, e, about(c, err))
	case arrived.Account.UserID != "":
		return h.letIn(c, arrived.Account, e.Next)
	case arrived.Same.Ticket == "":
		m := h.signInModel(c)
		m.Next = e.Next
		m.Trouble = lang.T(ctx, "openid.nobody", "Nobody here is connected to this {provider} account. Ask the administrator of this server.", "provider", providerOf(c).Name)
		return h.renderSignIn(c, http.StatusForbidden, m)
	}
	err = h.keepErrand(c, errand{
		For: toSameAddress, Provider: e.Provider, Next: e.Next, Address: arrived.Same.Email, Ticket: arrived.Same.Ticket.Reveal(),
		Began: h.Now().Unix(),
	})
	if err != nil {
		return err
	}
	return redirect(c, errandPath+"/"+e.Provider+"/connect")
}

// letIn begins the web session of somebody who has just signed in.
func (h *dashboard) letIn(c echo.Context, a model.Account, next string) error {
	if _, err := h.leave(c, model.EndedSignedIn); err != nil { // whoever this browser was signed in as until now
		return err
	}
	if err := sessionsDown(h.sessions.Start(c.Response(), c.Request(), a)); err != nil {
		return err
	}
	return h.goOn(c, next)
}

// sameAddress is the question that a browser has open, if it has.
func (h *dashboard) sameAddress(c echo.Context) (errand, bool) {
	e, ok := h.errandOf(c, providerOf(c).ID)
	return e, ok && e.For == toSameAddress
}

func (h *dashboard) showSameAddress(c echo.Context) error {
	e, ok := h.sameAddress(c)
	if !ok {
		return h.answerErrand(c, errand{Provider: providerOf(c).ID}, nil)
	}
	return h.renderSameAddress(c, http.StatusOK, e, "")
}

func (h *dashboard) renderSameAddress(c echo.Context, status int, e errand, problem string) error {
	m := views.SameAddress{
		Page: h.page(c, t(c, "openid.same.title", "There is an account with this address")), Provider: providerOf(c).Name, Address: e.Address,
		Action: errandPath + "/" + e.Provider + "/connect", Next: e.Next, Error: problem, Mail: h.SendsLinks && !h.PasswordsOff,
	}
	return render(c, status, views.SameAddressPage(m), views.SameAddressPage(m))
}

// connectSameAddress connects the account with the address to the provider, for whoever knows its password, and signs them in.
func (h *dashboard) connectSameAddress(c echo.Context) error {
	e, ok := h.sameAddress(c)
	if !ok {
		return h.answerErrand(c, errand{Provider: providerOf(c).ID}, nil)
	}
	password := c.Request().PostFormValue(passwordField)
	if password == "" {
		return h.renderSameAddress(c, http.StatusUnprocessableEntity, e, t(c, "openid.same.enter", "Enter the password."))
	}
	ctx, cancel := actContext(c)
	defer cancel()
	from := originOf(ctx)
	from.KnownBrowser = h.known.Name(c.Request(), e.Address)
	a, err := h.Service.ConnectOpenID(ctx, from, model.Secret(e.Ticket), model.Secret(password))
	switch {
	case model.Is(about(c, err), model.KindWrongPassword):
		return h.renderSameAddress(c, http.StatusUnprocessableEntity, e, wrongPassword.In(ctx))
	case model.Is(err, model.KindTooManyTries):
		return h.renderSameAddress(c, http.StatusTooManyRequests, e, h.tooManyTries(c, err))
	}
	h.dropErrand(c) // also when nobody knows what came of it
	switch {
	case err == nil:
		h.known.Remember(c.Response(), c.Request(), e.Address)
		return h.letIn(c, a, e.Next)
	case model.Is(err, model.KindUnconfirmed):
		h.keepNext(c, e.Next)
		return h.askToConfirm(c, http.StatusUnprocessableEntity, e.Address, false)
	default:
		return h.answerErrand(c, e, err)
	}
}

// answerErrand says why an errand came to nothing: on the sign-in page, or to somebody who is signed in on a page that leads back. No error
// is that nobody knows of the errand: it was never begun in this browser, or is over.
func (h *dashboard) answerErrand(c echo.Context, e errand, err error) error {
	ctx := c.Request().Context()
	status, text := h.explainErrand(c, e, err)
	switch _, is := accountOf(c); {
	case text == "" && e.For == toConnectTo:
		return connecting.in(err)
	case text == "" && e.For == toConfirm:
		return err
	case text == "":
		return signingIn.in(err)
	case is && e.For != toSignIn && e.For != toSameAddress:
		p := problem{status: status, heading: lang.T(ctx, "openid.unchanged", "Nothing was changed"), text: text, link: localPath(e.Next), linkText: lang.T(ctx, "openid.go-back", "Go back")}
		if model.Is(err, model.KindCannotTell) {
			p.link, p.linkText = accountPath, lang.T(ctx, "proof.none.account", "Go to your account")
		}
		return h.renderProblem(c, p, err)
	}
	m := h.signInModel(c)
	m.Next, m.Trouble = e.Next, text
	return h.renderSignIn(c, status, m)
}

// explainErrand has the words for what can be expected to go wrong, and "" for everything else.
func (h *dashboard) explainErrand(c echo.Context, e errand, err error) (status int, text string) {
	ctx, name := c.Request().Context(), providerOf(c).Name
	switch {
	case err == nil, model.Is(err, model.KindWrongToken), model.Is(err, model.KindBadLink):
		return http.StatusBadRequest, unfinished.In(ctx)
	case model.Is(err, model.KindNoIssuer):
		return http.StatusBadGateway, lang.T(ctx, "openid.no-answer", "{provider} does not answer. Try again, or sign in another way.", "provider", name)
	case model.Is(err, model.KindDisabled):
		return http.StatusUnprocessableEntity, accountDisabled.In(c.Request().Context())
	case model.Is(err, model.KindTooManyTries):
		return http.StatusTooManyRequests, h.tooManyTries(c, err)
	case model.Is(err, model.KindTooManyAccounts):
		return http.StatusTooManyRequests, h.tooManyAccounts(c, err)
	case model.Is(err, model.KindCannotTell):
		return http.StatusForbidden, lang.T(ctx, "openid.cannot-tell", "{provider} cannot tell us that you just signed in. Add a passkey to create keys.", "provider", name)
	case model.Is(err, model.KindSomebodyElse):
		return http.StatusForbidden, lang.T(ctx, "openid.another-account", "That isn’t the {provider} account that you are connected to. Sign in to that one there.", "provider", name)
	case model.Is(err, model.KindIdentityTaken):
		return http.StatusConflict, lang.T(ctx, "openid.taken", "That {provider} account is connected to another account here.", "provider", name)
	case model.Is(err, model.KindIdentityLimit):
		return http.StatusConflict, lang.T(ctx, "openid.limit", "You’re connected to {provider} already, with another account there. Disconnect that one first.", "provider", name)
	default:
		return 0, ""
	}
}

// ways are those in which the person signs in, as the page about their account has them, and connectable the providers that they may
// connect besides.
func (h *dashboard) ways(ctx context.Context, list []model.Way) (ways []views.Way, connectable []views.Provider) {
	now := h.Now()
	for _, way := range list {
		drawn := views.Way{ID: way.ID, Kind: wayKind(ctx, way.Provider), Name: way.Name, Removable: way.Removable}
		if way.OpenID.ID != "" {
			drawn.Kind, drawn.OpenID, drawn.Since = way.OpenID.Name, true, views.NewWhen(way.Since, now)
		}
		ways = append(ways, drawn)
	}
	for _, one := range h.Service.OpenID() {
		if !slices.ContainsFunc(list, func(w model.Way) bool { return w.OpenID.ID == one.ID }) {
			connectable = append(connectable, views.Provider{ID: one.ID, Name: one.Name})
		}
	}
	return ways, connectable
}
