package accounts

import (
	"context"

	"latchkey/internal/model"
)

// event is an act on an account, by the actor that from names. It has its id from now on: an event that is saved later, behind a hash or
// after the answer, is still listed in the order in which it happened.
func (a *Accounts) event(from model.Origin, kind model.EventKind, userID string) model.Event {
	now := a.cfg.Now()
	return model.Event{
		ID: model.NewID(now), UserID: userID, At: now, Kind: kind, Actor: from.Actor, Address: from.Address, Agent: from.Agent,
	}
}

// recordFailure records that somebody tried to get into an account and was refused.
func (a *Accounts) recordFailure(ctx context.Context, from model.Origin, userID, reason string) {
	e := a.event(from, model.EventSignInFailed, userID)
	e.Actor, e.Detail = model.ActorUnknown, reason
	a.later(ctx, "failed sign-in not recorded", userID, func(ctx context.Context) error { return a.store.RecordEvent(ctx, e) })
}

// recordRefusal remembers that a key was refused, and why. The answer does not wait for it: by the time that it takes one could
// tell a key that is off from one that never was.
func (a *Accounts) recordRefusal(ctx context.Context, from model.Origin, key model.Key, reason string) {
	refusal := model.KeyRefusal{At: a.cfg.Now(), Address: from.Address, Reason: reason}
	var events []model.Event
	if reason == model.ReasonKeyExpired && !a.Doubts(key.ExpiresAt) {
		events = append(events, a.keyExpired(key.UserID, key.ID, key.ExpiresAt, refusal.At))
	}
	e := a.event(from, model.EventKeyRefused, key.UserID)
	e.KeyID, e.Detail = key.ID, reason
	events = append(events, e)
	a.later(ctx, "refusal of a key not recorded", key.UserID, func(ctx context.Context) error {
		return a.store.RecordRefusal(ctx, key.UserID, key.ID, refusal, events...)
	})
}
