package app

import (
	"context"
	"errors"
	"fmt"

	"latchkey/handlers"
	"latchkey/store"
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

func (w webSessions) DeleteWebSession(ctx context.Context, idHash [32]byte) error {
	return webSessionError(w.store.DeleteWebSession(ctx, idHash))
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
