package upstream

import (
	"context"

	"latchkey/internal/model"
)

// MarkSaved remembers here how the value of a new key was saved, once. The other server is not asked: whether there was such a key its card
// says, and only a key that was created from here has one that waits for this. What it is called was written down when its value was shown.
func (p *Person) MarkSaved(ctx context.Context, id string, how model.SavedHow) error {
	if !model.IsID(id) || !how.IsAnswer() {
		return &model.Error{Kind: model.KindNotFound}
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	e := p.event(model.EventKeySaved, model.Key{ID: id})
	e.Detail = string(how)
	shown, err := p.s.events.Events(ctx, p.account.UserID, model.EventQuery{Kinds: []model.EventKind{model.EventKeyShown}, KeyID: id, Limit: 1})
	if err == nil && len(shown) == 1 {
		e.KeyName = shown[0].KeyName
	}
	e = p.s.dated(e, p.from)
	return notKept("remember how a value was saved", p.s.cards.MarkSaved(ctx, p.account.UserID, id, how, e.At, e))
}
