package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Op values of this file.
const (
	opAuthSessions   = "list auth sessions"
	opEndAuthSession = "end auth session"
	opEndOthers      = "end other auth sessions"
	opReissue        = "reissue refresh token"
)

// AuthSession is a sign-in of the user that has not ended, as the server knows
// it. The address is as the server saw it; what the program there says of itself
// nobody verified.
type AuthSession struct {
	ID        string
	Current   bool   // the one that asked
	Provider  string // how it was opened: "local-userpass", "api-key", …
	KeyID     string // the key that opened it, if one did
	CreatedAt time.Time
	LastSeen  time.Time // to some minutes
	ExpiresAt time.Time

	Address, Agent, DeviceName, Platform, SDK string
}

// ID returns the id under which [Session.AuthSessions] lists the session, or
// nothing when its refresh token does not tell. It is read from the token without
// verifying it: the server decides what the token is worth.
func (s *Session) ID() string {
	parts := strings.Split(s.refresh.Reveal(), ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		ID string `json:"baas_id"`
	}
	if json.Unmarshal(payload, &claims) != nil || !validID(claims.ID) {
		return ""
	}
	return claims.ID
}

// AuthSessions lists where the user is signed in; more says that the server left
// some out. This call and those that end
// sessions are Latchkey's own, as [APIKeys.Facts] is: for a server that does not
// have them, [IsNotReported] is true of the error.
func (s *Session) AuthSessions(ctx context.Context) (sessions []AuthSession, more bool, err error) {
	var w wireSessions
	r := request{op: opAuthSessions, method: http.MethodGet, root: ownRoot, path: path("sessions")}
	if err := s.withRefresh(ctx, r, &w); err != nil {
		return nil, false, err
	}
	sessions = make([]AuthSession, len(w.Sessions))
	for i := range w.Sessions {
		sessions[i] = w.Sessions[i].session()
	}
	return sessions, w.More, nil
}

// EndAuthSession ends one of the user's sessions, which may be this one. An
// error for which [IsNotFound] is true and [IsNotReported] is not means that it
// had ended before.
func (s *Session) EndAuthSession(ctx context.Context, id string) error {
	r := request{op: opEndAuthSession, method: http.MethodDelete, root: ownRoot, path: path("sessions", id)}
	if !validID(id) {
		r.path = path("sessions") + "/{id}"
		unknown := r.unsent(nil)
		unknown.Status, unknown.Code, unknown.Message = http.StatusNotFound, codeSessionNotFound, "session not found"
		return unknown
	}
	return s.withRefresh(ctx, r, nil)
}

// EndOtherAuthSessions ends all of the user's sessions but this one, those that
// keys opened included. The keys can open others.
func (s *Session) EndOtherAuthSessions(ctx context.Context) error {
	r := request{op: opEndOthers, method: http.MethodDelete, root: ownRoot, path: path("sessions")}
	return s.withRefresh(ctx, r, nil)
}

// Reissue returns the same session with another refresh token, signed under the
// newest key of the server; this one's goes on to be good as well. It is for
// programs that keep tokens where a server's keys are rotated. The call is
// Latchkey's own too.
func (s *Session) Reissue(ctx context.Context) (*Session, error) {
	var a reissueAnswer
	r := request{op: opReissue, method: http.MethodPost, root: ownRoot, path: path("refresh_token")}
	if err := s.withRefresh(ctx, r, &a); err != nil {
		return nil, err
	}
	return &Session{client: s.client, userID: s.userID, deviceID: s.deviceID, refresh: &a.Refresh}, nil
}

// reissueAnswer is what Reissue gives.
type reissueAnswer struct {
	Refresh Secret `json:"refresh_token"`
}

func (a *reissueAnswer) check() error { return checkToken("refresh_token", a.Refresh) }

// wireSessions is the answer to AuthSessions.
type wireSessions struct {
	Sessions []wireSession `json:"sessions"`
	More     bool          `json:"more"`
}

func (w *wireSessions) check() error {
	if w.Sessions == nil {
		return errors.New("sessions is missing")
	}
	for i := range w.Sessions {
		if !validID(string(w.Sessions[i].ID)) {
			return fmt.Errorf("session %d: _id is missing or not 24 hexadecimal digits", i)
		}
	}
	return nil
}

// wireSession is what the answer has about one session.
type wireSession struct {
	ID         wireID    `json:"_id"`
	Current    bool      `json:"current"`
	Provider   string    `json:"provider"`
	KeyID      string    `json:"key_id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Address    string    `json:"address"`
	Agent      string    `json:"agent"`
	DeviceName string    `json:"device_name"`
	Platform   string    `json:"platform"`
	SDK        string    `json:"sdk"`
}

// session makes the texts, which came from a device, fit to print.
func (w *wireSession) session() AuthSession {
	s := AuthSession{
		ID: string(w.ID), Current: w.Current, Provider: tidy(w.Provider, maxCode),
		CreatedAt: w.CreatedAt, LastSeen: w.LastSeenAt, ExpiresAt: w.ExpiresAt,
		Address: tidy(w.Address, maxCode), Agent: tidy(w.Agent, maxMessage),
		DeviceName: tidy(w.DeviceName, maxCode), Platform: tidy(w.Platform, maxCode), SDK: tidy(w.SDK, maxCode),
	}
	if validID(w.KeyID) {
		s.KeyID = w.KeyID
	}
	return s
}
