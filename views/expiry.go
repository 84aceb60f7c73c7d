package views

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// The choices of the form that says when a key expires. A number is one of days.
const (
	ExpiresNever   = "never"
	ExpiresIn30    = "30"
	ExpiresIn90    = "90"
	ExpiresInAYear = "year"
	ExpiresOnADay  = "day"
)

var expiryChoices = []struct{ value, name string }{
	{ExpiresNever, "Never"}, {ExpiresIn30, "In 30 days"}, {ExpiresIn90, "In 90 days"}, {ExpiresInAYear, "In a year"}, {ExpiresOnADay, "On a day"},
}

// ExpiryField is the part of a form that says when a key expires.
type ExpiryField struct {
	// Choice is one of the choices; "" is never.
	Choice string
	// Day is what stands in the field for days, as "2027-02-03", and Error what is wrong with the choice or with it.
	Day, Error string
	// First and Last are the days that the field offers.
	First, Last string
	// At is the instant that was chosen, zero for never.
	At When
	// Mailed says that emails remind of it, Elsewhere that the key is at another server, which does not know of it.
	Mailed, Elsewhere bool
}

// said says that something was chosen, or tried to be.
func (f ExpiryField) said() bool { return f.Error != "" || f.Choice != "" && f.Choice != ExpiresNever }

// ExpiryForm is the model of the page on which people say when a key of theirs expires.
type ExpiryForm struct {
	Page
	Key   Key
	Field ExpiryField
	// Place is PlaceRow when the form is drawn over the list, PlacePage over the key's page, and "" on a page of its own.
	Place string
}

// Expiry is that a key expires. A Key without one never does.
type Expiry struct {
	// At is when.
	At    When
	State ExpiryState
	// Refused is the last sign-in that was refused since, zero for none.
	Refused When
	// Fixed says that it is another server that says so, where alone it can be changed.
	Fixed bool
}

// ExpiryState is how far a key has come towards expiring.
type ExpiryState int

// How far a key can have come.
const (
	ExpiresLater ExpiryState = iota
	ExpiresSoon              // within 14 days
	Expired                  // nothing can sign in with it
	ExpiryUnmet              // it should have expired, and the other server that has it does not know
)

// Need is a key that its owner should look at, for a line above the list.
type Need struct {
	Key
	// Left is for how long it still goes on, as of now; negative once it has expired.
	Left time.Duration
}

// expiredState stands in place of the switch of a key that has expired: turning it on would not help.
var expiredState = templ.Raw(`<span class="state">Expired</span>`)

// needsShown is for how many keys there is a line above the list.
const needsShown = 3

// expired says that the key signs nothing in any more, whether it is on or off.
func (k *Key) expired() bool { return k.Expiry != nil && k.Expiry.State == Expired }

// works says that the key can sign in with its value.
func (k *Key) works() bool { return k.On && !k.expired() }

// refusedWhile says why a sign-in was refused, behind when that was.
func (u *Use) refusedWhile() string {
	if u.Expired {
		return "after it had expired"
	}
	return "while it was off"
}

// expirySaid says that the row has something to say on when the key expires, besides its use.
func (k *Key) expirySaid() bool { return k.Expiry != nil && k.Expiry.State != ExpiresLater }

// act is what the link to the form is called: a key that goes on for long is changed, the others are extended.
func (e *Expiry) act() string {
	if e == nil || e.State == ExpiresLater {
		return "Change"
	}
	return "Extend"
}

// sayAct is what a screen reader says of the link, which has only the word on it.
func (k *Key) sayAct() string {
	if act := k.Expiry.act(); act == "Extend" {
		return act + " " + k.Title()
	}
	return "Change when " + k.Title() + " expires"
}

// title is the question of the form.
func (m ExpiryForm) title() string {
	if m.Key.Expiry.act() == "Extend" {
		return "Extend " + m.Key.Title()
	}
	return "When does " + m.Key.Title() + " expire?"
}

// expiryPath is the address of the form, and expiryDialog the one that htmx fetches it from.
func expiryPath(id string) templ.SafeURL { return keyPath(id, "expiry") }

func expiryDialog(id, place string) string { return string(expiryPath(id)) + "?place=" + place }

// within is how far off the day is on which a key expires, by the clock of who reads it: "today", "tomorrow", "in 3 days".
func (e *Expiry) within(c *Clock) string {
	at, now := c.at(e.At.at), c.at(e.At.seen)
	days := int(midnightOf(at).Sub(midnightOf(now)) / day)
	switch days {
	case 0:
		return "today"
	case 1:
		return "tomorrow"
	default:
		return "in " + strconv.Itoa(days) + " days"
	}
}

// midnightOf is the day of t, to count days with: all of them have 24 hours.
func midnightOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// inWords is the instant by the clock of who reads it, and in UTC beside.
func (e *Expiry) inWords() templ.Component {
	return saying(func(w *sentences) { w.instant(e.At, "") })
}

// instant writes a moment by two clocks: "3 Feb 2027, 23:59 (22:59 UTC)". What stands between says where the first one is; when that is not
// known, the two are one.
func (s *sentences) instant(at When, between string) {
	s.time(at.as(timeOfDay))
	if c := clockOf(s.ctx); c != nil && c.Zone != nil {
		s.text(between + " (" + at.inUTC(c) + ")")
	}
}

// told is when the key expires, or did, in a sentence.
func (e *Expiry) told() templ.Component {
	return saying(func(w *sentences) {
		switch e.State {
		case Expired:
			w.text("Expired ")
			w.instant(e.At, "")
			w.text(". Sign-ins are refused.")
		case ExpiryUnmet:
			w.text("Should have expired ")
			w.instant(e.At, "")
			w.text(". The key service doesn’t know.")
		default:
			w.text("Expires ")
			w.instant(e.At, "")
			w.text(".")
		}
	})
}

// ahead goes on from the name of a key that its owner should look at.
func (e *Expiry) ahead() templ.Component {
	return saying(func(w *sentences) {
		switch e.State {
		case Expired:
			w.text(" expired ")
			w.time(e.At.as(timeOfDay))
		case ExpiryUnmet:
			w.text(" should have expired on ")
			w.time(e.At.as(date))
			w.text(". The key service doesn’t know.")
		default:
			w.text(" expires " + e.within(clockOf(w.ctx)))
		}
	})
}

// saysExpired says of a key on its own page that nothing can sign in with it, and what would help.
func (k *KeyCard) saysExpired() templ.Component {
	return saying(func(w *sentences) {
		w.err = k.Expiry.told().Render(w.ctx, w.to)
		if k.On {
			w.text(" Extend it and the same value works again.")
		} else {
			w.text(" It is off too: extend it and turn it on, and the same value works again.")
		}
	})
}

// saying writes sentences.
func saying(say func(*sentences)) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		say(w)
		return w.err
	})
}

// inUTC is the moment in UTC, with its day if that is another one there.
func (w When) inUTC(c *Clock) string {
	there, here := w.at.UTC(), c.at(w.at)
	_, offset := here.Zone()
	if offset == 0 {
		return "UTC"
	}
	in := c.words()
	if sameDay(there, here) {
		return in.UTC(there)
	}
	return string(in.AppendBetween(in.AppendDay(nil, there, false))) + in.UTC(there)
}

// told is what the choice means: by when, what happens before, and what does not.
func (f ExpiryField) told() templ.Component {
	return saying(func(w *sentences) {
		w.instant(f.At, " here")
		w.text(". " + f.reminders())
		if f.Elsewhere {
			w.text("The key service doesn’t know: the key keeps working until you turn it off.")
		} else {
			w.text("Nothing is deleted.")
		}
	})
}

// reminders promises no more than is done: emails where there are any, and only for what lies ahead.
func (f ExpiryField) reminders() string {
	left := f.At.at.Sub(f.At.seen)
	switch {
	case f.Mailed && left > 14*day:
		return "We remind you by email 14 and 3 days before. "
	case f.Mailed && left > 3*day:
		return "We remind you by email 3 days before. "
	case f.Mailed:
		return ""
	case left > 14*day:
		return "Your keys page reminds you from 14 days before. "
	default:
		return "Your keys page reminds you. "
	}
}
