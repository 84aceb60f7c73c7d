package accounts

import (
	"context"

	"latchkey/internal/model"
)

// LabelKey changes what the person calls a key, and their note on it, and gives the key as it is afterwards. Its name stays: programs rely
// on it. Nothing is opened by that, so it is not recorded.
func (p *Person) LabelKey(ctx context.Context, id, label, note string) (model.Key, error) {
	if err := p.managesKey(id); err != nil {
		return model.Key{}, err
	}
	label, note = model.CleanText(label), model.CleanText(note)
	if err := model.CheckCard(label, note); err != nil {
		return model.Key{}, err
	}
	err := p.accounts.store.LabelKey(ctx, p.who.UserID, id, label, note)
	err = p.settle(ctx, "label key", err, p.sees(id, func(key model.Key) bool { return key.Card.Label == label && key.Card.Note == note }))
	if err != nil {
		return model.Key{}, missing(model.KindNotFound, "label key", err)
	}
	return p.changed(ctx, id)
}
