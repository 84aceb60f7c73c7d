package views

import (
	"context"
	"net/url"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
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

// Happening is one event in plain words, of which any part may be "".
type Happening struct {
	When    When
	Drawing string
	// Said is what happened. It has placeholders: {device} for what a device calls itself, {key} for the key, and those that are in
	// Values, which are pairs.
	Said           lang.Text
	Values         []string
	Device         string // as it called itself; nobody has verified it
	KeyID, KeyName string
	// Times is how often it happened, when that was more than once, and Last the time at which it last did.
	Times   int
	Last    string
	Who     string
	Address string
	Several bool   // addresses, of which none is shown
	Program string // "Firefox on Linux"; "" when it is none that is known
	Claim   string // what a program that is not known calls itself, "" when that is not to be shown
	Bad     bool   // a person or a program was refused
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
func (m Activity) none(ctx context.Context) string {
	switch {
	case m.Later:
		return t(ctx, "list.none-older", "Nothing older.")
	case m.Filter.KeyID != "":
		return t(ctx, "activity.none.of-key", "Nothing like that yet.")
	default:
		return noneOf[m.Filter.Group].In(ctx)
	}
}

var noneOf = map[string]lang.Text{
	"":         lang.New("activity.none", "Nothing yet. What happens from now on appears here."),
	"sign-ins": lang.New("activity.none.sign-ins", "No sign-ins yet."),
	"keys":     lang.New("activity.none.keys", "No key events yet."),
	"devices":  lang.New("activity.none.devices", "No device events yet."),
	"account":  lang.New("activity.none.account", "No account events yet."),
}

// key is what the filter calls its key.
func (f ActivityFilter) key(ctx context.Context) string {
	if f.KeyName == "" {
		return t(ctx, "activity.one-key", "one key")
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
var activityGroups = []struct {
	group string
	name  lang.Text
}{
	{"", lang.New("activity.group.all", "All")}, {"sign-ins", lang.New("activity.group.sign-ins", "Sign-ins")},
	{"keys", lang.New("activity.group.keys", "Keys")}, {"devices", lang.New("activity.group.devices", "Devices")},
	{"account", lang.New("activity.group.account", "Account")},
}

// keyName is what the key was called then.
func (e Happening) keyName(ctx context.Context) string {
	if e.KeyName == "" {
		return t(ctx, "activity.a-key", "a key")
	}
	return e.KeyName
}

// told is what happened, and how often, with a key as it is drawn.
func (e Happening) told(key templ.Component) templ.Component {
	w := with{"key": key}
	if e.Device != "" {
		w["device"] = claim(e.Device)
	}
	for i := 0; i+1 < len(e.Values); i += 2 {
		w[e.Values[i]] = e.Values[i+1]
	}
	told := sayText(e.Said, w)
	switch {
	case e.Times < 2:
	case e.Bad && e.Times == 2: // behind a reason
		told = say("activity.refused-twice", "{deed}, twice", with{"deed": told})
	case e.Bad:
		told = sayN("activity.refused-times", e.Times, "{deed}, {n} time", "{deed}, {n} times", with{"deed": told})
	case e.Times == 2:
		told = say("activity.twice", "{deed} twice", with{"deed": told})
	default:
		told = sayN("activity.times", e.Times, "{deed} {n} time", "{deed} {n} times", with{"deed": told})
	}
	if e.Last != "" {
		told = say("activity.last", "{deed}, last at {time}", with{"deed": told, "time": e.Last})
	}
	return told
}
