package authserver

import (
	"net/http"

	"latchkey/internal/model"
)

// login opens a session for valid credentials.
func (s *Server) login(r *http.Request, _ principal) (answer, error) {
	provider := r.PathValue("provider")
	if !s.offers(provider) {
		return answer{}, refuse(kindUnknownProvider)
	}
	if r.URL.Query().Get("link") == "true" {
		return answer{}, refuse(kindLinking)
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

func (s *Server) offers(provider string) bool {
	switch provider {
	case model.ProviderEmailPassword, model.ProviderAPIKey:
		return true
	case model.ProviderAnonymous:
		return s.accounts.AnonymousAllowed()
	default:
		return false
	}
}

// signIn asks for a provider that offers said yes to.
func (s *Server) signIn(r *http.Request, provider string, in loginRequest) (model.Session, error) {
	from, device := s.from(r, provider), in.Options.Device.described()
	switch provider {
	case model.ProviderEmailPassword:
		if in.Username == nil {
			return model.Session{}, refuse(kindMissingField, "username")
		}
		if in.Password == nil {
			return model.Session{}, refuse(kindMissingField, "password")
		}
		return s.accounts.SignInWithPassword(r.Context(), from, *in.Username, *in.Password, device)
	case model.ProviderAPIKey:
		if in.Key == nil {
			return model.Session{}, refuse(kindMissingField, "key")
		}
		return s.accounts.SignInWithKey(r.Context(), from, *in.Key, device)
	default:
		return s.accounts.SignInAnonymously(r.Context(), from, device)
	}
}

func (s *Server) loginAnswerOf(row model.Session) (loginAnswer, error) {
	refresh, err := s.tokens.sign(s.refreshClaims(row))
	if err != nil {
		return loginAnswer{}, err
	}
	access, err := s.tokens.sign(s.accessClaims(principalOf(row)))
	return loginAnswer{access, refresh, row.UserID, row.DeviceID}, err
}
