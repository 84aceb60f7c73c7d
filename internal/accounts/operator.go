package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/internal/model"
)

// operatorLinkLifetime is longer than that of a link in an email: an operator passes it on by hand.
const operatorLinkLifetime = 24 * time.Hour

// Managed is an account as operators see it.
type Managed struct {
	model.User
	Identities []model.Identity
	Passkeys   int
	Keys       int
	NotBack    int    // of the keys that they had elsewhere
	ServerKey  string // the name of the server key that it is; "" for a person
	Operator   bool   // looks after the accounts of others in the browser
}

// Password is the identity with an address and a password, if the account has one.
func (m Managed) Password() (id model.Identity, ok bool) {
	for _, each := range m.Identities {
		if each.Provider == model.ProviderEmailPassword {
			id, ok = each, true
		}
	}
	return id, ok
}

// HandedOut is a link that an operator passes on, with which the owner of an account chooses a password.
type HandedOut struct {
	Address   model.Secret // "" when it was sent by email
	ExpiresAt time.Time
}

// CheckEmail says whether an account can be called that.
func CheckEmail(email string) error {
	if !validEmail(email) {
		return refuse(model.KindBadEmail)
	}
	return nil
}

// Find is the account of that id, or of that address as Named reads it. With an AmbiguousError several could be meant. What is written
// like an id is never an address: anybody may register one that is the id of somebody who is not here yet.
func (a *Accounts) Find(ctx context.Context, name string) (Managed, error) {
	asID := strings.ToLower(strings.TrimSpace(name))
	u, err := a.store.User(ctx, asID)
	if errors.Is(err, model.ErrNotFound) && model.IsID(asID) {
		return Managed{}, refuse(model.KindNotFound)
	}
	if errors.Is(err, model.ErrNotFound) {
		var id model.Identity
		if id, err = a.addressed(ctx, model.ActorOperator, name); err == nil {
			u, err = a.store.User(ctx, id.UserID)
		}
	}
	if errors.Is(err, model.ErrNotFound) {
		if alike, _ := a.store.IdentitiesBySpelling(ctx, name, maxAlike); len(alike) > 1 {
			return Managed{}, AmbiguousError{alike}
		}
	}
	if err != nil {
		return Managed{}, missing(model.KindNotFound, "find user", err)
	}
	return a.describe(ctx, u)
}

// maxAlike is how many accounts are named that could be meant: more than that tell an operator nothing more.
const maxAlike = 10

// AmbiguousError says that several accounts could be meant, which people cannot tell apart by their addresses.
type AmbiguousError struct{ Alike []model.Identity }

func (e AmbiguousError) Error() string {
	return fmt.Sprintf("%d accounts match", len(e.Alike))
}

// Beside are other accounts that people cannot tell from this address, up to a few.
func (a *Accounts) Beside(ctx context.Context, email string) ([]model.Identity, error) {
	alike, err := a.store.IdentitiesBySpelling(ctx, email, maxAlike)
	return slices.DeleteFunc(alike, func(id model.Identity) bool { return id.Subject == email }), err
}

// describe gathers what is known of a user.
func (a *Accounts) describe(ctx context.Context, u model.User) (out Managed, err error) {
	out.User = u
	out.Identities, err = a.store.Identities(ctx, u.ID)
	if errors.Is(err, model.ErrNotFound) {
		out.ServerKey, _, err = a.store.ServerKeyUser(ctx, u.ID)
	}
	if err != nil {
		return out, missing(model.KindNotFound, "read identities", err)
	}
	keys, err := a.store.APIKeys(ctx, u.ID)
	if err != nil {
		return out, unavailable("read keys", err)
	}
	out.Keys = len(keys)
	passkeys, err := a.store.Passkeys(ctx, u.ID)
	if err != nil {
		return out, unavailable("list passkeys", err)
	}
	out.Passkeys = len(passkeys)
	if out.NotBack, err = a.store.KeysNotBack(ctx, u.ID); err != nil {
		return out, unavailable("count keys", err)
	}
	if out.Operator, err = a.store.HasRole(ctx, u.ID); err != nil {
		return out, unavailable("find operator", err)
	}
	return out, nil
}

// List is up to so many people's accounts in the order of their ids, those behind the id after. More is where the next ones begin, "" when
// there are none.
func (a *Accounts) List(ctx context.Context, after string, most int) (list []Managed, more string, err error) {
	users, err := a.store.Users(ctx, after, most)
	if err != nil {
		return nil, "", unavailable("list users", err)
	}
	list = make([]Managed, 0, len(users))
	for _, u := range users {
		switch m, err := a.describe(ctx, u); {
		case model.Is(err, model.KindNotFound): // deleted meanwhile
		case err != nil:
			return nil, "", err
		default:
			list = append(list, m)
		}
	}
	if len(users) == most {
		more = users[len(users)-1].ID
	}
	return list, more, nil
}

// Add creates an account, whether registration is open or not, and none beside another that people cannot tell from it. Without a
// password no password fits, until its owner has chosen one with the link. The rules for passwords are those for people who create
// an account themselves.
func (a *Accounts) Add(ctx context.Context, email string, password model.Secret) (out Managed, link HandedOut, err error) {
	email = strings.TrimSpace(email)
	if err := CheckEmail(email); err != nil {
		return out, link, err
	}
	var hash string
	if password != "" {
		if err := checkNewPassword(password, email, a.cfg.MinPassword); err != nil {
			return out, link, err
		}
		if hash, err = a.passwords.hash(ctx, claim{account: email}, password); err != nil {
			return out, link, err
		}
	}
	now := a.cfg.Now().UTC().Truncate(time.Millisecond) // as it is kept
	u := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: email, PasswordHash: hash, CreatedAt: now,
	}
	err = a.store.CreateLoneUser(ctx, u, id, a.byOperator(model.EventAccountMade, u.ID))
	err = a.settleUser(ctx, "create user", err, u.ID)
	switch {
	case errors.Is(err, model.ErrConflict):
		return out, link, refuse(model.KindEmailTaken)
	case err != nil:
		return out, link, unavailable("create user", err)
	}
	if out, err = a.describe(ctx, u); err != nil || hash != "" {
		return out, link, err
	}
	if link, err = a.handOut(ctx, id); err != nil {
		err = fmt.Errorf("%w: %w", ErrNoLink, err)
	}
	return out, link, err
}

// ErrNoLink says that an account was added whose owner cannot choose a password yet.
var ErrNoLink = errors.New("the account was created, but no link to choose a password")

// settleUser is settle for an act that creates a user.
func (a *Accounts) settleUser(ctx context.Context, doing string, err error, id string) error {
	return a.settle(ctx, id, doing, err, func(ctx context.Context) (bool, error) {
		_, err := a.store.User(ctx, id)
		return there(err)
	})
}

// handOut saves a link for an operator.
func (a *Accounts) handOut(ctx context.Context, id model.Identity, events ...model.Event) (HandedOut, error) {
	link, address := newLink(a.cfg.PublicURL, model.LinkReset, id.ID, a.cfg.Now(), operatorLinkLifetime)
	if err := a.createLink(ctx, id, link, events...); err != nil {
		return HandedOut{}, err
	}
	return HandedOut{Address: model.Secret(address), ExpiresAt: link.ExpiresAt}, nil
}

// Disable keeps somebody from signing in, and ends all of their sessions. Changed says whether they could before.
func (a *Accounts) Disable(ctx context.Context, name string) (out Managed, changed bool, err error) {
	return a.disable(ctx, name, nil)
}

func (a *Accounts) disable(ctx context.Context, name string, by *model.OperatorAct) (out Managed, changed bool, err error) {
	return a.change(ctx, name, true, func(id string) error {
		return a.store.DisableUser(ctx, id, a.cfg.Now(), actedBy(a.byOperator(model.EventAccountDisabled, id), by))
	})
}

// Enable lets somebody sign in again. Changed says whether they could not before.
func (a *Accounts) Enable(ctx context.Context, name string) (out Managed, changed bool, err error) {
	return a.enable(ctx, name, nil)
}

func (a *Accounts) enable(ctx context.Context, name string, by *model.OperatorAct) (out Managed, changed bool, err error) {
	return a.change(ctx, name, false, func(id string) error {
		return a.store.EnableUser(ctx, id, a.cfg.Now(), actedBy(a.byOperator(model.EventAccountEnabled, id), by))
	})
}

func (a *Accounts) change(
	ctx context.Context, name string, off bool, act func(id string) error,
) (out Managed, changed bool, err error) {
	before, err := a.FindPerson(ctx, name)
	if err != nil {
		return out, false, err
	}
	err = a.settle(ctx, before.ID, "switch user", act(before.ID), func(ctx context.Context) (bool, error) {
		now, err := a.store.User(ctx, before.ID)
		if errors.Is(err, model.ErrNotFound) {
			return false, refuse(model.KindNotFound)
		}
		return off != now.DisabledAt.IsZero(), err
	})
	if err != nil {
		return out, false, missing(model.KindNotFound, "switch user", err)
	}
	out, err = a.Find(ctx, before.ID)
	return out, out.DisabledAt.IsZero() != before.DisabledAt.IsZero(), err
}

// ResetPassword creates a link with which somebody chooses another password. Until that is opened no password fits, and nothing stays
// signed in: anyone who has learnt the old one is out at once. With keepSessions everything stays as it is until then. With byEmail the
// link is sent, and not given.
func (a *Accounts) ResetPassword(ctx context.Context, name string, keepSessions, byEmail bool) (out Managed, link HandedOut, err error) {
	return a.resetPassword(ctx, name, keepSessions, byEmail, nil)
}

func (a *Accounts) resetPassword(
	ctx context.Context, name string, keepSessions, byEmail bool, by *model.OperatorAct,
) (out Managed, link HandedOut, err error) {
	if out, err = a.FindPerson(ctx, name); err != nil {
		return out, link, err
	}
	id, ok := out.Password()
	switch {
	case !ok:
		return out, link, refuse(model.KindBadPassword)
	case byEmail && a.cfg.Mailer == nil:
		return out, link, refuse(model.KindNoEmail)
	}
	events := []model.Event{actedBy(a.byOperator(model.EventResetAsked, out.ID), by)}
	if !keepSessions {
		if err := a.voidPassword(ctx, id, events); err != nil {
			return out, link, err
		}
		events = nil
	}
	if link, err = a.handOut(ctx, id, events...); err != nil {
		err = missing(model.KindNotFound, "create link", err)
		if !keepSessions {
			err = fmt.Errorf("%w: %w", ErrPasswordVoid, err)
		}
		return out, link, err
	}
	if out, err = a.Find(ctx, out.ID); err != nil || !byEmail {
		return out, link, err
	}
	if err := a.cfg.Mailer.Send(ctx, a.letters().In(id.Language).ResetByOperator(id.Subject, link.Address.Reveal())); err != nil {
		return out, HandedOut{}, &model.Error{Kind: model.KindNoEmail, Err: err}
	}
	link.Address = ""
	return out, link, nil
}

// ErrPasswordVoid says that a password no longer works whose owner cannot choose another yet.
var ErrPasswordVoid = errors.New("the password no longer works and everything is signed out, but no reset link was created")

// voidPassword makes the password invalid and ends all sessions. A sign-in at the same time may store the hash again: then it is
// done once more.
func (a *Accounts) voidPassword(ctx context.Context, id model.Identity, events []model.Event) error {
	for {
		err := a.store.ChangePassword(ctx, id, "", "", events...)
		err = a.settleIdentity(ctx, "void password", err, id, func(now model.Identity) bool { return now.PasswordHash == "" })
		if !errors.Is(err, model.ErrConflict) {
			return missing(model.KindNotFound, "void password", err)
		}
		m, err := a.Find(ctx, id.UserID)
		if err != nil {
			return err
		}
		id, _ = m.Password()
	}
}

// Delete deletes an account with everything that belongs to it, and gives it as it was.
func (a *Accounts) Delete(ctx context.Context, name string) (Managed, error) {
	found, err := a.FindPerson(ctx, name)
	if err == nil {
		err = missing(model.KindNotFound, "delete user", a.deleteUser(ctx, found.ID))
	}
	return found, err
}

// ErrImported says that a user has been imported before.
var ErrImported = errors.New("already exists")

// TakenError says that somebody signs in already as what a user would who is imported.
type TakenError struct{ Provider, Subject, By string }

func (e TakenError) Error() string { return e.Provider + " identity taken by " + e.By }

// DetailImported is the detail of model.EventAccountMade when the account was elsewhere before.
const DetailImported = "imported"

// Import adds a user who had an account elsewhere, with the ids that they had there. It answers ErrImported or a TakenError when
// there is such a user. Of a key its id is kept, with which nobody can sign in.
func (a *Accounts) Import(ctx context.Context, u model.User, identities []model.Identity) error {
	e := a.byOperator(model.EventAccountMade, u.ID)
	e.Detail = DetailImported
	err := a.settleUser(ctx, "create user", a.store.ImportUser(ctx, u, identities, e), u.ID)
	if errors.Is(err, model.ErrConflict) {
		if found := a.CanImport(ctx, u, identities); found != nil { // says with whom
			return found
		}
	}
	return err
}

// CanImport says what stands in the way of an Import, if anything.
func (a *Accounts) CanImport(ctx context.Context, u model.User, identities []model.Identity) error {
	switch _, err := a.store.User(ctx, u.ID); {
	case err == nil:
		return ErrImported
	case !errors.Is(err, model.ErrNotFound):
		return err
	}
	for _, id := range identities {
		if id.Provider == model.ProviderAPIKey {
			continue
		}
		switch taken, err := a.store.IdentityBySubject(ctx, id.Provider, id.Subject); {
		case err == nil:
			return TakenError{id.Provider, id.Subject, taken.UserID}
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
	}
	return nil
}

// byOperator is something that an operator did to an account.
func (a *Accounts) byOperator(kind model.EventKind, userID string) model.Event {
	return a.event(model.Origin{Actor: model.ActorOperator}, kind, userID)
}
