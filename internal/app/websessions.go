package app

import (
	"context"
	"errors"
	"fmt"

	"latchkey/handlers"
	"latchkey/internal/store"
)

// webSessions lets the dashboard keep its sessions in the store without either knowing the other.
type webSessions struct{ store *store.Store }

func (w webSessions) CreateWebSession(ctx context.Context, row handlers.WebSessionRow) error {
	return webSessionError(w.store.CreateWebSession(ctx, store.WebSession(row)))
}

func (w webSessions) WebSession(ctx context.Context, idHash [32]byte) (handlers.WebSessionRow, error) {
	row, err := w.store.WebSession(ctx, idHash)
	return handlers.WebSessionRow(row), webSessionError(err)
}

func (w webSessions) UpdateWebSession(ctx context.Context, row handlers.WebSessionRow) error {
	return webSessionError(w.store.UpdateWebSession(ctx, store.WebSession(row)))
}

func (w webSessions) WebSessions(ctx context.Context, userID string) ([]handlers.WebSessionRow, error) {
	stored, err := w.store.WebSessions(ctx, userID)
	rows := make([]handlers.WebSessionRow, len(stored))
	for i, s := range stored {
		rows[i] = handlers.WebSessionRow(s)
	}
	return rows, err
}

func (w webSessions) DeleteWebSession(ctx context.Context, idHash [32]byte) error {
	return webSessionError(w.store.DeleteWebSession(ctx, idHash))
}

func (w webSessions) EndWebSession(ctx context.Context, idHash [32]byte, userID string, e handlers.Event) error {
	return webSessionError(w.store.DeleteWebSession(ctx, idHash, storedEvent(userID, e)))
}

func webSessionError(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: %w", handlers.ErrNoWebSession, err)
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("%w: %w", handlers.ErrStaleWebSession, err)
	default:
		return err
	}
}
