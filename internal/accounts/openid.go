package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

const (
	// freshFor is how long ago somebody may have signed in at a provider for that to show that it is they. Its clock may be a little ahead.
	freshFor, ahead = 5 * time.Minute, time.Minute

	// Returns from providers. Each has this server ask the provider something.
	returnsAtOnce = 60
	returnPause   = 10 * time.Second
)

// OpenIDProvider is another provider, as an operator has set it up.
type OpenIDProvider struct {
	model.OpenID

	// Identities is the provider under which identities are kept: its own, or the one with whose tokens the same people sign in to apps.
	Identities string
	NewUsers   bool // somebody who has no account gets one
}

// OpenIDFlows is how people sign in at other providers, and what those say of them.
type OpenIDFlows interface {
	Begin(ctx context.Context, id string, ask model.OpenIDAsk) (address string, err error)
	// Finish refuses with KindWrongToken, and with KindNoIssuer when it cannot know.
	Finish(ctx context.Context, id string, back model.OpenIDReturn) (model.Proved, error)
}

// OpenID are the providers at which people sign in for this server.
func (a *Accounts) OpenID() []model.OpenID {
	list := make([]model.OpenID, len(a.cfg.OpenID))
	for i, one := range a.cfg.OpenID {
		list[i] = one.OpenID
	}
	return list
}

// openID is the provider of an id.
func (a *Accounts) openID(id string) (OpenIDProvider, error) {
	i := slices.IndexFunc(a.cfg.OpenID, func(one OpenIDProvider) bool { return one.ID == id })
	if i < 0 {
		return OpenIDProvider{}, refuse(model.KindNotFound)
	}
	return a.cfg.OpenID[i], nil
}

// openIDOf is the provider with which somebody signs in with a browser who has identities of a provider, if there is one.
func (a *Accounts) openIDOf(identities string) (OpenIDProvider, bool) {
	i := slices.IndexFunc(a.cfg.OpenID, func(one OpenIDProvider) bool { return one.Identities == identities })
	if i < 0 {
		return OpenIDProvider{}, false
	}
	return a.cfg.OpenID[i], true
}

// with is what events say of signing in with a provider.
func with(p model.OpenID) string { return "with " + p.Name }

// BeginOpenID is the address to which a browser is sent that signs in with a provider.
func (a *Accounts) BeginOpenID(ctx context.Context, id string, ask model.OpenIDAsk) (string, error) {
	if _, err := a.openID(id); err != nil {
		return "", err
	}
	return a.cfg.OpenIDFlows.Begin(ctx, id, ask)
}

// returned is whom a provider means by what a browser has returned with. Why nobody is to be believed is for the log alone.
func (a *Accounts) returned(ctx context.Context, from model.Origin, id string, back model.OpenIDReturn) (OpenIDProvider, model.Proved, error) {
	p, err := a.openID(id)
	if err != nil {
		return p, model.Proved{}, err
	}
	if _, _, wait := a.returns.takeHere(limits.Network(from.Address)); wait > 0 {
		return p, model.Proved{}, tooMany(model.KindTooManyTries, wait)
	}
	who, err := a.cfg.OpenIDFlows.Finish(ctx, id, back)
	switch model.KindOf(err) {
	case model.KindWrongToken:
		a.cfg.Log.InfoContext(ctx, "a sign-in with another provider was not finished", "provider", id, "cause", err)
	case model.KindNoIssuer, model.KindBusy:
		a.cfg.Log.WarnContext(ctx, "another provider does not answer", "provider", id, "cause", err)
	}
	return p, who, err
}

// ReturnOpenID signs in with what a browser has returned with. A person is whose identity the provider says, whatever address they have
// there now. Of somebody who has none here the address counts only if the provider has seen that it is theirs, and then it does not sign
// in: who runs the provider would own every account. It leads to the account of that address, whose password its owner has to enter once.
func (a *Accounts) ReturnOpenID(ctx context.Context, from model.Origin, id string, back model.OpenIDReturn) (model.Arrived, error) {
	p, who, err := a.returned(ctx, from, id, back)
	if err != nil {
		return model.Arrived{}, err
	}
	found, err := a.store.IdentityBySubject(ctx, who.Provider, who.Subject)
	if errors.Is(err, model.ErrNotFound) {
		return a.arriveNew(ctx, from, p, who)
	}
	if err != nil {
		return model.Arrived{}, unavailable("read identity", err)
	}
	return a.arrive(ctx, from, p, who, found)
}

// arrive signs in whose identity it is.
func (a *Accounts) arrive(
	ctx context.Context, from model.Origin, p OpenIDProvider, who model.Proved, id model.Identity,
) (model.Arrived, error) {
	if id.UserDisabled {
		a.recordFailure(ctx, from, id.UserID, model.ReasonDisabled)
		return model.Arrived{}, refused(model.KindDisabled, model.ReasonDisabled, id.UserID)
	}
	if p.Identities != model.OpenIDPrefix+p.ID { // what the tokens of an app say is what the operator asked for
		who.Data = id.Data
	}
	a.keepData(ctx, id, who)
	id.Email = who.Email
	account, err := a.openByOpenID(ctx, from, p, id, a.isFresh(who))
	return model.Arrived{Account: account}, err
}

// arriveNew is the arrival of somebody whom nobody here is.
func (a *Accounts) arriveNew(ctx context.Context, from model.Origin, p OpenIDProvider, who model.Proved) (model.Arrived, error) {
	if who.Email != "" {
		same, err := a.meant(ctx, who.Email)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return model.Arrived{}, unavailable("find account", err)
		}
		if err == nil && !same.Pending { // which anybody may have registered
			return a.keepTicket(ctx, same, who)
		}
	}
	if !p.NewUsers {
		a.cfg.Log.InfoContext(ctx, "nobody is connected to an account at another provider, which creates none", "provider", p.ID)
		return model.Arrived{}, nil
	}
	id, err := a.createProved(ctx, from, who, with(p.OpenID))
	if err != nil {
		return model.Arrived{}, missing(model.KindWrongToken, "create user", err)
	}
	return a.arrive(ctx, from, p, who, id)
}

// keepTicket keeps what a provider said of somebody, for the owner of an account.
func (a *Accounts) keepTicket(ctx context.Context, of model.Identity, who model.Proved) (model.Arrived, error) {
	ticket := model.Secret(hex.EncodeToString(model.RandomBytes(ticketBytes)))
	until := a.cfg.Now().Add(store.TicketLifetime)
	kept := model.OpenIDTicket{Hash: sha256.Sum256([]byte(ticket.Reveal())), IdentityID: of.ID, UserID: of.UserID, Who: who, ExpiresAt: until}
	err := a.settle(ctx, of.UserID, "keep ticket", a.store.KeepTicket(ctx, kept), func(ctx context.Context) (bool, error) {
		_, err := a.store.Ticket(ctx, kept.Hash, a.cfg.Now())
		return there(err)
	})
	if err != nil {
		return model.Arrived{}, missing(model.KindWrongToken, "keep ticket", err)
	}
	return model.Arrived{Same: model.SameAddress{Email: of.Subject, Ticket: ticket, Until: until}}, nil
}

// ConnectOpenID signs in to the account of a ticket, by its password, and has its owner sign in with the provider from then on. A wrong
// password counts as a try to sign in does, and leaves the ticket good.
func (a *Accounts) ConnectOpenID(ctx context.Context, from model.Origin, ticket, password model.Secret) (model.Account, error) {
	t, err := a.store.Ticket(ctx, sha256.Sum256([]byte(ticket.Reveal())), a.cfg.Now())
	if err != nil {
		return model.Account{}, missing(model.KindBadLink, "find ticket", err)
	}
	p, there := a.openIDOf(t.Who.Provider)
	if !there { // no longer
		return model.Account{}, refuse(model.KindBadLink)
	}
	who, err := a.verifyPassword(ctx, from, t.Email, password)
	if err != nil {
		return model.Account{}, err
	}
	now := a.cfg.Now()
	id := model.Identity{
		ID: model.NewID(now), UserID: t.UserID, Provider: t.Who.Provider, Subject: t.Who.Subject, Email: t.Who.Email, Data: t.Who.Data, CreatedAt: now,
	}
	connected, err := a.connect(ctx, from, p, t, id, who.generation)
	if err != nil {
		return model.Account{}, err
	}
	return a.openByOpenID(ctx, from, p, connected, true)
}

// connect uses a ticket up.
func (a *Accounts) connect(
	ctx context.Context, from model.Origin, p OpenIDProvider, t model.OpenIDTicket, id model.Identity, generation int64,
) (model.Identity, error) {
	linked := a.event(from, model.EventIdentityLinked, t.UserID)
	linked.Detail = with(p.OpenID)
	connected, err := a.store.UseTicket(ctx, t, id, generation, linked)
	err = a.settle(ctx, t.UserID, "connect identity", err, func(ctx context.Context) (bool, error) {
		found, err := a.store.IdentityBySubject(ctx, id.Provider, id.Subject)
		connected = found
		is, err := there(err)
		return is && found.UserID == t.UserID, err
	})
	switch {
	case errors.Is(err, model.ErrConflict):
		return id, refused(model.KindIdentityTaken, "identity of an account that is in use", t.UserID)
	case errors.Is(err, model.ErrLimit):
		return id, refuse(model.KindIdentityLimit)
	case err != nil:
		return id, missing(model.KindBadLink, "connect identity", err)
	}
	if connected.ID == id.ID {
		a.tell(ctx, from, identityNotice, t.UserID, a.connectedLetter(p.Identities, linked.Detail))
	}
	return connected, nil
}

// openByOpenID opens a session for somebody whom a provider has authenticated, which lasts as long as the operator lets those last: here
// nobody hears of it when the provider lets them in no more.
func (a *Accounts) openByOpenID(
	ctx context.Context, from model.Origin, p OpenIDProvider, id model.Identity, proved bool,
) (model.Account, error) {
	session, err := a.openSession(ctx, from, authenticated{
		userID: id.UserID, identityID: id.ID, provider: id.Provider, refusal: model.KindWrongToken, how: with(p.OpenID), customData: id.CustomData,
		proved: proved, lasts: a.cfg.SessionTime,
	}, nil)
	if err != nil {
		return model.Account{}, err
	}
	return model.Account{
		UserID: session.UserID, Name: nameOf(id), SessionID: session.ID, IdentityID: session.IdentityID, Provider: session.Provider,
		Ends: session.ExpiresAt, Unproved: !proved,
	}, nil
}

// isFresh says whether somebody has just signed in at the provider, and was not there since who knows when.
func (a *Accounts) isFresh(who model.Proved) bool {
	ago := a.cfg.Now().Sub(who.SignedInAt)
	return !who.SignedInAt.IsZero() && -ahead <= ago && ago <= freshFor
}

// ConnectOpenID has the person sign in with a provider too, who has confirmed that it is they.
func (p *Person) ConnectOpenID(ctx context.Context, id string, back model.OpenIDReturn) (model.Way, error) {
	if err := p.manages(); err != nil {
		return model.Way{}, err
	}
	if !p.from.Confirmed {
		return model.Way{}, refuse(model.KindConfirm)
	}
	_, who, err := p.accounts.returned(ctx, p.from, id, back)
	if err != nil {
		return model.Way{}, err
	}
	identity := model.Identity{Provider: who.Provider, Subject: who.Subject, Data: who.Data, Email: who.Email}
	if _, err := p.link(ctx, identity, p.accounts.how(who.Provider)); err != nil {
		return model.Way{}, err
	}
	found, err := p.accounts.store.IdentityBySubject(ctx, who.Provider, who.Subject)
	if err != nil {
		return model.Way{}, missing(model.KindSessionOver, "read identity", err)
	}
	return p.accounts.wayOf(found, false), nil
}

// ConfirmOpenID takes a return from a provider for a proof that it is the person: they have just signed in there, with an account that is
// one of their ways in.
func (p *Person) ConfirmOpenID(ctx context.Context, id string, back model.OpenIDReturn) error {
	if err := p.manages(); err != nil {
		return err
	}
	provider, who, err := p.accounts.returned(ctx, p.from, id, back)
	if err != nil {
		return err
	}
	found, err := p.accounts.store.IdentityBySubject(ctx, who.Provider, who.Subject)
	switch {
	case errors.Is(err, model.ErrNotFound), err == nil && found.UserID != p.who.UserID:
		return refused(model.KindSomebodyElse, "another account at the provider", p.who.UserID)
	case err != nil:
		return unavailable("read identity", err)
	case !p.accounts.isFresh(who):
		return refused(model.KindCannotTell, "no auth_time within 5 minutes", p.who.UserID)
	}
	return p.confirmed(ctx, with(provider.OpenID))
}
