package times

import (
	"testing"
	"time"

	"latchkey/internal/lang"
)

func TestEveryLanguageHasAllNamesAndWhatATimeConsistsOf(t *testing.T) {
	t.Parallel()
	has := func(pattern []piece, want ...field) bool {
		found := map[field]bool{}
		for _, p := range pattern {
			found[p.field] = true
		}
		for _, f := range want {
			if !found[f] {
				return false
			}
		}
		return true
	}
	for _, l := range lang.All() {
		c := In(l)
		if len(c.months) != 12 || len(c.shortMonths) != 12 || len(c.weekdays) != 7 {
			t.Errorf("%s: %d, %d and %d names", l.Tag, len(c.months), len(c.shortMonths), len(c.weekdays))
		}
		if !has(c.day, dayOfMonth, month) || !has(c.dayWithYear, dayOfMonth, month, year) || !has(c.half, hours, half) ||
			!has(c.heading, weekday, dayOfMonth, month) || !has(c.headingWithYear, weekday, dayOfMonth, month, year) || c.between == "" {
			t.Errorf("%s: something is missing in a pattern: %+v", l.Tag, c)
		}
		if c != In(l) {
			t.Errorf("%s is worked out twice", l.Tag)
		}
	}
}

func TestHowLongAgoSomethingWasHasTheFormsOfTheLanguage(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]map[int]string{
		"de": {1: "vor 1 Minute", 2: "vor 2 Minuten", 59: "vor 59 Minuten"},
		"ar": {1: "قبل دقيقة واحدة", 2: "قبل دقيقتين", 3: "قبل 3 دقائق", 10: "قبل 10 دقائق", 11: "قبل 11 دقيقة", 59: "قبل 59 دقيقة"},
		// The pseudo-language has times as they are: what is in brackets on a page is kept apart from what is none of its texts.
		lang.Pseudo: {4: "4 minutes ago"},
	} {
		l, _ := lang.Named(tag)
		for n, text := range want {
			if got := In(l).Ago(n, Minutes); got != text {
				t.Errorf("%s: %d is %q, want %q", tag, n, got, text)
			}
		}
	}
}

func TestAMomentInAnEmailIsInUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("", 60*60))
	for tag, want := range map[string]string{
		"en": "31 December 2025, 23:30 UTC", "de": "31. Dezember 2025, 23:30 UTC", "ar": "31 ديسمبر 2025، 23:30 UTC",
	} {
		l, _ := lang.Named(tag)
		if got := In(l).Moment(at); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}
