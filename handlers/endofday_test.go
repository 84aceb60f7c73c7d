package handlers

import (
	"errors"
	"testing"
	"time"

	"latchkey/views"
)

func TestADayEndsWhenItDoesWhereThePersonIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, now, choice, typed, want string }{
		{"Europe/Berlin", "2026-11-27T12:00:00Z", "day", "2027-02-03", "2027-02-03T22:59:59Z"},
		{"", "2026-11-27T12:00:00Z", "day", "2027-02-03", "2027-02-03T23:59:59Z"},
		{"Europe/Berlin", "2026-11-27T12:00:00Z", "day", "2026-11-27", "2026-11-27T22:59:59Z"}, // today
		{"Pacific/Kiritimati", "2026-11-27T12:00:00Z", "30", "", "2026-12-28T09:59:59Z"},       // where tomorrow has begun
		{"Pacific/Pago_Pago", "2026-11-27T05:00:00Z", "90", "", "2027-02-25T10:59:59Z"},        // where yesterday goes on
		{"Asia/Kathmandu", "2026-11-27T12:00:00Z", "day", "2027-01-01", "2027-01-01T18:14:59Z"},
		{"", "2028-02-29T12:00:00Z", "year", "", "2029-02-28T23:59:59Z"},
		{"", "2027-02-28T12:00:00Z", "year", "", "2028-02-28T23:59:59Z"},
		{"", "2027-03-01T12:00:00Z", "day", "2028-02-29", "2028-02-29T23:59:59Z"},
		{"Europe/Berlin", "2026-11-27T12:00:00Z", "day", "2027-03-28", "2027-03-28T21:59:59Z"},       // of 23 hours
		{"Europe/Berlin", "2026-11-27T12:00:00Z", "day", "2027-10-31", "2027-10-31T22:59:59Z"},       // of 25 hours
		{"Australia/Lord_Howe", "2026-11-27T12:00:00Z", "day", "2027-04-04", "2027-04-04T13:29:59Z"}, // of 24 and a half
		{"Africa/Cairo", "2026-11-27T12:00:00Z", "day", "2027-04-29", "2027-04-29T21:59:59Z"},        // before a day without a midnight
		{"Africa/Cairo", "2026-11-27T12:00:00Z", "day", "2027-04-30", "2027-04-30T20:59:59Z"},        // that day
		{"Africa/Cairo", "2026-11-27T12:00:00Z", "day", "2027-10-28", "2027-10-28T21:59:59Z"},        // which has its last hour twice
		{"America/Havana", "2026-11-27T12:00:00Z", "day", "2027-11-06", "2027-11-07T03:59:59Z"},      // before midnight comes twice
		{"America/St_Johns", "2009-11-27T12:00:00Z", "day", "2010-11-06", "2010-11-07T03:29:59Z"},    // at a minute past midnight an hour back
		{"Pacific/Apia", "2011-11-27T12:00:00Z", "day", "2011-12-30", "2011-12-30T09:59:59Z"},        // a day that never was
		{"", "2026-11-27T12:00:00Z", "day", "2036-11-27", "2036-11-27T23:59:59Z"},
		{"", "2026-11-27T12:00:00Z", "never", "2027-02-03", ""},
		{"", "2026-11-27T12:00:00Z", "", "", ""},
	} {
		got, err := expiryAt(c.choice, c.typed, clockIn(t, c.zone), moment(t, c.now))
		want := time.Time{}
		if c.want != "" {
			want = moment(t, c.want)
		}
		if err != nil || !got.Equal(want) {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

func TestADayThatNoKeyCanExpireOnIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, now, choice, typed string
		want                     error
	}{
		{"", "2026-11-27T12:00:00Z", "day", "2026-11-26", errDayOver},
		{"Pacific/Kiritimati", "2026-11-27T12:00:00Z", "day", "2026-11-27", errDayOver},
		{"Pacific/Apia", "2011-12-30T10:00:00Z", "day", "2011-12-30", errDayOver},
		{"", "2026-11-27T12:00:00Z", "day", "0001-01-01", errDayOver},
		{"", "2026-11-27T12:00:00Z", "day", "2036-11-28", errTooFar},
		{"", "2028-02-29T12:00:00Z", "day", "2038-03-01", errTooFar},
		{"", "2026-11-27T12:00:00Z", "day", "9999-12-31", errTooFar},
		{"", "2026-11-27T12:00:00Z", "day", "10000-01-01", errTooFar},
		{"", "2026-11-27T12:00:00Z", "day", "275760-09-13", errTooFar}, // the last one that a browser knows
		{"", "2026-11-27T12:00:00Z", "day", "2027-02-29", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "2027-13-01", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "2027-00-10", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "3.2.2027", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "2027-02-03T10:00", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "-2027-02-03", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "२०२७-०२-०३", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", "99999999999999999999-01-01", errNotADay},
		{"", "2026-11-27T12:00:00Z", "day", " ", errNoDay},
		{"", "2026-11-27T12:00:00Z", "31", "", errNoSuch},
		{"", "2026-11-27T12:00:00Z", "-90", "", errNoSuch},
		{"", "2026-11-27T12:00:00Z", "nonsense", "", errNoSuch},
	} {
		if got, err := expiryAt(c.choice, c.typed, clockIn(t, c.zone), moment(t, c.now)); !errors.Is(err, c.want) || !got.IsZero() {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

func clockIn(t *testing.T, zone string) *views.Clock {
	if zone == "" {
		return nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return &views.Clock{Zone: location}
}

func moment(t *testing.T, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
