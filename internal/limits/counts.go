package limits

import (
	"slices"
	"time"
)

// counts are those of everybody in a table, by who it is. Times are durations since the book was begun.
type counts interface {
	wait(who string, now time.Duration) time.Duration // for how long there can be no more, 0 when there can
	used(who string, now time.Duration) int
	add(who string, now time.Duration)
	takeBack(who string, taken, now time.Duration) // the one that was added at the time taken
	has(who string) bool
	len() int
	forget(now time.Duration) // what is past

	none() counts // another table by the same rules
	// load reads a state into a table that has nothing of theirs, and says whether that claims more than can be. Then less is believed.
	load(who string, state []byte, now time.Duration) (cut bool)
	save(who string, now time.Duration) (state []byte, until time.Duration) // what load reads, and when it is past
}

// buckets allow so many at once, and one more after each pause.
type buckets struct {
	atOnce int
	pause  time.Duration
	until  map[string]time.Duration // until when each one's is not full
}

func (b *buckets) wait(who string, now time.Duration) time.Duration {
	return max(0, b.until[who]-now-time.Duration(b.atOnce-1)*b.pause)
}

// used is how many a bucket lacks.
func (b *buckets) used(who string, now time.Duration) int {
	return int((max(0, b.until[who]-now) + b.pause - 1) / b.pause)
}

func (b *buckets) add(who string, now time.Duration) {
	b.until[who] = max(b.until[who], now) + b.pause
}

// takeBack gives nothing for one that the bucket has filled up again by meanwhile.
func (b *buckets) takeBack(who string, taken, now time.Duration) {
	if now-taken >= b.pause {
		return
	}
	if until := b.until[who] - b.pause; until > now {
		b.until[who] = until
	} else {
		delete(b.until, who)
	}
}

func (b *buckets) has(who string) bool {
	_, ok := b.until[who]
	return ok
}

func (b *buckets) len() int { return len(b.until) }

func (b *buckets) forget(now time.Duration) {
	for who, until := range b.until {
		if until <= now {
			delete(b.until, who)
		}
	}
}

// windows allow so many in any stretch of time.
type windows struct {
	rules    []Rule
	lookBack time.Duration // of the rule that looks back furthest
	most     int           // of the rule that allows most: none needs to know of more
	times    map[string][]time.Duration
}

func newWindows(rules []Rule) *windows {
	w := &windows{rules: rules, times: map[string][]time.Duration{}}
	for _, r := range rules {
		w.lookBack, w.most = max(w.lookBack, r.In), max(w.most, r.Most)
	}
	return w
}

func (w *windows) wait(who string, now time.Duration) (wait time.Duration) {
	at := w.times[who]
	for _, r := range w.rules {
		if len(at) >= r.Most {
			wait = max(wait, at[len(at)-r.Most]+r.In-now)
		}
	}
	return wait
}

func (w *windows) used(who string, now time.Duration) int { return len(w.present(who, now)) }

// present are the times, oldest first, that are not past yet.
func (w *windows) present(who string, now time.Duration) []time.Duration {
	at := w.times[who]
	for len(at) > 0 && now-at[0] >= w.lookBack {
		at = at[1:]
	}
	return at
}

// add keeps no more than can matter: there can be another when the one that was so many before it is past.
func (w *windows) add(who string, now time.Duration) {
	at := append(w.present(who, now), now)
	w.times[who] = at[max(0, len(at)-w.most):]
}

// takeBack finds nothing when that was so long ago that it is no longer remembered.
func (w *windows) takeBack(who string, taken, _ time.Duration) {
	at := w.times[who]
	i := slices.Index(at, taken)
	switch {
	case i < 0:
	case len(at) == 1:
		delete(w.times, who)
	default:
		w.times[who] = slices.Delete(at, i, i+1)
	}
}

func (w *windows) has(who string) bool { return len(w.times[who]) > 0 }

func (w *windows) len() int { return len(w.times) }

func (w *windows) forget(now time.Duration) {
	for who, at := range w.times {
		switch present := w.present(who, now); {
		case len(present) == 0:
			delete(w.times, who)
		case len(present) < len(at):
			w.times[who] = slices.Clone(present) // or the past would keep its memory
		}
	}
}
