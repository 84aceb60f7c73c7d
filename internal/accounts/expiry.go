package accounts

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

// checkExpiry refuses what no key can be given as its expiry, and gives it by the second.
func (a *Accounts) checkExpiry(at time.Time) (time.Time, error) {
	at = at.Truncate(time.Second)
	return at, model.CheckExpiry(at, a.sessionTime())
}

// expired says whether a key signs nothing in any more. A clock that is behind does not prolong it.
func (a *Accounts) expired(key model.Key) bool {
	return !key.ExpiresAt.IsZero() && a.Ended(key.ExpiresAt)
}

// SetExpiry has a key expire at a time, or never, and gives it as it is afterwards. Whether the key works for longer then is known in the
// transaction alone: of two who change it at once the second may extend what the first has shortened.
func (p *Person) SetExpiry(ctx context.Context, id string, at time.Time) (model.Key, error) {
	if err := p.managesKey(id); err != nil {
		return model.Key{}, err
	}
	a := p.accounts
	at, err := a.checkExpiry(at)
	if err != nil {
		return model.Key{}, err
	}
	if err := p.acting(); err != nil {
		return model.Key{}, err
	}
	e := p.keyEvent(model.EventKeyExpirySet, id)
	e.Detail = model.ExpiryDetail(at)
	to := model.Expiry{At: at, Now: a.sessionTime(), MayExtend: p.from.Confirmed, Session: SessionLifetime}
	err = a.store.SetExpiry(ctx, p.who.UserID, id, to, e)
	err = p.settle(ctx, "set expiry of key", err, p.sees(id, func(key model.Key) bool { return key.ExpiresAt.Equal(at) }))
	switch {
	case errors.Is(err, model.ErrConflict):
		return model.Key{}, refuse(model.KindConfirm)
	case err != nil:
		return model.Key{}, missing(model.KindNotFound, "set expiry of key", err)
	}
	return p.changed(ctx, id)
}

// keyExpired says that a key has expired, which the store records once.
func (a *Accounts) keyExpired(userID, keyID string, expires, now time.Time) model.Event {
	return model.Event{
		ID: model.NewID(now), UserID: userID, At: now, Kind: model.EventKeyExpired, Actor: model.ActorServer, KeyID: keyID,
		Detail: model.ExpiryDetail(expires),
	}
}

// mostExpired is how many keys that expired are recorded at a time. What is left is recorded a minute later.
const mostExpired = 500

// RecordExpired records of keys that they have expired by a time that has certainly come. Of those that were refused since, that is
// recorded already.
func (a *Accounts) RecordExpired(ctx context.Context, by time.Time) error {
	expired, err := a.store.ExpiredKeys(ctx, by, mostExpired)
	if err != nil {
		return unavailable("find expired keys", err)
	}
	for _, k := range expired {
		if err := a.store.RecordExpired(ctx, a.keyExpired(k.UserID, k.KeyID, k.ExpiresAt, by)); err != nil {
			return unavailable("record that a key expired", err)
		}
	}
	return nil
}
