package app

import (
	"context"

	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/openid"
)

// knowOpenID gives what signs people in at the other providers that are set up.
func (a *App) knowOpenID(cfg config.Settings) accounts.OpenIDFlows {
	var set []openid.Provider
	for _, one := range cfg.Providers.OpenID {
		set = append(set, one.Provider)
	}
	if len(set) > 0 {
		a.openID = openid.New(a.url, cfg.Now, set...)
	}
	return a.openID
}

// openIDOf are those providers as the accounts know them.
func openIDOf(cfg config.Settings) (list []accounts.OpenIDProvider) {
	for _, one := range cfg.Providers.OpenID {
		list = append(list, accounts.OpenIDProvider{OpenID: one.OpenID, Identities: one.Identities, NewUsers: one.NewUsers})
	}
	return list
}

// ReturnOpenID is that of the accounts, and ConnectOpenID too. They are counted as other sign-ins are.
func (a accountsHere) ReturnOpenID(ctx context.Context, from model.Origin, id string, back model.OpenIDReturn) (model.Arrived, error) {
	arrived, err := a.Accounts.ReturnOpenID(ctx, from, id, back)
	if err != nil || arrived.Account.UserID != "" {
		a.admin.countSignIn(err)
	}
	return arrived, err
}

// ConnectOpenID is that of the accounts, and counted.
func (a accountsHere) ConnectOpenID(ctx context.Context, from model.Origin, ticket, password model.Secret) (model.Account, error) {
	who, err := a.Accounts.ConnectOpenID(ctx, from, ticket, password)
	a.admin.countSignIn(err)
	return who, err
}
