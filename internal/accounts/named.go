package accounts

import (
	"context"
	"errors"
	"strings"

	"latchkey/internal/model"
)

// Named is the address of the account that a person means by what they typed. Programs tell accounts apart by every letter, as App
// Services did; a person sees no difference between capitals and small letters at another keyboard, spaces around, or an accent in one
// form of Unicode and in another. So it is the account of exactly that address, or else the only one of which nobody can tell it. With
// several of those none is guessed.
//
// Where there is no such account it is what was typed, without the spaces around it, and costs the same.
func (a *Accounts) Named(ctx context.Context, typed string) (string, error) {
	id, err := a.meant(ctx, typed)
	switch {
	case err == nil:
		return id.Subject, nil
	case errors.Is(err, model.ErrNotFound):
		return strings.TrimSpace(typed), nil
	default:
		return "", unavailable("find account", err)
	}
}

// meant is the account that Named names, or model.ErrNotFound. It is one query for all, since otherwise the time that it takes would tell
// which addresses have an account. An unconfirmed account comes after a confirmed one: anyone may have registered it.
func (a *Accounts) meant(ctx context.Context, typed string) (model.Identity, error) {
	found, err := a.store.IdentitiesMeant(ctx, typed, 3) // the exact one may be beside two others
	if err != nil {
		return model.Identity{}, err
	}
	var exact, confirmed, pending []model.Identity
	for _, id := range found {
		switch {
		case id.Subject == typed:
			exact = append(exact, id)
		case id.Pending:
			pending = append(pending, id)
		default:
			confirmed = append(confirmed, id)
		}
	}
	switch {
	case len(exact) > 0 && (!exact[0].Pending || len(confirmed) != 1):
		return exact[0], nil
	case len(confirmed) == 1:
		return confirmed[0], nil
	case len(confirmed) == 0 && len(pending) == 1:
		return pending[0], nil
	default: // none, or one would have to be guessed
		return model.Identity{}, model.ErrNotFound
	}
}

// addressed is the account that is meant by an address: by a program the one of exactly that, by a person what they see.
func (a *Accounts) addressed(ctx context.Context, by model.Actor, email string) (model.Identity, error) {
	if by == model.ActorBrowser || by == model.ActorOperator {
		id, err := a.meant(ctx, email)
		if !errors.Is(err, model.ErrNotFound) {
			return id, err
		}
	}
	return a.store.IdentityBySubject(ctx, model.ProviderEmailPassword, email)
}
