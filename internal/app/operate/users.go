package operate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// maxListed is how many users are in one answer, which is kept in memory whole.
const maxListed = 500

// listedUser is a user as operators see one.
type listedUser struct {
	ID           string    `json:"_id"`
	Email        string    `json:"email,omitempty"`
	Providers    []string  `json:"providers"`
	CreatedAt    time.Time `json:"created_at"`
	Keys         int       `json:"keys"`
	Disabled     bool      `json:"disabled"`
	NoPassword   bool      `json:"no_password"`   // has an e-mail, and no password fits
	NotConfirmed bool      `json:"not_confirmed"` // has not opened the link in the mail yet

	emailIdentity model.Identity
}

// describe gathers what is known of a user, or answers model.ErrNotFound.
func (o *operator) describe(ctx context.Context, u model.User) (listedUser, error) {
	out := listedUser{ID: u.ID, CreatedAt: u.CreatedAt, Disabled: !u.DisabledAt.IsZero(), Providers: []string{}}
	identities, err := o.store.Identities(ctx, u.ID)
	if err != nil {
		return out, err
	}
	for _, id := range identities {
		out.Providers = append(out.Providers, id.Provider)
		if id.Provider == model.ProviderEmailPassword {
			out.Email, out.NoPassword, out.NotConfirmed = id.Subject, id.PasswordHash == "", id.Pending
			out.emailIdentity = id
		}
	}
	keys, err := o.store.APIKeys(ctx, u.ID)
	out.Keys = len(keys)
	return out, err
}

// named is whom a command is about: an id, or exactly an e-mail.
type named struct {
	User string `json:"user"`
}

func (o *operator) findUser(ctx context.Context, in named) (listedUser, error) {
	u, err := o.store.User(ctx, in.User)
	if errors.Is(err, model.ErrNotFound) {
		var id model.Identity
		if id, err = o.store.IdentityBySubject(ctx, model.ProviderEmailPassword, in.User); err == nil {
			u, err = o.store.User(ctx, id.UserID)
		}
	}
	if err != nil {
		return listedUser{}, unknownUser(in.User, err)
	}
	found, err := o.describe(ctx, u)
	return found, unknownUser(in.User, err)
}

func unknownUser(name string, err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("there is no user %q: name one by id, or by e-mail address exactly as it is in the list", name)
	}
	return err
}

type userPage struct {
	After string `json:"after"`
}

type userList struct {
	Users []listedUser `json:"users"`
	More  string       `json:"more,omitempty"` // where the next page begins; "": there is none
}

func (o *operator) listUsers(ctx context.Context, in userPage) (out userList, err error) {
	users, err := o.store.Users(ctx, in.After, maxListed)
	if err != nil {
		return out, err
	}
	out.Users = make([]listedUser, 0, len(users))
	for _, u := range users {
		listed, err := o.describe(ctx, u)
		if errors.Is(err, model.ErrNotFound) { // deleted meanwhile
			continue
		}
		if err != nil {
			return out, err
		}
		out.Users = append(out.Users, listed)
	}
	if len(users) == maxListed {
		out.More = users[len(users)-1].ID
	}
	return out, nil
}

// passedOn is a password or a link on its way between a command and the running program: it is written in full there, and however it
// is printed elsewhere, it says nothing.
type passedOn string

// Format hides the secret from every verb.
func (passedOn) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue hides the secret from slog.
func (passedOn) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// newUser is an account to make. Without a password, its owner chooses one by a link.
type newUser struct {
	Email    string   `json:"email"`
	Password passedOn `json:"password,omitempty"`
}

// handedOut is a user and, when they are to choose a password, the link for that.
type handedOut struct {
	User          listedUser `json:"user"`
	Link          passedOn   `json:"link,omitempty"`
	LinkExpiresAt time.Time  `json:"link_expires_at,omitzero"`
	Mailed        bool       `json:"mailed,omitempty"` // the link, which is then not told
}

func (o *operator) addUser(ctx context.Context, in newUser) (out handedOut, err error) {
	if accounts.CheckEmail(in.Email) != nil {
		return out, fmt.Errorf("%q cannot be an e-mail address here: it must have 1 to 128 characters", in.Email)
	}
	var hash string
	if in.Password != "" {
		if hash, err = accounts.HashNewPassword(ctx, string(in.Password), in.Email, o.minPassword); err != nil {
			return out, err
		}
	} else if err := o.canLink(); err != nil {
		return out, err
	}
	now := o.now().UTC().Truncate(time.Millisecond) // as it is kept
	u := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: in.Email, PasswordHash: hash, CreatedAt: now,
	}
	err = o.store.CreateUser(ctx, u, id, o.event(u.ID, model.EventAccountMade))
	if errors.Is(err, model.ErrConflict) {
		return out, fmt.Errorf("there is a user %q already", in.Email)
	}
	if err == nil {
		out.User, err = o.describe(ctx, u)
	}
	if err != nil || hash != "" {
		return out, err
	}
	link, address := o.newLink(id)
	if err := o.store.CreateLink(ctx, link); err != nil {
		return out, fmt.Errorf("the account was made, but without a link to choose a password: %w", err)
	}
	out.Link, out.LinkExpiresAt = address, link.ExpiresAt
	return out, nil
}

func (o *operator) event(userID string, kind model.EventKind) model.Event {
	return model.Event{UserID: userID, At: o.now(), Kind: kind, Actor: model.ActorOperator}
}

// canLink says whether a link would lead anywhere.
func (o *operator) canLink() error {
	if o.publicURL == "" {
		return errors.New("a link is needed, and it is not known how people reach this latchkey: give --public-url")
	}
	return nil
}

func (o *operator) newLink(id model.Identity) (model.Link, passedOn) {
	link, address := accounts.NewLink(o.publicURL, model.LinkReset, id.ID, o.now(), accounts.OperatorLinkLifetime)
	return link, passedOn(address)
}

// changedUser is a user, and whether the command changed anything.
type changedUser struct {
	User    listedUser `json:"user"`
	Changed bool       `json:"changed"`
}

func (o *operator) disableUser(ctx context.Context, in named) (changedUser, error) {
	return o.change(ctx, in, func(id string) error {
		return o.store.DisableUser(ctx, id, o.now(), o.event(id, model.EventAccountDisabled))
	})
}

func (o *operator) enableUser(ctx context.Context, in named) (changedUser, error) {
	return o.change(ctx, in, func(id string) error {
		return o.store.EnableUser(ctx, id, o.event(id, model.EventAccountEnabled))
	})
}

func (o *operator) change(ctx context.Context, in named, act func(id string) error) (out changedUser, err error) {
	before, err := o.findUser(ctx, in)
	if err != nil {
		return out, err
	}
	if err := act(before.ID); err != nil {
		return out, unknownUser(in.User, err)
	}
	out.User, err = o.findUser(ctx, named{before.ID})
	out.Changed = out.User.Disabled != before.Disabled
	return out, err
}

// resetOrder is a command to have a user choose another password.
type resetOrder struct {
	User         string `json:"user"`
	KeepSessions bool   `json:"keep_sessions"`
	Mail         bool   `json:"mail"`
}

// resetPassword makes a link with which a user chooses another password. Until that is opened no password fits, and nothing stays
// signed in: whoever has learnt the old one is out at once. With KeepSessions everything stays as it is until then.
func (o *operator) resetPassword(ctx context.Context, in resetOrder) (out handedOut, err error) {
	out.User, err = o.findUser(ctx, named{in.User})
	switch {
	case err != nil:
		return out, err
	case out.User.Email == "":
		return out, fmt.Errorf("the user %s has no e-mail address to sign in with, and so no password", out.User.ID)
	case in.Mail && o.mailer == nil:
		return out, errors.New("no mail can be sent: that takes a running latchkey with --smtp; without --mail the link is printed")
	}
	if err := o.canLink(); err != nil {
		return out, err
	}
	happened := []model.Event{o.event(out.User.ID, model.EventResetAsked)}
	if !in.KeepSessions {
		if err := o.voidPassword(ctx, out.User, happened); err != nil {
			return out, err
		}
		happened = nil
	}
	link, address := o.newLink(out.User.emailIdentity)
	if err := o.store.CreateLink(ctx, link, happened...); err != nil {
		return out, unknownUser(in.User, err)
	}
	if out.User, err = o.findUser(ctx, named{out.User.ID}); err != nil {
		return out, err
	}
	if !in.Mail {
		out.Link, out.LinkExpiresAt = address, link.ExpiresAt
		return out, nil
	}
	letters := accounts.Letters{PublicURL: o.publicURL}
	if err := o.mailer.Send(ctx, letters.ResetByOperator(out.User.Email, string(address))); err != nil {
		return out, fmt.Errorf("the mail could not be sent (%w): try again without --mail for a link", err)
	}
	out.Mailed, out.LinkExpiresAt = true, link.ExpiresAt
	return out, nil
}

// voidPassword has no password fit and ends all sessions. Whoever signs in meanwhile may have the hash stored anew: then it is
// done once more.
func (o *operator) voidPassword(ctx context.Context, u listedUser, happened []model.Event) error {
	for {
		err := o.store.ChangePassword(ctx, u.emailIdentity, "", "", happened...)
		if !errors.Is(err, model.ErrConflict) {
			return err
		}
		if u, err = o.findUser(ctx, named{u.ID}); err != nil {
			return err
		}
	}
}

func (o *operator) deleteUser(ctx context.Context, in named) (listedUser, error) {
	found, err := o.findUser(ctx, in)
	if err == nil {
		err = unknownUser(in.User, o.store.DeleteUser(ctx, found.ID))
	}
	return found, err
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// oneLine is an error for people: joined ones have a line for each of their parts.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
