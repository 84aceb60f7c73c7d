package accounts

import (
	"context"
	"slices"

	"latchkey/internal/model"
)

// Proofs are the ways in which the person can confirm that it is they.
func (p *Person) Proofs(ctx context.Context) (model.Proofs, error) {
	if err := p.manages(); err != nil {
		return model.Proofs{}, err
	}
	identities, err := p.accounts.store.Identities(ctx, p.who.UserID)
	if err != nil {
		return model.Proofs{}, missing(model.KindSessionOver, "read identities", err)
	}
	var proofs model.Proofs
	for _, id := range identities {
		if id.Provider == model.ProviderEmailPassword && id.PasswordHash != "" && !p.accounts.cfg.PasswordsOff {
			proofs.Password = true
		}
		if one, there := p.accounts.openIDOf(id.Provider); there && !slices.Contains(proofs.OpenID, one.OpenID) {
			proofs.OpenID = append(proofs.OpenID, one.OpenID)
		}
	}
	have, err := p.accounts.store.Passkeys(ctx, p.who.UserID)
	if err != nil {
		return model.Proofs{}, unavailable("list passkeys", err)
	}
	proofs.Passkey = p.accounts.anyWorks(have, "")
	return proofs, nil
}
