package accounts

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

// Profile is how somebody can sign in: identities in the order in which they were linked, and keys.
type Profile struct {
	Identities []model.Identity
	Keys       []model.Key
	Server     bool   // nobody's: a server key
	CustomData string // a JSON object, or ""
}

// Profile is that of a user.
func (a *Accounts) Profile(ctx context.Context, userID string) (p Profile, err error) {
	p.Identities, err = a.store.Identities(ctx, userID)
	if errors.Is(err, model.ErrNotFound) { // as for a server key, which nobody else pays a look for
		_, p.CustomData, err = a.store.ServerKeyUser(ctx, userID)
		p.Server = err == nil
	}
	if err != nil {
		return Profile{}, missing(model.KindSessionOver, "read identities", err)
	}
	if !p.Server {
		p.CustomData = p.Identities[0].CustomData
	}
	if p.Keys, err = a.store.APIKeys(ctx, userID); err != nil {
		return Profile{}, unavailable("read keys", err)
	}
	return p, nil
}
