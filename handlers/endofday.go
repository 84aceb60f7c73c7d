package handlers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/lang"
	"latchkey/views"
)

// maxYears is how far away the day may be on which a key expires. It can be put off again.
const maxYears = 10

// expiryError is what is wrong with the day that a key is to expire on, in the form's own words.
type expiryError struct{ lang.Text }

func (e expiryError) Error() string { return e.English }

// What can be wrong with it.
var (
	errNoDay   = expiryError{lang.New("expiry.no-day", "Choose a day.")}
	errNotADay = expiryError{lang.New("expiry.not-a-day", "That isn’t a day. Write it like 2027-02-03.")}
	errDayOver = expiryError{lang.New("expiry.day-over", "That day is over.")}
	errTooFar  = expiryError{lang.New("expiry.at-most", "At most ten years from today.")}
	errNoSuch  = expiryError{lang.New("expiry.no-such", "Choose one of these.")}
)

// expiryAt is the instant that a person means who chose in a form when a key expires: the end of a day, by the clock that they live by.
// It is the zero time for never.
func expiryAt(choice, typed string, clock *views.Clock, now time.Time) (time.Time, error) {
	zone := zoneOf(clock)
	today := now.In(zone)
	var end time.Time
	switch {
	case choice == views.ExpiresNever || choice == "":
		return time.Time{}, nil
	case choice == views.ExpiresInAYear:
		end = endOfDay(sameDayIn(today, 1), zone)
	case choice == views.ExpiresOnADay:
		day, err := dayTyped(strings.TrimSpace(typed))
		if err != nil {
			return time.Time{}, err
		}
		end = endOfDay(day, zone)
	case choice == views.ExpiresIn30:
		end = endOfDay(dateOf(today).after(30), zone)
	case choice == views.ExpiresIn90:
		end = endOfDay(dateOf(today).after(90), zone)
	default:
		return time.Time{}, errNoSuch
	}
	switch {
	case !end.After(now):
		return time.Time{}, errDayOver
	case end.After(endOfDay(lastDay(today), zone)):
		return time.Time{}, errTooFar
	}
	return end, nil
}

// zoneOf is where a clock is, as far as that is known.
func zoneOf(clock *views.Clock) *time.Location {
	if clock == nil || clock.Zone == nil {
		return time.UTC
	}
	return clock.Zone
}

// lastDay is the last one that a person can choose who lives on the day of now.
func lastDay(now time.Time) date { return sameDayIn(now, maxYears) }

// date is a day of the calendar, wherever.
type date struct {
	year  int
	month time.Month
	day   int
}

// plain is the date as the calendar has it: the 31st of November is the 1st of December.
func (d date) plain() date {
	t := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC)
	return date{t.Year(), t.Month(), t.Day()}
}

// after is the day so many days later. Only the calendar tells: by the clock, that time of day may not be there.
func (d date) after(days int) date { return date{d.year, d.month, d.day + days}.plain() }

func (d date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

func (d date) before(other date) bool {
	return d.year < other.year || d.year == other.year && (d.month < other.month || d.month == other.month && d.day < other.day)
}

// sameDayIn is the same day some years later. On 29 February that is 28 February, if that year has no other.
func sameDayIn(t time.Time, years int) date {
	d := date{t.Year() + years, t.Month(), t.Day()}
	if d.plain() != d {
		d.day--
	}
	return d
}

// dayTyped is the day that a field for days has sent: "2027-02-03". Its year may have more than four digits.
func dayTyped(typed string) (date, error) {
	if typed == "" {
		return date{}, errNoDay
	}
	year, rest, _ := strings.Cut(typed, "-")
	month, day, _ := strings.Cut(rest, "-")
	if len(year) < 4 || len(year) > 6 || len(month) != 2 || len(day) != 2 || strings.Trim(year+month+day, "0123456789") != "" {
		return date{}, errNotADay
	}
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	n, _ := strconv.Atoi(day)
	d := date{y, time.Month(m), n}
	if d.plain() != d {
		return date{}, errNotADay
	}
	return d, nil
}

// endOfDay is the last second of a day in a zone: 23:59:59, and where clocks are set back over midnight the later one. A day that the zone
// has left out, as one does that changes sides of the date line, ends when the one before does.
func endOfDay(d date, zone *time.Location) time.Time {
	last := time.Date(d.year, d.month, d.day, 23, 59, 59, 0, time.UTC)
	var end time.Time
	for _, near := range []time.Duration{-36 * time.Hour, 0, 36 * time.Hour} {
		_, offset := last.Add(near).In(zone).Zone()
		if at := last.Add(-time.Duration(offset) * time.Second); onDay(at.In(zone), d) && at.After(end) {
			end = at
		}
	}
	if !end.IsZero() {
		return end.UTC()
	}
	// There is no 23:59:59: the last second before whatever day comes then.
	low, high := last.Add(-40*time.Hour).Unix(), last.Add(40*time.Hour).Unix()
	for high-low > 1 {
		if middle := (low + high) / 2; d.before(dateOf(time.Unix(middle, 0).In(zone))) {
			high = middle
		} else {
			low = middle
		}
	}
	return time.Unix(low, 0).UTC()
}

func dateOf(t time.Time) date { return date{t.Year(), t.Month(), t.Day()} }

// onDay says that t is the last second of the day d.
func onDay(t time.Time, d date) bool {
	return dateOf(t) == d && t.Hour() == 23 && t.Minute() == 59 && t.Second() == 59
}
