package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
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
	notice := m.Notice
	m.Page, m.FormID = h.page(c, lang.T(ctx, "running.server-keys", "Server keys")), newFormID()
	if notice != nil {
		m.Page.Notice = notice
	}
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
	page := c.Request().Context()
	m := views.RunningServerKeys{Name: strings.TrimSpace(form.Get("name"))}
	if !model.ValidName(m.Name) || likeAValue(m.Name) {
		m.Error = nameError(c.Request().Context(), m.Name)
		if likeAValue(m.Name) {
			m.Name = ""
		}
		return h.listServerKeys(c, http.StatusUnprocessableEntity, m)
	}
	id := form.Get("form_id")
	if !validFormID(id) {
		m.Error = lang.T(page, "keys.create.incomplete", "This form was incomplete, so no key was created. Send it again.")
		return h.listServerKeys(c, http.StatusUnprocessableEntity, m)
	}
	a, _ := accountOf(c)
	sent, first, err := h.forms.claim(c.Request().Context(), a.UserID, id, m.Name)
	if err != nil {
		return err
	}
	if !first {
		return h.answerSentServerKey(c, sent)
	}
	key, value, err := h.askForServerKey(c, sent, m.Name)
	switch {
	case err == nil:
		words := model.WordsOf(model.FingerprintOf(value))
		return h.listServerKeys(c, http.StatusOK, views.RunningServerKeys{Once: &views.Once{
			ID: key.ID, Name: key.Name, Value: value.Reveal(), Words: views.Words(words), Handoff: h.handoff(key.Name, words),
			Masked: form.Get(scriptField) != "", Server: true,
		}})
	case model.Is(err, model.KindNameTaken):
		m.Error = lang.T(page, "running.server-keys.name-taken", "There is already a server key with this name.")
	case model.Is(err, model.KindKeyLimit):
		m.Error = lang.T(page, "running.server-keys.no-room", "There is no room for another server key. Delete one on the command line.")
	case model.Is(err, model.KindBadName):
		m.Error = nameError(c.Request().Context(), m.Name)
	default:
		return creatingServerKey.in(err)
	}
	return h.listServerKeys(c, http.StatusUnprocessableEntity, m)
}

// askForServerKey asks once, and settles the form whatever happens.
func (h *dashboard) askForServerKey(c echo.Context, sent *sentForm, name string) (key model.Key, value model.Secret, err error) {
	_, err = h.settling(sent, func() (model.Created, error) {
		ctx, cancel := actContext(c)
		defer cancel()
		o, err := h.operating(ctx, c)
		if err != nil {
			return model.Created{}, err
		}
		key, value, err = o.CreateServerKey(ctx, name)
		return model.Created{}, err
	})
	return key, value, err
}

// answerSentServerKey answers a form that was sent before, by a double click or a reload, as answerSentForm does.
func (h *dashboard) answerSentServerKey(c echo.Context, sent *sentForm) error {
	ctx, at := c.Request().Context(), clockOf(c).Time(sent.at, h.Now())
	n := &views.Notice{
		Title: lang.T(ctx, "keys.create.already", "Already created."),
		Text: lang.T(ctx, "running.server-keys.already-text", "This form created {key} at {time}. Its value was in the first answer and cannot be shown again. "+
			"If it was not saved, turn the key off and create another one.", "key", sent.name, "time", at),
	}
	if sent.unclear {
		n.Title = lang.T(ctx, "keys.create.sent", "This form was sent already, at {time}.", "time", at)
		n.Text = lang.T(ctx, "running.server-keys.sent-text", "We don’t know whether it created {key}.", "key", sent.name)
		n.Link, n.LinkText = runningServers, checkNow.In(ctx)
	}
	return h.listServerKeys(c, http.StatusConflict, views.RunningServerKeys{Page: views.Page{Notice: n}})
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
