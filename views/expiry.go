package views

import (
	"context"
	"io"
	"time"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// The choices of the form that says when a key expires. A number is one of days.
const (
	ExpiresNever   = "never"
	ExpiresIn30    = "30"
	ExpiresIn90    = "90"
	ExpiresInAYear = "year"
	ExpiresOnADay  = "day"
)

var expiryChoices = []struct {
	value string
	name  lang.Text
}{
	{ExpiresNever, lang.New("expiry.choice.never", "Never")},
	{ExpiresIn30, lang.New("expiry.choice.30", "In 30 days")},
	{ExpiresIn90, lang.New("expiry.choice.90", "In 90 days")},
	{ExpiresInAYear, lang.New("expiry.choice.year", "In a year")},
	{ExpiresOnADay, lang.New("expiry.choice.day", "On a day")},
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
var expiredState = templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
	return write(to, `<span class="state">`, escapeText(t(ctx, "expiry.state", "Expired")), `</span>`)
})

// needsShown is for how many keys there is a line above the list.
const needsShown = 3

// expired says that the key signs nothing in any more, whether it is on or off.
func (k *Key) expired() bool { return k.Expiry != nil && k.Expiry.State == Expired }

// works says that the key can sign in with its value.
func (k *Key) works() bool { return k.On && !k.expired() }

// expirySaid says that the row has something to say on when the key expires, besides its use.
func (k *Key) expirySaid() bool { return k.Expiry != nil && k.Expiry.State != ExpiresLater }

// extends says that the form gives the key more time: one that goes on for long has it changed.
func (e *Expiry) extends() bool { return e != nil && e.State != ExpiresLater }

// act is what the link to the form is called.
func (e *Expiry) act(ctx context.Context) string {
	if e.extends() {
		return t(ctx, "expiry.extend", "Extend")
	}
	return t(ctx, "expiry.change", "Change")
}

// sayAct is what a screen reader says of the link, which has only the word on it.
func (k *Key) sayAct(ctx context.Context) string {
	if k.Expiry.extends() {
		return t(ctx, "expiry.extend-key", "Extend {key}", "key", k.Title())
	}
	return t(ctx, "expiry.change-key", "Change when {key} expires", "key", k.Title())
}

// title is the question of the form.
func (m ExpiryForm) title(ctx context.Context) string {
	if m.Key.Expiry.extends() {
		return t(ctx, "expiry.extend-key", "Extend {key}", "key", m.Key.Title())
	}
	return ExpiryTitle(ctx, m.Key.Title())
}

// ExpiryTitle is the question when a key expires.
func ExpiryTitle(ctx context.Context, key string) string {
	return t(ctx, "expiry.title", "When does {key} expire?", "key", key)
}

// expiryPath is the address of the form, and expiryDialog the one that htmx fetches it from.
func expiryPath(id string) templ.SafeURL { return keyPath(id, "expiry") }

func expiryDialog(id, place string) string { return string(expiryPath(id)) + "?place=" + place }

// within is how far off the day is on which a key expires, by the clock of who reads it: "today", "tomorrow", "in 3 days".
func (e *Expiry) within(ctx context.Context) string {
	c := clockOf(ctx)
	at, now := c.at(e.At.at), c.at(e.At.seen)
	days := int(midnightOf(at).Sub(midnightOf(now)) / day)
	switch days {
	case 0:
		return t(ctx, "expiry.today", "today")
	case 1:
		return t(ctx, "expiry.tomorrow", "tomorrow")
	default:
		return tn(ctx, "expiry.in-days", days, "in {n} day", "in {n} days")
	}
}

// midnightOf is the day of t, to count days with: all of them have 24 hours.
func midnightOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// inWords is the instant by the clock of who reads it, and in UTC beside.
func (e *Expiry) inWords() templ.Component {
	return penned(func(p *pen) { p.instant(e.At) })
}

// instant writes a moment by two clocks: "3 Feb 2027, 23:59 (22:59 UTC)". When it is not known where the first one is, the two are one.
func (p *pen) instant(at When) {
	if c := clockOf(p.ctx); c != nil && c.Zone != nil {
		p.T("expiry.by-two-clocks", "{time} ({utc})", moment("time", at, timeOfDay), put("utc", at.inUTC(c)))
		return
	}
	p.time(at, timeOfDay)
}

// told is when the key expires, or did, in a sentence.
func (e *Expiry) told() templ.Component { return penned(e.tell) }

func (e *Expiry) tell(p *pen) {
	when := fill{name: "when", moment: e.At, exact: true}
	switch e.State {
	case Expired:
		p.T("expiry.told.expired", "Expired {when}. Sign-ins are refused.", when)
	case ExpiryUnmet:
		p.T("expiry.told.unmet", "Should have expired {when}. The key service doesn’t know.", when)
	default:
		p.T("expiry.told.expires", "Expires {when}.", when)
	}
}

// ahead is what the line above the list says of the key, which it leads to.
func (n Need) ahead() templ.Component {
	w := with{"a": link(keyPath(n.ID)), "key": isolated(n.Title())}
	switch n.Expiry.State {
	case Expired:
		w["when"] = clock(n.Expiry.At)
		return say("needs.expired", "<a>{key}</a> expired {when}", w)
	case ExpiryUnmet:
		w["when"] = dateOf(n.Expiry.At)
		return say("needs.unmet", "<a>{key}</a> should have expired on {when}. The key service doesn’t know.", w)
	default:
		return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
			w["within"] = templ.Raw(escapeText(n.Expiry.within(ctx)))
			return say("needs.expires", "<a>{key}</a> expires {within}", w).Render(ctx, to)
		})
	}
}

// saysExpired says of a key on its own page that nothing can sign in with it, and what would help.
func (k *KeyCard) saysExpired() templ.Component {
	return penned(func(p *pen) {
		k.Expiry.tell(p)
		p.html(" ")
		if k.On {
			p.T("expiry.extend-it", "Extend it and the same value works again.")
		} else {
			p.T("expiry.extend-it-on", "It is off too: extend it and turn it on, and the same value works again.")
		}
	})
}

// lastRefused is what the row of a key that has expired says of the last sign-in with it.
func (e *Expiry) lastRefused() templ.Component {
	return penned(func(p *pen) {
		if e.Refused.Machine != "" {
			p.T("expiry.row.refused", "Last refused {when}", moment("when", e.Refused, timeOfDay))
		} else {
			p.T("expiry.row.refuses", "Sign-ins are refused")
		}
	})
}

// nearing is what the row of a key says that expires soon, or should have.
func (k *Key) nearing() templ.Component {
	return penned(func(p *pen) {
		if k.Expiry.State == ExpiryUnmet {
			p.T("expiry.row.unmet", "Should have expired {when}", moment("when", k.Expiry.At, date))
			return
		}
		p.T("expiry.row.expires", "Expires {within}", put("within", k.Expiry.within(p.ctx)))
		if k.Use.Summary != "" {
			p.html(" · ")
			p.draw(spelt(k.Use.Summary))
		}
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
	return penned(func(p *pen) {
		if c := clockOf(p.ctx); c != nil && c.Zone != nil {
			p.T("expiry.choice.here", "{time} here ({utc}).", moment("time", f.At, timeOfDay), put("utc", f.At.inUTC(c)))
		} else {
			p.time(f.At, timeOfDay)
			p.html(".")
		}
		for _, text := range []string{f.reminders(p.ctx), f.after(p.ctx)} {
			if text != "" {
				p.html(" " + escapeText(text))
			}
		}
	})
}

// reminders promises no more than is done: emails where there are any, and only for what lies ahead.
func (f ExpiryField) reminders(ctx context.Context) string {
	left := f.At.at.Sub(f.At.seen)
	switch {
	case f.Mailed && left > 14*day:
		return t(ctx, "expiry.mails-both", "We remind you by email 14 and 3 days before.")
	case f.Mailed && left > 3*day:
		return t(ctx, "expiry.mails-one", "We remind you by email 3 days before.")
	case f.Mailed:
		return ""
	case left > 14*day:
		return t(ctx, "expiry.reminds-later", "Your keys page reminds you from 14 days before.")
	default:
		return t(ctx, "expiry.reminds", "Your keys page reminds you.")
	}
}

// after is what does not happen then.
func (f ExpiryField) after(ctx context.Context) string {
	if f.Elsewhere {
		return t(ctx, "expiry.elsewhere", "The key service doesn’t know: the key keeps working until you turn it off.")
	}
	return t(ctx, "expiry.nothing-deleted", "Nothing is deleted.")
}
