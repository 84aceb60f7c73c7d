package handlers

import (
	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
)

// languageCookie is the language that a person chose by hand.
const languageCookie = "latchkey-language"

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
