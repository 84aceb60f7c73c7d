package accounts

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

// MarkSaved remembers how the value of a new key was saved, once. A key whose value was never shown on a page that asks is not found.
func (p *Person) MarkSaved(ctx context.Context, id string, how model.SavedHow) error {
	if err := p.manages(); err != nil {
		return err
	}
	if !model.IsID(id) || !how.IsAnswer() {
		return refuse(model.KindNotFound)
	}
	e := p.keyEvent(model.EventKeySaved, id)
	e.Detail = string(how)
	err := p.accounts.store.MarkSaved(ctx, p.who.UserID, id, how, e.At, e)
	err = p.settle(ctx, "remember how a value was saved", err, func(ctx context.Context) (bool, error) {
		key, err := p.accounts.store.APIKey(ctx, p.who.UserID, id)
		if errors.Is(err, model.ErrNotFound) {
			return false, refuse(model.KindNotFound)
		}
		return !key.Card.SavedAt.IsZero(), err
	})
	return missing(model.KindNotFound, "remember how a value was saved", err)
}
