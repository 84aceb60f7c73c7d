package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// adoptPath is where people take over the value that a device has.
const adoptPath = home + "/adopt"

// valueField holds that value. No page and no other answer ever does.
const valueField = "key"

// adoptWith is the form with the name filled in.
func adoptWith(name string) string {
	if !model.ValidName(name) || likeAValue(name) {
		return adoptPath
	}
	return adoptPath + "?name=" + name
}

// likeAValue says of a name that it looks like a value, pasted into the wrong field.
func likeAValue(name string) bool {
	return len(name) == model.MaxNameLength && model.HoldsValue(name)
}

// showAdopt shows the form, after the question whether it is the person if that is to be asked: what was pasted before it would have to be pasted again. Without
// room for another key it leads to where room is made.
func (h *dashboard) showAdopt(c echo.Context) error {
	m, keys, err := h.adoptModel(c)
	if err != nil {
		return err
	}
	if len(keys) >= model.MaxKeys {
		return redirect(c, roomPath)
	}
	if name := c.QueryParam("name"); adoptWith(name) != adoptPath {
		m.Name = name
	}
	if !websession.Proved(rowOf(c), h.StepUp, h.Now()) {
		return h.askProof(c, toAdopt, http.StatusOK, url.Values{"name": {m.Name}}, notProved{})
	}
	return render(c, http.StatusOK, views.AdoptPage(m), views.AdoptPage(m))
}

func (h *dashboard) adoptModel(c echo.Context) (views.Adopt, []model.Key, error) {
	m := views.Adopt{Page: h.page(c, t(c, "adopt.page", "Adopt a key")), FormID: newFormID()}
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	m.Quota = views.Quota{Used: len(keys.List), Limit: model.MaxKeys}
	return m, keys.List, err
}

// adoptKey takes over a value. A form that is sent again has done so already, and leads to the same key.
func (h *dashboard) adoptKey(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(form.Get("name"))
	if !form.Has(valueField) { // the password was entered first
		return redirect(c, adoptWith(name))
	}
	ctx, cancel := actContext(c)
	defer cancel()
	a, _ := accountOf(c)
	from := originOf(c.Request().Context())
	if id := form.Get("form_id"); validFormID(id) {
		from.Form = id
	}
	key, err := h.as(c, a, from).AdoptKey(ctx, name, model.Secret(form.Get(valueField)))
	switch {
	case model.OutcomeOf(err) != model.NotDone:
		return adoptingKey.in(err)
	case model.Is(err, model.KindKeyLimit):
		h.leaveFlash(c, "not-adopted", name)
		return redirect(c, roomPath)
	case err != nil:
		return h.answerNotAdopted(c, name, key, err)
	}
	h.leaveFlash(c, "adopted", key.Name)
	return redirect(c, home+"/"+key.ID)
}

// answerNotAdopted draws the form again with what is wrong, and without the value.
func (h *dashboard) answerNotAdopted(c echo.Context, name string, holder model.Key, err error) error {
	m, keys, unread := h.adoptModel(c)
	if unread != nil {
		return unread
	}
	ctx := c.Request().Context()
	m.Name, m.Again = name, true
	status := http.StatusUnprocessableEntity
	switch {
	case model.Is(err, model.KindFormUsed):
		if k := h.namesake(keys, name); k != nil {
			h.leaveFlash(c, "adopted", name)
			return redirect(c, home+"/"+k.ID)
		}
		status = http.StatusConflict
		m.ValueError = lang.T(ctx, "adopt.form-used", "This form has adopted its key already, and there is no key of that name now.")
	case model.Is(err, model.KindBadValue):
		m.ValueError = whyNoValue(c, err)
		if !model.ValidName(name) {
			m.NameError, m.Suggestion = nameError(c.Request().Context(), name), suggestName(name)
		}
	case model.Is(err, model.KindBadName):
		m.NameError, m.Suggestion = nameError(c.Request().Context(), name), suggestName(name)
	case model.Is(err, model.KindNameTaken):
		m.NameError, m.Holder = lang.T(ctx, "keys.create.taken.sentence", "You already have a key with this name."), h.namesake(keys, name)
	case model.Is(err, model.KindOwnValue):
		status, m.Holder = http.StatusConflict, new(h.keyModel(holder))
		m.ValueError = lang.T(ctx, "adopt.own", "You have this key: {key}.", "key", holder.Name)
	case model.Is(err, model.KindValueTaken):
		status = http.StatusConflict
		m.ValueError = lang.T(ctx, "adopt.refused", "This value cannot be adopted. Ask the administrator of this server.")
	case model.Is(err, model.KindTooManyTries):
		status, m.ValueError = http.StatusTooManyRequests, h.tooManyTries(c, err)
	default:
		return err
	}
	if likeAValue(name) {
		m.Name = ""
	}
	return render(c, status, views.AdoptPage(m), views.AdoptPage(m))
}

// namesake is the key of that name, nil when there is none.
func (h *dashboard) namesake(keys []model.Key, name string) *views.Key {
	for _, key := range keys {
		if key.Name == name {
			return new(h.keyModel(key))
		}
	}
	return nil
}

// badValues are what accounts say of values that no key can have.
var badValues = []lang.Text{
	lang.New("adopt.bad.letters", "A value has letters from A to Z and digits alone."),
	lang.New("adopt.bad.published", "This value is printed in public documentation, so anybody could use it: create a new key."),
	lang.New("adopt.bad.random", "This does not look like a value that was created at random."),
}

// badValue says one of them, or that the value is too long or too short, in the language of the page.
func badValue(ctx context.Context, reason string) string {
	reason = sentence(reason)
	var n int
	if _, err := fmt.Sscanf(reason, "A value has 64 letters and digits; this has %d.", &n); err == nil {
		return lang.T(ctx, "adopt.bad.length", "A value has 64 letters and digits; this has {n}.", "n", strconv.Itoa(n))
	}
	for _, text := range badValues {
		if text.English == reason {
			return text.In(ctx)
		}
	}
	return reason
}

// whyNoValue says what is wrong with a value.
func whyNoValue(c echo.Context, err error) string {
	if strings.TrimSpace(c.Request().PostFormValue(valueField)) == "" {
		return t(c, "adopt.nothing", "Paste the value.")
	}
	if e, ok := errors.AsType[*model.Error](err); ok && e.Reason != "" {
		return badValue(c.Request().Context(), e.Reason)
	}
	return t(c, "adopt.no-value", "No key can have this value.")
}
