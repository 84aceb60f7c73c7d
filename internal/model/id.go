package model

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// lastTick is the time of the newest id of this process in 1/2^24 seconds. It is the one piece of state the package shares
// between stores: ids are compared across them, so they must increase across them.
var lastTick atomic.Uint64

// NewID returns a new id: 24 lower-case hex digits that sort in the order of creation.
//
// It has the shape of an ObjectId, whose first four bytes are the second of creation: clients read the date from there. Three
// bytes of the second's fraction follow, and five random ones. Ids of one process increase strictly, also when the clock
// stands still or goes back, until FollowClock.
func NewID(now time.Time) string {
	var random [5]byte
	_, _ = rand.Read(random[:]) // never fails: the program would end instead
	return digits(nextTick(now)) + hex.EncodeToString(random[:])
}

// TimeOfID is how an id made at a time begins: the 14 digits by which ids sort. The ten behind them tell ids of one moment apart.
func TimeOfID(at time.Time) string { return digits(tickOf(at)) }

// SoonAfter is how ids begin that are created a second or two after that of an id, and in order behind it: between the two is what was
// recorded with it. What is no id has none.
func SoonAfter(id string) string {
	if !IsID(id) {
		return ""
	}
	seconds, _ := strconv.ParseUint(id[:8], 16, 64) // they are digits
	return fmt.Sprintf("%08x", seconds+2)
}

func digits(tick uint64) string {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], tick)
	return hex.EncodeToString(raw[1:])
}

func tickOf(at time.Time) uint64 {
	seconds := uint64(uint32(at.Unix()))                      //nolint:gosec // four bytes are what an ObjectId has
	fraction := uint64(at.Nanosecond()) << 24 / 1_000_000_000 //nolint:gosec // 0 to 999,999,999
	return seconds<<24 | fraction
}

// FollowClock has the ids that are created from now on begin with the time again after the clock was set back: those that it dated while it
// was ahead stay as they are, and without this all that follow would be dated like them.
func FollowClock(now time.Time) { lastTick.Store(tickOf(now)) }

// nextTick claims the tick of now, or the one after the last when that is not later.
func nextTick(now time.Time) uint64 {
	tick := tickOf(now)
	for {
		last := lastTick.Load()
		next := max(tick, last+1)
		if lastTick.CompareAndSwap(last, next) {
			return next
		}
	}
}

// IsID reports whether s has the shape of the ids made here: 24 lower-case hex digits. Anything else is unknown without asking
// the store.
func IsID(s string) bool {
	if len(s) != 24 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
