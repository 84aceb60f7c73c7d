package authserver

import (
	"context"
	"errors"
	"net/http"

	"latchkey/internal/model"
)

// IDTokens verifies tokens that others have signed, as package idtokens does.
type IDTokens interface {
	Offers(provider string) bool
	Verify(ctx context.Context, provider string, token model.Secret) (model.Proved, error)
}

// The providers of App Services that people cannot sign in with here. They are known all the same.
const (
	providerFunction = "custom-function"
	providerFacebook = "oauth2-facebook"
)

// login opens a session for valid credentials.
func (s *Server) login(r *http.Request, _ principal) (answer, error) {
	provider := r.PathValue("provider")
	if err := s.offers(provider); err != nil {
		return answer{}, err
	}
	var in loginRequest
	read := decode
	if provider == model.ProviderAnonymous {
		read = decodeOptional
	}
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	session, err := s.signIn(r, provider, in)
	if err != nil {
		return answer{}, err
	}
	out, err := s.loginAnswerOf(session)
	return answer{status: http.StatusOK, body: out}, err
}

// offers refuses what nobody can sign in with here. A provider that App Services had is refused as a wrong token of it is: so did App
// Services, as the test apps of the SDKs show, where it was not set up.
func (s *Server) offers(provider string) error {
	offered := false
	switch provider {
	case model.ProviderEmailPassword:
		offered = s.accounts.PasswordsAllowed()
	case model.ProviderAPIKey:
		return nil
	case model.ProviderAnonymous:
		offered = s.accounts.AnonymousAllowed()
	case model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple:
		offered = s.cfg.IDTokens != nil && s.cfg.IDTokens.Offers(provider)
	case providerFunction, providerFacebook:
	default:
		return refuse(kindUnknownProvider)
	}
	if !offered {
		return refuse(kindNotOffered).because(errors.New("nobody has set up " + provider))
	}
	return nil
}

// signIn asks for a provider that is offered.
func (s *Server) signIn(r *http.Request, provider string, in loginRequest) (model.Session, error) {
	from, device := s.from(r, provider), in.Options.Device.described()
	switch provider {
	case model.ProviderEmailPassword:
		email, password, err := in.emailPassword()
		if err != nil {
			return model.Session{}, err
		}
		return s.accounts.SignInWithPassword(r.Context(), from, email, password, device)
	case model.ProviderAPIKey:
		if in.Key == nil {
			return model.Session{}, refuse(kindMissingField, "key")
		}
		return s.accounts.SignInWithKey(r.Context(), from, *in.Key, device)
	case model.ProviderAnonymous:
		return s.accounts.SignInAnonymously(r.Context(), from, device)
	default:
		proved, err := s.proved(r.Context(), provider, in)
		if err != nil {
			return model.Session{}, err
		}
		return s.accounts.SignInWithToken(r.Context(), from, proved, device)
	}
}

// proved is whom the token of a sign-in is about.
func (s *Server) proved(ctx context.Context, provider string, in loginRequest) (model.Proved, error) {
	field, token := "id_token", in.IDToken
	if provider == model.ProviderCustomToken {
		field, token = "token", in.Token
	}
	switch {
	case token == nil && in.AuthCode != nil && provider == model.ProviderGoogle:
		return model.Proved{}, refuse(kindAuthCode)
	case token == nil:
		return model.Proved{}, refuse(kindMissingField, field)
	}
	return s.cfg.IDTokens.Verify(ctx, provider, *token)
}

// emailPassword are the fields of a provider of many.
func (in loginRequest) emailPassword() (email string, password model.Secret, err error) {
	switch {
	case in.Username == nil:
		return "", "", refuse(kindMissingField, "username")
	case in.Password == nil:
		return "", "", refuse(kindMissingField, "password")
	}
	return *in.Username, *in.Password, nil
}

func (s *Server) loginAnswerOf(row model.Session) (loginAnswer, error) {
	refresh, err := s.tokens.sign(s.refreshClaims(row))
	if err != nil {
		return loginAnswer{}, err
	}
	access, err := s.tokens.sign(s.accessClaims(principalOf(row)))
	return loginAnswer{access, refresh, row.UserID, row.DeviceID}, err
}
