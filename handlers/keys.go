package handlers

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

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
	if m.Bulk = selecting(c); m.Bulk != nil && !wantsPart(c) {
		if act, results := h.takeResults(c); act != "" {
			h.showResults(c.Request().Context(), &m, act, results)
		}
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
		p := explain(c.Request().Context(), err)
		p.askForPatience(c)
		status = p.status
	}
	return render(c, status, views.KeysPage(m), views.KeysPart(m))
}

func (h *dashboard) keysModel(c echo.Context) views.Keys {
	return views.Keys{
		Page:      h.page(c, t(c, "keys.title", "Keys")),
		Quota:     views.Quota{Limit: model.MaxKeys},
		Form:      views.CreateForm{Adopt: h.OwnersAdopt},
		Query:     strings.TrimSpace(c.FormValue("q")),
		Show:      shown(c.FormValue("show")),
		Sort:      sorted(c.FormValue("sort")),
		PublicURL: h.PublicURL,
		Local:     h.local,
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

// shown is which keys are asked for, "" for all of them.
func shown(show string) string {
	if show == views.ShowOn || show == views.ShowOff || show == views.ShowUnused {
		return show
	}
	return ""
}

// sorted is in which order the keys are asked for, "" for the usual one.
func sorted(sort string) string {
	if sort == views.SortByName || sort == views.SortByAge {
		return sort
	}
	return ""
}

// fillKeys fills the model with keys that were read.
func (h *dashboard) fillKeys(c echo.Context, m *views.Keys, keys model.Keys) {
	now := h.Now()
	m.Quota.Used, m.Uses, m.Awaits = len(keys.List), knowledge(keys.Usage), h.awaited(keys, now)
	m.Form.ID = newFormID()
	m.List = make([]views.Key, 0, len(keys.List))
	m.Needs = h.needs(keys.List)
	if len(keys.List) == 0 && m.Form.Expiry.First == "" { // the form of the first visit
		m.Form.Expiry = h.emptyExpiryField(c)
	}
	query := strings.ToLower(m.Query)
	for _, key := range arranged(keys.List, now, m.Sort) {
		state, idle := views.ShowOn, unused(key, now)
		if key.Disabled || expired(key, now) {
			state = views.ShowOff
			m.Counts.Off++
		} else {
			m.Counts.On++
		}
		if idle {
			m.Counts.Unused++
		}
		if m.Show != "" && m.Show != state && (m.Show != views.ShowUnused || !idle) {
			continue
		}
		if query == "" || matches(key, query) {
			m.List = append(m.List, h.row(key))
		}
	}
}

// matches says whether a key is one that is searched for: by its label, its note or its name, in small letters.
func matches(key model.Key, query string) bool {
	return strings.Contains(strings.ToLower(key.Card.Label+"\n"+key.Card.Note+"\n"+key.Name), query)
}

// unusedAfter is for how long a key must not have been used to count as unused, newUse for how long a use counts as lately.
const (
	unusedAfter = 90 * 24 * time.Hour
	newUse      = 30 * 24 * time.Hour
)

// unused says that a key has not been used for so long that it may not be needed, or never, as far as that is known.
func unused(key model.Key, now time.Time) bool {
	return key.Usage.Known == model.UsageKnown && now.Sub(key.Usage.LastUse.At) >= unusedAfter && !blind(key)
}

// arranged is the list in the order of what a person comes for: keys that something is waited for or that have just been created, then by
// their last use, the latest first, then those that were never used, the newest first; those that are off come last. Another order is one
// by a single thing, in which a person knows where to look.
func arranged(keys []model.Key, now time.Time, sort string) []model.Key {
	places := make([]place, len(keys)) // which are sorted in place of keys: those are large
	for i := range keys {
		places[i] = placeOf(&keys[i], now)
	}
	slices.SortStableFunc(places, func(a, b place) int {
		switch sort {
		case views.SortByName:
			return cmp.Or(strings.Compare(strings.ToLower(a.key.Title()), strings.ToLower(b.key.Title())), strings.Compare(a.key.ID, b.key.ID))
		case views.SortByAge:
			return cmp.Or(b.created.Compare(a.created), strings.Compare(b.key.ID, a.key.ID))
		default:
			return cmp.Or(a.group-b.group, b.lastUse.Compare(a.lastUse), b.created.Compare(a.created), strings.Compare(b.key.ID, a.key.ID))
		}
	})
	list := make([]model.Key, len(keys))
	for i, p := range places {
		list[i] = *p.key
	}
	return list
}

// place is a key with what its place in the list depends on.
type place struct {
	key              *model.Key
	group            int
	lastUse, created time.Time
}

func placeOf(key *model.Key, now time.Time) place {
	usage := &key.Usage
	p := place{key: key, group: 1, lastUse: usage.LastUse.At, created: createdAt(*key)}
	over := expired(*key, now)
	switch {
	case young(*key, now) && !over && (usage.LastRefusal.At.After(p.lastUse) || usage.FirstUsed.IsZero() && !key.Disabled):
		p.group = 0
	case key.Disabled, over:
		p.group = 3
	case p.lastUse.IsZero():
		p.group = 2
	}
	return p
}

// labelBeside is the label of a key, unless it says no more than its name.
func labelBeside(key model.Key) string {
	if key.Card.Label == key.Name {
		return ""
	}
	return key.Card.Label
}

func (h *dashboard) keyModel(key model.Key) views.Key {
	return views.Key{
		ID: key.ID, Name: key.Name, Label: labelBeside(key), On: !key.Disabled, EndsAtOnce: h.Here, Leaked: !key.Card.LeakedAt.IsZero(),
		Created: views.NewWhen(createdAt(key), h.Now()), Expiry: h.expiryOf(key), Replaced: h.replacedBy(key),
	}
}

// row is a key with its use as lists show it, card as its own page does.
func (h *dashboard) row(key model.Key) views.Key {
	k := h.keyModel(key)
	k.Use = rowUse(key, h.Now())
	return k
}

// recentEvents is how many lines a key's own page has on what was done with it. It reads more events: several may be one line, and among
// them nearly always is when the key was created or turned off.
const (
	recentEvents = 5
	eventsRead   = 20
)

// card is a key as its own page shows it, with what was done with it lately. Without that the page is still worth having.
func (h *dashboard) card(c echo.Context, key model.Key) views.KeyCard {
	k := views.KeyCard{
		Key: h.keyModel(key), Note: key.Card.Note, Adopted: key.Origin == model.OriginAdopted, LeakedAt: views.NewWhen(key.Card.LeakedAt, h.Now()),
	}
	k.Takes = views.Takes{ID: key.Replaces.ID, Name: key.Replaces.Name}
	k.Use = cardUse(key, h.Now())
	h.fillReplaced(c, &k)
	events, err := h.readOnceInTurn(c, model.EventQuery{KeyID: key.ID, Limit: eventsRead})
	if err != nil {
		h.logFault(c, "activity of a key cannot be read", err)
		k.Unread = true
		return k
	}
	var recent views.Activity
	h.fillDays(c, &recent, events, true)
	for _, day := range recent.Days {
		k.Recent = append(k.Recent, day.List...)
	}
	k.Recent = k.Recent[:min(recentEvents, len(k.Recent))]
	switch off := key.Usage.Off.At; {
	case !off.IsZero():
		k.TurnedOff = k.Use.Off.At
	case key.Disabled:
		k.TurnedOff = views.NewWhen(h.turnedOff(c, key.ID, events), h.Now())
		k.SaidYes = k.TurnedOff
	}
	if made := slices.IndexFunc(events, func(e model.Event) bool { return e.Kind == model.EventKeyMade }); made >= 0 {
		k.Device, k.Paired = pairedIn(events[made])
	} else if len(events) == eventsRead {
		k.Device, k.Paired = h.pairedAs(c, key)
	}
	return k
}

// turns are the kinds of events that turn a key on or off.
var turns = []model.EventKind{model.EventKeyTurnedOff, model.EventKeyTurnedOn, model.EventKeyLeaked}

// turnedKey says that an event turned a key on or off. A leak may be reported of a key that is off already.
func turnedKey(e model.Event) bool {
	return slices.Contains(turns, e.Kind) && e.Detail != model.DetailWasOff
}

// turnedOff is when a key that is off was turned off: by its newest events, or else by those of this kind alone, after which many
// refusals may have come. It is the zero time when that is not known.
func (h *dashboard) turnedOff(c echo.Context, id string, newest []model.Event) time.Time {
	i := slices.IndexFunc(newest, turnedKey)
	if i < 0 && len(newest) == eventsRead {
		q := model.EventQuery{KeyID: id, Kinds: turns, Limit: 3} // of which few say that it was off already
		var err error
		if newest, err = h.readOnceInTurn(c, q); err != nil {
			h.logFault(c, "when a key was turned off cannot be read", err)
		}
		i = slices.IndexFunc(newest, turnedKey)
	}
	if i < 0 || newest[i].Kind == model.EventKeyTurnedOn { // and off since in a way that nobody wrote down
		return time.Time{}
	}
	return newest[i].At
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
			return pairedIn(e)
		}
	}
	return "", false
}

// pairedIn is pairedAs by what was written down when the key was created.
func pairedIn(e model.Event) (device string, paired bool) {
	if e.Detail == unnamedDevice {
		return "", true
	}
	return e.Detail, e.Detail != ""
}

// madeTogether is more than is written down of an account in a second, in which a script may make all of its keys.
const madeTogether = 4 * model.MaxKeys

// failure is why the keys could not be read, in place of the list.
func (h *dashboard) failure(c echo.Context, err error) *views.Notice {
	h.logFault(c, "keys cannot be read", err)
	p := explain(c.Request().Context(), err)
	return &views.Notice{
		Bad: true, Title: t(c, "keys.unread", "We couldn’t read your keys."), Text: p.heading + ". " + p.text,
		Link: localPath(c.Request().URL.Path), LinkText: tryAgain.In(c.Request().Context()), Reference: reference(err, requestIDOf(c)),
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
	if c.QueryParam("place") == views.PlaceRow && wantsPart(c) {
		k := h.row(key)
		k.New = k.Use.Stage == views.Connected
		part := views.ArrivedRowPart(k, news(c.Request().Context(), k))
		return render(c, http.StatusOK, part, part)
	}
	k := h.card(c, key)
	m := views.KeyPage{Page: h.page(c, key.Title()), Key: k, AppID: h.AppID, BaseURL: h.BaseURL, Handoff: h.handoff(key.Name, key.Usage.Words())}
	return render(c, http.StatusOK, views.OneKeyPage(m), views.ArrivedCardPart(k, news(c.Request().Context(), k.Key)))
}
