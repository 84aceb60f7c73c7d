package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/views"
)

const (
	activityPath = "/activity"
	activityPage = 50 // events on a page
)

// errEventsDown says of an error that it is about the list of what happened.
var errEventsDown = errors.New("events cannot be read")

// eventGroups are what a person can narrow the list down to. A device that uses a key is of interest to both.
var eventGroups = map[string][]string{
	"sign-ins": {eventSignedIn, eventSignInFailed, eventSessionEnded, eventPasswordProved},
	"keys": {
		eventKeyMade, eventKeyShown, eventKeyTurnedOn, eventKeyTurnedOff, eventKeyDeleted, eventKeyFirstUsed, eventKeyRefused,
	},
	"devices": {eventPairingAsked, eventPairingApproved, eventPairingDenied, eventKeyFirstUsed, eventKeyRefused},
	"account": {
		eventAccountMade, eventPasswordChanged, eventPasswordReset, eventResetAsked, eventEmailConfirmed, eventAccountDisabled,
		eventAccountEnabled,
	},
}

// showActivity is what happened to the person's account, newest first.
func (h *dashboard) showActivity(c echo.Context) error {
	q, filter := activityQuery(c)
	if before := c.QueryParam("before"); objectID(before) {
		q.Before = before
	}
	q.Limit = activityPage + 1
	events, err := h.readEvents(c, q)
	if err != nil {
		return err
	}
	m := views.Activity{Page: h.page(c, "Activity"), Filter: filter, Later: q.Before != "", Elsewhere: !h.embedded}
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
func activityQuery(c echo.Context) (q EventQuery, filter views.ActivityFilter) {
	if kinds, ok := eventGroups[c.QueryParam("kind")]; ok {
		q.Kinds, filter.Group = kinds, c.QueryParam("kind")
	}
	if key := c.QueryParam("key"); objectID(key) {
		q.KeyID, filter.KeyID = key, key
	}
	return q, filter
}

func (h *dashboard) readEvents(c echo.Context, q EventQuery) ([]Event, error) {
	a, _ := accountOf(c)
	ctx, cancel := readContext(c)
	defer cancel()
	events, err := h.events.Events(ctx, a.UserID, q)
	if err != nil {
		return nil, errors.Join(errEventsDown, err)
	}
	return events, nil
}

// happening is an event in plain words.
func happening(e Event) views.Happening {
	v := views.Happening{
		At: e.At.UTC(), KeyID: e.KeyID, KeyName: e.KeyName, Address: e.Address, Program: browserOf(e.Agent),
		Bad: slices.Contains([]string{eventSignInFailed, eventKeyRefused}, e.Kind),
	}
	v.Before, v.After = wordsOf(e)
	switch {
	case e.Actor == actorBrowser:
		v.Who = "a browser"
	case e.Actor == actorApp:
		v.Who = "an app"
	case e.Actor == actorDevice && (e.Kind == eventKeyFirstUsed || e.Kind == eventKeyRefused):
		v.Who = "a device with this key"
	case e.Actor == actorDevice:
		v.Who = "a device"
	case e.Actor == actorOperator:
		v.Who = "the operator"
	default:
		v.Who = "somebody who is not signed in"
	}
	if strings.HasPrefix(e.Kind, "pairing-") {
		v.Device = e.Detail
	}
	return v
}

// eventWords are the words before the name of the key, or of the device, that an event is about.
var eventWords = map[string]string{
	eventAccountMade:     "Account made",
	eventSignedIn:        "Signed in",
	eventKeyMade:         "Made ",
	eventKeyShown:        "Showed the value of ",
	eventKeyTurnedOn:     "Turned on ",
	eventKeyTurnedOff:    "Turned off ",
	eventKeyDeleted:      "Deleted ",
	eventKeyFirstUsed:    "First use of ",
	eventPasswordChanged: "Password changed",
	eventPasswordReset:   "Password reset",
	eventPasswordProved:  "Password entered once more",
	eventResetAsked:      "Password reset asked for",
	eventEmailConfirmed:  "E-mail address confirmed",
	eventAccountDisabled: "Account turned off",
	eventAccountEnabled:  "Account turned on",
	eventPairingAsked:    "Asked to be connected: ",
	eventPairingApproved: "Approved ",
	eventPairingDenied:   "Denied ",
}

func wordsOf(e Event) (before, after string) {
	switch {
	case e.Kind == eventSignInFailed:
		return "Sign-in refused" + because(e.Detail), ""
	case e.Kind == eventSessionEnded && e.Detail == detailOthers:
		return "Ended all other sessions", ""
	case e.Kind == eventSessionEnded:
		return "Session ended" + because(e.Detail), ""
	case e.Kind == eventKeyRefused && e.Detail == "account is off":
		return "Log-in refused with ", ": the account is off"
	case e.Kind == eventKeyRefused:
		return "Log-in refused with ", ": it was off"
	case e.Kind == eventKeyShown && e.Detail == detailFetched:
		return "The device fetched the value of ", ""
	}
	if words, ok := eventWords[e.Kind]; ok {
		return words, ""
	}
	return e.Kind + because(e.Detail), "" // of a newer version
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}
