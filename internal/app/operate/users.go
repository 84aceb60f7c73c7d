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
	Passkeys     int       `json:"passkeys"`
	Disabled     bool      `json:"disabled"`
	NoPassword   bool      `json:"no_password"`          // has an email, and no password fits
	NotConfirmed bool      `json:"not_confirmed"`        // has not opened the link in the email yet
	NotBack      int       `json:"keys_not_back"`        // of the keys that they were imported with
	ServerKey    string    `json:"server_key,omitempty"` // the name of the server key that it is; "" for a person
	Operator     bool      `json:"operator,omitempty"`   // looks after the accounts of others in the browser
}

func listed(m accounts.Managed) listedUser {
	out := listedUser{
		ID: m.ID, CreatedAt: m.CreatedAt, Keys: m.Keys, Passkeys: m.Passkeys, NotBack: m.NotBack, Disabled: !m.DisabledAt.IsZero(), Providers: []string{}, ServerKey: m.ServerKey,
		Operator: m.Operator,
	}
	for _, id := range m.Identities {
		out.Providers = append(out.Providers, id.Provider)
	}
	if id, ok := m.Password(); ok {
		out.Email, out.NoPassword, out.NotConfirmed = id.Subject, id.PasswordHash == "", id.Pending
	}
	return out
}

// named is whom a command is about: an id, or an email in any spelling in which people see no difference.
type named struct {
	User string `json:"user"`
}

func (o *operator) findUser(ctx context.Context, in named) (listedUser, error) {
	found, err := o.accounts.FindPerson(ctx, in.User)
	if err != nil {
		return listedUser{}, aboutUser(in.User, err)
	}
	return listed(found), nil
}

// aboutUser puts a refusal into words for operators, who see every other error as it is.
func aboutUser(name string, err error) error {
	var ambiguous accounts.AmbiguousError
	if errors.As(err, &ambiguous) {
		var could []string
		for _, id := range ambiguous.Alike {
			could = append(could, fmt.Sprintf("%s (%+q)", id.UserID, id.Subject))
		}
		return fmt.Errorf("%q matches several users, so use an id: %s", name, strings.Join(could, ", "))
	}
	if server, is := errors.AsType[accounts.ServerKeyError](err); is {
		return fmt.Errorf("user %s is not a person but the server key %s: use latchkey server-key off, on or delete", server.UserID, server.Name)
	}
	e, ok := errors.AsType[*model.Error](err)
	switch {
	case !ok:
		return err
	case e.Kind == model.KindNotFound:
		return fmt.Errorf("there is no user %q: use an id or an email address", name)
	case e.Kind == model.KindBadEmail:
		return fmt.Errorf("%q is not a valid email address: it must have 1 to 128 characters", name)
	case e.Kind == model.KindUnclear:
		return notKnown(e, "user list")
	case e.Outcome == model.FoundUndone:
		return fmt.Errorf("the connection to the database broke, and nothing was done (%w): try again", e.Err)
	case e.Reason != "":
		return errors.New(e.Reason)
	case e.Err != nil:
		return e.Err
	default:
		return err
	}
}

// notKnown tells of a command of which nobody knows whether it was done. The command that it names shows what came of it.
func notKnown(err error, look string) error {
	return fmt.Errorf("it is not known whether this was done (%w): check with latchkey %s, and try again if it was not", errors.Unwrap(err), look)
}

type userPage struct {
	After  string `json:"after"`
	Server bool   `json:"server,omitempty"` // the users of server keys, and no people
}

type userList struct {
	Users []listedUser `json:"users"`
	More  string       `json:"more,omitempty"` // where the next page begins; "": there is none
}

func (o *operator) listUsers(ctx context.Context, in userPage) (out userList, err error) {
	if in.Server {
		return o.listServerUsers(ctx)
	}
	list, more, err := o.accounts.List(ctx, in.After, maxListed)
	if err != nil {
		return out, aboutUser("", err)
	}
	out.Users, out.More = make([]listedUser, len(list)), more
	for i, m := range list {
		out.Users[i] = listed(m)
	}
	return out, nil
}

// listServerUsers are the users of all server keys, of which there are too few for pages.
func (o *operator) listServerUsers(ctx context.Context) (out userList, err error) {
	keys, err := o.accounts.ServerKeys(ctx)
	for _, k := range keys {
		out.Users = append(out.Users, listed(accounts.Managed{
			User: model.User{ID: k.UserID, CreatedAt: k.CreatedAt}, Keys: 1, ServerKey: k.Name,
		}))
	}
	return out, aboutUser("", err)
}

// passedOn is a password, a link or the value of a key on its way between a command and the running program: it is written in full
// there, and however it is printed elsewhere, it says nothing.
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
	OnlyHere      bool       `json:"only_this_computer,omitempty"` // can open the link
	Mailed        bool       `json:"mailed,omitempty"`             // the link, which is then not told
	Stuck         bool       `json:"mail_stuck,omitempty"`         // emails do not leave right now
}

// handOut tells of a link that was created.
func (h *handedOut) handOut(link accounts.HandedOut, onlyHere bool) {
	h.Link, h.LinkExpiresAt = passedOn(link.Address.Reveal()), link.ExpiresAt
	h.OnlyHere = onlyHere && h.Link != ""
}

func (o *operator) addUser(ctx context.Context, in newUser) (out handedOut, err error) {
	if accounts.CheckEmail(in.Email) == nil && in.Password == "" {
		if err := o.canLink(); err != nil {
			return out, err
		}
	}
	added, link, err := o.accounts.Add(ctx, in.Email, model.Secret(in.Password))
	if errors.Is(err, accounts.ErrNoLink) {
		return out, fmt.Errorf("%w: create one with latchkey user reset-password", err)
	}
	if model.Is(err, model.KindEmailTaken) {
		return out, o.taken(ctx, in.Email)
	}
	if err != nil {
		return out, aboutUser(in.Email, err)
	}
	out.User = listed(added)
	out.handOut(link, o.onlyHere)
	return out, nil
}

// taken says who has an address already, or one that people cannot tell from it.
func (o *operator) taken(ctx context.Context, email string) error {
	if beside, err := o.accounts.Beside(ctx, email); err == nil && len(beside) > 0 {
		return fmt.Errorf("there already is a user %+q, which looks the same as %+q", beside[0].Subject, email)
	}
	return fmt.Errorf("there already is a user %q", email)
}

// canLink says whether a link would lead anywhere.
func (o *operator) canLink() error {
	if o.publicURL == "" {
		return errors.New("a link needs the address of this server: pass --public-url")
	}
	return nil
}

// changedUser is a user, and whether the command changed anything.
type changedUser struct {
	User    listedUser `json:"user"`
	Changed bool       `json:"changed"`
}

func (o *operator) disableUser(ctx context.Context, in named) (changedUser, error) {
	m, changed, err := o.accounts.Disable(ctx, in.User)
	return changedUser{listed(m), changed}, aboutUser(in.User, err)
}

func (o *operator) enableUser(ctx context.Context, in named) (changedUser, error) {
	m, changed, err := o.accounts.Enable(ctx, in.User)
	return changedUser{listed(m), changed}, aboutUser(in.User, err)
}

func (o *operator) makeOperator(ctx context.Context, in named) (changedUser, error) {
	m, changed, err := o.accounts.MakeOperator(ctx, in.User, true)
	return changedUser{listed(m), changed}, aboutUser(in.User, err)
}

func (o *operator) unmakeOperator(ctx context.Context, in named) (changedUser, error) {
	m, changed, err := o.accounts.MakeOperator(ctx, in.User, false)
	return changedUser{listed(m), changed}, aboutUser(in.User, err)
}

// resetOrder is a command to have a user choose another password.
type resetOrder struct {
	User         string `json:"user"`
	KeepSessions bool   `json:"keep_sessions"`
	Mail         bool   `json:"mail"`
}

func (o *operator) resetPassword(ctx context.Context, in resetOrder) (out handedOut, err error) {
	out.User, err = o.findUser(ctx, named{in.User})
	switch {
	case err != nil:
		return out, err
	case out.User.Email == "":
		return out, fmt.Errorf("user %s does not sign in with an email address, and so has no password", out.User.ID)
	case in.Mail && o.mailer == nil:
		return out, errors.New("no email can be sent: that needs a running latchkey with --smtp; without --mail, the link is printed")
	}
	if err := o.canLink(); err != nil {
		return out, err
	}
	m, link, err := o.accounts.ResetPassword(ctx, out.User.ID, in.KeepSessions, in.Mail)
	if errors.Is(err, accounts.ErrPasswordVoid) {
		return out, fmt.Errorf("%w: run this again to get one", err)
	}
	if model.Is(err, model.KindNoEmail) {
		return out, fmt.Errorf("the email could not be sent (%w): try again without --mail to get a link", errors.Unwrap(err))
	}
	if err != nil {
		return out, aboutUser(in.User, err)
	}
	out.User, out.Mailed = listed(m), in.Mail
	out.Stuck = out.Mailed && o.mailStuck != nil && o.mailStuck()
	out.handOut(link, o.onlyHere)
	return out, nil
}

func (o *operator) deleteUser(ctx context.Context, in named) (listedUser, error) {
	found, err := o.accounts.Delete(ctx, in.User)
	return listed(found), aboutUser(in.User, err)
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
