package client

import (
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

var wholeNumber = regexp.MustCompile(`^[ \t]*([0-9]+)[ \t]*$`)

// FuzzParseRetryAfter compares with a second reading of the header, which does its sums without bounds.
func FuzzParseRetryAfter(f *testing.F) {
	now := time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)
	for _, text := range []string{
		"", "0", "1", "30", " 30\t", "299", "300", "301", "1000000000", "9223372036854775807", "9223372036854775808", strings.Repeat("9", 1000), "-1", "+30", "1.5", "1e3",
		"30s", "0x1e", "30, 60", "30;60", "soon", "٣٠", "30\x00", "\v30", "\u00a030", "2026-05-02T12:00:30Z", "Sat, 02 May 2026 12:00:30 GMT", "Sat, 02 May 2026 12:00:30 CET",
		"Saturday, 02-May-26 12:00:30 GMT", "Sat May  2 12:00:30 2026", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Sat, 30 Feb 2026 12:00:00 GMT",
	} {
		f.Add(text, int64(0))
		f.Add(text, int64(1<<40))
	}
	f.Fuzz(func(t *testing.T, text string, shift int64) {
		now := now.Add(time.Duration(shift))
		got := parseRetryAfter(text, now)
		if got != 0 && (got < leastWait || got > mostWait) {
			t.Fatalf("%q asks for %v", text, got)
		}
		if want := secondReading(text, now); got != want {
			t.Fatalf("%q at %v asks for %v, want %v", text, now, got, want)
		}
		res := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{
			"Retry-After": {text}, "Date": {now.UTC().Format(http.TimeFormat)},
		}}
		if asked := waitAsked(res); (asked == 0) != (got == 0) {
			t.Fatalf("%q in an answer asks for %v, alone for %v", text, asked, got)
		}
	})
}

// secondReading is RFC 9110's grammar once more.
func secondReading(text string, now time.Time) time.Duration {
	seconds := new(big.Int)
	if found := wholeNumber.FindStringSubmatch(text); found != nil {
		seconds.SetString(found[1], 10)
	} else {
		until, err := http.ParseTime(strings.Trim(text, " \t"))
		if err != nil {
			return 0
		}
		// In nanoseconds, which overflow an int64 after 292 years.
		wait := new(big.Int).Mul(big.NewInt(until.Unix()-now.Unix()), big.NewInt(int64(time.Second)))
		wait.Sub(wait, big.NewInt(int64(now.Nanosecond())))
		return bounded(wait)
	}
	return bounded(seconds.Mul(seconds, big.NewInt(int64(time.Second))))
}

func bounded(nanoseconds *big.Int) time.Duration {
	switch {
	case nanoseconds.Cmp(big.NewInt(int64(leastWait))) < 0:
		return leastWait
	case nanoseconds.Cmp(big.NewInt(int64(mostWait))) > 0:
		return mostWait
	}
	return time.Duration(nanoseconds.Int64())
}
