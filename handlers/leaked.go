package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// reportLeak turns a key off at once because its value leaked: without a question, and without the password, as turning off always is. Its page
// then says what that ended.
func (h *dashboard) reportLeak(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	id := c.Param("id")
	leak, err := h.person(c).ReportLeak(ctx, id)
	switch outcome := model.OutcomeOf(err); {
	case err != nil && outcome == model.NotDone:
		return err
	case err != nil:
		return h.answerLeakUnknown(c, id, err)
	case leak.NotMarked:
		h.leaveFlash(c, "leak-not-kept", leak.Key.Name)
		return redirect(c, home+"/"+id)
	default:
		return redirect(c, leakPage(id))
	}
}

// leakPage says what came of reporting a leak.
func leakPage(id string) string { return home + "/" + id + "/leaked" }

// answerLeakUnknown says what is true after a report whose answer got lost.
func (h *dashboard) answerLeakUnknown(c echo.Context, id string, err error) error {
	h.logFault(c, "outcome of a leak report unknown", err)
	ctx, report := c.Request().Context(), reportingLeak(id)
	p := explain(ctx, report.in(err))
	switch {
	case lost(err):
	case model.OutcomeOf(err) == model.FoundUndone:
		p.heading, p.link, p.linkText = report.undone.In(ctx), report.link, tryAgain.In(ctx)
		p.text = t(c, "leak.still-on", "The key service didn’t answer properly, and the key is still on. Report it again.")
	default:
		p.heading, p.link, p.linkText = report.heading.In(ctx), report.link, checkNow.In(ctx)
		p.text = t(c, "leak.no-answer", "We asked to turn it off and got no answer. Look at its page. If it’s on, report it again.")
	}
	return h.renderProblem(c, p, err)
}

// showLeak is what is true of a key that is off because its value leaked. Of every other its own page says more.
func (h *dashboard) showLeak(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	if key.Card.LeakedAt.IsZero() || !key.Disabled {
		return redirect(c, home+"/"+key.ID)
	}
	k := h.keyModel(key)
	k.Use = cardUse(key, h.Now())
	m := views.Leak{Page: h.page(c, lang.T(ctx, "leak.is-off", "{key} is off", "key", key.Name)), Key: views.KeyCard{Key: k}}
	h.fillReplaced(c, &m.Key)
	reports, err := h.readOnceInTurn(c, model.EventQuery{KeyID: key.ID, Kinds: []model.EventKind{model.EventKeyLeaked}, Limit: 1})
	switch {
	case err != nil: // the page says the rest without
		h.logFault(c, "how a leak was reported cannot be read", err)
	case len(reports) == 1:
		m.WasOff = reports[0].Detail == model.DetailWasOff
		if !m.WasOff {
			m.Key.SaidYes = views.NewWhen(reports[0].At, h.Now())
		}
	}
	return render(c, http.StatusOK, views.LeakPage(m), views.LeakPage(m))
}

// turnLeakedOn asks for the name of a key whose value leaked before it is turned on: what was typed was not it, unless nothing was.
func (h *dashboard) turnLeakedOn(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	m := views.LeakedOn{Page: h.page(c, views.TurnOnTitle(ctx, key.Name)), Key: h.row(key), Place: c.FormValue("place")}
	status := http.StatusForbidden
	if form, err := sentValues(c); err == nil && form.Has("typed") {
		m.Error = lang.T(ctx, "leak.not-the-name", "That isn’t the name of this key. It is still off.")
		status = http.StatusUnprocessableEntity
	}
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", "#dialog")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
	}
	return render(c, status, views.LeakedOnPage(m), views.LeakedOnDialog(m))
}

// turner is the person who turns a key, with the name that they typed of one whose value leaked.
func (h *dashboard) turner(c echo.Context) Person {
	a, _ := accountOf(c)
	from := originOf(c.Request().Context())
	from.Named = strings.TrimSpace(c.Request().PostFormValue("typed"))
	return h.as(c, a, from)
}
