package authserver

import (
	"errors"
	"net/http"

	"latchkey/store"
)

// renew gives a session a new access token.
func (s *Server) renew(_ *http.Request, who principal) (answer, error) {
	token, err := s.tokens.sign(s.accessClaims(who))
	return answer{status: http.StatusCreated, body: renewAnswer{token}}, err
}

// logOut ends a session. Access tokens given out before run out by themselves, within 30 minutes.
func (s *Server) logOut(r *http.Request, who principal) (answer, error) {
	err := s.store.DeleteAuthSession(r.Context(), who.userID, who.sessionID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return answer{}, refuse(kindSessionGone)
	case err != nil:
		return answer{}, unavailable("delete session", err)
	}
	return answer{status: http.StatusNoContent}, nil
}
