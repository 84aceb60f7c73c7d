package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/model"
	"latchkey/views"
)

// handoverPath is where the link leads with which an app opens the keys page for its own person.
const handoverPath = "/handover"

// ticketField is in that link, and in the form behind it.
const ticketField = "ticket"

// ticketText is what a ticket looks like.
var ticketText = regexp.MustCompile(`^[0-9a-f]{64}$`)

// behindHandover is that page with the ticket, for whoever comes back to it.
func behindHandover(ticket string) string {
	if !ticketText.MatchString(ticket) {
		return handoverPath
	}
	return handoverPath + "?" + ticketField + "=" + ticket
}

// showHandover asks whether to go on, and uses nothing up: programs that look what is behind links come by too. The question is what
// keeps a person from being signed in as somebody else without knowing.
func (h *dashboard) showHandover(c echo.Context) error {
	m := views.Handover{Page: h.page(c, t(c, "handover.title", "Open your keys")), Ticket: c.QueryParam(ticketField)}
	m.Here = behindHandover(m.Ticket)
	ctx, cancel := readContext(c)
	defer cancel()
	link, err := h.Service.Handover(ctx, model.Secret(m.Ticket))
	if m.Bad = model.Is(err, model.KindBadLink); err != nil && !m.Bad {
		return err
	}
	m.App, m.For = cmp.Or(model.ReturnName(link.ReturnTo), views.AnApp), link.Account().Called()
	if a, ok := accountOf(c); ok && a.UserID != link.UserID {
		m.Other = a.Called()
	}
	return h.renderHandover(c, http.StatusOK, m)
}

func (h *dashboard) renderHandover(c echo.Context, status int, m views.Handover) error {
	return render(c, status, views.HandoverPage(m), views.HandoverPage(m))
}

// useHandover signs the app's person in with this browser, in place of whoever was signed in with it.
func (h *dashboard) useHandover(c echo.Context) error {
	return h.actsAs(c, func(c echo.Context) error {
		form, err := sentValues(c)
		if err != nil {
			return err
		}
		ctx, cancel := actContext(c)
		defer cancel()
		a, handed, err := h.Service.UseHandover(ctx, originOf(ctx), model.Secret(form.Get(ticketField)))
		switch {
		case model.Is(err, model.KindBadLink):
			return h.renderHandover(c, http.StatusUnprocessableEntity, views.Handover{Page: h.page(c, t(c, "handover.title", "Open your keys")), Bad: true})
		case err != nil:
			return openingKeys.in(about(c, err))
		}
		if _, err := h.leave(c, model.EndedSignedIn); err != nil {
			return openingKeys.in(err)
		}
		err = h.sessions.StartHanded(c.Response(), c.Request(), a, handed, h.StepUp)
		if errors.Is(err, websession.ErrNone) { // the app has signed out meanwhile
			return h.renderHandover(c, http.StatusUnprocessableEntity, views.Handover{Page: h.page(c, t(c, "handover.title", "Open your keys")), Bad: true})
		}
		if err != nil {
			return openingKeys.in(sessionsDown(err))
		}
		return h.goOn(c, home)
	})
}

// fromApp is which app has opened the browser of a row, nil when none has.
func fromApp(row model.WebSession) *views.FromApp {
	if !row.FromApp {
		return nil
	}
	return &views.FromApp{Name: cmp.Or(model.ReturnName(row.ReturnTo), views.AnApp), ReturnTo: row.ReturnTo}
}

// askApp stands in place of the question whether it is the person, where they have no way to answer it: the app that has opened this
// browser has.
func (h *dashboard) askApp(c echo.Context, s stepUp) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	m := views.AskApp{Page: h.page(c, t(c, "proof.title", "Confirm it’s you")), Act: s.to(c.Request().Context(), form), Back: s.back(c, form), App: *fromApp(rowOf(c))}
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", "#dialog")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
	}
	return render(c, http.StatusForbidden, views.AskAppPage(m), views.AskAppDialog(m))
}
