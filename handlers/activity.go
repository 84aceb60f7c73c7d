package handlers

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/views"
)

const (
	activityPath = "/activity"
	activityPage = 50     // events on a page
	activityMost = 10_000 // events in an export
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
	ctx, cancel := context.WithTimeout(c.Request().Context(), readTimeout)
	defer cancel()
	events, err := h.events.Events(ctx, a.UserID, q)
	if err != nil {
		return nil, errors.Join(errEventsDown, err)
	}
	return events, nil
}

// exportedEvent is an event as files have it. The names are kept: people's programs read them.
type exportedEvent struct {
	ID      string `json:"id"`
	Time    string `json:"time"`
	Kind    string `json:"kind"`
	Actor   string `json:"actor"`
	KeyID   string `json:"key_id,omitempty"`
	KeyName string `json:"key_name,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`
}

func (h *dashboard) exported(c echo.Context) ([]exportedEvent, error) {
	q, _ := activityQuery(c)
	q.Limit = activityMost
	events, err := h.readEvents(c, q)
	rows := make([]exportedEvent, len(events))
	for i, e := range events {
		rows[i] = exportedEvent{
			e.ID, e.At.UTC().Format(time.RFC3339Nano), e.Kind, e.Actor, e.KeyID, e.KeyName, e.Detail, e.Address, e.Agent,
		}
	}
	return rows, err
}

// exportActivityCSV is the same list as a file (RFC 4180).
func (h *dashboard) exportActivityCSV(c echo.Context) error {
	rows, err := h.exported(c)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	w.UseCRLF = true
	_ = w.Write([]string{"id", "time", "kind", "actor", "key_id", "key_name", "detail", "address", "agent"})
	for _, r := range rows {
		_ = w.Write([]string{
			r.ID, r.Time, r.Kind, r.Actor, r.KeyID, noFormula(r.KeyName), noFormula(r.Detail), noFormula(r.Address), noFormula(r.Agent),
		})
	}
	w.Flush() // into memory, which does not fail
	return attach(c, "latchkey-activity.csv", "text/csv; charset=utf-8", file.Bytes())
}

// noFormula keeps a spreadsheet from computing a text that a stranger chose.
func noFormula(text string) string {
	if strings.ContainsAny(firstOf(text), "=+-@\t\r\n") {
		return "'" + text
	}
	return text
}

func firstOf(text string) string { return text[:min(1, len(text))] }

func (h *dashboard) exportActivityJSON(c echo.Context) error {
	rows, err := h.exported(c)
	if err != nil {
		return err
	}
	file, err := json.MarshalIndent(map[string]any{"events": rows}, "", "  ")
	if err != nil {
		return err
	}
	return attach(c, "latchkey-activity.json", "application/json", append(file, '\n'))
}

func attach(c echo.Context, name, kind string, file []byte) error {
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, kind, file)
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

// eventWords are the words before and after the name of the key, or of the device, that an event is about.
var eventWords = map[string][2]string{
	eventAccountMade:     {"Account made", ""},
	eventSignedIn:        {"Signed in", ""},
	eventKeyMade:         {"Made ", ""},
	eventKeyShown:        {"Showed the value of ", ""},
	eventKeyTurnedOn:     {"Turned on ", ""},
	eventKeyTurnedOff:    {"Turned off ", ""},
	eventKeyDeleted:      {"Deleted ", ""},
	eventKeyFirstUsed:    {"First use of ", ""},
	eventPasswordChanged: {"Password changed", ""},
	eventPasswordReset:   {"Password reset", ""},
	eventPasswordProved:  {"Password entered once more", ""},
	eventResetAsked:      {"Password reset asked for", ""},
	eventEmailConfirmed:  {"E-mail address confirmed", ""},
	eventAccountDisabled: {"Account turned off", ""},
	eventAccountEnabled:  {"Account turned on", ""},
	eventPairingAsked:    {"Asked to be connected: ", ""},
	eventPairingApproved: {"Approved ", ""},
	eventPairingDenied:   {"Denied ", ""},
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
		return words[0], words[1]
	}
	return e.Kind + because(e.Detail), "" // of a newer version
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}
