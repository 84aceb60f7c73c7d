package story

import (
	"sync/atomic"
	"testing"
	"time"
)

// Clock is one that stands still until it is moved on.
type Clock struct{ ahead atomic.Int64 }

// Now is the time of the clock.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// passed is how far the clocks of this package's stories have been moved on.
var passed time.Duration

// OwnClock is a clock for a story about a key's age, which its id tells. Ids of one process never go back, whatever clock
// each program has, so such stories run one after the other, each beginning when the one before has ended: none of them is
// parallel.
func OwnClock(t *testing.T) *Clock {
	var clock Clock
	clock.Advance(passed)
	t.Cleanup(func() { passed = time.Duration(clock.ahead.Load()) })
	return &clock
}
