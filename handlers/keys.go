package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
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
	if name := c.QueryParam("name"); client.ValidName(name) == nil { // typed before signing in was needed
		m.Form.Name = name
	}
	status := http.StatusOK
	if err := h.readKeys(c, &m); err != nil {
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
		Quota: views.Quota{Limit: client.MaxKeys},
		Query: strings.TrimSpace(c.FormValue("q")),
	}
}

// readKeys fills the model with the person's keys. When they cannot be read it says why in the model, which is then no
// empty list, and returns the cause.
func (h *dashboard) readKeys(c echo.Context, m *views.Keys) error {
	ctx, cancel := readContext(c)
	defer cancel()
	asked := h.askFacts(c)
	keys, err := h.keys(c).FetchAll(ctx)
	if err != nil {
		m.Failure = h.failure(c, err)
		return err
	}
	h.fillKeys(m, keys, asked())
	return nil
}

// fillKeys fills the model with keys that were read.
func (h *dashboard) fillKeys(m *views.Keys, keys []client.APIKey, f facts) {
	m.Quota.Used, m.Uses, m.Awaits = len(keys), f.known, f.awaited(keys)
	m.Form.ID = newFormID()
	m.List = make([]views.Key, 0, len(keys))
	for _, key := range keys {
		if strings.Contains(strings.ToLower(key.Name), strings.ToLower(m.Query)) {
			m.List = append(m.List, h.row(key, f))
		}
	}
	if m.Quota.Full() {
		m.Form.MakeRoom = h.deletable(keys)
	}
}

// deletable gives the keys that are most likely not needed: those turned off, then the oldest.
func (h *dashboard) deletable(keys []client.APIKey) []views.Key {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b client.APIKey) int {
		switch {
		case a.Disabled == b.Disabled:
			return a.CreatedAt().Compare(b.CreatedAt())
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

func (h *dashboard) keyModel(key client.APIKey) views.Key {
	return views.Key{
		ID: key.ID, Name: key.Name, On: !key.Disabled, EndsAtOnce: h.embedded,
		Created: views.NewWhen(key.CreatedAt(), h.now()),
	}
}

// row is a key with its use as the list shows it, card as its own page does.
func (h *dashboard) row(key client.APIKey, f facts) views.Key {
	k := h.keyModel(key)
	k.Use = f.ofRow(key)
	return k
}

func (h *dashboard) card(key client.APIKey, f facts) views.Key {
	k := h.keyModel(key)
	k.Use = f.ofCard(key)
	return k
}

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
func pageOfItsOwn(err error) bool { return client.IsUnauthorized(err) || client.IsForbidden(err) }

// showKey is a key's own page. For a page that learnt of a change it is the row or the card alone, with the news.
func (h *dashboard) showKey(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	asked := h.askFacts(c)
	key, err := h.keys(c).Fetch(ctx, c.Param("id"))
	if id := c.Param("id"); client.IsNotFound(err) && wantsPart(c) && c.QueryParam("place") == views.PlaceRow && model.IsID(id) {
		return render(c, http.StatusNotFound, views.ArrivedGonePart(id), views.ArrivedGonePart(id))
	}
	if err != nil {
		return err
	}
	k := h.card(key, asked())
	k.New = wantsPart(c) && k.Use.Stage == views.Connected
	told := news(k)
	if k.Use.Awaits() == string(views.Waiting) && c.QueryParam("look") == "" {
		told = "" // nobody asked, and what was said last may be the answer to an act
	}
	part := views.ArrivedCardPart(k, told)
	if c.QueryParam("place") == views.PlaceRow {
		part = views.ArrivedRowPart(k, told)
	}
	m := views.KeyPage{Page: h.page(c, key.Name), Key: k, AppID: h.appID, BaseURL: h.baseURL, Handoff: h.handoff(key.Name)}
	return render(c, http.StatusOK, views.OneKeyPage(m), part)
}
