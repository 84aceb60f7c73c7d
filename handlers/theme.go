package handlers

import (
	"github.com/labstack/echo/v4"
)

const (
	themeCookie = "latchkey-theme"
	themeAge    = 365 * 24 * 60 * 60
)

// chooseTheme keeps the choice of colours in a cookie, so that the first paint has them, with script or without.
func (h *dashboard) chooseTheme(c echo.Context) error {
	theme, age := c.FormValue("theme"), themeAge
	if !knownTheme(theme) {
		theme, age = "", -1
	}
	c.SetCookie(h.plainCookie(themeCookie, theme, age))
	return redirect(c, hereAgain(c.FormValue("return")))
}

func (h *dashboard) chosenTheme(c echo.Context) string {
	if kept := h.kept(c, themeCookie); knownTheme(kept) {
		return kept
	}
	return ""
}

func knownTheme(theme string) bool { return theme == "light" || theme == "dark" }
