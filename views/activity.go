package views

import (
	"net/url"
	"time"

	"github.com/a-h/templ"
)

// Activity is the model of the list of what happened to an account.
type Activity struct {
	Page
	Filter ActivityFilter
	Days   []ActivityDay
	// Older is the id of the last event here when there are older ones; Later says that there are newer ones.
	Older string
	Later bool
	// Elsewhere says that users and keys are at another server, of which more may be known there.
	Elsewhere bool
}

// ActivityDay is what happened on one day, newest first.
type ActivityDay struct {
	Name string // "Saturday, 2 May 2026"
	List []Happening
}

// Happening is one event in plain words. The key or the device that it is about stands between Before and After.
type Happening struct {
	At             time.Time // UTC
	Before, After  string
	KeyID, KeyName string
	IsDevice       bool   // it is about a device
	Device         string // as it called itself, "" when it did not; nobody has verified it
	Who            string
	Address        string
	Program        string // "Firefox, Linux"; "" when it is none that is known
	Claim          string // what a program that is not known calls itself, "" when that is not to be shown
	Bad            bool   // somebody was refused
}

func (e Happening) clock() string   { return e.At.Format("15:04:05") }
func (e Happening) machine() string { return e.At.Format(time.RFC3339) }
func (e Happening) exact() string   { return e.At.Format("2 January 2006, 15:04:05 UTC") }

// Add puts an event behind the others, under its day.
func (m *Activity) Add(e Happening) {
	day := e.At.Format("Monday, 2 January 2006")
	if n := len(m.Days); n == 0 || m.Days[n-1].Name != day {
		m.Days = append(m.Days, ActivityDay{Name: day})
	}
	last := &m.Days[len(m.Days)-1]
	last.List = append(last.List, e)
}

// ActivityFilter is what the list is narrowed down to; "" does not narrow.
type ActivityFilter struct{ Group, KeyID, KeyName string }

func (f ActivityFilter) none() bool { return f.Group == "" && f.KeyID == "" }

// key is what the filter calls its key.
func (f ActivityFilter) key() string {
	if f.KeyName == "" {
		return "one key"
	}
	return f.KeyName
}

// group is the same filter for another group.
func (f ActivityFilter) group(group string) ActivityFilter {
	f.Group = group
	return f
}

func (f ActivityFilter) allKeys() ActivityFilter { return ActivityFilter{Group: f.Group} }

// path is the address of the list from an event on.
func (f ActivityFilter) path(before string) templ.SafeURL { return f.address("", "before", before) }

// file is the address of a file of the list. It says whose page it stands on: nobody wants to find a stranger's activity in a file.
func (f ActivityFilter) file(suffix, owner string) templ.SafeURL {
	return f.address(suffix, OwnerField, owner)
}

func (f ActivityFilter) address(suffix, more, what string) templ.SafeURL {
	query := url.Values{}
	for name, value := range map[string]string{"kind": f.Group, "key": f.KeyID, more: what} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return templ.SafeURL("/activity" + suffix)
	}
	return templ.SafeURL("/activity" + suffix + "?" + query.Encode())
}

// activityGroups are the groups of the filter and what they are called.
var activityGroups = []struct{ group, name string }{
	{"", "All"}, {"sign-ins", "Sign-ins"}, {"keys", "Keys"}, {"devices", "Devices"}, {"account", "Account"},
}

// keyName is what the key was called then.
func (e Happening) keyName() string {
	if e.KeyName == "" {
		return "a key"
	}
	return e.KeyName
}

// by goes on to where it came from, when that is known.
func (e Happening) by() string {
	if e.Address == "" {
		return "by " + e.Who
	}
	return "by " + e.Who + ", from "
}

// between goes on from the device to its key.
func (e Happening) between() string {
	if !e.IsDevice {
		return ""
	}
	return ", with the key "
}
