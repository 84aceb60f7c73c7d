// Package times writes days, hours and how long ago something was as people who read a language are used to: by patterns and lists that
// are texts of the language (time.…), in Latin digits. Pages draw many times, so that all of it is worked out once for a language.
package times

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey/internal/lang"
)

// Calendar is how times are written in a language.
type Calendar struct {
	months, shortMonths, weekdays []string
	// day is that of this year, as it stands in a line; heading is over what happened on it.
	day, dayWithYear, heading, headingWithYear, half []piece
	between                                          string
	halves                                           [2]string

	today, yesterday, justNow, unknown string
	// agos are how long ago something was, by the unit and how many of them there are.
	agos [Days + 1][60]string
}

// Unit is one of those in which it is said how long ago something was.
type Unit int

// Units.
const (
	Seconds Unit = iota
	Minutes
	Hours
	Days
)

// field stands for a part of a time in a pattern.
type field byte

const (
	nothing field = iota
	dayOfMonth
	month
	year
	weekday
	hours
	half
)

// piece is a text of a pattern and what follows it.
type piece struct {
	text  string
	field field
}

// calendars are those that were asked for: one a language.
var calendars sync.Map

var english = sync.OnceValue(func() *Calendar { return in(nil) })

// In is how times are written in a language. They are what they are in the pseudo-language too.
func In(l *lang.Language) *Calendar {
	if tag, _ := l.HTML(); tag == lang.English || tag == lang.Pseudo {
		return english()
	}
	c, ok := calendars.Load(l)
	if !ok {
		c, _ = calendars.LoadOrStore(l, in(l))
	}
	return c.(*Calendar)
}

func in(l *lang.Language) *Calendar {
	c := &Calendar{
		months:          list(l.T("time.months", "January, February, March, April, May, June, July, August, September, October, November, December")),
		shortMonths:     list(l.T("time.months-short", "Jan, Feb, Mar, Apr, May, Jun, Jul, Aug, Sep, Oct, Nov, Dec")),
		weekdays:        list(l.T("time.weekdays", "Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday")),
		day:             pieces(l.T("time.day", "{day} {month}")),
		dayWithYear:     pieces(l.T("time.day-year", "{day} {month} {year}")),
		heading:         pieces(l.T("time.heading", "{weekday} {day} {month}")),
		headingWithYear: pieces(l.T("time.heading-year", "{weekday} {day} {month} {year}")),
		half:            pieces(l.T("time.twelve", "{hours} {half}")),
		halves:          [2]string{l.T("time.am", "AM"), l.T("time.pm", "PM")},
		today:           l.T("time.today", "Today"),
		yesterday:       l.T("time.yesterday", "Yesterday"),
		justNow:         l.T("time.just-now", "just now"),
		unknown:         l.T("time.unknown", "unknown"),
	}
	_, c.between, _ = strings.Cut(l.T("time.moment", "{date}, {hours}"), "{date}")
	c.between = strings.TrimSuffix(c.between, "{hours}")
	for n := range c.agos[Seconds] {
		c.agos[Seconds][n] = l.N("time.seconds-ago", n, "{n} second ago", "{n} seconds ago")
		c.agos[Minutes][n] = l.N("time.minutes-ago", n, "{n} minute ago", "{n} minutes ago")
		c.agos[Hours][n] = l.N("time.hours-ago", n, "{n} hour ago", "{n} hours ago")
		c.agos[Days][n] = l.N("time.days-ago", n, "{n} day ago", "{n} days ago")
	}
	return c
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",،、 ", r) })
}

// pieces takes a pattern apart.
func pieces(pattern string) (all []piece) {
	fields := map[string]field{"day": dayOfMonth, "month": month, "year": year, "weekday": weekday, "hours": hours, "half": half}
	for pattern != "" {
		text, rest, _ := strings.Cut(pattern, "{")
		name, after, _ := strings.Cut(rest, "}")
		all = append(all, piece{text, fields[name]})
		pattern = after
	}
	return all
}

func (c *Calendar) append(b []byte, pattern []piece, t time.Time, months []string) []byte {
	y, m, d := t.Date()
	for _, p := range pattern {
		b = append(b, p.text...)
		switch p.field {
		case dayOfMonth:
			b = strconv.AppendInt(b, int64(d), 10)
		case month:
			b = append(b, months[m-1]...)
		case year:
			b = strconv.AppendInt(b, int64(y), 10)
		case weekday:
			b = append(b, c.weekdays[t.Weekday()]...)
		}
	}
	return b
}

// AppendDay appends the day of t as it stands in a line: "2 May", "2 May 2026".
func (c *Calendar) AppendDay(b []byte, t time.Time, withYear bool) []byte {
	if withYear {
		return c.append(b, c.dayWithYear, t, c.shortMonths)
	}
	return c.append(b, c.day, t, c.shortMonths)
}

// AppendHeading appends the day of t as it stands over what happened on it: "Saturday 2 May".
func (c *Calendar) AppendHeading(b []byte, t time.Time, withYear bool) []byte {
	if withYear {
		return c.append(b, c.headingWithYear, t, c.months)
	}
	return c.append(b, c.heading, t, c.months)
}

// AppendBetween appends what stands between a day and a time of it.
func (c *Calendar) AppendBetween(b []byte) []byte { return append(b, c.between...) }

// AppendHours appends the time of day of t: "14:07", "2:07 PM".
func (c *Calendar) AppendHours(b []byte, t time.Time, withSeconds, twelve bool) []byte {
	if !twelve {
		return appendHours(b, t, t.Hour(), true, withSeconds)
	}
	for _, p := range c.half {
		b = append(b, p.text...)
		switch p.field {
		case hours:
			b = appendHours(b, t, (t.Hour()+11)%12+1, false, withSeconds)
		case half:
			b = append(b, c.halves[t.Hour()/12]...)
		}
	}
	return b
}

func appendHours(b []byte, t time.Time, hour int, twoDigits, withSeconds bool) []byte {
	if twoDigits {
		b = appendTwo(b, hour)
	} else {
		b = strconv.AppendInt(b, int64(hour), 10)
	}
	b = appendTwo(append(b, ':'), t.Minute())
	if withSeconds {
		b = appendTwo(append(b, ':'), t.Second())
	}
	return b
}

func appendTwo(b []byte, n int) []byte {
	if n < 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// Ago says how long ago something was: "4 minutes ago". Of each unit there are less than sixty.
func (c *Calendar) Ago(n int, u Unit) string { return c.agos[u][n] }

// Today is that day.
func (c *Calendar) Today() string { return c.today }

// Yesterday is the day before.
func (c *Calendar) Yesterday() string { return c.yesterday }

// JustNow is less than a minute ago.
func (c *Calendar) JustNow() string { return c.justNow }

// Unknown stands for a time that is not known.
func (c *Calendar) Unknown() string { return c.unknown }

// Date is a day in a sentence of its own, as in an email: "2 January 2026".
func (c *Calendar) Date(t time.Time) string {
	return string(c.append(nil, c.dayWithYear, t, c.months))
}

// UTC is the time of day of t there: "14:07 UTC".
func (c *Calendar) UTC(t time.Time) string {
	return string(c.AppendHours(nil, t.UTC(), false, false)) + " UTC"
}

// Moment is the day and the time of t in UTC, for those whose clock is not known: "2 January 2026, 14:07 UTC".
func (c *Calendar) Moment(t time.Time) string {
	t = t.UTC()
	return c.Date(t) + c.between + c.UTC(t)
}
