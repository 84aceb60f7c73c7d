package accounts

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

// LabelKey changes what the person calls a key, and their note on it, and gives the key as it is afterwards. Its name stays: programs rely
// on it. Nothing is opened by that, so it is not recorded.
func (p *Person) LabelKey(ctx context.Context, id, label, note string) (model.Key, error) {
	if err := p.manages(); err != nil {
		return model.Key{}, err
	}
	if !model.IsID(id) {
		return model.Key{}, refuse(model.KindNotFound)
	}
	label, note = model.CleanText(label), model.CleanText(note)
	if err := model.CheckCard(label, note); err != nil {
		return model.Key{}, err
	}
	user, a := p.who.UserID, p.accounts
	err := p.settle(ctx, "label key", a.store.LabelKey(ctx, user, id, label, note), func(ctx context.Context) (bool, error) {
		key, err := a.store.APIKey(ctx, user, id)
		return key.Card.Label == label && key.Card.Note == note, missing(model.KindNotFound, "label key", err)
	})
	if err != nil {
		return model.Key{}, missing(model.KindNotFound, "label key", err)
	}
	return p.changed(ctx, id)
}

// changed is a key after an act on it. One that cannot be read then was changed all the same: nobody can say how it is now.
func (p *Person) changed(ctx context.Context, id string) (model.Key, error) {
	key, err := p.Key(ctx, id)
	if e, ok := errors.AsType[*model.Error](err); ok && e.Kind == model.KindStorageDown {
		e.Outcome = model.Unclear
	}
	return key, err
}
