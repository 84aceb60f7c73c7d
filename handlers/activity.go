package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

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
	"sign-ins": {model.EventSignedIn, model.EventSignInFailed, model.EventSessionEnded, model.EventPasswordProved},
	"keys": {
		model.EventKeyMade, model.EventKeyShown, model.EventKeyTurnedOn, model.EventKeyTurnedOff, model.EventKeyDeleted, model.EventKeyFirstUsed, model.EventKeyRefused,
	},
	"devices": {model.EventPairingAsked, model.EventPairingApproved, model.EventPairingDenied, model.EventKeyFirstUsed, model.EventKeyRefused},
	"account": {
		model.EventAccountMade, model.EventPasswordChanged, model.EventPasswordReset, model.EventResetAsked, model.EventEmailConfirmed, model.EventAccountDisabled,
		model.EventAccountEnabled,
	},
}

// showActivity is what happened to the person's account, newest first.
func (h *dashboard) showActivity(c echo.Context) error {
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
	m := views.Activity{Page: h.page(c, "Activity"), Filter: filter, Later: q.Before != "", Elsewhere: !h.Here}
	if len(events) > activityPage {
		events = events[:activityPage]
		m.Older = events[activityPage-1].ID
	}
	for _, e := range events {
		if m.Filter.KeyName == "" && m.Filter.KeyID != "" {
			m.Filter.KeyName = e.KeyName
		}
		m.Add(happening(e))
	}
	return render(c, http.StatusOK, views.ActivityPage(m), views.ActivityPage(m))
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
func happening(e model.Event) views.Happening {
	v := views.Happening{
		At: e.At.UTC(), KeyID: e.KeyID, KeyName: e.KeyName, Address: e.Address, Program: knownProgram(e.Agent),
		Bad: slices.Contains([]model.EventKind{model.EventSignInFailed, model.EventKeyRefused}, e.Kind),
	}
	v.Before, v.After = wordsOf(e)
	switch {
	case e.Actor == model.ActorBrowser:
		v.Who = "a browser"
	case e.Actor == model.ActorApp:
		v.Who = "an app"
	case e.Actor == model.ActorDevice && (e.Kind == model.EventKeyFirstUsed || e.Kind == model.EventKeyRefused):
		v.Who = "a device with this key"
	case e.Actor == model.ActorDevice:
		v.Who = "a device"
	case e.Actor == model.ActorOperator:
		v.Who = "the operator"
	default:
		v.Who = "somebody who is not signed in"
	}
	if e.Actor != model.ActorUnknown { // of whom nothing may stand here that they chose themselves
		v.Claim = claimOf(e.Agent)
	}
	if strings.HasPrefix(string(e.Kind), "pairing-") {
		v.Device, v.IsDevice = e.Detail, true
	}
	if e.Again > 0 {
		last := &v.After
		if e.KeyID == "" {
			last = &v.Before
		}
		*last += repeated(e)
		if e.Address == "" {
			v.Who += ", from several addresses"
		}
	}
	return v
}

// repeated says how often it happened, and until when.
func repeated(e model.Event) string {
	until, layout := e.LastAt.UTC(), "15:04"
	if until.Format(time.DateOnly) != e.At.UTC().Format(time.DateOnly) {
		layout = "2 January, 15:04"
	}
	return fmt.Sprintf(", %d times until %s", e.Again+1, until.Format(layout))
}

// eventWords are the words before the name of the key, or of the device, that an event is about.
var eventWords = map[model.EventKind]string{
	model.EventAccountMade:     "Account created",
	model.EventSignedIn:        "Signed in",
	model.EventKeyMade:         "Created ",
	model.EventKeyShown:        "Showed the value of ",
	model.EventKeyTurnedOn:     "Turned on ",
	model.EventKeyTurnedOff:    "Turned off ",
	model.EventKeyDeleted:      "Deleted ",
	model.EventKeyFirstUsed:    "First use of ",
	model.EventPasswordChanged: "Password changed",
	model.EventPasswordReset:   "Password reset",
	model.EventPasswordProved:  "Password entered once more",
	model.EventResetAsked:      "Password reset asked for",
	model.EventEmailConfirmed:  "E-mail address confirmed",
	model.EventAccountDisabled: "Account turned off",
	model.EventAccountEnabled:  "Account turned on",
	model.EventPairingAsked:    "Asked to be connected: ",
	model.EventPairingApproved: "Approved ",
	model.EventPairingDenied:   "Denied ",
}

func wordsOf(e model.Event) (before, after string) {
	switch {
	case e.Kind == model.EventSignInFailed:
		return "Sign-in refused" + because(e.Detail), ""
	case e.Kind == model.EventSessionEnded && e.Detail == model.EndedOthers:
		return "Ended all other sessions", ""
	case e.Kind == model.EventSessionEnded:
		return "Session ended" + because(e.Detail), ""
	case e.Kind == model.EventKeyRefused && e.Detail == model.ReasonDisabled:
		return "Log-in refused with ", ": the account is off"
	case e.Kind == model.EventKeyRefused:
		return "Log-in refused with ", ": it was off"
	case e.Kind == model.EventKeyMade && e.Detail != "":
		return "Created ", ", for a device that was connected"
	case e.Kind == model.EventKeyShown && e.Detail == model.DetailFetched:
		return "The device fetched the value of ", ""
	}
	if words, ok := eventWords[e.Kind]; ok {
		return words, ""
	}
	return string(e.Kind) + because(e.Detail), "" // of a newer version
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}
