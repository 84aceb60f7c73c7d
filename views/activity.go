package views

import (
	"net/url"

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
	Day  When
	List []Happening
}

// Happening is one event in plain words, of which any part may be "": what a device calls itself stands behind Before, and the key behind
// Between.
type Happening struct {
	When            When
	Drawing         string
	Before, Between string
	After           string
	Device          string // as it called itself; nobody has verified it
	KeyID, KeyName  string
	Who             string
	Address         string
	Program         string // "Firefox on Linux"; "" when it is none that is known
	Claim           string // what a program that is not known calls itself, "" when that is not to be shown
	Bad             bool   // somebody was refused
	// Each is what this stands for, newest first, when it is several that happened one after the other.
	Each []Happening
}

// AddDay begins a day, behind those that there are.
func (m *Activity) AddDay(first When) { m.Days = append(m.Days, ActivityDay{Day: first}) }

// Add puts an event behind the others of the last day.
func (m *Activity) Add(e Happening) {
	last := &m.Days[len(m.Days)-1]
	last.List = append(last.List, e)
}

// ActivityFilter is what the list is narrowed down to; "" does not narrow.
type ActivityFilter struct{ Group, KeyID, KeyName string }

// none is what stands in the place of an empty list.
func (m Activity) none() string {
	switch {
	case m.Later:
		return "Nothing older."
	case m.Filter.KeyID != "":
		return "Nothing like that yet."
	default:
		return noneOf[m.Filter.Group]
	}
}

var noneOf = map[string]string{
	"": "Nothing yet. What happens from now on appears here.", "sign-ins": "No sign-ins yet.", "keys": "No key events yet.",
	"devices": "No device events yet.", "account": "No account events yet.",
}

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

// words are those that stand before the device, behind it, and behind the key. What is not there leaves no gap.
func (e Happening) words(place int) string {
	parts := [3]string{e.Before, e.Between, e.After}
	if e.KeyID == "" {
		parts[1], parts[2] = parts[1]+parts[2], ""
	}
	if e.Device == "" {
		parts[0], parts[1] = parts[0]+parts[1], ""
	}
	return parts[place]
}
