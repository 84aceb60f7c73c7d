package accounts

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"latchkey/internal/model"
)

const (
	maxEmail    = 128
	maxPassword = 128
)

// Register creates an account. Without a mailer it confirms itself: there is nobody to send an email. With one, an address that
// nobody has confirmed can be registered again and again: an earlier registration makes no better owner than a later one.
func (a *Accounts) Register(ctx context.Context, from model.Origin, email string, password model.Secret) error {
	switch {
	case !a.cfg.Registration, a.cfg.PasswordsOff:
		return refuse(model.KindRegistrationClosed)
	case !validEmail(email) || a.cfg.Mailer != nil && !mailable(email):
		return refuse(model.KindBadEmail)
	}
	if err := checkNewPassword(password, email, a.cfg.MinPassword); err != nil {
		return err
	}
	// Counted before the password takes time and memory.
	if err := tooMany(model.KindTooManyAccounts, a.registrations.take(from.Address)); err != nil {
		return err
	}
	if a.cfg.Mailer != nil {
		if err := a.countEmail(ctx, from, email); err != nil {
			return err
		}
	}
	hash, err := a.passwords.hash(ctx, claim{email, from}, password)
	if err != nil {
		return err
	}
	id, err := a.createUser(ctx, from, email, hash)
	if err != nil {
		return err
	}
	if id.Pending {
		a.later(ctx, "confirmation link not sent", id.UserID, func(ctx context.Context) error { return a.emailConfirmation(ctx, id, from.Language) })
	}
	return nil
}

func (a *Accounts) createUser(ctx context.Context, from model.Origin, email, hash string) (model.Identity, error) {
	now := a.cfg.Now()
	user := model.User{ID: model.NewID(now), CreatedAt: now, Language: from.Language, Unused: true}
	id := model.Identity{
		ID:           model.NewID(now),
		UserID:       user.ID,
		Provider:     model.ProviderEmailPassword,
		Subject:      email,
		PasswordHash: hash,
		CreatedAt:    now,
		Pending:      a.cfg.Mailer != nil,
	}
	made := func(id model.Identity) model.Event { return a.event(from, model.EventAccountMade, id.UserID) }
	lone := from.Actor == model.ActorBrowser // a person sees no second account beside the first, and could not find it again
	var err error
	switch {
	case id.Pending:
		id, err = a.store.RegisterUser(ctx, user, id, lone, made)
	case lone:
		err = a.store.CreateLoneUser(ctx, user, id, made(id))
	default:
		err = a.store.CreateUser(ctx, user, id, made(id))
	}
	err = a.settle(ctx, user.ID, "create user", err, func(ctx context.Context) (done bool, err error) {
		id, err = a.store.IdentityBySubject(ctx, model.ProviderEmailPassword, email)
		found, err := there(err)
		return found && id.PasswordHash == hash, err
	})
	switch {
	case errors.Is(err, model.ErrConflict):
		return id, refuse(model.KindEmailTaken)
	case err != nil:
		return id, unavailable("create user", err)
	}
	return id, nil
}

// IsEmail says whether an account may be called that.
func IsEmail(email string) bool { return validEmail(email) }

// validEmail accepts any text of up to 128 characters: apps on App Services registered names without an @ too. A null byte is
// the exception, because PostgreSQL cannot store one, and so is what is not in UTF-8.
func validEmail(email string) bool {
	return email != "" && utf8.ValidString(email) && utf8.RuneCountInString(email) <= maxEmail && !strings.Contains(email, "\x00")
}
