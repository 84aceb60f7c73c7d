package views

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// Replacement is that another key takes the place of one: which, and how far that has come. A pointer to none is how a key has it that nothing
// replaces.
type Replacement struct {
	ByID, By string // the other key, and its name
	State    Replacing
	// Evidence says that the server turns the old key off by itself; otherwise its owner does. Quiet is for how long it must not have been
	// seen then: "an hour".
	Evidence bool
	Quiet    string
	// Created is when the new key was, Used when it first signed something in, and OffAt when the old key is turned off if it stays quiet;
	// zero for what is not so far. Device is what used it first, in our words.
	Created, Used, OffAt When
	// Seen is when the old key, or what it has opened, was last heard of; zero when it never was or nobody knows.
	Seen   When
	Device string
	// Unreported says that the key service does not tell whether the new key is in use.
	Unreported bool
}

// Replacing is how far a replacement has come.
type Replacing int

// How far it can come. What was undone is none.
const (
	ReplacingWaits Replacing = iota
	ReplacingBoth            // both keys are in use
	ReplacingDone            // the old key is off
)

// awaits is how far the replacement is, as one word, while that may change without the owner.
func (r *Replacement) awaits() string {
	switch {
	case r == nil || r.State != ReplacingWaits || r.Unreported:
		return ""
	case r.Used.Machine == "":
		return "replacement"
	case r.Evidence:
		return "replacement-used"
	default:
		return ""
	}
}

// Awaits is how far the key is, as one word without spaces: it changes whenever what its row says does. It is "" for keys of which nobody
// waits for anything.
func (k Key) Awaits() string {
	use, replaced := k.Use.Awaits(), k.Replaced.awaits()
	if use == "" || replaced == "" {
		return use + replaced
	}
	return use + "-" + replaced
}

// refetched says that the row or the page of the key is fetched again, once, when something has changed.
func (k Key) refetched() bool { return k.Use.refetched() || k.Replaced.awaits() != "" }

// replaced says that there is something to say of a replacement. One that turned the key off is over when the key has been turned on since.
func (k Key) replaced() bool { return k.Replaced != nil && k.On == (k.Replaced.State != ReplacingDone) }

// line is what the row of the old key says of the replacement: as much as fits a phone.
func (r *Replacement) line() templ.Component { return (*replacedLine)(r) }

type replacedLine Replacement

// Render writes the line.
func (r *replacedLine) Render(ctx context.Context, to io.Writer) error {
	w := &sentences{ctx: ctx, to: to}
	w.text(`<span class="by">`)
	switch name := templ.EscapeString(r.By); {
	case r.State == ReplacingDone:
		w.text("Replaced by " + name)
	case r.State == ReplacingBoth:
		w.text("→ " + name + " · both are in use")
	case r.Unreported, r.Used.Machine != "" && !r.Evidence:
		w.text("→ " + name + " · waiting for you")
	case r.Used.Machine == "":
		w.text("→ " + name + " · waiting for its first use")
	default:
		w.text("→ " + name + " is in use · off after ")
		w.time(r.OffAt.as(timeOfDay))
	}
	w.text("</span>")
	if (*Replacement)(r).awaits() != "" {
		w.text(` <a class="by noscript" href="/keys">Refresh</a>`)
	}
	return w.err
}

// Replace is the model of the question how to replace a key.
type Replace struct {
	Page
	Key Key
	// Name is what the new key will be called.
	Name  string
	Quota Quota
	// FormID is used once: the same form sent again creates no second key. Place is PlaceDialog when the form stands there.
	FormID, Place string
	// Pair is chosen when the device shows a code, Finish is when the old key may stop: see FinishEvidence. Quiet is for how long it must
	// have been quiet.
	Pair          bool
	Finish, Quiet string
	// Evidence says that the server can turn the old key off by itself.
	Evidence bool
	// By is the key that replaces it already, "" when none does.
	ByID, By string
	// Error says what is wrong with what was sent.
	Error string
}

// When the old key of a replacement may stop.
const (
	FinishEvidence = "evidence" // when the new one is in use and the old one was quiet
	FinishNow      = "now"
	FinishPerson   = "person" // when its owner turns it off
)

// Quiets are the times for which an old key may have to be quiet, in the order in which they are offered. The first is the least: a device
// renews its access every half hour, and that is written down within ten minutes.
var Quiets = []struct {
	ID, Words string
	For       time.Duration
}{{"hour", "an hour", time.Hour}, {"day", "a day", day}, {"week", "a week", 7 * day}}

// QuietFor is a time of Quiets in words, and every other in hours.
func QuietFor(d time.Duration) string {
	for _, q := range Quiets {
		if q.For == d {
			return q.Words
		}
	}
	return Stretch(d)
}

func replaceTitle(name string) string { return "Replace " + name + "?" }

// room is how many keys there are, before there is one more.
func (m Replace) room() string {
	return strconv.Itoa(m.Quota.Used) + " of " + strconv.Itoa(m.Quota.Limit) + " used; a replacement needs one more for a while"
}

// Takes is which key the one takes the place of that is to be created, or was.
type Takes struct {
	ID, Name string
	// When is when the old one may stop, as forms carry it.
	When string
	// Then goes on from the name: "is turned off at once". Without an ID it is why there is none.
	Then string
}

// replacePath is where a key is replaced.
func replacePath(id string) templ.SafeURL { return keyPath(id, "replace") }

// parked says that the key is off because another one has taken its place, and can be brought back. One whose value leaked is not offered.
func (k Key) parked() bool { return k.replaced() && !k.On && k.Unknown == "" && !k.Leaked }

// takenOver says that the key is off, and that the one is still there that has taken its place, as far as its page has looked.
func (k Key) takenOver() bool { return k.replaced() && !k.On && k.Replaced.ByID != "" }

// News is what a page says of the replacement when something has changed, "" for nothing.
func (k Key) News() string {
	switch {
	case !k.replaced():
		return ""
	case k.Replaced.State == ReplacingDone:
		return k.Name + " is off: " + k.Replaced.By + " has taken its place."
	case k.Replaced.State == ReplacingBoth:
		return k.Name + " and " + k.Replaced.By + " are both in use."
	case k.Replaced.Used.Machine != "":
		return k.Replaced.By + " is in use."
	default:
		return ""
	}
}

// inUse is the second step of a replacement: the new key.
func (r *Replacement) inUse() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		switch {
		case r.Unreported:
			w.text("Put its value on the device. The key service does not report when it is in use")
		case r.Used.Machine == "":
			w.text("Waiting for its first use")
		default:
			w.text("New value in use since ")
			w.time(r.Used.as(timeOfDay))
			if r.Device != "" {
				w.text(" (" + templ.EscapeString(r.Device) + ")")
			}
		}
		return w.err
	})
}

// ends is the third step: the old key, of that name.
func (r *Replacement) ends(name string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		name := templ.EscapeString(name)
		switch {
		case !r.Evidence:
			w.text("Waiting for you: turn " + name + " off when nothing needs it any more")
		case r.Used.Machine == "":
			w.text(name + " is turned off when it has been quiet for " + r.Quiet + " from then on")
		default:
			w.text(name)
			if r.Seen.Machine != "" {
				w.text(" has been quiet since ")
				w.time(r.Seen.as(timeOfDay))
				w.text(", and")
			}
			w.text(" is turned off after ")
			w.time(r.OffAt.as(timeOfDay))
			w.text(" if that stays so")
		}
		return w.err
	})
}

// isOff is said of the key of that name, with the time when that is known.
func isOff(name string, since When) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		if since.Machine == "" {
			w.text(templ.EscapeString(name) + " is off")
		} else {
			w.text(templ.EscapeString(name) + " has been off since ")
			w.time(since.as(timeOfDay))
		}
		return w.err
	})
}
