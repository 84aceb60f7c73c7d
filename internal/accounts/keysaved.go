package accounts

import (
	"context"

	"latchkey/internal/model"
)

// MarkSaved remembers how the value of a new key was saved, once. A key whose value was never shown on a page that asks is not found.
func (p *Person) MarkSaved(ctx context.Context, id string, how model.SavedHow) error {
	if err := p.managesKey(id); err != nil {
		return err
	}
	if !how.IsAnswer() {
		return refuse(model.KindNotFound)
	}
	e := p.keyEvent(model.EventKeySaved, id)
	e.Detail = string(how)
	err := p.accounts.store.MarkSaved(ctx, p.who.UserID, id, how, e.At, e)
	err = p.settle(ctx, "remember how a value was saved", err, p.sees(id, func(key model.Key) bool { return !key.Card.SavedAt.IsZero() }))
	return missing(model.KindNotFound, "remember how a value was saved", err)
}
