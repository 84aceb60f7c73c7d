package accounts

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

// CheckPassword checks the password of the signed-in person, before something for which a session that was left open should not be
// enough.
func (p *Person) CheckPassword(ctx context.Context, password model.Secret) error {
	id, verdict, err := p.checkOwn(ctx, password)
	if err != nil {
		return err
	}
	if verdict == passwordOutdated {
		p.accounts.rehash(ctx, p.from, id, password)
	}
	return p.confirmed(ctx, "")
}

// confirmed remembers that the person has just shown that it is they, and how.
func (p *Person) confirmed(ctx context.Context, how string) error {
	proved := p.event(model.EventPasswordProved)
	proved.Detail = how
	err := p.accounts.store.ConfirmAuthSession(ctx, p.who.UserID, p.who.SessionID, p.accounts.cfg.Now(), proved)
	err = p.settle(ctx, "record step-up", err, func(ctx context.Context) (bool, error) {
		return p.accounts.wrote(ctx, proved)
	})
	return missing(model.KindSessionOver, "record step-up", err)
}

// ChangePassword ends all other sessions of the person: they may be the reason for the change.
func (p *Person) ChangePassword(ctx context.Context, current, replacement model.Secret) error {
	a := p.accounts
	id, _, err := p.checkOwn(ctx, current)
	bad := checkNewPassword(replacement, id.Subject, a.cfg.MinPassword)
	switch {
	case model.Is(err, model.KindWrongPassword) && bad != nil: // a person is told both at once
		return errors.Join(err, bad)
	case err != nil:
		return err
	case bad != nil:
		return bad
	}
	hash, err := a.passwords.hash(ctx, claim{id.Subject, p.from}, replacement)
	if err != nil {
		return err
	}
	err = a.store.ChangePassword(ctx, id, hash, p.who.SessionID, p.event(model.EventPasswordChanged))
	err = a.settleIdentity(ctx, "change password", err, id, func(now model.Identity) bool { return now.PasswordHash == hash })
	switch {
	case errors.Is(err, model.ErrConflict):
		return refused(model.KindWrongPassword, "password was changed in the meantime", p.who.UserID)
	case err != nil:
		return unavailable("change password", err)
	}
	a.tell(ctx, p.from, passwordNotice, p.who.UserID, Letters.PasswordChanged)
	return nil
}

// checkOwn checks the password of the signed-in person.
func (p *Person) checkOwn(ctx context.Context, password model.Secret) (model.Identity, verdict, error) {
	if err := p.manages(); err != nil {
		return model.Identity{}, passwordWrong, err
	}
	a := p.accounts
	if a.cfg.PasswordsOff {
		return model.Identity{}, passwordWrong, refuse(model.KindForbidden)
	}
	id, err := p.identity(ctx)
	if err != nil {
		return id, passwordWrong, err
	}
	// A session has tries of its own, as a browser has that was signed in before: the guesses of others do not hold its owner up. They
	// are counted for the session whatever else its browser proves, or leaving that out would buy as many again.
	v, err := a.guess(ctx, p.from, id, p.who.SessionID, password)
	if err == nil && v == passwordWrong {
		a.recordFailure(ctx, p.from, id.UserID, model.ReasonWrongPassword)
		err = refused(model.KindWrongPassword, model.ReasonWrongPassword, id.UserID)
	}
	return id, v, err
}

// guess tries a password of an account that was found before, and counts it as every try. That it is wrong is no error. knownBrowser is
// that of Attempt.
func (a *Accounts) guess(
	ctx context.Context, from model.Origin, id model.Identity, knownBrowser string, password model.Secret,
) (verdict, error) {
	if tooLong(password) {
		return passwordWrong, refused(model.KindWrongPassword, "password no account can have", id.UserID)
	}
	succeeded, err := a.guessing(ctx, Attempt{Account: id.Subject, Address: from.Address, KnownBrowser: knownBrowser})
	if err != nil {
		return passwordWrong, about(err, id.UserID)
	}
	v, err := a.passwords.check(ctx, claim{id.Subject, from}, id.PasswordHash, password)
	if err != nil || v != passwordWrong {
		succeeded() // or nobody looked at it
	}
	return v, about(err, id.UserID)
}

// identity is the one with a password: the one that the person signed in with, which without its id is found by the address, or another
// that they have when they signed in otherwise.
func (p *Person) identity(ctx context.Context) (model.Identity, error) {
	identities, err := p.accounts.store.Identities(ctx, p.who.UserID)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return model.Identity{}, unavailable("read identities", err)
	}
	found := model.Identity{}
	for _, id := range identities {
		switch {
		case id.Provider != model.ProviderEmailPassword:
		case id.ID == p.who.IdentityID, p.who.IdentityID == "" && id.Subject == p.who.Email:
			return id, nil
		case found.ID == "":
			found = id
		}
	}
	switch {
	case p.who.Provider == model.ProviderEmailPassword: // what they signed in with is gone
		return model.Identity{}, refuse(model.KindSessionOver)
	case found.ID == "":
		return model.Identity{}, refuse(model.KindForbidden) // a person without a password
	default:
		return found, nil
	}
}

// DeleteAccount deletes the account of the person, with everything that belongs to it.
func (p *Person) DeleteAccount(ctx context.Context) error {
	return missing(model.KindSessionOver, "delete user", p.accounts.deleteUser(ctx, p.who.UserID))
}

func (a *Accounts) deleteUser(ctx context.Context, id string) error {
	return a.settle(ctx, id, "delete user", a.store.DeleteUser(ctx, id), func(ctx context.Context) (bool, error) {
		_, err := a.store.User(ctx, id)
		return gone(err)
	})
}

// event is something that the person did to their account.
func (p *Person) event(kind model.EventKind) model.Event {
	return actedBy(p.accounts.event(p.from, kind, p.who.UserID), p.by)
}
