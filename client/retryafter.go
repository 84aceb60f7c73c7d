package client

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds on how long a server can ask to be left alone. Less than the first is
// no pause, and a person cannot plan with more than the last.
const (
	leastWait = time.Second
	mostWait  = 5 * time.Minute
)

// waitAsked returns how long a server that is too busy asks to be left alone.
// A date is compared with the server's own clock, which may be another than ours.
func waitAsked(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	now, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return parseRetryAfter(res.Header.Get("Retry-After"), now)
}

// parseRetryAfter reads the header's two forms: seconds, or a date. What is
// neither asks for nothing and gives 0; everything else is within the bounds.
func parseRetryAfter(text string, now time.Time) time.Duration {
	text = strings.Trim(text, " \t")
	if text != "" && strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds > int(mostWait/time.Second) { // an error means more than fits
			return mostWait
		}
		return max(time.Duration(seconds)*time.Second, leastWait)
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(until.Sub(now), leastWait), mostWait)
}
