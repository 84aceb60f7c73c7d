package authserver

import (
	"net/http"

	"latchkey/internal/model"
)

// confirmPassword checks the password of the caller, or what their passkey answered to proofOptions, for a program that is about to do
// something for which an open session is not enough.
func (s *Server) confirmPassword(r *http.Request, who principal) (answer, error) {
	var in proofRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if isObject(in.Passkey) {
		err := s.as(r, who).CheckPasskey(r.Context(), in.Challenge, in.Passkey)
		return answer{status: http.StatusNoContent}, ofOwnPassword(ofPasskeys(err))
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

// ofOwnPassword keeps a wrong password from signing the caller out, and distinguishes a deleted user from an ended session.
func ofOwnPassword(err error) error {
	err = inWords(err, model.KindWrongPassword, kindNotOwnPassword)
	return inWords(err, model.KindSessionOver, kindUserGone)
}
