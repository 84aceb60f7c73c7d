package client

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRetryAfterIsSecondsOrADateWithinBounds(t *testing.T) {
	now := time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for text, want := range map[string]time.Duration{
		"":                                 0,
		"30":                               30 * time.Second,
		" 30\t":                            30 * time.Second,
		"030":                              30 * time.Second,
		"0":                                time.Second,
		"1":                                time.Second,
		"300":                              5 * time.Minute,
		"301":                              5 * time.Minute,
		"1000000000":                       5 * time.Minute,
		"9223372036854775807":              5 * time.Minute,
		"9223372036854775808":              5 * time.Minute,
		strings.Repeat("9", 10_000):        5 * time.Minute,
		at(30 * time.Second):               30 * time.Second,
		at(time.Hour):                      5 * time.Minute,
		at(0):                              time.Second,
		at(-time.Hour):                     time.Second,
		"Saturday, 02-May-26 12:00:30 GMT": 30 * time.Second,
		"Sat May  2 12:00:30 2026":         30 * time.Second,
		"-1":                               0,
		"+30":                              0,
		"1.5":                              0,
		"1e3":                              0,
		"30s":                              0,
		"0x1e":                             0,
		"30, 60":                           0,
		"soon":                             0,
		"٣٠":                               0,
		"30\x00":                           0,
		"2026-05-02T12:00:30Z":             0,
		"Sat, 02 May 2026 12:00:30 CET":    0,
	} {
		if got := parseRetryAfter(text, now); got != want {
			t.Errorf("%.40q asks for %v, want %v", text, got, want)
		}
	}
}

func TestOnlyAServerThatIsTooBusyAsksForTime(t *testing.T) {
	for status, want := range map[int]time.Duration{429: 30 * time.Second, 503: 30 * time.Second, 200: 0, 301: 0, 400: 0, 404: 0, 500: 0, 502: 0} {
		res := &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"30"}}}
		if got := waitAsked(res); got != want {
			t.Errorf("status %d asks for %v, want %v", status, got, want)
		}
	}
}

func TestADateIsComparedWithTheServersClock(t *testing.T) {
	theirs := time.Now().Add(-10 * time.Minute)
	res := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{
		"Date":        {theirs.UTC().Format(http.TimeFormat)},
		"Retry-After": {theirs.Add(30 * time.Second).UTC().Format(http.TimeFormat)},
	}}
	if got := waitAsked(res); got != 30*time.Second {
		t.Errorf("it asks for %v, want 30s", got)
	}
	res.Header.Set("Date", "yesterday")
	if got := waitAsked(res); got != time.Second {
		t.Errorf("without a date of theirs it asks for %v, want what is left by our clock", got)
	}
}
