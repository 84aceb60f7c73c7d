package upstream

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

// SetExpiry keeps here when a key should expire, and gives the key as it is afterwards: the other server does not know of it, and its owner
// is reminded. Of a key of which that server says itself when it expires nothing can be kept beside.
func (p *Person) SetExpiry(ctx context.Context, id string, at time.Time) (model.Key, error) {
	now := p.s.now()
	at = at.Truncate(time.Second)
	if err := model.CheckExpiry(at, now); err != nil {
		return model.Key{}, err
	}
	usage := p.askUsage(ctx)
	key, err := p.fetch(ctx, id)
	if err != nil {
		return model.Key{}, failedBefore(err)
	}
	if key = usage().of(key); !key.ExpiresAt.IsZero() {
		return model.Key{}, &model.Error{Kind: model.KindNotOffered}
	}
	e := p.event(model.EventKeyExpirySet, key)
	e.Detail = model.ExpiryDetail(at)
	kept := model.KeptCard{Email: p.account.Email, Name: key.Name, ListedAt: now}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	err = p.s.cards.SetExpiry(ctx, p.account.UserID, id, model.Expiry{At: at, Now: now, MayExtend: p.from.Confirmed}, kept, p.s.dated(e, p.from))
	switch {
	case errors.Is(err, model.ErrConflict):
		return model.Key{}, &model.Error{Kind: model.KindConfirm}
	case err != nil:
		return model.Key{}, notKept("set expiry of key", err)
	}
	return p.readCards(ctx).of(key), nil
}
