package authserver

import (
	"net/http"

	"latchkey/internal/model"
)

// renew gives a session a new access token.
func (s *Server) renew(r *http.Request, who principal) (answer, error) {
	token, err := s.tokens.sign(s.accessClaims(who))
	s.accounts.SawSession(r.Context(), who.userID, who.sessionID, who.seen)
	return answer{status: http.StatusCreated, body: renewAnswer{token}}, err
}

// reissue gives a session a refresh token that the newest secret signs. It is good for no longer than the one it came with, and ends
// with it: both stand for the same row.
func (s *Server) reissue(r *http.Request, who principal) (answer, error) {
	row, err := s.accounts.Session(r.Context(), who.sessionID)
	if err != nil {
		return answer{}, err
	}
	token, err := s.tokens.sign(s.refreshClaims(row))
	return answer{status: http.StatusCreated, body: reissueAnswer{token}}, err
}

// signOut ends a session. Access tokens already issued expire within 30 minutes.
func (s *Server) signOut(r *http.Request, who principal) (answer, error) {
	err := s.as(r, who).EndSession(r.Context(), who.sessionID)
	return answer{status: http.StatusNoContent}, inWords(err, model.KindNotFound, kindSessionGone)
}

// listSessions says where the caller is signed in, newest first. It is a call of our own, as are the two that end sessions.
func (s *Server) listSessions(r *http.Request, who principal) (answer, error) {
	sessions, err := s.as(r, who).Sessions(r.Context())
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: sessionsAnswerOf(sessions, who.sessionID)}, nil
}

// endSession ends one session of the caller. One that never was, has ended or is somebody else's is the same to them.
func (s *Server) endSession(r *http.Request, who principal) (answer, error) {
	err := s.as(r, who).EndSession(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusNoContent}, inWords(err, model.KindNotFound, kindSessionNotFound)
}

// endOtherSessions ends all sessions of the caller but the one that asks.
func (s *Server) endOtherSessions(r *http.Request, who principal) (answer, error) {
	return answer{status: http.StatusNoContent}, s.as(r, who).EndOthers(r.Context())
}
