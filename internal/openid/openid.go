// Package openid signs people in at other providers with OpenID Connect: it sends browsers there, exchanges the codes that they return
// with, and says whom a provider means. It knows no accounts, and keeps nothing of what a provider issues.
//
// What is asked of a provider is bounded in time and size, and goes nowhere but to the addresses that its operator named and that its
// discovery names over TLS, or inside this machine. One that does not answer holds up nobody but those who sign in with it.
package openid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"latchkey/internal/idtokens"
	"latchkey/internal/model"
)

const (
	maxCode = 4 << 10

	// maxExchanges is how many codes of one provider are exchanged at once: one that is slow holds up no more.
	maxExchanges = 32
)

// Provider is what an operator decides about one provider.
type Provider struct {
	model.OpenID

	Issuer   string
	ClientID string
	Secret   model.Secret
	// Identities is the provider under which what its tokens say is kept.
	Identities string
}

// Providers are those that are set up.
type Providers struct {
	list map[string]*provider
	all  []*provider // in the order in which they were given
}

// provider is one of them, with what is known of it.
type provider struct {
	Provider

	redirect string
	now      func() time.Time
	metadata *metadata
	places   chan struct{}
}

// New returns Providers for a dashboard at a URL, by a clock. It asks nobody for anything.
func New(publicURL string, now func() time.Time, providers ...Provider) *Providers {
	p := &Providers{list: map[string]*provider{}}
	for _, one := range providers {
		made := &provider{
			Provider: one, redirect: publicURL + "/login/with/" + one.ID + "/return", now: now, places: make(chan struct{}, maxExchanges),
			metadata: newMetadata(one, now),
		}
		p.list[one.ID] = made
		p.all = append(p.all, made)
	}
	return p
}

// Begin is the address to which a browser is sent.
func (p *Providers) Begin(ctx context.Context, id string, ask model.OpenIDAsk) (string, error) {
	one, ok := p.list[id]
	if !ok {
		return "", &model.Error{Kind: model.KindNotFound}
	}
	m, err := one.metadata.get(ctx)
	if err != nil {
		return "", one.unknown("find out how people sign in", err)
	}
	config := one.config(m)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(ask.Verifier.Reveal()), oauth2.SetAuthURLParam("nonce", ask.Nonce)}
	if ask.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return config.AuthCodeURL(ask.State, options...), nil
}

func (p *provider) config(m *discovered) oauth2.Config {
	return oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.Secret.Reveal(), RedirectURL: p.redirect, Scopes: p.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorize, TokenURL: m.Token, AuthStyle: m.style},
	}
}

// scopes are what is asked for. Apple sends the answer in another way to those who want more than to know who it is.
func (p *provider) scopes() []string {
	if p.Issuer == appleIssuer {
		return []string{"openid"}
	}
	return []string{"openid", "email", "profile"}
}

const appleIssuer = "https://appleid.apple.com"

// Finish says whom a provider means, with what a browser has returned with. It refuses with KindWrongToken, whose cause says why and
// quotes neither code nor token, and with KindNoIssuer when it cannot know.
func (p *Providers) Finish(ctx context.Context, id string, back model.OpenIDReturn) (model.Proved, error) {
	one, ok := p.list[id]
	if !ok {
		return model.Proved{}, &model.Error{Kind: model.KindNotFound}
	}
	if back.Error != "" || back.Description != "" {
		return model.Proved{}, one.wrong("it answers %s %s", legible(back.Error), legible(back.Description))
	}
	if code := back.Code.Reveal(); code == "" || len(code) > maxCode || back.Verifier == "" || back.Nonce == "" {
		return model.Proved{}, one.wrong("there is no code")
	}
	m, err := one.metadata.get(ctx)
	switch {
	case err != nil:
		return model.Proved{}, one.unknown("find out how codes are exchanged", err)
	case back.Issuer != "" && back.Issuer != one.Issuer:
		return model.Proved{}, one.wrong("the answer is from %s", legible(back.Issuer))
	case back.Issuer == "" && m.SaysIssuer:
		return model.Proved{}, one.wrong("the answer does not say whom it is from")
	}
	token, err := one.exchange(ctx, m, back)
	if err != nil {
		return model.Proved{}, err
	}
	return m.client.Verify(ctx, token, back.Nonce)
}

// exchange gives the ID token for a code. The other tokens are nobody's here.
func (p *provider) exchange(ctx context.Context, m *discovered, back model.OpenIDReturn) (model.Secret, error) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		return "", &model.Error{Kind: model.KindBusy, Doing: "exchange a code of " + p.ID}
	}
	config := p.config(m)
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, m.http), back.Code.Reveal(), oauth2.VerifierOption(back.Verifier.Reveal()))
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		switch status := refusal.Response.StatusCode; {
		case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
			return "", p.unknown("exchange a code", fmt.Errorf("it answers with status %d", status))
		default:
			return "", p.wrong("it takes no code: status %d, %s %s", status, legible(without(refusal.ErrorCode, back.Code, back.Verifier, p.Secret)),
				legible(without(refusal.ErrorDescription, back.Code, back.Verifier, p.Secret)))
		}
	}
	if unreachable, ok := errors.AsType[*url.Error](err); ok {
		return "", p.unknown("exchange a code", idtokens.WhyNot(unreachable))
	}
	if err != nil { // not its text: it may quote what was answered
		return "", p.wrong("what it answers to a code is not as it should be")
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok || raw == "" {
		return "", p.wrong("it answers a code without an ID token")
	}
	return model.Secret(raw), nil
}

func (p *provider) wrong(why string, args ...any) error {
	return &model.Error{Kind: model.KindWrongToken, Err: fmt.Errorf(p.ID+": "+why, args...)}
}

func (p *provider) unknown(doing string, err error) error {
	return &model.Error{Kind: model.KindNoIssuer, Wait: firstPause, Doing: doing + " at " + p.ID, Err: err}
}

// without is what a provider says that may quote what it was sent.
func without(text string, secrets ...model.Secret) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret.Reveal(), secret.String())
	}
	return text
}

// legible is what a provider, or who made up an answer of it, says in a few letters, for the log.
func legible(text string) string {
	const most = 200
	text = fmt.Sprintf("%+q", text)
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// Look asks the providers that were never asked, or not lately, and says of each that does not answer why.
func (p *Providers) Look(ctx context.Context) []string {
	if p == nil {
		return nil
	}
	for _, one := range p.all {
		one.metadata.refresh()
	}
	for _, one := range p.all {
		if m, _ := one.metadata.latest(ctx); m != nil {
			m.client.Refresh(ctx)
		}
	}
	return p.Troubles()
}

// Troubles are the providers that did not answer when they were last asked, each in a sentence without a full stop.
func (p *Providers) Troubles() []string {
	if p == nil {
		return nil
	}
	var troubles []string
	for _, one := range p.all {
		if trouble := one.trouble(); trouble != "" {
			troubles = append(troubles, trouble)
		}
	}
	return troubles
}

func (p *provider) trouble() string {
	m, err := p.metadata.current()
	switch {
	case err != nil && m == nil:
		return fmt.Sprintf("%s: %s cannot be asked (%v); nobody can sign in with it until it can", p.ID, p.Issuer, err)
	case err != nil:
		return fmt.Sprintf("%s: %s cannot be asked (%v); what it said before still counts", p.ID, p.Issuer, err)
	case m == nil: // nobody has asked it yet
		return ""
	}
	if trouble, there := m.client.Trouble(); there {
		return trouble.String()
	}
	return ""
}

// Issuers are what the tokens of an issuer call it: itself, and Google in a shorter way too.
func Issuers(issuer string) []string {
	const google = "accounts.google.com"
	if issuer == "https://"+google {
		return []string{issuer, google}
	}
	return []string{issuer}
}

// styleOf is in what a provider takes the client's secret: in the body, if it may be, where nobody disagrees how it is encoded.
func styleOf(methods []string) (oauth2.AuthStyle, error) {
	switch {
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	case len(methods) == 0, slices.Contains(methods, "client_secret_basic"): // which it is when a provider does not say
		return oauth2.AuthStyleInHeader, nil
	default:
		return 0, errors.New("it takes a client's secret neither as client_secret_post nor as client_secret_basic")
	}
}
