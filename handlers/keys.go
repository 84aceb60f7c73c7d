package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// roomCandidates is how many keys the page proposes to delete when there is no room for another.
const roomCandidates = 3

// actTimeout bounds an act at the key service. An act goes on when the browser leaves: whoever turned a key off and closed
// the tab meant it, and an act cut short has an outcome that nobody knows.
const actTimeout = 15 * time.Second

// readTimeout bounds reading, all that is tried again included. An act and a look at what came of it must end before htmx,
// which waits 30 seconds, gives up.
const readTimeout = 10 * time.Second

func readContext(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Request().Context(), readTimeout)
}

// actContext goes on when the browser leaves: whether an act was done must not depend on that.
func actContext(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request().Context()), actTimeout)
}

// listKeys shows the keys page, and to htmx the list alone.
func (h *dashboard) listKeys(c echo.Context) error {
	m := h.keysModel(c)
	if name := c.QueryParam("name"); model.ValidName(name) { // typed before signing in was needed
		m.Form.Name = name
	}
	status := http.StatusOK
	keys, err := h.readKeys(c, &m)
	if err == nil && !wantsPart(c) {
		m.Notice = h.takeReset(c, keys)
	}
	if err != nil {
		if pageOfItsOwn(err) {
			return err
		}
		p := explain(err)
		p.askForPatience(c)
		status = p.status
	}
	return render(c, status, views.KeysPage(m), views.KeysPart(m))
}

func (h *dashboard) keysModel(c echo.Context) views.Keys {
	return views.Keys{
		Page:  h.page(c, "Devices and keys"),
		Quota: views.Quota{Limit: model.MaxKeys},
		Query: strings.TrimSpace(c.FormValue("q")),
	}
}

// readKeys fills the model with the person's keys. When they cannot be read it says why in the model, which is then no
// empty list, and returns the cause.
func (h *dashboard) readKeys(c echo.Context, m *views.Keys) ([]model.Key, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		m.Failure = h.failure(c, err)
		return nil, err
	}
	h.fillKeys(c, m, keys)
	return keys.List, nil
}

// fillKeys fills the model with keys that were read.
func (h *dashboard) fillKeys(c echo.Context, m *views.Keys, keys model.Keys) {
	now := h.Now()
	m.Quota.Used, m.Uses, m.Awaits = len(keys.List), knowledge(keys.Usage), awaited(keys, now)
	m.Form.ID = newFormID()
	m.List = make([]views.Key, 0, len(keys.List))
	query := strings.ToLower(m.Query)
	for _, key := range keys.List {
		if k := h.listed(c, key); query == "" || strings.Contains(strings.ToLower(k.Name+"\n"+k.Device), query) {
			m.List = append(m.List, k)
		}
	}
	if m.Quota.Full() {
		m.Form.MakeRoom = h.deletable(keys.List)
	}
}

// deletable gives the keys that are most likely not needed: those turned off, then the oldest.
func (h *dashboard) deletable(keys []model.Key) []views.Key {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b model.Key) int {
		switch {
		case a.Disabled == b.Disabled:
			return createdAt(a).Compare(createdAt(b))
		case a.Disabled:
			return -1
		default:
			return 1
		}
	})
	var models []views.Key
	for _, key := range keys[:min(len(keys), roomCandidates)] {
		models = append(models, h.keyModel(key))
	}
	return models
}

func (h *dashboard) keyModel(key model.Key) views.Key {
	return views.Key{
		ID: key.ID, Name: key.Name, On: !key.Disabled, EndsAtOnce: h.Here,
		Created: views.NewWhen(createdAt(key), h.Now()),
	}
}

// row is a key with its use as lists show it, card as its own page does.
func (h *dashboard) row(key model.Key) views.Key {
	k := h.keyModel(key)
	k.Use = rowUse(key, h.Now())
	return k
}

// listed is the row of the keys page.
func (h *dashboard) listed(c echo.Context, key model.Key) views.Key {
	return h.named(c, key, h.row(key))
}

// named puts what the device called itself beside a name that says nothing.
func (h *dashboard) named(c echo.Context, key model.Key, k views.Key) views.Key {
	if saysNothing(key.Name) {
		k.Device, k.Paired = h.pairedAs(c, key)
	}
	return k
}

// saysNothing says whether a name is one that we proposed for want of letters: "device", or that and a number.
func saysNothing(name string) bool {
	number, ok := strings.CutPrefix(name, unnamedDevice)
	return ok && strings.Trim(number, "-0123456789") == ""
}

func (h *dashboard) card(c echo.Context, key model.Key) views.Key {
	k := h.keyModel(key)
	k.Use = cardUse(key, h.Now())
	k.Device, k.Paired = h.pairedAs(c, key)
	return k
}

// pairedAs says of a key whether it was made for a device that a code connected, and what that called itself. What was written down when
// it was made tells; when that cannot be read, or is not kept any more, the page does without.
func (h *dashboard) pairedAs(c echo.Context, key model.Key) (device string, paired bool) {
	q := model.EventQuery{Kinds: []model.EventKind{model.EventKeyMade}, KeyID: key.ID, Limit: 1}
	if h.Here { // ids are made in order: it is among the few that were written down then, and nothing else need be gone through
		q = model.EventQuery{Before: model.SoonAfter(key.ID), Limit: madeTogether}
	}
	events, err := h.readEvents(c, q)
	if err != nil {
		h.logFault(c, "how a key was made cannot be read", err)
		return "", false
	}
	for _, e := range events {
		if e.Kind == model.EventKeyMade && e.KeyID == key.ID && e.Detail != "" {
			if device = e.Detail; device == unnamedDevice {
				device = ""
			}
			return device, true
		}
	}
	return "", false
}

// madeTogether is more than is written down of an account in a second, in which a script may make all of its keys.
const madeTogether = 4 * model.MaxKeys

// failure is why the keys could not be read, in place of the list.
func (h *dashboard) failure(c echo.Context, err error) *views.Notice {
	h.logFault(c, "keys cannot be read", err)
	p := explain(err)
	return &views.Notice{
		Bad: true, Title: "We could not read your keys.", Text: p.heading + ". " + p.text,
		Link: localPath(c.Request().URL.Path), LinkText: tryAgain, Reference: reference(err, requestIDOf(c)),
	}
}

// pageOfItsOwn says that an error is about who is asking, not about the keys.
func pageOfItsOwn(err error) bool {
	return model.Is(err, model.KindSessionOver) || model.Is(err, model.KindForbidden)
}

// showKey is a key's own page. For a page that learnt of a change it is the row or the card alone, with the news.
func (h *dashboard) showKey(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if id := c.Param("id"); model.Is(err, model.KindNotFound) && wantsPart(c) && c.QueryParam("place") == views.PlaceRow && model.IsID(id) {
		return render(c, http.StatusNotFound, views.ArrivedGonePart(id), views.ArrivedGonePart(id))
	}
	if err != nil {
		return err
	}
	inRow := c.QueryParam("place") == views.PlaceRow
	show := h.card
	if inRow && wantsPart(c) {
		show = h.listed
	}
	k := show(c, key)
	k.New = wantsPart(c) && k.Use.Stage == views.Connected
	told := news(k)
	if k.Use.Awaits() == string(views.Waiting) && c.QueryParam("look") == "" {
		told = "" // nobody asked, and what was said last may be the answer to an act
	}
	part := views.ArrivedCardPart(k, told)
	if inRow {
		part = views.ArrivedRowPart(k, told)
	}
	m := views.KeyPage{Page: h.page(c, key.Name), Key: k, AppID: h.AppID, BaseURL: h.BaseURL, Handoff: h.handoff(key.Name)}
	return render(c, http.StatusOK, views.OneKeyPage(m), part)
}
