package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

const (
	activityPath = "/activity"
	activityPage = 50 // events on a page
)

// errEventsDown says of an error that it is about the list of what happened.
var errEventsDown = errors.New("events cannot be read")

// eventGroups are what a person can narrow the list down to. A device that uses a key is of interest to both.
var eventGroups = map[string][]model.EventKind{
	"sign-ins": {model.EventSignedIn, model.EventSignInFailed, model.EventSessionEnded, model.EventPasswordProved, model.EventHandedOver},
	"keys": {
		model.EventKeyMade, model.EventKeyShown, model.EventKeyAdopted, model.EventKeyTurnedOn, model.EventKeyTurnedOff, model.EventKeyDeleted, model.EventKeyFirstUsed, model.EventKeyRefused,
		model.EventKeySaved, model.EventKeyLeaked,
		model.EventKeyReplaced, model.EventKeyParked, model.EventKeyBroughtBack, model.EventReplacementEnded,
		model.EventKeyExpirySet, model.EventKeyExpired,
	},
	"devices": {model.EventPairingAsked, model.EventPairingApproved, model.EventPairingDenied, model.EventKeyFirstUsed, model.EventKeyRefused},
	"account": {
		model.EventAccountMade, model.EventPasswordChanged, model.EventPasswordReset, model.EventResetAsked, model.EventEmailConfirmed, model.EventIdentityLinked, model.EventIdentityUnlinked,
		model.EventAccountDisabled, model.EventAccountEnabled,
		model.EventPasskeyAdded, model.EventPasskeyRemoved, model.EventPasskeyCount, model.EventPasswordRemoved,
	},
}

// showActivity is what happened to the person's account, newest first.
func (h *dashboard) showActivity(c echo.Context) error {
	ctx := c.Request().Context()
	q, filter := activityQuery(c)
	if before := c.QueryParam("before"); model.IsID(before) {
		q.Before = before
	}
	q.Limit = activityPage + 1
	read := h.readEvents
	if len(q.Kinds) > 0 || q.KeyID != "" { // which may look at all there is
		read = h.readOnceInTurn
	}
	events, err := read(c, q)
	if err != nil {
		return err
	}
	m := views.Activity{Page: h.page(c, lang.T(ctx, "activity.title", "Activity")), Filter: filter, Later: q.Before != "", Elsewhere: !h.Here}
	if len(events) > activityPage {
		events = events[:activityPage]
		m.Older = events[activityPage-1].ID
	}
	if i := slices.IndexFunc(events, func(e model.Event) bool { return e.KeyName != "" }); filter.KeyID != "" && i >= 0 {
		m.Filter.KeyName = events[i].KeyName
	}
	h.fillDays(c, &m, events, true)
	return render(c, http.StatusOK, views.ActivityPage(m), views.ActivityPage(m))
}

// fillDays tells events, the newest first, by the days of the person's clock. own says that the events are theirs.
func (h *dashboard) fillDays(c echo.Context, m *views.Activity, events []model.Event, own bool) {
	t := teller{ctx: c.Request().Context(), clock: clockOf(c), now: h.Now(), own: own}
	for i := 0; i < len(events); {
		if i == 0 || !t.clock.SameDay(events[i-1].At, events[i].At) {
			m.AddDay(views.NewWhen(events[i].At, t.now))
		}
		n := 1
		for i+n < len(events) && alike(events[i], events[i+n]) && t.clock.SameDay(events[i].At, events[i+n].At) {
			n++
		}
		if n < foldFrom {
			n = 1
		}
		m.Add(t.folded(events[i : i+n]))
		i += n
	}
}

// teller puts events into words: for the person to whom they happened or, unless they are their own, for an administrator.
type teller struct {
	ctx   context.Context
	clock *views.Clock
	now   time.Time
	own   bool
}

// foldFrom is how many like events in a row become one line.
const foldFrom = 3

// alike says that one line can stand for two events: the same was done to the same key by the same program at
// the same address, for the same reason. A key that was turned off and on is one that was turned.
func alike(a, b model.Event) bool {
	return (a.Kind == b.Kind || turned(a) && turned(b)) && a.KeyID == b.KeyID && a.KeyName == b.KeyName && a.Detail == b.Detail &&
		a.Actor == b.Actor && a.Address == b.Address && a.Agent == b.Agent
}

func turned(e model.Event) bool {
	return e.Kind == model.EventKeyTurnedOn || e.Kind == model.EventKeyTurnedOff
}

// folded is the line for several events that are alike. None of them is lost: they stand below it.
func (t teller) folded(events []model.Event) views.Happening {
	v := t.happening(events[0])
	if len(events) == 1 {
		return v
	}
	count, off := 0, 0
	for _, e := range events {
		v.Each = append(v.Each, t.happening(e))
		count += e.Again + 1
		if e.Kind == model.EventKeyTurnedOff {
			off++
		}
	}
	e := events[0]
	v.Times, v.Last = count, ""
	if on := len(events) - off; turned(e) && on > 0 && off > 0 {
		v.Times, v.Said = max(on, off), turnedOnAndOff
		if e.Kind == model.EventKeyTurnedOn { // and so it is now
			v.Said = turnedOffAndOn
		}
	}
	return v
}

// activityQuery is the filter in the address. What no filter can be is none.
func activityQuery(c echo.Context) (q model.EventQuery, filter views.ActivityFilter) {
	if kinds, ok := eventGroups[c.QueryParam("kind")]; ok {
		q.Kinds, filter.Group = kinds, c.QueryParam("kind")
	}
	if key := c.QueryParam("key"); model.IsID(key) {
		q.KeyID, filter.KeyID = key, key
	}
	return q, filter
}

func (h *dashboard) readEvents(c echo.Context, q model.EventQuery) ([]model.Event, error) {
	a, _ := accountOf(c)
	ctx, cancel := readContext(c)
	defer cancel()
	events, err := h.Events.Events(ctx, a.UserID, q)
	if err != nil {
		return nil, errors.Join(errEventsDown, err)
	}
	return events, nil
}

// happening is an event in plain words.
func (t teller) happening(e model.Event) views.Happening {
	v := views.Happening{
		When: views.NewWhen(e.At, t.now), Drawing: drawings[e.Kind], KeyID: e.KeyID, KeyName: e.KeyName, Who: t.who(e.Actor), Address: e.Address,
		Program: knownProgram(t.ctx, e.Agent), Bad: e.Kind == model.EventSignInFailed || e.Kind == model.EventKeyRefused,
	}
	v.Said, v.Values = t.said(e)
	if asDevice(e) {
		v.Device = e.Detail
	}
	if e.Actor != model.ActorUnknown { // of whom nothing may stand here that they chose themselves
		v.Claim = claimOf(t.ctx, e.Agent)
	}
	if e.Again > 0 {
		v.Times, v.Last = e.Again+1, t.clock.Time(e.LastAt, e.At)
		v.Several = e.Address == ""
	}
	return v
}

// who did it. In a browser that is signed in it was the person, as far as anybody knows.
func (t teller) who(actor model.Actor) string {
	if actor == model.ActorBrowser && !t.own {
		return lang.T(t.ctx, "activity.who.user", "The user")
	}
	return actors[actor].In(t.ctx)
}

var actors = map[model.Actor]lang.Text{
	model.ActorBrowser: lang.New("activity.who.you", "You"), model.ActorApp: lang.New("claim.app", "An app"),
	model.ActorDevice: lang.New("claim.device", "A device"), model.ActorOperator: lang.New("activity.who.operator", "The administrator"),
	model.ActorUnknown: lang.New("activity.who.stranger", "Someone not signed in"), model.ActorServer: lang.New("activity.who.server", "This server"),
}

// drawings are what stands beside the words.
var drawings = map[model.EventKind]string{
	model.EventAccountMade: "user", model.EventSignedIn: "in", model.EventSignInFailed: "alert", model.EventSessionEnded: "out",
	model.EventKeyMade: "plus", model.EventKeyAdopted: "plus", model.EventKeyShown: "eye", model.EventKeyTurnedOn: "power", model.EventKeyTurnedOff: "power",
	model.EventKeyExpirySet: "clock", model.EventKeyExpired: "clock",
	model.EventKeyDeleted: "trash", model.EventKeyFirstUsed: "check", model.EventKeyRefused: "alert",
	model.EventKeyReplaced: "plus", model.EventKeyParked: "power", model.EventKeyBroughtBack: "power", model.EventReplacementEnded: "ban",
	model.EventPairingAsked: "link", model.EventPairingApproved: "link", model.EventPairingDenied: "ban",
	model.EventPasswordChanged: "lock", model.EventPasswordReset: "lock", model.EventPasswordProved: "lock", model.EventResetAsked: "mail",
	model.EventEmailConfirmed: "mail", model.EventIdentityLinked: "link", model.EventIdentityUnlinked: "trash", model.EventAccountDisabled: "ban", model.EventAccountEnabled: "user",
	model.EventKeySaved: "check", model.EventKeyLeaked: "alert",
	model.EventHandedOver:   "in",
	model.EventPasskeyAdded: "lock", model.EventPasskeyRemoved: "trash", model.EventPasskeyCount: "alert", model.EventPasswordRemoved: "lock",
}
