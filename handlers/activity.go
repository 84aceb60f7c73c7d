package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
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
	if i := slices.IndexFunc(events, func(e model.Event) bool { return e.KeyName != "" }); filter.KeyID != "" && i >= 0 {
		m.Filter.KeyName = events[i].KeyName
	}
	fillDays(&m, events, clockOf(c), h.Now())
	return render(c, http.StatusOK, views.ActivityPage(m), views.ActivityPage(m))
}

// fillDays tells events, the newest first, by the days of the clock.
func fillDays(m *views.Activity, events []model.Event, clock *views.Clock, now time.Time) {
	for i := 0; i < len(events); {
		if i == 0 || !clock.SameDay(events[i-1].At, events[i].At) {
			m.AddDay(views.NewWhen(events[i].At, now))
		}
		n := 1
		for i+n < len(events) && alike(events[i], events[i+n]) && clock.SameDay(events[i].At, events[i+n].At) {
			n++
		}
		if n < foldFrom {
			n = 1
		}
		m.Add(folded(events[i:i+n], clock, now))
		i += n
	}
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
func folded(events []model.Event, clock *views.Clock, now time.Time) views.Happening {
	v := happening(events[0], clock, now)
	if len(events) == 1 {
		return v
	}
	count, off := 0, 0
	for _, e := range events {
		v.Each = append(v.Each, happening(e, clock, now))
		count += e.Again + 1
		if e.Kind == model.EventKeyTurnedOff {
			off++
		}
	}
	e := events[0]
	v.Before, v.Between, v.After = wordsOf(e)
	switch on := len(events) - off; {
	case !turned(e) || on == 0 || off == 0:
		v.After += times(count, e.Kind)
	case e.Kind == model.EventKeyTurnedOn: // and so it is now
		v.Before, v.After = "Turned ", " off and on"+times(max(on, off), e.Kind)
	default:
		v.Before, v.After = "Turned ", " on and off"+times(max(on, off), e.Kind)
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
func happening(e model.Event, clock *views.Clock, now time.Time) views.Happening {
	v := views.Happening{
		When: views.NewWhen(e.At, now), Drawing: drawings[e.Kind], KeyID: e.KeyID, KeyName: e.KeyName, Who: actors[e.Actor], Address: e.Address,
		Program: knownProgram(e.Agent), Bad: e.Kind == model.EventSignInFailed || e.Kind == model.EventKeyRefused,
	}
	v.Before, v.Between, v.After = wordsOf(e)
	if asDevice(e) {
		v.Device = e.Detail
	}
	if e.Actor != model.ActorUnknown { // of whom nothing may stand here that they chose themselves
		v.Claim = claimOf(e.Agent)
	}
	if e.Again > 0 {
		v.After += times(e.Again+1, e.Kind) + ", last at " + clock.Time(e.LastAt, e.At)
		if e.Address == "" {
			v.Who += " · several addresses"
		}
	}
	return v
}

// times is how often something happened, behind what that was.
func times(n int, kind model.EventKind) string {
	often := " " + strconv.Itoa(n) + " times"
	if n == 2 {
		often = " twice"
	}
	if kind == model.EventSignInFailed || kind == model.EventKeyRefused { // behind a reason
		return "," + often
	}
	return often
}

// actors are who did it. In a browser that is signed in it was the person, as far as anybody knows.
var actors = map[model.Actor]string{
	model.ActorBrowser: "You", model.ActorApp: "An app", model.ActorDevice: "A device", model.ActorOperator: "The administrator",
	model.ActorUnknown: "Someone not signed in", model.ActorServer: "This server",
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

// eventWords are the words before and behind the name of the key that an event is about, where no more decides on them.
var eventWords = map[model.EventKind][2]string{
	model.EventAccountMade:     {"Account created"},
	model.EventSignedIn:        {"Signed in"},
	model.EventKeyMade:         {"Created "},
	model.EventKeyShown:        {"Value of ", " shown"},
	model.EventKeyAdopted:      {"Adopted "},
	model.EventKeyTurnedOn:     {"Turned on "},
	model.EventKeyTurnedOff:    {"Turned off "},
	model.EventKeyDeleted:      {"Deleted "},
	model.EventKeyExpired:      {"", " expired"},
	model.EventKeyFirstUsed:    {"", " signed in for the first time"},
	model.EventKeyBroughtBack:  {"Brought back "},
	model.EventPasswordChanged: {"Password changed"},
	model.EventPasswordReset:   {"Password reset"},
	model.EventPasswordProved:  {"Password confirmed"},
	model.EventResetAsked:      {"Password reset requested"},
	model.EventEmailConfirmed:  {"Email address confirmed"},
	model.EventAccountDisabled: {"Account disabled"},
	model.EventAccountEnabled:  {"Account enabled"},
	model.EventPasswordRemoved: {"Password removed"},
}

// asDevice says that the detail of an event is what a device called itself.
func asDevice(e model.Event) bool {
	return e.Kind == model.EventPairingAsked || e.Kind == model.EventPairingApproved || e.Kind == model.EventPairingDenied
}

// wordsOf are those before the name of a device, between it and that of a key, and behind both.
func wordsOf(e model.Event) (before, between, after string) {
	e.Detail = strings.TrimSuffix(strings.TrimSuffix(e.Detail, model.DetailByOperator), ", ") // who it was stands beside it
	device := "a device"
	if asDevice(e) && e.Detail != "" {
		device = "a device that calls itself "
	}
	switch {
	case e.Kind == model.EventPairingAsked:
		return "A" + device[1:], " asked to connect", ""
	case e.Kind == model.EventPairingApproved && e.KeyID != "":
		return "Approved " + device, ", with the key ", ""
	case e.Kind == model.EventPairingApproved:
		return "Approved " + device, "", ""
	case e.Kind == model.EventPairingDenied:
		return "Denied " + device, "", ""
	case e.Kind == model.EventSignedIn && e.Detail != "":
		return "Signed in " + e.Detail, "", ""
	case e.Kind == model.EventHandedOver:
		return "Signed in from " + cmp.Or(e.Detail, "an app"), "", ""
	case e.Kind == model.EventSignInFailed:
		return "Sign-in refused" + because(refusals, e.Detail), "", ""
	case e.Kind == model.EventSessionEnded:
		if words, ok := endings[e.Detail]; ok {
			return words, "", ""
		}
		return "Signed out" + because(nil, e.Detail), "", ""
	case e.Kind == model.EventKeyRefused && e.Detail == model.ReasonDisabled:
		return "Refused ", "", ": the account is disabled"
	case e.Kind == model.EventKeyRefused && e.Detail == model.ReasonKeyExpired:
		return "Refused ", "", ": the key has expired"
	case e.Kind == model.EventKeyExpirySet:
		return "Set ", "", expirySet(e.Detail)
	case e.Kind == model.EventKeyRefused:
		return "Refused ", "", ": the key is off"
	case e.Kind == model.EventPasswordProved && e.Detail != "":
		return "Confirmed " + e.Detail, "", ""
	case e.Kind == model.EventPasskeyAdded:
		return "Added the passkey " + e.Detail, "", ""
	case e.Kind == model.EventPasskeyRemoved:
		return "Removed the passkey " + e.Detail, "", ""
	case e.Kind == model.EventPasskeyCount:
		return "The passkey " + e.Detail + " may have been copied: it counted fewer uses than before", "", ""
	case e.Kind == model.EventIdentityLinked:
		return "Added sign-in " + e.Detail, "", ""
	case e.Kind == model.EventIdentityUnlinked:
		return "Removed sign-in " + e.Detail, "", ""
	case e.Kind == model.EventKeyMade && e.Detail != "":
		return "Created ", "", " for a connected device"
	case e.Kind == model.EventKeyAdopted && e.Detail != "":
		return "Adopted ", "", " " + e.Detail
	case e.Kind == model.EventKeyReplaced:
		return "Started replacing ", "", " with " + e.Detail
	case e.Kind == model.EventKeyParked:
		return "Turned off ", "", because(nil, e.Detail)
	case e.Kind == model.EventReplacementEnded:
		return "Stopped replacing ", "", because(nil, e.Detail)
	case e.Kind == model.EventKeyShown && e.Detail == model.DetailFetched:
		return "Value of ", "", " sent to its device"
	case e.Kind == model.EventKeyLeaked && e.Detail == model.DetailWasOff:
		return "Reported that the value of ", "", " leaked: it was off already"
	case e.Kind == model.EventKeyLeaked:
		return "Turned off ", "", ": its value leaked"
	case e.Kind == model.EventKeyTurnedOn && e.Detail == model.DetailLeaked:
		return "Turned on ", "", ", although its value leaked"
	case e.Kind == model.EventKeySaved:
		return "Value of ", "", cmp.Or(savings[model.SavedHow(e.Detail)], " saved")
	}
	if words, ok := eventWords[e.Kind]; ok {
		return words[0], "", words[1]
	}
	return string(e.Kind) + because(nil, e.Detail), "", "" // of a newer version
}

// expirySet says when a key is to expire, of which there is the day in UTC.
func expirySet(detail string) string {
	day, err := time.Parse(time.DateOnly, detail)
	if err != nil {
		return " never to expire"
	}
	return " to expire on " + day.Format("2 Jan 2006") + " (UTC)"
}

// refusals are the reasons that pages put into other words than the events have.
var refusals = map[string]string{model.ReasonDisabled: "the account is disabled", model.ReasonPending: "the email address is not confirmed"}

// endings are what was done when sessions ended.
var endings = map[string]string{
	model.EndedSignedOut: "Signed out", model.EndedSignedIn: "Signed out to sign in again", model.EndedElsewhere: "Signed out another session",
	model.EndedOthers: "Signed out everywhere else",
}

// savings are how a value was saved. That it was ticked is what the person said, and nobody saw.
var savings = map[model.SavedHow]string{
	model.SavedByCopying: " copied", model.SavedByDownloading: " downloaded", model.SavedInManager: " saved in a password manager",
	model.SavedBySaying: " saved, as you said",
}

func because(reasons map[string]string, detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + cmp.Or(reasons[detail], detail)
}
