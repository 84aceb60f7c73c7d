package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// showRunningUser is what operators see of a user.
func (h *dashboard) showRunningUser(c echo.Context) error {
	id := c.Param("id")
	if !model.IsID(id) {
		return echo.ErrNotFound
	}
	ctx, cancel := readContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	user, err := o.User(ctx, id)
	if err != nil {
		return err
	}
	m := h.runningPerson(c, user)
	if err := h.fillActivity(ctx, c, o, &m); err != nil {
		h.logFault(c, "activity of a user cannot be read", err)
		m.Unread = true
	}
	return render(c, http.StatusOK, views.RunningPersonPage(m), views.RunningPersonPage(m))
}

func (h *dashboard) runningPerson(c echo.Context, user model.UserDetail) views.RunningPerson {
	m := views.RunningPerson{Page: h.page(c, user.Called()), User: h.runningUser(c, user.UserFacts), MoreOpen: user.Sessions.More}
	m.User.Imported, m.User.NotBack = user.Imported, user.NotBack
	names := map[string]string{}
	for _, key := range arranged(user.KeyList, h.Now(), "") {
		k := h.row(key)
		m.List, names[key.ID] = append(m.List, k), k.Title()
	}
	byKey := map[string][]views.Session{}
	for _, s := range user.Sessions.List {
		if s.KeyID == "" {
			m.Sessions = append(m.Sessions, h.appModel(c.Request().Context(), s, t(c, "claim.app", "An app")))
		} else {
			byKey[s.KeyID] = append(byKey[s.KeyID], h.appModel(c.Request().Context(), s, t(c, "claim.device", "A device")))
		}
	}
	m.Devices = underKeys(c.Request().Context(), byKey, names)
	return m
}

// fillActivity puts a part of the user's own activity on the page, as somebody else reads it.
func (h *dashboard) fillActivity(ctx context.Context, c echo.Context, o Operating, m *views.RunningPerson) error {
	q := model.EventQuery{Limit: runningActivity + 1}
	if before := c.QueryParam("before"); model.IsID(before) {
		q.Before = before
	}
	events, err := o.Events(ctx, m.User.ID, q)
	if err != nil {
		return err
	}
	m.Activity.Later = q.Before != ""
	if len(events) > runningActivity {
		events = events[:runningActivity]
		m.Activity.Older = events[runningActivity-1].ID
	}
	h.fillDays(c, &m.Activity, events, false)
	return nil
}

// actOn has an operator do something to a user, and says on the user's page that it was done, or that it was so already.
func (h *dashboard) actOn(c echo.Context, done, was string, act func(context.Context, Operating, string) (model.Switched, error)) error {
	id := c.Param("id")
	if !model.IsID(id) {
		return echo.ErrNotFound
	}
	page := runningUsers + "/" + id
	ctx, cancel := actContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	what, err := act(ctx, o, id)
	if flash := refusedActs[model.KindOf(err)]; err != nil && flash != "" {
		return h.leadTo(c, page, flash, "")
	}
	if err != nil {
		return operatingOn(page).in(err)
	}
	if !what.Changed {
		done = was
	}
	return h.leadTo(c, page, done, what.Key.Name)
}

// refusedActs are the flashes about what an operator cannot do.
var refusedActs = map[model.Kind]string{
	model.KindYourself: "not-yourself", model.KindLastOperator: "last-operator", model.KindBadPassword: "no-password", model.KindNoEmail: "no-email",
	model.KindNotFound: "operated-gone", model.KindTooManyEmails: "too-many-emails",
}

func (h *dashboard) disableUser(c echo.Context) error {
	return h.actOn(c, "user-disabled", "user-was-disabled", func(ctx context.Context, o Operating, id string) (model.Switched, error) {
		return o.SwitchUser(ctx, id, false)
	})
}

func (h *dashboard) enableUser(c echo.Context) error {
	return h.actOn(c, "user-enabled", "user-was-enabled", func(ctx context.Context, o Operating, id string) (model.Switched, error) {
		return o.SwitchUser(ctx, id, true)
	})
}

func (h *dashboard) signUserOut(c echo.Context) error {
	return h.actOn(c, "user-signed-out", "user-was-signed-out", func(ctx context.Context, o Operating, id string) (model.Switched, error) {
		return o.SignOutEverywhere(ctx, id)
	})
}

func (h *dashboard) sendUserReset(c echo.Context) error {
	done := "reset-sent"
	if h.MailStuck != nil && h.MailStuck() {
		done = "reset-stuck"
	}
	return h.actOn(c, done, done, func(ctx context.Context, o Operating, id string) (model.Switched, error) {
		return o.SendReset(ctx, id)
	})
}

func (h *dashboard) turnUserKeyOff(c echo.Context) error {
	return h.actOn(c, "user-key-off", "user-key-was-off", func(ctx context.Context, o Operating, id string) (model.Switched, error) {
		return o.TurnKeyOff(ctx, id, c.Param("key"))
	})
}

func (h *dashboard) endUserSession(c echo.Context) error {
	return h.actOn(c, "session-ended", "session-gone", func(ctx context.Context, o Operating, id string) (model.Switched, error) {
		return o.EndSession(ctx, id, c.Param("session"))
	})
}
