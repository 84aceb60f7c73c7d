package app

import (
	"context"

	"latchkey/handlers"
	"latchkey/internal/store"
)

// events lets the dashboard keep what happened in the store without either knowing the other.
type events struct{ store *store.Store }

var _ handlers.Events = events{}

func (e events) RecordEvent(ctx context.Context, userID string, event handlers.Event) error {
	return e.store.RecordEvent(ctx, storedEvent(userID, event))
}

func (e events) Events(ctx context.Context, userID string, q handlers.EventQuery) ([]handlers.Event, error) {
	query := store.EventQuery{Before: q.Before, KeyID: q.KeyID, Limit: q.Limit}
	for _, kind := range q.Kinds {
		query.Kinds = append(query.Kinds, store.EventKind(kind))
	}
	stored, err := e.store.Events(ctx, userID, query)
	shown := make([]handlers.Event, len(stored))
	for i, s := range stored {
		shown[i] = handlers.Event{
			ID: s.ID, At: s.At, Kind: string(s.Kind), Actor: string(s.Actor),
			KeyID: s.KeyID, KeyName: s.KeyName, Detail: s.Detail, Address: s.Address, Agent: s.Agent,
		}
	}
	return shown, err
}

func storedEvent(userID string, e handlers.Event) store.Event {
	return store.Event{
		ID: e.ID, UserID: userID, At: e.At, Kind: store.EventKind(e.Kind), Actor: store.Actor(e.Actor),
		KeyID: e.KeyID, KeyName: e.KeyName, Detail: e.Detail, Address: e.Address, Agent: e.Agent,
	}
}
