package accounts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"time"

	"latchkey/internal/model"
)

// linkLifetime is what App Services gave the links in its emails.
const linkLifetime = 30 * time.Minute

const (
	linkTokenBytes = 32
	maxLinkToken   = 256 // characters of a token that is looked at
)

// newLink creates a link for an identity: what to keep of it, and the address to send. Anyone who opens it can do what the purpose
// says, once and within the lifetime. Its parameters are named as App Services named them.
func newLink(publicURL, purpose, identityID string, now time.Time, lifetime time.Duration) (l model.Link, address string) {
	token := hex.EncodeToString(model.RandomBytes(linkTokenBytes))
	l = model.Link{
		ID: model.NewID(now), TokenHash: sha256.Sum256([]byte(token)),
		IdentityID: identityID, Purpose: purpose, CreatedAt: now, ExpiresAt: now.Add(lifetime),
	}
	query := url.Values{"token": {token}, "tokenId": {l.ID}}
	return l, publicURL + "/" + purpose + "?" + query.Encode()
}

// IsLink says whether what somebody has in their hands has the shape of a link.
func IsLink(l model.GivenLink) bool {
	return model.IsID(l.ID) && l.Token != "" && len(l.Token) <= maxLinkToken
}

// UseLink does what a link is for: it confirms the address of an account, or gives the account another password and ends all of its
// sessions. Its owner has read the email. It gives the email with which the owner signs in to the account, in its exact letters.
//
// A person who confirms an address on a page enters the password with which it was registered: anyone may have registered it, and the
// password of a stranger must not become the owner's. A program has no password then, in this protocol.
func (a *Accounts) UseLink(ctx context.Context, from model.Origin, given model.GivenLink, password model.Secret) (email string, err error) {
	if !IsLink(given) || a.cfg.PasswordsOff { // they are about passwords, both
		return "", refuse(model.KindBadLink)
	}
	link := model.Link{ID: given.ID, TokenHash: sha256.Sum256([]byte(given.Token)), Purpose: given.Purpose}
	switch given.Purpose {
	case model.LinkConfirm:
		return a.confirm(ctx, from, link, password)
	case model.LinkReset:
		return a.reset(ctx, from, link, password)
	default:
		return "", refuse(model.KindBadLink)
	}
}

// LinkOwner is with which email the owner of a good link signs in, and says whether the account never had a password: then somebody was
// invited, and nothing of theirs ends when they choose one. The link stays good.
func (a *Accounts) LinkOwner(ctx context.Context, given model.GivenLink) (email string, first bool, err error) {
	if !IsLink(given) {
		return "", false, refuse(model.KindBadLink)
	}
	link := model.Link{ID: given.ID, TokenHash: sha256.Sum256([]byte(given.Token)), Purpose: given.Purpose}
	id, err := a.store.LinkedIdentity(ctx, link, a.cfg.Now())
	if err != nil {
		return "", false, linkError("find link", err)
	}
	return id.Subject, neverHadPassword(id), nil
}

func neverHadPassword(id model.Identity) bool { return id.PasswordHash == "" && id.Generation == 0 }

func (a *Accounts) confirm(ctx context.Context, from model.Origin, link model.Link, password model.Secret) (email string, err error) {
	if from.Actor == model.ActorBrowser {
		if err := a.checkRegistered(ctx, from, link, password); err != nil {
			return "", err
		}
	}
	var whose model.Identity
	err = a.store.ConfirmIdentity(ctx, link, a.cfg.Now(), func(id model.Identity) model.Event { // not if the address was registered again
		whose = id
		return a.event(from, model.EventEmailConfirmed, id.UserID)
	})
	err = a.settleIdentity(ctx, "confirm address", err, whose, func(now model.Identity) bool { return !now.Pending })
	if err != nil {
		return "", linkError("confirm address", err)
	}
	return whose.Subject, nil
}

// settleIdentity is settle for an act that changes an identity, which is looked at afterwards.
func (a *Accounts) settleIdentity(
	ctx context.Context, doing string, err error, of model.Identity, changed func(now model.Identity) bool,
) error {
	return a.settle(ctx, of.UserID, doing, err, func(ctx context.Context) (bool, error) {
		all, err := a.store.Identities(ctx, of.UserID)
		if _, err := there(err); err != nil {
			return false, err
		}
		return slices.ContainsFunc(all, func(now model.Identity) bool { return now.ID == of.ID && changed(now) }), nil
	})
}

// checkRegistered checks the password of an account that waits to be confirmed, for a client with a valid link. Tries are counted as those of
// signing in.
func (a *Accounts) checkRegistered(ctx context.Context, from model.Origin, link model.Link, password model.Secret) error {
	id, err := a.store.LinkedIdentity(ctx, link, a.cfg.Now())
	if err != nil {
		return linkError("find link", err)
	}
	verdict, err := a.guess(ctx, from, id, "", password)
	if err == nil && verdict == passwordWrong {
		err = refused(model.KindWrongPassword, model.ReasonWrongPassword, id.UserID)
	}
	return err
}

func (a *Accounts) reset(ctx context.Context, from model.Origin, link model.Link, password model.Secret) (email string, err error) {
	hash, err := a.hashFor(ctx, from, link, password)
	if err != nil {
		return "", err
	}
	var whose model.Identity
	err = a.store.ResetPassword(ctx, link, hash, a.cfg.Now(), func(id model.Identity) model.Event {
		whose = id
		return a.event(from, model.EventPasswordReset, id.UserID)
	})
	err = a.settleIdentity(ctx, "reset password", err, whose, func(now model.Identity) bool { return now.PasswordHash == hash })
	if err != nil {
		return "", linkError("reset password", err)
	}
	if !neverHadPassword(whose) {
		a.tell(ctx, from, passwordNotice, whose.UserID, Letters.PasswordReset)
	}
	return whose.Subject, nil
}

// hashFor hashes a password for a request with a valid link. Without one there is no hash to be had, which takes time and memory, and
// a password that will not do leaves the link good.
func (a *Accounts) hashFor(ctx context.Context, from model.Origin, link model.Link, password model.Secret) (string, error) {
	id, err := a.store.LinkedIdentity(ctx, link, a.cfg.Now())
	if err != nil {
		return "", linkError("find link", err)
	}
	if err := checkNewPassword(password, id.Subject, a.cfg.MinPassword); err != nil {
		return "", about(err, id.UserID)
	}
	hash, err := a.passwords.hash(ctx, claim{id.Subject, from}, password)
	return hash, about(err, id.UserID)
}

func linkError(doing string, err error) error { return missing(model.KindBadLink, doing, err) }

// ConfirmsByEmail says whether addresses are confirmed by email; otherwise accounts confirm themselves.
func (a *Accounts) ConfirmsByEmail() bool { return a.cfg.Mailer != nil }

// SendLink sends a link by email: another one to confirm an address, or one to choose a new password. It
// answers alike for every address, and before anybody has looked whether there is such an account: neither the answer nor the time
// that it takes tells who has one.
//
// A program that asks again within the minute is answered as the first time, and there is no second email: the one that is on its way
// is what it asks for. A person is told to wait, who has a page to read that on.
func (a *Accounts) SendLink(ctx context.Context, from model.Origin, purpose, email string) error {
	switch {
	case a.cfg.Mailer == nil, a.cfg.PasswordsOff:
		return refuse(model.KindNoEmail)
	case !mailable(email) || !validEmail(email):
		return refuse(model.KindBadEmail)
	}
	if err := a.countEmail(ctx, from, email); err != nil {
		if from.Actor == model.ActorApp && model.Is(err, model.KindTooManyEmails) && a.emails.again(email, from.Address) {
			return nil
		}
		return err
	}
	send := a.sendReset(from)
	if purpose == model.LinkConfirm {
		send = a.sendConfirmation(from)
	}
	ctx = context.WithoutCancel(ctx)
	begun := a.background.try(func() {
		id, err := a.linked(ctx, from.Actor, purpose, email)
		if err == nil {
			err = send(ctx, id)
		}
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			a.cfg.Log.WarnContext(ctx, "email not sent", "user", id.UserID, "reason", err)
		}
	})
	if !begun {
		return refuse(model.KindBusy)
	}
	return nil
}

// linked is the account that a link is sent for. One that waits to be confirmed is found by its exact letters, although a person
// who signs in with them gets the confirmed account whose address looks the same.
func (a *Accounts) linked(ctx context.Context, by model.Actor, purpose, email string) (model.Identity, error) {
	if purpose == model.LinkConfirm {
		id, err := a.store.IdentityBySubject(ctx, model.ProviderEmailPassword, email)
		if err == nil && id.Pending {
			return id, nil
		}
	}
	return a.addressed(ctx, by, email)
}

// sendConfirmation writes in the language of the page on which it is asked for: nobody has signed in to the account yet.
func (a *Accounts) sendConfirmation(from model.Origin) func(context.Context, model.Identity) error {
	return func(ctx context.Context, id model.Identity) error {
		if !id.Pending {
			return nil
		}
		return a.emailConfirmation(ctx, id, from.Language)
	}
}

// sendReset tells when and from where it was asked for, which is now. Anybody can ask: the owner reads it in their own language.
func (a *Accounts) sendReset(from model.Origin) func(context.Context, model.Identity) error {
	c, e := a.circumstances(from), a.event(from, model.EventResetAsked, "")
	e.Actor = model.ActorUnknown
	return func(ctx context.Context, id model.Identity) error {
		if id.UserDisabled {
			return nil
		}
		e.UserID = id.UserID
		link, address := newLink(a.cfg.PublicURL, model.LinkReset, id.ID, a.cfg.Now(), linkLifetime)
		return a.emailLink(ctx, id, link, a.letters().In(cmp.Or(id.Language, from.Language)).Reset(id.Subject, address, c), e)
	}
}

// countEmail counts an email that somebody asks for.
func (a *Accounts) countEmail(ctx context.Context, from model.Origin, email string) error {
	wait, err := a.emails.take(ctx, email, from.Address)
	switch {
	case err != nil:
		return notCounted(err)
	case wait > 0:
		return a.aboutOwner(ctx, tooMany(model.KindTooManyEmails, wait), email)
	}
	return nil
}

func (a *Accounts) emailConfirmation(ctx context.Context, id model.Identity, language string) error {
	link, address := newLink(a.cfg.PublicURL, model.LinkConfirm, id.ID, a.cfg.Now(), linkLifetime)
	return a.emailLink(ctx, id, link, a.letters().In(cmp.Or(language, id.Language)).Confirm(id.Subject, address))
}

// emailLink saves a link before it sends it.
func (a *Accounts) emailLink(ctx context.Context, id model.Identity, link model.Link, m Email, events ...model.Event) error {
	if err := a.createLink(ctx, id, link, events...); err != nil {
		return err
	}
	return a.cfg.Mailer.Send(ctx, m)
}

func (a *Accounts) createLink(ctx context.Context, id model.Identity, link model.Link, events ...model.Event) error {
	err := a.store.CreateLink(ctx, link, events...)
	return a.settle(ctx, id.UserID, "create link", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.LinkedIdentity(ctx, link, link.CreatedAt)
		return there(err)
	})
}
