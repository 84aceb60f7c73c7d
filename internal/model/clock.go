package model

import "time"

// MaxAhead is how far two clocks are apart at most that both are right: what is dated later than that is from the future.
const MaxAhead = time.Minute

// FromFuture says whether something was dated by a clock that was ahead of this one. Which of the two is wrong it does not say: what it
// is true of is not taken for good, and is not thrown away.
func FromFuture(at, now time.Time) bool { return at.Sub(now) > MaxAhead }
