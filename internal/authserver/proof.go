package authserver

import (
	"net/http"

	"latchkey/internal/model"
)

// confirmPassword checks the password of whoever is calling, for a program that is about to do something which a session that was left
// open should not be enough for.
func (s *Server) confirmPassword(r *http.Request, who principal) (answer, error) {
	var in proofRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Password == nil {
		return answer{}, refuse(kindMissingField, "password")
	}
	err := s.as(r, who).CheckPassword(r.Context(), *in.Password)
	return answer{status: http.StatusNoContent}, ofOwnPassword(err)
}

// changePassword gives the caller another password.
func (s *Server) changePassword(r *http.Request, who principal) (answer, error) {
	var in changePasswordRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Current == nil {
		return answer{}, refuse(kindMissingField, "current_password")
	}
	if in.New == nil {
		return answer{}, refuse(kindMissingField, "new_password")
	}
	err := s.as(r, who).ChangePassword(r.Context(), *in.Current, *in.New)
	return answer{status: http.StatusNoContent}, ofOwnPassword(err)
}

// ofOwnPassword keeps a wrong password from signing out whoever is calling, and tells a user who has gone from a session that has.
func ofOwnPassword(err error) error {
	err = inWords(err, model.KindWrongPassword, kindNotOwnPassword)
	return inWords(err, model.KindSessionOver, kindUserGone)
}
