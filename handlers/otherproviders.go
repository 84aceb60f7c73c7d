package handlers

import (
	"context"

	"latchkey/internal/model"
)

// OtherProviders are those with OpenID Connect at which people sign in instead of here. A browser begins with random texts that it keeps, is
// sent to the provider, and returns with a code. model.KindNoIssuer is that a provider does not answer, model.KindWrongToken that what it
// answers is not to be believed or that there is nothing; the log says why. An id that none has is model.KindNotFound.
type OtherProviders interface {
	// OpenID are those that are set up.
	OpenID() []model.OpenID
	// BeginOpenID is the address to which a browser is sent.
	BeginOpenID(ctx context.Context, id string, ask model.OpenIDAsk) (address string, err error)
	// ReturnOpenID signs in with what a browser has returned with, if it can. A code is good once. model.KindTooManyTries and
	// model.KindTooManyAccounts say how long to wait.
	ReturnOpenID(ctx context.Context, from model.Origin, id string, back model.OpenIDReturn) (model.Arrived, error)
	// ConnectOpenID signs in to the account of a model.SameAddress, by its password as SignIn does, and has its owner sign in with the
	// provider from then on. A ticket is good once, and stays good with a wrong password; model.KindBadLink is that it no longer is.
	ConnectOpenID(ctx context.Context, from model.Origin, ticket, password model.Secret) (model.Account, error)
}

// Connecting is what a person does at another provider while they are signed in. The errors are those of OtherProviders.
type Connecting interface {
	// ConnectOpenID has the person sign in with the provider too, and gives that way. model.KindIdentityTaken is that somebody else here
	// does, model.KindIdentityLimit that they have as many ways as allowed. The caller has seen to a step-up.
	ConnectOpenID(ctx context.Context, id string, back model.OpenIDReturn) (model.Way, error)
	// ConfirmOpenID takes a return from the provider, begun with Fresh, for a proof that it is the person. model.KindCannotTell is that it
	// is none, since the provider does not say that they have just signed in, and model.KindSomebodyElse that it is about another account
	// there.
	ConfirmOpenID(ctx context.Context, id string, back model.OpenIDReturn) error
}
