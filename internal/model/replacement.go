package model

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Replacement is that one key takes the place of another. The zero Replacement is none.
type Replacement struct {
	OldID, NewID string
	NewName      string // also when the new key is gone
	Finish       Finish
	State        ReplacementState
	Quiet        time.Duration // for how long the old key must not have been seen
	StartedAt    time.Time
	NewUsedAt    time.Time // when the new key was first used since; zero until then
	EndedAt      time.Time // when it was finished or undone; zero until then
	// OldSeenAt is when the old key last signed something in, or what it signed in was last heard of: that is written down every ten
	// minutes. Zero when never, and when the server does not report it.
	OldSeenAt time.Time
}

// Open says that the replacement is neither finished nor undone.
func (r Replacement) Open() bool {
	return r.State == ReplacementWaiting || r.State == ReplacementBoth
}

// BothInUse says that the old key was seen after the new one was first used.
func (r Replacement) BothInUse() bool {
	return r.State == ReplacementBoth || r.State == ReplacementWaiting && !r.NewUsedAt.IsZero() && r.OldSeenAt.After(r.NewUsedAt)
}

// Due is the earliest at which the old key is turned off if it is not seen any more; zero when nobody knows, or its owner turns it off.
func (r Replacement) Due() time.Time {
	if r.State != ReplacementWaiting || r.Finish != FinishOnEvidence || r.NewUsedAt.IsZero() {
		return time.Time{}
	}
	return r.NewUsedAt.Add(r.Quiet)
}

// Replacing is how a person wants a key to be replaced.
type Replacing struct {
	// NewKey is the key that takes the place of the old one. Without a name it is called as the old one, with a number; without a label
	// and a note it has those of the old one.
	NewKey
	Finish Finish
	Quiet  time.Duration // of FinishOnEvidence alone; zero: LeastQuiet
}

// How long the old key of a replacement must have been quiet: a device that is on renews what it has every half hour, and one that sleeps
// for longer than the longest is not waited for.
const (
	LeastQuiet = time.Hour
	MostQuiet  = 7 * 24 * time.Hour
)

// Finish says when the old key of a replacement is turned off.
type Finish string

// When the old key is turned off.
const (
	FinishOnEvidence Finish = "evidence" // when the new key is in use and the old one was quiet
	FinishNow        Finish = "now"
	FinishByPerson   Finish = "person" // when its owner does
)

// ReplacementState is how far a replacement has come.
type ReplacementState string

// How far a replacement can come.
const (
	ReplacementWaiting ReplacementState = "waiting"
	ReplacementBoth    ReplacementState = "both"   // both keys are in use: its owner has to decide
	ReplacementParked  ReplacementState = "parked" // the old key is off
	ReplacementUndone  ReplacementState = "undone"
)

// Successor is what the key that takes the place of another is called, among all keys of its owner: as that one, with the next number that
// is free. A key that has taken the place of another itself goes on with the numbers of that one.
func Successor(old Key, all []Key) string {
	stem, before := old.Name, old.ID
	for range all {
		i := slices.IndexFunc(all, func(k Key) bool { return k.Replaced.NewID == before })
		if i < 0 {
			break
		}
		if before = all[i].ID; numbered(all[i].Name, old.Name) {
			stem = all[i].Name
		}
	}
	for n := 2; ; n++ {
		number := "-" + strconv.Itoa(n)
		name := stem[:min(len(stem), MaxNameLength-len(number))] + number
		if !slices.ContainsFunc(all, func(k Key) bool { return k.Name == name }) {
			return name
		}
	}
}

// numbered says whether a name is another one with a number.
func numbered(stem, name string) bool {
	number, ok := strings.CutPrefix(name, stem+"-")
	_, err := strconv.ParseUint(number, 10, 16)
	return ok && err == nil
}

// HowFinished says how a replacement is finished, as the activity has it behind the name of the new key.
func HowFinished(finish Finish, quiet time.Duration) string {
	switch finish {
	case FinishNow:
		return "; the old key was turned off at once"
	case FinishByPerson:
		return "; you turn the old key off"
	default:
		return "; the old key turns off after " + quietWords(quiet) + " of quiet"
	}
}

// quietWords is a time in words, in the largest unit that goes into it.
func quietWords(d time.Duration) string {
	for _, unit := range []struct {
		length    time.Duration
		one, many string
	}{{7 * 24 * time.Hour, "a week", "weeks"}, {24 * time.Hour, "a day", "days"}, {time.Hour, "an hour", "hours"}} {
		switch n := d / unit.length; {
		case d%unit.length != 0 || n == 0:
		case n == 1:
			return unit.one
		default:
			return strconv.FormatInt(int64(n), 10) + " " + unit.many
		}
	}
	return strconv.FormatInt(int64(d/time.Minute), 10) + " minutes"
}
