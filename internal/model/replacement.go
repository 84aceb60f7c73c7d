package model

import "time"

// Replacement is that one key takes the place of another. The zero Replacement is none.
type Replacement struct {
	OldID, NewID string
	Finish       Finish
	State        ReplacementState
	Quiet        time.Duration // for how long the old key must not have been seen
	StartedAt    time.Time
	NewUsedAt    time.Time // when the new key first signed something in; zero until then
	EndedAt      time.Time // when it was finished or undone; zero until then
}

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
	ReplacementBoth    ReplacementState = "both"   // both keys are in use
	ReplacementParked  ReplacementState = "parked" // the old key is off
	ReplacementUndone  ReplacementState = "undone"
)
