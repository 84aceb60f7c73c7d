package handlers_test

import (
	"context"

	"latchkey/handlers"
	"latchkey/internal/store"
)

// keptEvents keeps events in the store as package app does.
type keptEvents struct{ store *store.Store }

func (k keptEvents) RecordEvent(ctx context.Context, userID string, e handlers.Event) error {
	return k.store.RecordEvent(ctx, storedEvent(userID, e))
}

func (k keptEvents) Events(ctx context.Context, userID string, q handlers.EventQuery) ([]handlers.Event, error) {
	query := store.EventQuery{Before: q.Before, KeyID: q.KeyID, Limit: q.Limit}
	for _, kind := range q.Kinds {
		query.Kinds = append(query.Kinds, store.EventKind(kind))
	}
	stored, err := k.store.Events(ctx, userID, query)
	var events []handlers.Event
	for _, s := range stored {
		events = append(events, handlers.Event{
			ID: s.ID, At: s.At, Kind: string(s.Kind), Actor: string(s.Actor),
			KeyID: s.KeyID, KeyName: s.KeyName, Detail: s.Detail, Address: s.Address, Agent: s.Agent,
		})
	}
	return events, err
}

func storedEvent(userID string, e handlers.Event) store.Event {
	return store.Event{
		ID: e.ID, UserID: userID, At: e.At, Kind: store.EventKind(e.Kind), Actor: store.Actor(e.Actor),
		KeyID: e.KeyID, KeyName: e.KeyName, Detail: e.Detail, Address: e.Address, Agent: e.Agent,
	}
}

func (w *webRows) WebSessions(ctx context.Context, userID string) (rows []handlers.WebSessionRow, err error) {
	err = rowError(w.fails(), func() error {
		stored, err := w.store.WebSessions(ctx, userID)
		for _, s := range stored {
			rows = append(rows, handlers.WebSessionRow(s))
		}
		return err
	})
	return rows, err
}

func (w *webRows) EndWebSession(ctx context.Context, idHash [32]byte, userID string, e handlers.Event) error {
	return rowError(w.fails(), func() error { return w.store.DeleteWebSession(ctx, idHash, storedEvent(userID, e)) })
}
