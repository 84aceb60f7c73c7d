package authserver

import (
	"slices"
	"time"
)

// count is what something is counted in that there may be only so much of. Times are durations since a moment of its keeper's
// choice.
type count interface {
	wait(now time.Duration) time.Duration // for how long there can be no more; nothing or less when there can
	add(now time.Duration)
	takeBack(taken, now time.Duration) // the one that was added at the time taken
}

// addAll adds one to all counts, or to none while any of them has to wait.
func addAll(counts []count, now time.Duration) (wait time.Duration) {
	for _, c := range counts {
		wait = max(wait, c.wait(now))
	}
	if wait > 0 {
		return wait
	}
	for _, c := range counts {
		c.add(now)
	}
	return 0
}

// bucket is a count that allows so many at once, and one more after each pause.
type bucket struct {
	until  map[string]time.Duration // until when each one's is not full
	who    string
	atOnce int
	pause  time.Duration
}

func (b bucket) wait(now time.Duration) time.Duration {
	return b.until[b.who] - now - time.Duration(b.atOnce-1)*b.pause
}

func (b bucket) add(now time.Duration) {
	b.until[b.who] = max(b.until[b.who], now) + b.pause
}

// takeBack gives nothing for one that the bucket has filled up again by meanwhile.
func (b bucket) takeBack(taken, now time.Duration) {
	if now-taken >= b.pause {
		return
	}
	if until := b.until[b.who] - b.pause; until > now {
		b.until[b.who] = until
	} else {
		delete(b.until, b.who)
	}
}

// forgetFull removes those whose buckets are full again.
func forgetFull(until map[string]time.Duration, now time.Duration) {
	for who, then := range until {
		if then <= now {
			delete(until, who)
		}
	}
}

// window is a count that allows so many in any stretch of time.
type window struct {
	times map[string][]time.Duration // when each one's were, oldest first
	who   string
	most  int
	in    time.Duration
}

func (w window) wait(now time.Duration) time.Duration {
	at := w.times[w.who]
	if len(at) < w.most {
		return 0
	}
	return at[len(at)-w.most] + w.in - now
}

// add keeps no more than can matter: there can be another when the one that was so many before it is past.
func (w window) add(now time.Duration) {
	at := append(w.times[w.who], now)
	if len(at) > w.most {
		at = slices.Delete(at, 0, len(at)-w.most)
	}
	w.times[w.who] = at
}

// takeBack finds nothing when that was so long ago that it is no longer remembered.
func (w window) takeBack(taken, _ time.Duration) {
	at := w.times[w.who]
	i := slices.Index(at, taken)
	switch {
	case i < 0:
	case len(at) == 1:
		delete(w.times, w.who)
	default:
		w.times[w.who] = slices.Delete(at, i, i+1)
	}
}

// forgetPast removes those of whom there was nothing since then.
func forgetPast(times map[string][]time.Duration, then time.Duration) {
	for who, at := range times {
		if at[len(at)-1] <= then {
			delete(times, who)
		}
	}
}

// stopwatch tells the time since it was started, and now and then that it is time to forget what is past.
type stopwatch struct {
	now   func() time.Time
	begun time.Time
	every time.Duration
	swept time.Duration
}

func startStopwatch(now func() time.Time, every time.Duration) stopwatch {
	return stopwatch{now: now, begun: now(), every: every}
}

func (s *stopwatch) read() (now time.Duration, sweep bool) {
	now = s.now().Sub(s.begun)
	if sweep = now-s.swept >= s.every || now < s.swept; sweep {
		s.swept = now
	}
	return now, sweep
}
