package app

import (
	"context"
	"crypto/ecdsa"
	"net/http"
	"strings"
	"time"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/authserver"
	"latchkey/internal/model"
	"latchkey/internal/upstream"
)

// keyService is whatever has the accounts and their keys.
type keyService struct {
	service handlers.Service
	pace    time.Duration // how often the streams of pages look
	changes func() uint64 // how many there were; nil when that cannot be told
	baseURL string        // what devices are given
	api     http.Handler  // what answers the client API's paths here
	routes  []string      // its calls, as "METHOD /path"
	drain   func()        // waits for what it records after its answers
	tokens  handlers.TokenExchange
	// finish finishes the replacements of keys that are due by a time; nil where the keys are elsewhere.
	finish func(ctx context.Context, by time.Time) error
}

// connectKeys keeps accounts in this program, with a client API for devices, or reaches out to the server that has them.
func (a *App) connectKeys(cfg config.Settings, ring keyRing, access []*ecdsa.PrivateKey) (keyService, error) {
	if cfg.Upstream != nil {
		return a.elsewhere(cfg)
	}
	return a.here(cfg, ring, access)
}

// here is the program that has the accounts. The first of the access keys signs what devices show to other services.
func (a *App) here(cfg config.Settings, ring keyRing, access []*ecdsa.PrivateKey) (k keyService, err error) {
	tokens, err := authserver.NewTokens(access, ring.signing)
	if err != nil {
		return k, err
	}
	issuers := a.knowIssuers(cfg)
	rules := accounts.New(accounts.Config{
		TakesTokens:   issuers.Offers,
		OpenID:        openIDOf(cfg),
		OpenIDFlows:   a.knowOpenID(cfg),
		SessionTime:   cfg.SessionTime,
		PasswordsOff:  !cfg.Passwords,
		PublicURL:     a.url,
		Name:          cfg.Name,
		Contact:       cfg.Contact,
		Language:      tagOf(cfg.Language),
		Registration:  cfg.Registration,
		Anonymous:     cfg.Anonymous,
		OwnersAdopt:   cfg.OwnersAdopt,
		NewUsers:      cfg.Providers.NewUsers,
		ServiceTokens: longestToken(cfg.Audiences),
		ReturnURLs:    cfg.ReturnURLs,
		Knocks:        cfg.Knocks,
		MinPassword:   cfg.MinPassword,
		PasswordCost:  cfg.PasswordCost,
		Mailer:        a.mails.mailer(),
		Shared:        a.shared,
		Now:           cfg.Now,
		Log:           a.log,
	}, a.store)
	server := authserver.New(authserver.Config{
		AppID:         cfg.AppID,
		PublicURL:     a.url,
		OwnersAdopt:   cfg.OwnersAdopt,
		StepUp:        cfg.StepUp,
		DeviceURL:     a.hosts.deviceURL,
		ClientAddress: handlers.ClientAddress(cfg.TrustedProxies),
		Audiences:     cfg.Audiences,
		IDTokens:      issuers,
		Now:           cfg.Now,
		Log:           a.log,
	}, rules, tokens)
	a.admin.measure(rules)
	a.recordExpired = rules.RecordExpired
	k = keyService{
		service: accountsHere{rules, a.admin}, pace: time.Second, baseURL: a.url,
		api: a.admin.countSignIns(server), routes: server.Routes(), drain: rules.Drain, tokens: a.admin.exchanges(server, cfg.Audiences),
		finish: rules.FinishReplacements,
	}
	if a.store.Alone() {
		k.changes = a.store.Changes
	}
	return k, nil
}

// longestToken is how long a token for one of the services lasts at most.
func longestToken(audiences []model.Audience) (life time.Duration) {
	for _, a := range audiences {
		life = max(life, a.Lifetime)
	}
	return life
}

// elsewhere is the program before a server that has them.
func (a *App) elsewhere(cfg config.Settings) (k keyService, err error) {
	k.baseURL = strings.TrimRight(cfg.Upstream.String(), "/")
	k.api, k.drain, k.pace = a.notHere(k.baseURL, handlers.ClientAddress(cfg.TrustedProxies)), func() {}, 3*time.Second // it is asked over a network
	through := client.WithHTTPClient(a.admin.countSignInsAt(newUpstreamClient(cfg.Upstream)))
	there, err := client.New(k.baseURL, cfg.AppID, through, client.WithBaseHostOnly())
	if err != nil {
		return k, err
	}
	k.service = accountsElsewhere{upstream.New(upstream.Config{
		Client:  there,
		SignIns: signIns{accounts.NewLimitsElsewhere(cfg.Now, a.shared)},
		Asked:   accounts.NewElsewhere(cfg.Now, a.shared),
		Events:  a.store,
		Cards:   a.store.Elsewhere(),
		Notices: a.mails.notices(a.letters(cfg), cfg.Now, a.shared, a.log),
		Now:     cfg.Now,
		Log:     a.log,
	})}
	return k, nil
}

// accountsHere and accountsElsewhere are the two tenants behind the dashboard's interface, which knows neither package.
type (
	accountsHere struct {
		*accounts.Accounts
		admin *admin
	}
	accountsElsewhere struct{ *upstream.Service }
)

// As is that of the accounts.
func (a accountsHere) As(who model.Account, from model.Origin) handlers.Person {
	return a.Accounts.As(who, from)
}

// SignIn is that of the accounts, and counted as a sign-in through the client API is.
func (a accountsHere) SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error) {
	who, err := a.Accounts.SignIn(ctx, from, email, password)
	a.admin.countSignIn(err)
	return who, err
}

// As is that of the service elsewhere.
func (a accountsElsewhere) As(who model.Account, from model.Origin) handlers.Person {
	return a.Service.As(who, from)
}

// signIns counts tries of passwords at another server as they are counted here.
type signIns struct{ limits *accounts.Limits }

// Take counts a try.
func (s signIns) Take(
	ctx context.Context, account, address, knownBrowser string,
) (succeeded func(), wait time.Duration, err error) {
	return s.limits.Take(ctx, accounts.Attempt{Account: account, Address: address, KnownBrowser: knownBrowser})
}
