package views

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// Knowledge says whether a key's use is known, and if not, why. The reasons are different texts: "never used" is a claim.
type Knowledge int

// What is known of the use of a key. The zero value stands where nobody asked.
const (
	NotAsked Knowledge = iota
	Known
	NotReported // the key service does not tell
	NotKnown    // it did not tell this time
)

// Stage is how far a key that was made a moment ago has come towards its first use.
type Stage string

// Stages, in the order in which a key goes through them. The other keys have none.
const (
	Waiting   Stage = "waiting"
	Late      Stage = "late" // for so long that the person may want to know why
	WaitsOff  Stage = "off"  // it cannot come while the key is off
	Connected Stage = "connected"
)

// Use is what is known of how a key is used.
type Use struct {
	Known Knowledge
	// First and Last are sign-ins with the key, Refused is one that was refused because the key was off; zero for none.
	First, Last, Refused When
	// By and From are which device made the last sign-in, by its own account, and its address.
	By   UsedBy
	From string
	// Kind is what sort of device that was, and Summary what a row says of it, in our own words alone: "Linux · Node.js SDK · 192.168.1.20".
	// Lately says that it was within 30 days.
	Kind    Kind
	Summary string
	Lately  bool
	// Since is the day from which uses are recorded, zero when the key is younger than that.
	Since When
	Stage Stage
	// Expired says that the refused sign-in came after the key had expired.
	Expired bool
	// Off is what turning the key off ended, nil when it is on or that is not known.
	Off *Off
	// Fingerprint is the first 16 hexadecimal digits of the value's SHA-256, "" when it is not known.
	Fingerprint string
	Words       Words
}

// Kind is what sort of device uses a key, for the drawing beside its name.
type Kind string

// Kinds of devices. The zero value is of keys that were never used, or by nobody knows what.
const (
	KindBoard   Kind = "cpu" // Linux and the like, where there may be no screen
	KindProgram Kind = "terminal"
	KindPhone   Kind = "smartphone"
	KindDesktop Kind = "monitor"
	KindBrowser Kind = "globe"
)

// UsedBy is what a device says of itself. None of it is verified, and any of it may be "".
type UsedBy struct{ Name, Platform, PlatformVersion, SDK, SDKVersion string }

// parts are the texts that describe the device.
func (d UsedBy) parts() []string {
	texts := []string{d.Name, joined(d.Platform, d.PlatformVersion), joined(d.SDK, d.SDKVersion)}
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func joined(name, version string) string {
	if name == "" || version == "" {
		return name + version
	}
	return name + " " + version
}

// Awaits is how far the key is, as one word without spaces: it changes whenever what its row says does. It is "" for keys that
// nobody waits for any more.
func (u Use) Awaits() string {
	switch {
	case u.Stage == "" || u.Stage == Connected:
		return ""
	case u.Refused.Machine == "":
		return string(u.Stage)
	default:
		return string(u.Stage) + "-refused-" + u.Refused.Machine
	}
}

// useNote says once for the whole list what would be the same in each row.
func (k Keys) useNote(ctx context.Context) string {
	if len(k.List) == 0 {
		return ""
	}
	switch k.Uses {
	case NotReported:
		return t(ctx, "keys.use-not-reported", "The key service doesn’t report when keys were last used.")
	case NotKnown:
		return t(ctx, "keys.use-not-known", "When these keys were last used is not known right now.")
	default:
		return ""
	}
}

// ByItself is the parameter of what a page asks without a person, and its value.
const ByItself, byItselfValue = "by", "itself"

// AsksByItself says whether a page asks without a person, by the value of the parameter.
func AsksByItself(value string) bool { return value == byItselfValue }

// byItself is the path for when the page asks without a person.
func byItself(path string) string {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	return path + join + ByItself + "=" + byItselfValue
}

// rowPath is where a row is fetched again.
func rowPath(id string) string { return "/keys/" + id + "?place=" + PlaceRow }

// arrivalPath is where a page learns that something has changed since it was in the state: of one key, or with the id "" of
// any that is waited for.
func arrivalPath(id, state string) string {
	path := "/keys/arrival"
	if id != "" {
		path = "/keys/" + id + "/arrival"
	}
	return path + "?state=" + url.QueryEscape(state)
}
