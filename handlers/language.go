package handlers

import (
	"context"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/views"
)

// languageCookie is the language that a person chose by hand.
const (
	languageCookie = "latchkey-language"
	languageAge    = 365 * 24 * 60 * 60
)

// nameLanguage finds out in which language the answer is: the one chosen by hand, else the first that the browser asks for, else the
// server's own.
func (h *dashboard) nameLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		l, ok := lang.Named(h.kept(c, languageCookie))
		if !ok {
			l = h.languageAsked(c)
		}
		if l != nil {
			c.SetRequest(c.Request().WithContext(lang.With(c.Request().Context(), l)))
		}
		return next(c)
	}
}

// languageAsked is the first language that the browser asks for, else the server's own.
func (h *dashboard) languageAsked(c echo.Context) *lang.Language {
	if l, ok := lang.Accepted(c.Request().Header.Get("Accept-Language")); ok {
		return l
	}
	return h.Language
}

// languagePath is where a language is chosen.
const languagePath = "/language"

// showLanguages leads back to the page that one comes from.
func (h *dashboard) showLanguages(c echo.Context) error {
	back := home
	if from, err := url.Parse(c.Request().Referer()); err == nil && h.isOurs(originIn(c.Request().Referer()), c.Request().Host) {
		if from.Path != languagePath {
			back = hereAgain(from.Path)
		}
	}
	page := views.LanguagePage(h.page(c, t(c, "language.choice", "Language")), back)
	return render(c, http.StatusOK, page, page)
}

// chooseLanguage keeps the choice of a language in a cookie. What is no language goes back to that of the browser.
func (h *dashboard) chooseLanguage(c echo.Context) error {
	tag, age := c.FormValue("language"), languageAge
	if _, ok := lang.Named(tag); !ok {
		tag, age = "", -1
	}
	c.SetCookie(h.plainCookie(languageCookie, tag, age))
	h.keepLanguage(c, tag)
	return redirect(c, hereAgain(c.FormValue("return")))
}

// keepLanguage has emails to who is signed in be in the language that they chose. Without it they are in the one of the next sign-in.
func (h *dashboard) keepLanguage(c echo.Context, tag string) {
	if err := h.loadAccount(func(echo.Context) error { return nil })(c); err != nil {
		return // the cookie has the choice
	}
	a, ok := accountOf(c)
	if !ok {
		return
	}
	from := originOf(c.Request().Context())
	if from.Language = tag; tag == "" {
		from.Language, _ = h.languageAsked(c).HTML()
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), actTimeout)
	defer cancel()
	if err := h.as(c, a, from).KeepLanguage(ctx); err != nil {
		h.Log.Warn("language not kept", "user", a.UserID, "request", requestIDOf(c), "cause", err)
	}
}

// chosenLanguage says whether the language was chosen by hand.
func (h *dashboard) chosenLanguage(c echo.Context) bool {
	_, ok := lang.Named(h.kept(c, languageCookie))
	return ok
}
