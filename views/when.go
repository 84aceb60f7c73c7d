package views

import (
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
	"latchkey/internal/lang/times"
)

// Clock is by which clock a person lives. With the zero value, and with none, that is not known: times are in UTC then, and say so.
// The page's script writes times in the same words: see "Times" in static/app.js, and static/words.js for other languages.
type Clock struct {
	// Zone is where they are.
	Zone *time.Location
	// Twelve says that they count hours from 1 to 12.
	Twelve bool
	// Language is that of the words, nil for English.
	Language *lang.Language
}

type clockKey struct{}

// WithClock has all times that are drawn in the context follow a clock, in the language of the context.
func WithClock(ctx context.Context, c *Clock) context.Context {
	if c == nil || c.Zone == nil {
		return ctx
	}
	return context.WithValue(ctx, clockKey{}, c)
}

// clockOf is nil when it is not known.
func clockOf(ctx context.Context) *Clock {
	c, _ := ctx.Value(clockKey{}).(*Clock)
	return c
}

// In is the clock in a language.
func (c *Clock) In(l *lang.Language) *Clock {
	if l == c.language() {
		return c
	}
	other := &Clock{Language: l}
	if c != nil {
		other.Zone, other.Twelve = c.Zone, c.Twelve
	}
	return other
}

func (c *Clock) language() *lang.Language {
	if c == nil {
		return nil
	}
	return c.Language
}

func (c *Clock) words() *times.Calendar { return times.In(c.language()) }

// Exact is for a person who wants to know: "2 May 2026, 14:07:30".
func (c *Clock) Exact(t time.Time) string { return string(c.appendExact(c.words(), nil, t)) }

// Time is the time of day, with the day when that is not the one of now: "14:07".
func (c *Clock) Time(t, now time.Time) string { return string(c.appendTime(c.words(), nil, t, now)) }

// Date is a day: "27 Sep", and "31 Dec 2025" of another year than that of now.
func (c *Clock) Date(t, now time.Time) string { return string(c.appendDate(c.words(), nil, t, now)) }

// Day is a day as a heading has it: "Today", "Yesterday", "Thursday 26 November".
func (c *Clock) Day(t, now time.Time) string { return string(c.appendDay(c.words(), nil, t, now)) }

func (c *Clock) at(t time.Time) time.Time {
	if c == nil || c.Zone == nil {
		return t.UTC()
	}
	return t.In(c.Zone)
}

// hours appends the time of day of t, which is in the clock's zone.
func (c *Clock) hours(in *times.Calendar, b []byte, t time.Time, withSeconds bool) []byte {
	b = in.AppendHours(b, t, withSeconds, c != nil && c.Twelve)
	if c == nil || c.Zone == nil {
		b = append(b, " UTC"...)
	}
	return b
}

func (c *Clock) appendExact(in *times.Calendar, b []byte, t time.Time) []byte {
	t = c.at(t)
	return c.hours(in, in.AppendBetween(in.AppendDay(b, t, true)), t, true)
}

func (c *Clock) appendTime(in *times.Calendar, b []byte, t, now time.Time) []byte {
	t = c.at(t)
	if !sameDay(t, c.at(now)) {
		b = in.AppendBetween(c.appendDate(in, b, t, now))
	}
	return c.hours(in, b, t, false)
}

func (c *Clock) appendDate(in *times.Calendar, b []byte, t, now time.Time) []byte {
	t, now = c.at(t), c.at(now)
	return in.AppendDay(b, t, t.Year() != now.Year())
}

func (c *Clock) appendDay(in *times.Calendar, b []byte, t, now time.Time) []byte {
	t, now = c.at(t), c.at(now)
	switch {
	case sameDay(t, now):
		return append(b, in.Today()...)
	case sameDay(t, now.AddDate(0, 0, -1)):
		return append(b, in.Yesterday()...)
	default:
		return in.AppendHeading(b, t, t.Year() != now.Year())
	}
}

// DayInUTC is a day for those whose clock is not known, or does not count: "2 May 2026".
func DayInUTC(ctx context.Context, t time.Time) string {
	return string(times.In(lang.Of(ctx)).AppendDay(nil, t.UTC(), true))
}

// SameDay says whether two moments are on one day of the clock's.
func (c *Clock) SameDay(a, b time.Time) bool { return sameDay(c.at(a), c.at(b)) }

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

const (
	day = 24 * time.Hour
	// agoUntil is from what age on a moment is told by its date.
	agoUntil = 7 * day
)

// appendAgo says how long ago something happened: "4 minutes ago". After a week that is its date.
func (c *Clock) appendAgo(in *times.Calendar, b []byte, t, now time.Time) []byte {
	switch age := now.Sub(t); {
	case age >= agoUntil, age < -time.Hour: // by a clock that was wrong: no word of people's fits
		return c.appendDate(in, b, t, now)
	case age < time.Minute: // a clock slightly ahead of ours included
		return append(b, in.JustNow()...)
	case age < time.Hour:
		return append(b, in.Ago(int(age/time.Minute), times.Minutes)...)
	case age < day:
		return append(b, in.Ago(int(age/time.Hour), times.Hours)...)
	default:
		return append(b, in.Ago(int(age/day), times.Days)...)
	}
}

// When is a moment as seen at another one. It becomes words when it is drawn, by the clock of whom it is drawn for.
type When struct {
	// Machine is RFC 3339, "" when the moment is not known.
	Machine string

	at, seen time.Time
	rule     rule
}

// rule says by what words a time is drawn. The script knows it as the class of the element.
type rule string

const (
	howLongAgo rule = ""
	recent     rule = "recent" // the same, and seconds are counted
	timeOfDay  rule = "clock"
	date       rule = "date"
	hour       rule = "hour"      // where the day is known
	heading    rule = "day"       // which the script leaves alone, because more than words depends on it
	countdown  rule = "countdown" // to it
)

// NewWhen describes t as seen at now. The zero time gives the zero When: the moment is not known.
func NewWhen(t, now time.Time) When {
	if t.IsZero() {
		return When{}
	}
	t = t.UTC().Truncate(time.Second)
	return When{Machine: t.Format(time.RFC3339), at: t, seen: now.UTC()}
}

// NewMoment is NewWhen for what happened a short time ago: it counts seconds.
func NewMoment(t, now time.Time) When { return NewWhen(t, now).as(recent) }

// NewCountdown is how much time there is until then: "9:41". At its end the part of the page that it stands in, if that asks when
// something has "arrived", does so once.
func NewCountdown(t, now time.Time) When { return NewWhen(t, now).as(countdown) }

// Words are what is drawn of it for somebody with that clock.
func (w When) Words(c *Clock) string { return string(w.append(c.words(), nil, c)) }

// Time is the time of day at which it was.
func (w When) Time(c *Clock) string { return c.Time(w.at, w.seen) }

func (w When) as(r rule) When {
	w.rule = r
	return w
}

func (w When) append(in *times.Calendar, b []byte, c *Clock) []byte {
	switch age := w.seen.Sub(w.at); {
	case w.rule == recent && age >= 5*time.Second && age < time.Minute:
		return append(b, in.Ago(int(age/time.Second), times.Seconds)...)
	case w.rule == timeOfDay:
		return c.appendTime(in, b, w.at, w.seen)
	case w.rule == date:
		return c.appendDate(in, b, w.at, w.seen)
	case w.rule == hour:
		return c.hours(in, b, c.at(w.at), false)
	case w.rule == heading:
		return c.appendDay(in, b, w.at, w.seen)
	case w.rule == countdown:
		return appendLeft(b, -age)
	default:
		return c.appendAgo(in, b, w.at, w.seen)
	}
}

// appendLeft says how much time is left, as "9:41". A second that has begun counts.
func appendLeft(b []byte, left time.Duration) []byte {
	seconds := int64(max(0, left+time.Second-1) / time.Second)
	b = append(strconv.AppendInt(b, seconds/60, 10), ':')
	if seconds%60 < 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, seconds%60, 10)
}

// Render draws the moment. A page has many: by a template each would take five times as long.
func (w When) Render(ctx context.Context, to io.Writer) error {
	in := times.In(lang.Of(ctx))
	if w.Machine == "" {
		return write(to, "<span>", templ.EscapeString(in.Unknown()), "</span>")
	}
	c := clockOf(ctx)
	room, _ := timeRoom.Get().(*[]byte)
	defer timeRoom.Put(room)
	b := append((*room)[:0], "<time"...)
	if w.rule != "" {
		b = append(append(append(b, ` class="`...), w.rule...), '"')
	}
	b = append(append(b, ` datetime="`...), w.Machine...)
	if w.rule != heading {
		b = c.appendExact(in, append(b, `" title="`...), w.at)
	}
	b = w.append(in, append(b, `">`...), c)
	*room = append(b, "</time>"...)
	_, err := to.Write(*room)
	return err
}

var timeRoom = sync.Pool{New: func() any { return new([]byte) }}

// when is how long ago something was.
func when(w When) templ.Component { return w }

// clock is the time of day at which something was.
func clock(w When) templ.Component { return w.as(timeOfDay) }

// hourOf is clock, on a day that is told beside it.
func hourOf(w When) templ.Component { return w.as(hour) }

// dayOf is the day on which something was, as a heading.
func dayOf(w When) templ.Component { return w.as(heading) }

// dateOf is the day on which something was.
func dateOf(w When) templ.Component { return w.as(date) }
