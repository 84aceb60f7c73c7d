package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/views"
)

const helpPath = "/help"

// showHelp explains everything to everyone. It reads nothing.
func (h *dashboard) showHelp(c echo.Context) error {
	page := views.HelpPage(views.Help{
		Page: h.page(c, t(c, "layout.help", "Help")), PublicURL: h.PublicURL, Script: onboard.PairScript(h.PublicURL, h.AppID), Local: h.local, Here: h.Here,
		MaxKeys: model.MaxKeys, MinPassword: h.MinPassword, StepUp: views.Stretch(c.Request().Context(), h.StepUp), NoPassword: h.PasswordsOff,
	})
	return render(c, http.StatusOK, page, page)
}
