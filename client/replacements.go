package client

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	opReplaceKey      = "replace key"
	opLoadReplacement = "load replacement"
	opEndReplacement  = "end replacement"
)

// When the old key of a replacement is turned off.
const (
	// FinishOnEvidence is when the new key is in use and the old one was quiet
	// since. An old key that is seen after that is left to its owner.
	FinishOnEvidence = "evidence"
	FinishNow        = "now"
	FinishByPerson   = "person"
)

// How far a replacement has come.
const (
	ReplacementWaiting = "waiting"
	ReplacementBoth    = "both"   // both keys are in use: its owner has to decide
	ReplacementParked  = "parked" // the old key is off
	ReplacementUndone  = "undone"
)

// Replacement is that one key takes the place of another. What never happened
// has a zero time.
type Replacement struct {
	NewKey, NewName string
	Finish, State   string
	Quiet           time.Duration
	StartedAt       time.Time
	NewUsedAt       time.Time // when the new key was first used since
	OldSeenAt       time.Time // when the old key was last seen
	EndedAt         time.Time
}

// Replace has a key that is there take the place of another. With
// [FinishOnEvidence] the old key is turned off when it was quiet for that long
// after the new one's first use: from an hour to a week, 0 for an hour.
//
// The call is Latchkey's own and not part of the protocol: for a server that does
// not have it, [IsNotReported] is true of the error.
func (a *APIKeys) Replace(ctx context.Context, oldID, newID, finish string, quiet time.Duration) (Replacement, error) {
	return a.replacement(ctx, request{
		op: opReplaceKey, method: http.MethodPost,
		body: map[string]any{"new_key": newID, "finish": finish, "quiet": int64(quiet / time.Second)},
	}, oldID)
}

// Replacement tells how far the replacement of a key has come. An error for which
// [IsNotFound] is true and [IsNotReported] is not means that there is no such key,
// or that nothing takes its place.
func (a *APIKeys) Replacement(ctx context.Context, oldID string) (Replacement, error) {
	return a.replacement(ctx, request{op: opLoadReplacement, method: http.MethodGet}, oldID)
}

// EndReplacement undoes the replacement of a key. If that has turned the key off,
// it is on again.
func (a *APIKeys) EndReplacement(ctx context.Context, oldID string) error {
	return a.ofReplacement(ctx, request{op: opEndReplacement, method: http.MethodDelete}, oldID, nil)
}

func (a *APIKeys) replacement(ctx context.Context, r request, oldID string) (Replacement, error) {
	var w wireReplacement
	if err := a.ofReplacement(ctx, r, oldID, &w); err != nil {
		return Replacement{}, err
	}
	return w.replacement(), nil
}

func (w *wireReplacement) replacement() Replacement {
	return Replacement{
		NewKey: string(w.NewKey), NewName: tidy(w.NewName, maxCode), Finish: tidy(w.Finish, maxCode), State: tidy(w.State, maxCode),
		Quiet: time.Duration(w.Quiet) * time.Second, StartedAt: w.StartedAt, NewUsedAt: w.NewUsedAt, OldSeenAt: w.OldSeenAt, EndedAt: w.EndedAt,
	}
}

// ofReplacement calls the path of a key's replacement. What is no id is not sent: it may be a value mistaken for one.
func (a *APIKeys) ofReplacement(ctx context.Context, r request, oldID string, out answer) error {
	r.root, r.path = ownRoot, path("keys", oldID, "replacement")
	if !validID(oldID) {
		r.path = path("keys") + "/{id}/replacement"
		unknown := r.unsent(nil)
		unknown.Status, unknown.Code, unknown.Message = http.StatusNotFound, codeKeyNotFound, "API key not found"
		return unknown
	}
	return a.session.withRefresh(ctx, r, out)
}

// wireReplacement is the answer about one.
type wireReplacement struct {
	NewKey    wireID    `json:"new_key"`
	NewName   string    `json:"new_name"`
	Finish    string    `json:"finish"`
	State     string    `json:"state"`
	Quiet     int64     `json:"quiet"`
	StartedAt time.Time `json:"started_at"`
	NewUsedAt time.Time `json:"new_used_at"`
	OldSeenAt time.Time `json:"old_seen_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// longestQuiet bounds what is taken for a number of seconds.
const longestQuiet = 100 * 365 * 24 * 60 * 60

func (w *wireReplacement) check() error {
	switch {
	case !validID(string(w.NewKey)):
		return errors.New("new_key is missing or not 24 hexadecimal digits")
	case w.State == "":
		return errors.New("state is missing")
	case w.Quiet < 0 || w.Quiet > longestQuiet:
		return errors.New("quiet is no number of seconds")
	}
	return nil
}
