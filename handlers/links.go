package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// The pages of people who cannot sign in yet, or no more. The last two are where links in emails lead.
const (
	forgotPath  = "/forgot"
	resetPath   = "/reset"
	confirmPath = "/confirm"
)

func (h *dashboard) showForgot(c echo.Context) error {
	m := h.forgotModel(c, t(c, "forgot.title", "Reset your password"))
	m.Next = c.QueryParam("next")
	return h.renderForgot(c, http.StatusOK, m)
}

func (h *dashboard) forgotModel(c echo.Context, title string) views.Forgot {
	return views.Forgot{Page: h.page(c, title), Mail: h.SendsLinks, Stuck: h.mailStuck()}
}

func (h *dashboard) mailStuck() bool { return h.MailStuck != nil && h.MailStuck() }

func (h *dashboard) renderForgot(c echo.Context, status int, m views.Forgot) error {
	m.Next = h.goingTo(c, m.Next)
	m.Here = entrance(forgotPath, m.Next)
	return render(c, status, views.ForgotPage(m), views.ForgotPage(m))
}

// forgot asks for a link, and says the same whether or not there is an account.
func (h *dashboard) forgot(c echo.Context) error {
	m := h.forgotModel(c, t(c, "forgot.title", "Reset your password"))
	m.Next = c.FormValue("next")
	h.keepNext(c, h.goingTo(c, m.Next))
	return h.askForMail(c, m, h.renderForgot, model.LinkReset)
}

// askForMail is what the pages have in common that have a link sent.
func (h *dashboard) askForMail(
	c echo.Context, m views.Forgot, render func(echo.Context, int, views.Forgot) error, purpose string,
) error {
	m.Email = model.TidyEmail(c.FormValue("email"))
	if m.Error = checkEmail(c, m.Email); m.Error != "" || !m.Mail {
		return render(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	status, err := http.StatusOK, about(c, h.Service.SendLink(ctx, originOf(ctx), purpose, m.Email))
	switch {
	case err == nil:
		m.Sent = true
	case model.Is(err, model.KindTooManyEmails):
		status, m.Error = http.StatusTooManyRequests, h.tooManyEmails(c, err)
	case model.Is(err, model.KindNoEmail), model.Is(err, model.KindBadEmail):
		status, m.Mail = http.StatusUnprocessableEntity, false
	default:
		return err
	}
	return render(c, status, m)
}

// linkOf is what the link of a mail carries. It is read where it is sent from: the address, or a form.
func linkOf(values url.Values) views.Link {
	return views.Link{Token: values.Get("token"), TokenID: values.Get("tokenId")}
}

func given(purpose string, l views.Link) model.GivenLink {
	return model.GivenLink{Purpose: purpose, ID: l.TokenID, Token: model.Secret(l.Token)}
}

// showReset is the form behind a link, and changes nothing: programs that look through mails follow links too.
func (h *dashboard) showReset(c echo.Context) error {
	m := h.resetModel(c)
	m.Link = linkOf(c.QueryParams())
	if err := h.tellOwner(c, &m); err != nil {
		return err
	}
	return h.renderReset(c, http.StatusOK, m)
}

// tellOwner says whose password is chosen: a person who was invited has had none before.
func (h *dashboard) tellOwner(c echo.Context, m *views.Reset) (err error) {
	if m.Link.Token == "" {
		return nil
	}
	ctx, cancel := readContext(c)
	defer cancel()
	m.For, m.First, err = h.Service.LinkOwner(ctx, given(model.LinkReset, m.Link))
	if m.Bad = model.Is(err, model.KindBadLink); m.Bad {
		return nil
	}
	if m.First {
		m.Title = t(c, "reset.welcome", "Welcome")
	}
	return err
}

func (h *dashboard) resetModel(c echo.Context) views.Reset {
	return views.Reset{Page: h.page(c, t(c, "reset.title", "Choose a new password")), MinPassword: h.MinPassword}
}

func (h *dashboard) renderReset(c echo.Context, status int, m views.Reset) error {
	m.Here = behindLink(resetPath, m.Link)
	return render(c, status, views.ResetPage(m), views.ResetPage(m))
}

// reset sets the new password. Everyone who was signed in to the account is signed out, and has to sign in with it. A person who
// had none before is signed in.
func (h *dashboard) reset(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	m, password := h.resetModel(c), form.Get(passwordField)
	m.Link = linkOf(form)
	if err := h.tellOwner(c, &m); err != nil {
		return err
	}
	if m.Error = h.checkPassword(c, password); m.Error != "" || m.Bad {
		return h.renderReset(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	email, err := h.Service.UseLink(ctx, originOf(ctx), given(model.LinkReset, m.Link), model.Secret(password))
	switch _ = about(c, err); {
	case err == nil:
		if email != "" { // who reads the account's mail is its owner, and gets in however much others guess at it
			h.known.Remember(c.Response(), c.Request(), email)
		}
		if m.First {
			return h.goOnChosen(c, email, password)
		}
		h.leaveFlash(c, "reset", "")
		if !h.Here { // which can tell by what was written down, in every browser
			h.leaveReset(c, h.Now())
		}
		return redirect(c, "/login")
	case model.Is(err, model.KindBadLink):
		m.Bad = true
	case model.Is(err, model.KindBadPassword):
		m.Error = h.refusal(c.Request().Context(), err)
	default:
		return resettingPassword.in(err)
	}
	return h.renderReset(c, http.StatusUnprocessableEntity, m)
}

// goOnChosen signs in a person who has just chosen their first password.
func (h *dashboard) goOnChosen(c echo.Context, email, password string) error {
	if h.logIn(c, email, password) == nil {
		return h.goOn(c, h.goingTo(c, ""))
	}
	h.leaveFlash(c, "chosen", "")
	return redirect(c, "/login")
}

// showConfirm asks for one click more, for the same reason. Where no email is sent there is nothing to confirm.
func (h *dashboard) showConfirm(c echo.Context) error {
	m := h.confirmModel(c)
	if m.Link = linkOf(c.QueryParams()); m.Link.Token == "" && !m.Mail {
		return redirect(c, "/login")
	}
	return h.renderConfirm(c, http.StatusOK, m)
}

func (h *dashboard) confirmModel(c echo.Context) views.Confirm {
	m := views.Confirm{Forgot: h.forgotModel(c, t(c, "confirm.title", "Confirm your email address")), AsksPassword: h.ConfirmEmail}
	m.Here = confirmPath
	return m
}

func (h *dashboard) renderConfirm(c echo.Context, status int, m views.Confirm) error {
	m.Here = behindLink(confirmPath, m.Link)
	return render(c, status, views.ConfirmPage(m), views.ConfirmPage(m))
}

// confirm asks for the password too where that can be told to be right: the address may have been registered by somebody else. Whoever
// knows it is signed in.
func (h *dashboard) confirm(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	m, password := h.confirmModel(c), form.Get(passwordField)
	m.Link = linkOf(form)
	ctx, cancel := actContext(c)
	defer cancel()
	email, err := h.Service.UseLink(ctx, originOf(ctx), given(model.LinkConfirm, m.Link), model.Secret(password))
	switch {
	case err == nil:
		return h.goOnConfirmed(c, email, password)
	case model.Is(err, model.KindBadLink):
		m.Bad = true
	case model.Is(err, model.KindWrongPassword):
		m.PasswordError = t(c, "confirm.wrong", "That isn’t the password the account was created with.")
	case model.Is(err, model.KindTooManyTries):
		m.PasswordError = h.tooManyTries(c, err)
		return h.renderConfirm(c, http.StatusTooManyRequests, m)
	default:
		return confirmingAddress.in(err)
	}
	return h.renderConfirm(c, http.StatusUnprocessableEntity, m)
}

// goOnConfirmed signs in whoever has just confirmed an address with its password. What keeps that from happening, they are told when they
// sign in themselves.
func (h *dashboard) goOnConfirmed(c echo.Context, email, password string) error {
	if email != "" && password != "" && h.logIn(c, email, password) == nil {
		return h.goOn(c, h.goingTo(c, ""))
	}
	h.leaveFlash(c, "confirmed", "")
	return redirect(c, "/login")
}

// sendConfirmation sends one more link, and says the same whether or not there is an account.
func (h *dashboard) sendConfirmation(c echo.Context) error {
	m := h.confirmModel(c).Forgot
	h.keepNext(c, h.goingTo(c, "")) // for as long as the new link is good
	draw := func(c echo.Context, status int, m views.Forgot) error {
		return h.renderConfirm(c, status, views.Confirm{Forgot: m, Bad: !m.Sent})
	}
	return h.askForMail(c, m, draw, model.LinkConfirm)
}

// askToConfirm stands where a person would be signed in whose address is not confirmed yet. made says that the account is new.
func (h *dashboard) askToConfirm(c echo.Context, status int, email string, made bool) error {
	m := h.confirmModel(c)
	m.Email, m.Made, m.Waiting = email, made, !made
	return h.renderConfirm(c, status, m)
}
