package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// logReference is where the link in an error answer of the auth server leads. What the log says is for the operator alone;
// this page tells everybody else what the reference is good for.
func (h *dashboard) logReference(c echo.Context) error {
	m := views.Error{
		Page:    h.page(c, t(c, "logs.title", "Log reference")),
		Heading: t(c, "logs.heading", "This names an entry in the server’s log"),
		Text:    t(c, "logs.text", "Give the reference to the administrator of this server: the log has the cause under it."),
		Link:    home, LinkText: goHome.In(c.Request().Context()),
	}
	if id := c.QueryParam("co_id"); model.IsID(id) {
		m.Reference = id
	}
	return render(c, http.StatusOK, views.ErrorPage(m), views.ErrorPart(m))
}
