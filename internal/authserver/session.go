package authserver

import (
	"context"
	"net/http"
	"time"

	"latchkey/internal/model"
)

// seenEvery is how often it is written down that a session was heard of: renewing a token must not cost a write.
const seenEvery = 10 * time.Minute

// renew gives a session a new access token.
func (s *Server) renew(r *http.Request, who principal) (answer, error) {
	token, err := s.tokens.sign(s.accessClaims(who))
	if now := s.cfg.Now(); now.Sub(who.seen).Abs() >= seenEvery {
		s.later(r, "when a session was seen not written down", who.userID, func(ctx context.Context) error {
			return s.store.SawAuthSession(ctx, who.sessionID, now)
		})
	}
	return answer{status: http.StatusCreated, body: renewAnswer{token}}, err
}

// reissue gives a session a refresh token that the newest secret signs. It is good for no longer than the one it came with, and ends
// with it: both stand for the same row.
func (s *Server) reissue(r *http.Request, who principal) (answer, error) {
	row, err := s.store.AuthSession(r.Context(), who.sessionID)
	if err != nil {
		return answer{}, missing(kindSessionGone, "read session", err)
	}
	token, err := s.tokens.sign(s.refreshClaims(row))
	return answer{status: http.StatusCreated, body: reissueAnswer{token}}, err
}

// logOut ends a session. Access tokens given out before run out by themselves, within 30 minutes.
func (s *Server) logOut(r *http.Request, who principal) (answer, error) {
	err := s.store.DeleteAuthSession(r.Context(), who.userID, who.sessionID, s.loggedOut(r, who)...)
	return answer{status: http.StatusNoContent}, missing(kindSessionGone, "delete session", err)
}

// loggedOut is what to write down of it: nothing of a device with a key, which comes and goes all day.
func (s *Server) loggedOut(r *http.Request, who principal) []model.Event {
	if who.identity.provider == model.ProviderAPIKey {
		return nil
	}
	return []model.Event{s.ended(r, who, model.EndedSignedOut)}
}

func (s *Server) ended(r *http.Request, who principal, how string) model.Event {
	e := s.event(r, model.EventSessionEnded, who)
	e.Detail = how
	return e
}

// listSessions says where the caller is logged in, newest first. It is a call of our own, as are the two that end sessions.
func (s *Server) listSessions(r *http.Request, who principal) (answer, error) {
	rows, err := s.store.AuthSessions(r.Context(), who.userID, s.cfg.Now())
	if err != nil {
		return answer{}, unavailable("read sessions", err)
	}
	return answer{status: http.StatusOK, body: sessionsAnswerOf(rows, who.sessionID)}, nil
}

// endSession ends one session of the caller. One that never was, has ended or is somebody else's is the same to them.
func (s *Server) endSession(r *http.Request, who principal) (answer, error) {
	id, how := r.PathValue("id"), model.EndedElsewhere
	if !model.IsID(id) {
		return answer{}, refuse(kindSessionNotFound)
	}
	if id == who.sessionID {
		how = model.EndedSignedOut
	}
	err := s.store.DeleteAuthSession(r.Context(), who.userID, id, s.ended(r, who, how))
	return answer{status: http.StatusNoContent}, missing(kindSessionNotFound, "delete session", err)
}

// endOtherSessions ends all sessions of the caller but the one that asks.
func (s *Server) endOtherSessions(r *http.Request, who principal) (answer, error) {
	_, err := s.store.DeleteOtherAuthSessions(r.Context(), who.userID, who.sessionID, s.ended(r, who, model.EndedOthers))
	if err != nil {
		return answer{}, unavailable("delete sessions", err)
	}
	return answer{status: http.StatusNoContent}, nil
}
