package authserver

import (
	"errors"
	"log/slog"
	"net/http"
	"unicode/utf8"

	"latchkey/internal/model"
)

// provePresence checks the password of whoever is calling, for a program that is about to do something which a session that was left
// open should not be enough for.
func (s *Server) provePresence(r *http.Request, who principal) (answer, error) {
	var in proofRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Password == nil {
		return answer{}, refuse(kindMissingField, "password")
	}
	id, verdict, err := s.checkOwn(r, who, *in.Password)
	if err != nil {
		return answer{}, err
	}
	if verdict == passwordOutdated {
		s.rehash(r.Context(), id, *in.Password)
	}
	if err := s.store.RecordEvent(r.Context(), s.event(r, model.EventPasswordProved, who)); err != nil {
		return answer{}, unavailable("record proof", err)
	}
	return answer{status: http.StatusNoContent}, nil
}

// changePassword ends all other sessions of the caller: whoever else has one may be the reason for the change.
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
	id, _, err := s.checkOwn(r, who, *in.Current)
	if err != nil {
		return answer{}, err
	}
	if err := s.checkNewPassword(*in.New, id.Subject); err != nil {
		return answer{}, err
	}
	hash, err := s.passwords.hash(r.Context(), *in.New)
	if err != nil {
		return answer{}, err
	}
	err = s.store.ChangePassword(r.Context(), id, hash, who.sessionID, s.event(r, model.EventPasswordChanged, who))
	switch {
	case errors.Is(err, model.ErrConflict):
		return answer{}, refuse(kindNotOwnPassword).because(errors.New("password was changed meanwhile"), slog.String("user", who.userID))
	case err != nil:
		return answer{}, unavailable("change password", err)
	}
	s.tell(r, passwordNotice, who.userID, s.letters().PasswordChanged)
	return answer{status: http.StatusNoContent}, nil
}

// checkOwn checks the password of whoever is calling.
func (s *Server) checkOwn(r *http.Request, who principal, password model.Secret) (model.Identity, verdict, error) {
	id, err := s.ownIdentity(r, who)
	if err != nil {
		return id, passwordWrong, err
	}
	if utf8.RuneCountInString(string(password)) > maxPassword {
		return id, passwordWrong, refuse(kindNotOwnPassword).because(errors.New("password no account can have"))
	}
	o, _ := s.origin(r)
	// A session has tries of its own, as a browser has that was signed in before: the guesses of others do not hold its owner up. They
	// are counted for the session whatever else its browser proves, or leaving that out would buy as many again.
	succeeded, err := s.counted(Attempt{Account: id.Subject, Address: o.Address, KnownDevice: who.sessionID})
	if err != nil {
		return id, passwordWrong, err
	}
	v, err := s.passwords.check(r.Context(), id.PasswordHash, password)
	if err != nil || v != passwordWrong {
		succeeded() // or nobody looked at it
	}
	if err == nil && v == passwordWrong {
		s.recordFailure(r, id.UserID, model.ReasonWrongPassword)
		err = refuse(kindNotOwnPassword).because(errors.New(model.ReasonWrongPassword), slog.String("user", id.UserID))
	}
	return id, v, err
}

// ownIdentity is what the caller logged in with.
func (s *Server) ownIdentity(r *http.Request, who principal) (model.Identity, error) {
	identities, err := s.store.Identities(r.Context(), who.userID)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return model.Identity{}, unavailable("read identities", err)
	}
	for _, id := range identities {
		if id.ID == who.identity.id {
			return id, nil
		}
	}
	return model.Identity{}, refuse(kindUserGone)
}
