package accounts

import (
	"context"

	"latchkey/internal/model"
)

// OpenID are the providers at which people sign in for this server.
func (a *Accounts) OpenID() []model.OpenID { return nil }

// BeginOpenID is the address to which a browser is sent that signs in with a provider.
func (a *Accounts) BeginOpenID(context.Context, string, model.OpenIDAsk) (string, error) {
	return "", refuse(model.KindNotFound)
}

// ReturnOpenID signs in with what a browser has returned with.
func (a *Accounts) ReturnOpenID(context.Context, model.Origin, string, model.OpenIDReturn) (model.Arrived, error) {
	return model.Arrived{}, refuse(model.KindNotFound)
}

// ConnectOpenID signs in to the account that has the address of somebody who returned, by its password.
func (a *Accounts) ConnectOpenID(context.Context, model.Origin, model.Secret, model.Secret) (model.Account, error) {
	return model.Account{}, refuse(model.KindBadLink)
}

// ConnectOpenID has the person sign in with a provider too.
func (p *Person) ConnectOpenID(context.Context, string, model.OpenIDReturn) (model.Way, error) {
	return model.Way{}, refuse(model.KindNotFound)
}

// ConfirmOpenID takes a return from a provider for a proof that it is the person.
func (p *Person) ConfirmOpenID(context.Context, string, model.OpenIDReturn) error {
	return refuse(model.KindNotFound)
}
