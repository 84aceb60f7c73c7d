package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// opTokenFor is the Op of errors of [Session.TokenFor].
const opTokenFor = "exchange token"

// oauthRoot is where the calls of OAuth live.
const oauthRoot = "/oauth"

// Names of RFC 8693 and codes of RFC 6749.
const (
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"
	codeInvalidGrant = "invalid_grant"
	codeNoGrant      = "unsupported_grant_type"
)

// ServiceToken is a token for another service than the server of the session.
type ServiceToken struct {
	Value     Secret
	ExpiresAt time.Time // by the clock of this machine, and no later
}

// TokenFor gets a token for a service that the operator of the server has named.
// The service finds in it who the user is, and can do nothing here with it. Use it
// until shortly before it expires, and get another one then.
//
// When the session has ended, [IsUnauthorized] is true of the error. A service
// that nobody has named is an [*Error] with the code invalid_target. The call is
// Latchkey's own: for a server that does not have it, [IsNotReported] is true.
func (s *Session) TokenFor(ctx context.Context, audience string) (ServiceToken, error) {
	asked := s.client.now()
	used := s.access.Load()
	if used == nil {
		return s.tokenForFresh(ctx, nil, audience)
	}
	token, err := s.exchange(ctx, *used, audience, asked)
	if e, ok := about(err); ok && e.Code == codeInvalidGrant { // usually it has expired
		return s.tokenForFresh(ctx, used, audience)
	}
	return token, err
}

// tokenForFresh asks once, with a newer access token than stale.
func (s *Session) tokenForFresh(ctx context.Context, stale *Secret, audience string) (ServiceToken, error) {
	access, err := s.renew(ctx, stale)
	if err != nil {
		return ServiceToken{}, fmt.Errorf("%s: %w", opTokenFor, err)
	}
	return s.exchange(ctx, access, audience, s.client.now())
}

func (s *Session) exchange(ctx context.Context, access Secret, audience string, asked time.Time) (ServiceToken, error) {
	var a exchangeAnswer
	err := s.client.call(ctx, request{
		op: opTokenFor, method: http.MethodPost, root: oauthRoot, path: path("token"),
		form: url.Values{
			"grant_type": {grantExchange}, "subject_token": {access.Reveal()}, "subject_token_type": {typeAccessToken}, "audience": {audience},
		},
		secrets: []Secret{access},
	}, &a)
	if err != nil {
		return ServiceToken{}, err
	}
	return ServiceToken{a.Token, asked.Add(time.Duration(a.ExpiresIn) * time.Second)}, nil
}

// maxTokenLife is longer than any token for a service is good.
const maxTokenLife = 24 * 60 * 60

// exchangeAnswer is what TokenFor is given.
type exchangeAnswer struct {
	Token     Secret `json:"access_token"`
	ExpiresIn int64  `json:"expires_in"`
}

func (a *exchangeAnswer) check() error {
	if a.ExpiresIn <= 0 || a.ExpiresIn > maxTokenLife {
		return errors.New("expires_in is missing or makes no sense")
	}
	return checkToken("access_token", a.Token)
}
