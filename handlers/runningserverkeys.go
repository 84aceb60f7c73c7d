package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// showServerKeys lists the keys that belong to no user.
func (h *dashboard) showServerKeys(c echo.Context) error {
	return h.listServerKeys(c, http.StatusOK, views.RunningServerKeys{})
}

func (h *dashboard) listServerKeys(c echo.Context, status int, m views.RunningServerKeys) error {
	ctx, cancel := readContext(c)
	defer cancel()
	m.Page = h.page(c, "Server keys")
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	keys, err := o.ServerKeys(ctx)
	switch {
	case err != nil && m.Once == nil:
		return err
	case err != nil: // the value is in this answer alone, whatever becomes of the list
		h.logFault(c, "server keys cannot be read", err)
		m.Unread = true
	}
	for _, key := range arranged(keys, h.Now(), "") {
		m.List = append(m.List, h.row(key))
	}
	return render(c, status, views.RunningServerKeysPage(m), views.RunningServerKeysPage(m))
}

// createServerKey creates a key and shows its value in this one answer.
func (h *dashboard) createServerKey(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	m := views.RunningServerKeys{Name: strings.TrimSpace(form.Get("name"))}
	if !model.ValidName(m.Name) || likeAValue(m.Name) {
		m.Error = nameError(m.Name)
		if likeAValue(m.Name) {
			m.Name = ""
		}
		return h.listServerKeys(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	key, value, err := o.CreateServerKey(ctx, m.Name)
	switch {
	case err == nil:
		words := model.WordsOf(model.FingerprintOf(value))
		return h.listServerKeys(c, http.StatusOK, views.RunningServerKeys{Once: &views.Once{
			ID: key.ID, Name: key.Name, Value: value.Reveal(), Words: views.Words(words), Handoff: h.handoff(key.Name, words),
			Masked: form.Get(scriptField) != "", Server: true,
		}})
	case model.Is(err, model.KindNameTaken):
		m.Error = "There is already a server key with this name."
	case model.Is(err, model.KindKeyLimit):
		m.Error = "There is no room for another server key. Delete one on the command line."
	case model.Is(err, model.KindBadName):
		m.Error = nameError(m.Name)
	default:
		return creatingServerKey.in(err)
	}
	return h.listServerKeys(c, http.StatusUnprocessableEntity, m)
}

func (h *dashboard) turnServerKeyOff(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	switch what, err := o.TurnServerKeyOff(ctx, c.Param("id")); {
	case model.Is(err, model.KindNotFound):
		return h.leadTo(c, runningServers, "operated-gone", "")
	case err != nil:
		return operatingOn(runningServers).in(err)
	case !what.Changed:
		return h.leadTo(c, runningServers, "user-key-was-off", what.Key.Name)
	default:
		return h.leadTo(c, runningServers, "user-key-off", what.Key.Name)
	}
}
