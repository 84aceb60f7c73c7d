package story

import (
	"testing"
	"time"

	"latchkey/internal/testkit"
)

// passed is how far the clocks of this package's stories have been moved on.
var passed time.Duration

// OwnClock is a clock for a story about a key's age, which its id tells. Ids of one process never go back, whatever clock
// each program has, so such stories run one after the other, each beginning when the one before has ended: none of them is
// parallel.
func OwnClock(t *testing.T) *testkit.Clock {
	var clock testkit.Clock
	clock.Advance(passed)
	t.Cleanup(func() { passed = clock.Ahead() })
	return &clock
}

// atATime is less than a clock may be set by without being doubted.
const atATime = 9 * time.Minute

// GoesOn has the program's clock go on, and the program do meanwhile what it does each minute. Between may keep a session alive.
func (p *Program) GoesOn(t *testing.T, clock *testkit.Clock, by time.Duration, between func()) {
	t.Helper()
	for by > 0 {
		step := min(by, atATime)
		clock.Advance(step)
		p.app.Sweep(Within(t))
		between()
		by -= step
	}
}
