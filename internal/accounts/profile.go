package accounts

import (
	"context"

	"latchkey/internal/model"
)

// Profile is how somebody can sign in: identities in the order in which they were linked, and keys.
func (a *Accounts) Profile(ctx context.Context, userID string) ([]model.Identity, []model.Key, error) {
	identities, err := a.store.Identities(ctx, userID)
	if err != nil {
		return nil, nil, missing(model.KindSessionOver, "read identities", err)
	}
	keys, err := a.store.APIKeys(ctx, userID)
	if err != nil {
		return nil, nil, unavailable("read keys", err)
	}
	return identities, keys, nil
}
