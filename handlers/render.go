package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"latchkey/views"
)

// wantsPart says whether htmx asked for a part of the page. A history restore wants the whole page even then.
func wantsPart(c echo.Context) bool {
	header := c.Request().Header
	return header.Get("HX-Request") == "true" &&
		header.Get("HX-Boosted") != "true" &&
		header.Get("HX-History-Restore-Request") != "true"
}

// render sends the page, or its part when htmx asked for one. The component is drawn completely before the first byte is
// sent, so that a failure becomes an error page and not half a page with status 200.
func render(c echo.Context, status int, page, part templ.Component) error {
	component := page
	if wantsPart(c) {
		component = part
	}
	b := templ.GetBuffer()
	defer templ.ReleaseBuffer(b)
	a, _ := accountOf(c)
	ctx := views.WithClock(views.WithOwner(c.Request().Context(), ownerTag(a)), clockOf(c))
	if err := component.Render(ctx, b); err != nil {
		return err
	}
	c.Response().Header().Add(echo.HeaderVary, "HX-Request")
	return c.HTMLBlob(status, b.Bytes())
}

// redirect sends the browser to another page of ours with GET. htmx would follow a 303 by itself and swap the page it
// finds into a part, so it is told to go there. A stream leads nowhere: 204 tells an EventSource not to come back (WHATWG
// HTML, 9.2.3).
func redirect(c echo.Context, to string) error {
	switch {
	case isStream(c):
		return c.NoContent(http.StatusNoContent)
	case wantsPart(c):
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(http.StatusOK)
	default:
		return c.Redirect(http.StatusSeeOther, to)
	}
}

// page is what every page's model begins with. The message that a redirect left behind is taken along, once.
func (h *dashboard) page(c echo.Context, title string) views.Page {
	p := views.Page{
		Title:  title,
		Site:   h.Site,
		Theme:  h.chosenTheme(c),
		ByHand: h.chosenLanguage(c),
		Clock:  h.clockTag(c),
		Here:   localPath(c.Request().URL.Path),
	}
	p.Status, p.Undo = h.takeFlash(c)
	if a, ok := accountOf(c); ok {
		p.Email, p.Running = a.Called(), a.Operator
		p.From = fromApp(rowOf(c))
	}
	return p
}
