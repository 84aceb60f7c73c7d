package handlers

import (
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
			if l, ok = lang.Accepted(c.Request().Header.Get("Accept-Language")); !ok {
				l = h.Language
			}
		}
		if l != nil {
			c.SetRequest(c.Request().WithContext(lang.With(c.Request().Context(), l)))
		}
		return next(c)
	}
}

// languagePath is where a language is chosen.
const languagePath = "/language"

// showLanguages leads back to the page that one comes from.
func (h *dashboard) showLanguages(c echo.Context) error {
	p := h.page(c, t(c, "language.choice", "Language"))
	p.Here = home
	if from, err := url.Parse(c.Request().Referer()); err == nil && h.isOurs(originIn(c.Request().Referer()), c.Request().Host) {
		if from.Path != languagePath {
			p.Here = hereAgain(from.Path)
		}
	}
	page := views.LanguagePage(p)
	return render(c, http.StatusOK, page, page)
}

// chooseLanguage keeps the choice of a language in a cookie. What is no language goes back to that of the browser.
func (h *dashboard) chooseLanguage(c echo.Context) error {
	tag, age := c.FormValue("language"), languageAge
	if _, ok := lang.Named(tag); !ok {
		tag, age = "", -1
	}
	c.SetCookie(h.plainCookie(languageCookie, tag, age))
	return redirect(c, hereAgain(c.FormValue("return")))
}

// chosenLanguage says whether the language was chosen by hand.
func (h *dashboard) chosenLanguage(c echo.Context) bool {
	_, ok := lang.Named(h.kept(c, languageCookie))
	return ok
}
