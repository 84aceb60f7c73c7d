package model

import (
	"hash/fnv"
	"time"
)

// Expiry is what the expiry of a key is set to.
type Expiry struct {
	At        time.Time // zero: never
	Now       time.Time
	MayExtend bool          // by a person who confirmed their password
	Session   time.Duration // for how long a session goes on at most
}

// LatestExpiry is the latest time at which a key may expire that gets its expiry now: ten years from now, to the end of that day wherever
// the person is.
func LatestExpiry(now time.Time) time.Time { return now.AddDate(10, 0, 2) }

// CheckExpiry refuses what no key can be given as its expiry. The zero time is never.
func CheckExpiry(at, now time.Time) error {
	switch {
	case at.IsZero():
		return nil
	case !at.After(now):
		return &Error{Kind: KindExpiryPast, Reason: "that day is over"}
	case at.After(LatestExpiry(now)):
		return &Error{Kind: KindExpiryFar, Reason: "a key can expire in ten years at most"}
	}
	return nil
}

// Extends says whether a key that expired at one time works for longer when it expires at another. Zero is never.
func Extends(was, at time.Time) bool { return !was.IsZero() && (at.IsZero() || at.After(was)) }

// ExpiryDetail is the detail of events about the expiry of a key: the day, in UTC.
func ExpiryDetail(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(time.DateOnly)
}

// Reminder is what the owner of a key was reminded of last.
type Reminder int64

// The reminders of a key, in their order.
const (
	NoReminder Reminder = iota
	ReminderTwoWeeks
	ReminderThreeDays
	ReminderExpired
)

const day = 24 * time.Hour

// Due is when to remind the owner of a key that expires at a time. All emails to a person are due at the same time of the day, which
// is spread over people: so there is one a day for all keys. The first two come up to a day before their time, rather than after it.
func (r Reminder) Due(userID string, expires time.Time) time.Time {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(userID)) // never fails
	offset := time.Duration(hash.Sum32()%(24*60)) * time.Minute
	before := func(t time.Time) time.Time { return t.Add(-offset).Truncate(day).Add(offset) }
	switch r {
	case ReminderTwoWeeks:
		return before(expires.Add(-14 * day))
	case ReminderThreeDays:
		return before(expires.Add(-3 * day))
	default:
		at := before(expires)
		if at.Before(expires) {
			at = at.Add(day)
		}
		return at
	}
}

// LastReminder is what the owner of a key that expires at a time should have been reminded of by now.
func LastReminder(userID string, expires, now time.Time) Reminder {
	for r := ReminderExpired; r > NoReminder; r-- {
		if !r.Due(userID, expires).After(now) {
			return r
		}
	}
	return NoReminder
}

// Next is when the owner of a key is to be reminded after that, zero when never again.
func (r Reminder) Next(userID string, expires time.Time) time.Time {
	if expires.IsZero() || r >= ReminderExpired {
		return time.Time{}
	}
	return (r + 1).Due(userID, expires)
}
