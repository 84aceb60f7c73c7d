package accounts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"latchkey/internal/model"
)

// LinkPassword has the person sign in with an email address and its password too, besides what they signed in with before. The address was
// registered for that and has never been signed in with: that account goes, and all that it had is theirs. It gives their session as it is
// then; one that was anonymous is theirs from then on, with their keys to manage.
//
// A wrong password counts as a try to sign in does. KindIdentityTaken is that the address is of an account that somebody uses, KindIdentityLimit
// that the person has another address.
func (p *Person) LinkPassword(ctx context.Context, email string, password model.Secret) (model.Session, error) {
	if err := p.links(); err != nil {
		return model.Session{}, err
	}
	if p.accounts.cfg.PasswordsOff {
		return model.Session{}, refuse(model.KindNotOffered)
	}
	who, err := p.accounts.verifyPassword(ctx, p.from, email, password)
	if err != nil {
		return model.Session{}, err
	}
	return p.link(ctx, model.Identity{Provider: who.provider, Subject: email, Generation: who.generation}, model.DetailPassword)
}

// LinkToken has the person sign in with tokens of an issuer too, which has authenticated them and by which nobody else signs in. An
// anonymous user becomes a person by it, as those alone may to whom a sign-in with the token would give an account.
func (p *Person) LinkToken(ctx context.Context, who model.Proved) (model.Session, error) {
	if err := p.links(); err != nil {
		return model.Session{}, err
	}
	if p.who.Provider == model.ProviderAnonymous && !p.accounts.cfg.NewUsers[who.Provider] {
		return model.Session{}, noNewUsers(who.Provider)
	}
	return p.link(ctx, model.Identity{Provider: who.Provider, Subject: who.Subject, Data: who.Data, Email: who.Email}, signedInWith[who.Provider])
}

// links lets nobody link who is signed in with a key: a device that is lost must not become a way into the account.
func (p *Person) links() error {
	switch p.who.Provider {
	case model.ProviderAPIKey, "":
		return refuse(model.KindForbidden)
	default:
		return nil
	}
}

// link links what the person has proved to have.
func (p *Person) link(ctx context.Context, id model.Identity, how string) (model.Session, error) {
	if err := p.acting(); err != nil {
		return model.Session{}, err
	}
	a := p.accounts
	now := a.cfg.Now()
	id.ID, id.UserID, id.CreatedAt = model.NewID(now), p.who.UserID, now
	e := p.event(model.EventIdentityLinked)
	e.Detail = how
	linked, err := a.store.LinkIdentity(ctx, p.who.SessionID, id, e)
	err = p.settle(ctx, "link identity", err, func(ctx context.Context) (bool, error) {
		found, err := a.store.IdentityBySubject(ctx, id.Provider, id.Subject)
		is, err := there(err)
		linked = is && found.ID == id.ID
		return is && found.UserID == id.UserID, err
	})
	switch {
	case errors.Is(err, model.ErrConflict):
		return model.Session{}, refused(model.KindIdentityTaken, "identity of an account that is in use", p.who.UserID)
	case errors.Is(err, model.ErrLimit):
		return model.Session{}, refuse(model.KindIdentityLimit)
	case err != nil:
		return model.Session{}, missing(model.KindSessionOver, "link identity", err)
	}
	if linked {
		a.tell(ctx, p.from, identityNotice, p.who.UserID, a.connectedLetter(id.Provider, how))
	}
	return a.Session(ctx, p.who.SessionID)
}

// Ways are how the person can sign in, keys aside, in the order in which they were linked.
func (p *Person) Ways(ctx context.Context) ([]model.Way, error) {
	if err := p.manages(); err != nil {
		return nil, err
	}
	identities, err := p.accounts.store.Identities(ctx, p.who.UserID)
	if err != nil {
		return nil, missing(model.KindSessionOver, "read identities", err)
	}
	have, err := p.accounts.store.Passkeys(ctx, p.who.UserID)
	if err != nil {
		return nil, unavailable("list passkeys", err)
	}
	passkey := p.accounts.anyWorks(have, "")
	ways := make([]model.Way, 0, len(identities))
	for _, id := range identities {
		if !p.accounts.isWay(id) {
			continue // anonymous, which works once, or of a provider that there is not here
		}
		ways = append(ways, p.accounts.wayOf(id, p.accounts.removable(id, identities, passkey)))
	}
	return ways, nil
}

// wayOf is an identity as a person knows it.
func (a *Accounts) wayOf(id model.Identity, removable bool) model.Way {
	way := model.Way{ID: id.ID, Provider: id.Provider, Name: nameOf(id), Removable: removable, Since: id.CreatedAt}
	if p, there := a.openIDOf(id.Provider); there {
		way.OpenID = p.OpenID
	}
	return way
}

// isWay says whether somebody can sign in with an identity here.
func (a *Accounts) isWay(id model.Identity) bool {
	if id.Provider == model.ProviderEmailPassword {
		return !a.cfg.PasswordsOff
	}
	return a.how(id.Provider) != ""
}

// how is what events say of signing in with a provider of others, "" when there is none.
func (a *Accounts) how(provider string) string {
	if p, there := a.openIDOf(provider); there {
		return with(p.OpenID)
	}
	return signedInWith[provider]
}

// removable says whether a person may remove one of all their identities, beside which they may have a passkey. The store decides once more.
func (a *Accounts) removable(id model.Identity, all []model.Identity, passkey bool) bool {
	return a.how(id.Provider) != "" && (passkey || slices.ContainsFunc(all, func(other model.Identity) bool {
		return other.ID != id.ID && a.signsIn(other)
	}))
}

// connectedLetter tells of one more way to sign in, and disconnectedLetter of one that is gone.
func (a *Accounts) connectedLetter(provider, how string) func(l Letters, to string, c Circumstances) Email {
	if p, there := a.openIDOf(provider); there {
		return func(l Letters, to string, c Circumstances) Email { return l.Connected(to, p.Name, c) }
	}
	return func(l Letters, to string, c Circumstances) Email { return l.IdentityLinked(to, how, c) }
}

func (a *Accounts) disconnectedLetter(provider, how string) func(l Letters, to string, c Circumstances) Email {
	if p, there := a.openIDOf(provider); there {
		return func(l Letters, to string, c Circumstances) Email { return l.Disconnected(to, p.Name, c) }
	}
	return func(l Letters, to string, c Circumstances) Email { return l.IdentityUnlinked(to, how, c) }
}

// RemoveWay takes a way to sign in from the person, ends what it has opened, and gives it as it was. An email address and the last way
// stay, which is KindNotFound, as are an id that never was and one of somebody else.
func (p *Person) RemoveWay(ctx context.Context, id string) (model.Way, error) {
	ways, err := p.Ways(ctx)
	if err != nil {
		return model.Way{}, err
	}
	i := slices.IndexFunc(ways, func(w model.Way) bool { return w.ID == id && w.Removable })
	if i < 0 {
		return model.Way{}, refuse(model.KindNotFound)
	}
	a, way, how := p.accounts, ways[i], p.accounts.how(ways[i].Provider)
	e := p.event(model.EventIdentityUnlinked)
	e.Detail = how
	err = p.settle(ctx, "unlink identity", a.store.UnlinkIdentity(ctx, p.who.UserID, id, a.passkeyHost(), e), func(ctx context.Context) (bool, error) {
		left, err := a.store.Identities(ctx, p.who.UserID)
		if errors.Is(err, model.ErrNotFound) { // with the account
			return true, nil
		}
		return !slices.ContainsFunc(left, func(other model.Identity) bool { return other.ID == id }), err
	})
	if errors.Is(err, model.ErrConflict) { // the others are gone meanwhile
		err = model.ErrNotFound
	}
	if err != nil {
		return way, missing(model.KindNotFound, "unlink identity", err)
	}
	a.tell(ctx, p.from, identityNotice, p.who.UserID, a.disconnectedLetter(way.Provider, how))
	return way, nil
}

// nameOf is what a person knows an identity by: an address, or what its issuer calls them when it says no address.
func nameOf(id model.Identity) string {
	if id.Provider == model.ProviderEmailPassword {
		return id.Subject
	}
	var said struct {
		Email string `json:"email"`
		Name  string `json:"name"`
	}
	_ = json.Unmarshal([]byte(id.Data), &said) // what says nothing is called by its id
	return cmp.Or(id.Email, said.Email, said.Name, id.Subject)
}
