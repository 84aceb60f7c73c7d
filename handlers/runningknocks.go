package handlers

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// showKnocks lists devices that were refused because nobody has the values of their keys.
func (h *dashboard) showKnocks(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	m := views.RunningKnocks{Page: h.page(c, t(c, "running.knocks", "Refused devices")), Ignored: c.QueryParam("ignored") != ""}
	knocks, err := o.Knocks(ctx, m.Ignored)
	if err != nil {
		return err
	}
	for _, k := range knocks {
		m.List = append(m.List, h.refusedModel(c.Request().Context(), k))
	}
	return render(c, http.StatusOK, views.RunningKnocksPage(m), views.RunningKnocksPage(m))
}

func (h *dashboard) refusedModel(ctx context.Context, k model.Knocked) views.Refused {
	now := h.Now()
	return views.Refused{
		ID: k.ID, Tries: k.Tries, First: views.NewWhen(k.FirstAt, now), Last: views.NewWhen(k.LastAt, now), Address: k.Address,
		Hint: cmp.Or(k.HintEmail, k.HintUser), Ignored: k.Ignored,
		Claims: claims(
			cmp.Or(k.Device.Name, claimOf(ctx, k.Agent)), strings.TrimSpace(k.Device.Platform+" "+k.Device.PlatformVersion),
			strings.TrimSpace(k.Device.SDK+" "+k.Device.SDKVersion)),
	}
}

// showKnock asks whose one of them is.
func (h *dashboard) showKnock(c echo.Context) error {
	return h.askWhose(c, http.StatusOK, views.RunningKnock{})
}

// askWhose draws the question, with what was answered and what is wrong with it. A device that is not there any more leads to the list.
func (h *dashboard) askWhose(c echo.Context, status int, m views.RunningKnock) error {
	ctx, cancel := readContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	m.Page, m.Mails = h.page(c, t(c, "running.knock.whose", "Whose device is this?")), h.SendsLinks
	for _, ignored := range []bool{false, true} {
		knocks, err := o.Knocks(ctx, ignored)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(knocks, func(k model.Knocked) bool { return k.ID == c.Param("id") }); i >= 0 {
			m.Device = h.refusedModel(ctx, knocks[i])
			return render(c, status, views.RunningKnockPage(m), views.RunningKnockPage(m))
		}
	}
	return h.leadTo(c, runningKnocks, "knock-gone", "")
}

var noSuchUser = lang.New("running.knock.no-such-user", "No user has this address or id.")

// assignKnock gives a device to a user, or has its key be one of the server.
func (h *dashboard) assignKnock(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	page := c.Request().Context()
	m := views.RunningKnock{Person: strings.TrimSpace(form.Get("person")), Name: strings.TrimSpace(form.Get("name")), Server: form.Get("server") != ""}
	switch {
	case m.Server && m.Person != "":
		m.PersonError = lang.T(page, "running.knock.no-user", "A server key has no user: leave this empty, or untick the box.")
	case !m.Server && m.Person == "":
		m.PersonError = lang.T(page, "running.knock.enter-user", "Enter the user, or tick the box.")
	case len(m.Person) > maxSearch:
		m.Person, m.PersonError = "", noSuchUser.In(page)
	}
	if !model.ValidName(m.Name) || likeAValue(m.Name) {
		m.NameError = nameError(c.Request().Context(), m.Name)
	}
	if likeAValue(m.Name) {
		m.Name = ""
	}
	if m.PersonError != "" || m.NameError != "" {
		return h.askWhose(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	key, err := o.AssignKnock(ctx, c.Param("id"), m.Person, m.Name)
	switch {
	case err == nil && m.Server:
		return h.leadTo(c, runningServers, "knock-server-key", key.Name)
	case err == nil:
		return h.leadTo(c, runningUsers+"/"+key.UserID, "knock-assigned", key.Name)
	case model.Is(err, model.KindNotFound):
		return h.leadTo(c, runningKnocks, "knock-gone", "")
	case model.Is(err, model.KindOwnValue), model.Is(err, model.KindValueTaken):
		return h.leadTo(c, runningKnocks, "knock-taken", "")
	case model.Is(err, model.KindSessionOver): // of whom it was to be
		m.PersonError = noSuchUser.In(page)
	case model.Is(err, model.KindNameTaken):
		m.NameError = lang.T(page, "running.knock.name-taken", "There is already a key with this name.")
	case model.Is(err, model.KindKeyLimit) && m.Server:
		m.PersonError = lang.T(page, "running.knock.no-room-server-key", "There is no room for another server key.")
	case model.Is(err, model.KindKeyLimit):
		m.PersonError = lang.T(page, "running.knock.no-room", "This user has no room for another key.")
	case model.Is(err, model.KindBadName):
		m.NameError = nameError(c.Request().Context(), m.Name)
	default:
		return operatingOn(runningKnocks).in(err)
	}
	return h.askWhose(c, http.StatusUnprocessableEntity, m)
}

func (h *dashboard) ignoreKnock(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	switch _, err = o.IgnoreKnock(ctx, c.Param("id")); {
	case model.Is(err, model.KindNotFound):
		return h.leadTo(c, runningKnocks, "knock-gone", "")
	case err != nil:
		return operatingOn(runningKnocks).in(err)
	}
	return h.leadTo(c, runningKnocks, "knock-ignored", "")
}
