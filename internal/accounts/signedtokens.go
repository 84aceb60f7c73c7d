package accounts

import (
	"context"
	"errors"
	"math/bits"
	"strconv"
	"sync/atomic"
	"time"

	"latchkey/internal/model"
)

// signedTokens counts sign-ins with tokens that others have signed, for the log. Nobody who had an account at App Services and comes here
// for the first time should get a new one: then what its export calls people is not what tokens call them.
type signedTokens struct{ imported, created atomic.Uint64 }

// SignInWithToken opens a session for somebody whom an issuer has authenticated, by what it calls them and by nothing else: an address in
// a token finds nobody, since an issuer need not have seen to it that it is theirs. Somebody who was never here gets an account, if that is
// allowed for the provider.
func (a *Accounts) SignInWithToken(ctx context.Context, from model.Origin, who model.Proved, d *model.Device) (model.Session, error) {
	id, err := a.store.IdentityBySubject(ctx, who.Provider, who.Subject)
	switch {
	case errors.Is(err, model.ErrNotFound):
		if !a.cfg.NewUsers[who.Provider] {
			return model.Session{}, noNewUsers(who.Provider)
		}
		id, err = a.createProved(ctx, from, who, signedInWith[who.Provider])
	case err == nil && wasImported(id):
		a.countToken(ctx, who.Provider, &a.tokens.imported)
	}
	if err != nil { // none is there when it was deleted at this very moment
		return model.Session{}, missing(model.KindWrongToken, "read identity", err)
	}
	if id.UserDisabled {
		a.recordFailure(ctx, from, id.UserID, model.ReasonDisabled)
		return model.Session{}, refused(model.KindDisabled, model.ReasonDisabled, id.UserID)
	}
	who.Email = id.Email // which is for a browser to say
	a.keepData(ctx, id, who)
	return a.openSession(ctx, from, authenticated{
		userID: id.UserID, identityID: id.ID, provider: id.Provider, refusal: model.KindWrongToken, how: signedInWith[id.Provider],
		customData: id.CustomData, provedAt: who.SignedInAt,
	}, d)
}

// keepData stores what a token says of somebody beside who they are. The sign-in succeeds without it: the next one tries again.
func (a *Accounts) keepData(ctx context.Context, id model.Identity, who model.Proved) {
	if id.Data == who.Data && id.Email == who.Email {
		return
	}
	if err := a.store.ReplaceIdentityData(ctx, id, who.Data, who.Email); err != nil {
		a.cfg.Log.WarnContext(ctx, "what a token says of a user was not saved", "user", id.UserID, "cause", err)
	}
}

// signedInWith are what events say of sign-ins with a token.
var signedInWith = map[string]string{
	model.ProviderCustomToken: model.DetailToken,
	model.ProviderGoogle:      model.DetailGoogle,
	model.ProviderApple:       model.DetailApple,
}

// createProved creates the user whom a token is about. Of several sign-ins at once one creates it, and the others are that user's.
func (a *Accounts) createProved(ctx context.Context, from model.Origin, who model.Proved, how string) (model.Identity, error) {
	if err := tooMany(model.KindTooManyAccounts, a.registrations.take(from.Address)); err != nil {
		return model.Identity{}, err
	}
	now := a.cfg.Now()
	user := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID: model.NewID(now), UserID: user.ID, Provider: who.Provider, Subject: who.Subject, Data: who.Data, Email: who.Email, CreatedAt: now,
	}
	created := a.event(from, model.EventAccountMade, user.ID)
	created.Detail = how
	err := a.settleUser(ctx, "create user", a.store.CreateUser(ctx, user, id, created), user.ID)
	if errors.Is(err, model.ErrConflict) { // another was quicker
		return a.store.IdentityBySubject(ctx, who.Provider, who.Subject)
	}
	if err == nil {
		a.countToken(ctx, who.Provider, &a.tokens.created)
	}
	return id, err
}

// noNewUsers refuses somebody whom a provider may not give an account.
func noNewUsers(provider string) error {
	return &model.Error{Kind: model.KindRegistrationClosed, Err: errors.New("no account is of this subject, and " + provider + " creates none")}
}

// wasImported says whether an identity was elsewhere before: it is older than its id.
func wasImported(id model.Identity) bool {
	since, err := strconv.ParseInt(id.ID[:min(8, len(id.ID))], 16, 64)
	return err == nil && time.Unix(since, 0).Sub(id.CreatedAt) > time.Hour
}

// countToken counts a sign-in, and logs the counts each time that one has doubled.
func (a *Accounts) countToken(ctx context.Context, provider string, count *atomic.Uint64) {
	if bits.OnesCount64(count.Add(1)) == 1 {
		a.cfg.Log.InfoContext(ctx, "signed in with tokens since the start",
			"as imported users", a.tokens.imported.Load(), "as new users", a.tokens.created.Load(), "last with", provider)
	}
}
