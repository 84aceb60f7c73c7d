package limits

import (
	"encoding/binary"
	"slices"
	"time"
)

// A state begins with what it is of. Behind that are varints, in milliseconds: until when a bucket is not full; the first time in a
// window, and how long after the one before it each of the others is. A change of this takes another first byte: what is not
// understood is forgiven, as a restart forgives.
const (
	bucketState byte = 1
	windowState byte = 2
)

// times reads a state of a kind, oldest first. There are none in what is no such state.
func times(state []byte, kind byte) []time.Duration {
	const latest = uint64(1<<63-1) / uint64(time.Millisecond)
	if len(state) == 0 || state[0] != kind {
		return nil
	}
	var at []time.Duration
	for now, rest := uint64(0), state[1:]; len(rest) > 0; {
		more, n := binary.Uvarint(rest)
		if n <= 0 || more > latest-now {
			return nil
		}
		now += more
		rest = rest[n:]
		at = append(at, time.Duration(now)*time.Millisecond) //nolint:gosec // it is no later than the latest
	}
	return at
}

// state writes what times reads.
func state(kind byte, at ...time.Duration) []byte {
	if len(at) == 0 {
		return []byte{}
	}
	s := append(make([]byte, 0, 8+3*len(at)), kind)
	before := int64(0)
	for _, t := range at {
		ms := t.Milliseconds()
		s = binary.AppendUvarint(s, uint64(ms-before)) //nolint:gosec // they are in order, and none is before 1970
		before = ms
	}
	return s
}

// load believes no more of a state than it could say now: nobody waits longer because the keeper's clock was wrong, or another version
// counts otherwise.
func (b *buckets) load(who string, s []byte, now time.Duration) (cut bool) {
	at := times(s, bucketState)
	if len(at) != 1 {
		return false
	}
	most := now + time.Duration(b.atOnce)*b.pause
	if until := min(at[0], most); until > now {
		b.until[who] = until
	}
	return at[0] > most
}

func (b *buckets) save(who string, now time.Duration) (s []byte, until time.Duration) {
	if until = b.until[who]; until <= now {
		return state(bucketState), 0
	}
	return state(bucketState, until), until
}

func (b *buckets) none() counts {
	return &buckets{atOnce: b.atOnce, pause: b.pause, until: map[string]time.Duration{}}
}

// load is as that of buckets.
func (w *windows) load(who string, s []byte, now time.Duration) (cut bool) {
	at := times(s, windowState)
	cut = len(at) > 0 && at[len(at)-1] > now
	for i := range at {
		at[i] = min(at[i], now)
	}
	w.times[who] = at[max(0, len(at)-w.most):]
	if w.times[who] = slices.Clone(w.present(who, now)); len(w.times[who]) == 0 {
		delete(w.times, who)
	}
	return cut
}

func (w *windows) save(who string, now time.Duration) (s []byte, until time.Duration) {
	at := w.present(who, now)
	if len(at) == 0 {
		return state(windowState), 0
	}
	return state(windowState, at...), at[len(at)-1] + w.lookBack
}

func (w *windows) none() counts { return newWindows(w.rules) }
