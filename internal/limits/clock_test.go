package limits_test

import (
	"testing"
	"time"

	"latchkey/internal/limits"
)

const aYear = 365 * 24 * time.Hour

func TestNobodyWaitsLongerBecauseTheClockWasWrong(t *testing.T) {
	for _, off := range []time.Duration{aYear, 12 * time.Hour, -12 * time.Hour, -2 * aYear} {
		c := newClock()
		b := limits.NewBook(c.Now, sweepEvery)
		bucket, window := b.Buckets(1, time.Minute).Of("ann"), b.Windows(limits.Rule{Most: 1, In: time.Hour}).Of("ann")
		c.Advance(off)
		take(t, b, 0, bucket, window)
		take(t, b, time.Hour, bucket, window)
		c.Advance(-off) // right again
		turn := b.Begin()
		_, wait := turn.Take(bucket, window)
		turn.End()
		if wait > time.Hour {
			t.Errorf("with a clock that was %v ahead for a while one waits for %v", off, wait)
		}
		c.Advance(time.Hour)
		take(t, b, 0, bucket, window)
	}
}
