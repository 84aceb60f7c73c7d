package store

import (
	"context"
	"database/sql"
	"errors"

	"latchkey/internal/model"
)

// MaxWebSessions is how many browsers a user can be signed in with. One more ends the oldest.
const MaxWebSessions = 50

// webSessionColumns are the columns of a session in the order of webSessionRow.columns.
const webSessionColumns = `w.id_hash, w.sealed, w.version, w.created_at, w.last_seen_at, w.expires_at,
	w.user_id, coalesce(w.auth_session_id, ''), w.address, w.agent, w.proved_at, coalesce(a.identity_id, ''), coalesce(a.provider, ''),
	w.return_to, ` + emailOfSession + `, ` + nameOfSession + `, EXISTS (SELECT 1 FROM operators AS p WHERE p.user_id = w.user_id)`

// A session by password has the address and the name of what opened it; any other has the address of the password that its user has
// besides, if there is one. A passkey is no identity, and has the name of the user's first.
const (
	emailOfSession = `coalesce(CASE WHEN i.provider = '` + model.ProviderEmailPassword + `' THEN i.subject END,
	(SELECT o.subject FROM identities AS o WHERE o.user_id = w.user_id AND o.provider = '` + model.ProviderEmailPassword + `' ORDER BY o.id LIMIT 1), '')`

	nameOfSession = `coalesce(nullif(i.email, ''), i.subject,
	(SELECT coalesce(nullif(o.email, ''), o.subject) FROM identities AS o WHERE o.user_id = w.user_id ORDER BY o.id LIMIT 1), '')`
)

// webSessionFrom joins to a web session what is read with it of the session that it holds.
const webSessionFrom = ` FROM web_sessions AS w
	LEFT JOIN auth_sessions AS a ON a.id = w.auth_session_id LEFT JOIN identities AS i ON i.id = a.identity_id`

const (
	insertWebSession = `
INSERT INTO web_sessions (id_hash, sealed, version, created_at, last_seen_at, expires_at,
	user_id, auth_session_id, address, agent, proved_at, return_to)
VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?)`

	selectWebSession = `SELECT ` + webSessionColumns + webSessionFrom + ` WHERE w.id_hash = ?`

	selectWebSessions = `SELECT ` + webSessionColumns + webSessionFrom + ` WHERE w.user_id = ? ORDER BY w.created_at`

	// deleteHeldByOldest and deleteOldestWebSessions end those that have to go for another, with the auth sessions that they hold.
	// Usually it is one; users who are elsewhere, whom nothing locks, can have had more for a moment.
	deleteHeldByOldest = `
DELETE FROM auth_sessions WHERE id IN (
	SELECT auth_session_id FROM web_sessions WHERE user_id = ?1 ORDER BY created_at DESC LIMIT ?3 OFFSET ?2)`

	deleteOldestWebSessions = `
DELETE FROM web_sessions WHERE id_hash IN (
	SELECT id_hash FROM web_sessions WHERE user_id = ?1 ORDER BY created_at DESC LIMIT ?3 OFFSET ?2)`

	updateWebSession = `
UPDATE web_sessions SET sealed = ?, last_seen_at = ?, user_id = ?, address = ?, agent = ?, proved_at = ?, version = version + 1
WHERE id_hash = ? AND version = ?`

	// deleteHeldAuthSession takes the web session along: the schema has it refer to what it holds.
	deleteHeldAuthSession = `
DELETE FROM auth_sessions WHERE id = (SELECT auth_session_id FROM web_sessions WHERE id_hash = ?)`

	selectWebSessionVersion = `SELECT version FROM web_sessions WHERE id_hash = ?`

	deleteWebSession = `DELETE FROM web_sessions WHERE id_hash = ?`

	// deleteWebSessionsOfUser ends those that hold no auth session: they are from when users were elsewhere.
	deleteWebSessionsOfUser = `DELETE FROM web_sessions WHERE user_id = ?`

	// The auth sessions of browsers that are gone go first, and take them along.
	sweepHeldByEnded = `
DELETE FROM auth_sessions WHERE id IN (
	SELECT auth_session_id FROM web_sessions WHERE expires_at <= ? AND auth_session_id IS NOT NULL LIMIT ?)`

	sweepHeldByIdle = `
DELETE FROM auth_sessions WHERE id IN (
	SELECT auth_session_id FROM web_sessions WHERE last_seen_at <= ? AND auth_session_id IS NOT NULL LIMIT ?)`

	sweepEndedWebSessions = `
DELETE FROM web_sessions WHERE id_hash IN (
	SELECT id_hash FROM web_sessions WHERE expires_at <= ? LIMIT ?)`

	sweepIdleWebSessions = `
DELETE FROM web_sessions WHERE id_hash IN (
	SELECT id_hash FROM web_sessions WHERE last_seen_at <= ? LIMIT ?)`
)

// CreateWebSession adds a session as it is given, its version included. It answers ErrNotFound when the auth session that it
// would hold has ended. A user who has MaxWebSessions loses the oldest.
func (s *Store) CreateWebSession(ctx context.Context, w model.WebSession) error {
	err := s.write(ctx, ofUser(w.UserID), func(t tx) error {
		if w.AuthSessionID != "" {
			if err := t.row(selectAuthSessionID, []any{w.AuthSessionID}, new(int)); err != nil {
				return err
			}
		}
		for _, text := range []string{deleteHeldByOldest, deleteOldestWebSessions} {
			if err := t.later(text, w.UserID, MaxWebSessions-1, maxEndedAtOnce); err != nil {
				return err
			}
		}
		var returnTo any
		if w.FromApp {
			returnTo = w.ReturnTo
		}
		_, err := t.exec(insertWebSession, w.IDHash[:], notNull(w.Sealed), w.Version,
			w.CreatedAt.UnixMilli(), w.LastSeenAt.UnixMilli(), w.ExpiresAt.UnixMilli(),
			w.UserID, w.AuthSessionID, w.Address, w.Agent, w.ProvedAt.UnixMilli(), returnTo)
		return err
	})
	return doing("create web session", err)
}

// endWebSession ends a web session and the auth session that it holds, and reports whether there was one.
func endWebSession(t tx, idHash []byte) (bool, error) {
	held, err := t.exec(deleteHeldAuthSession, idHash)
	if err != nil || held > 0 {
		return held > 0, err
	}
	ended, err := t.exec(deleteWebSession, idHash)
	return ended > 0, err
}

// WebSession returns a session, also one that has ended and was not swept yet.
func (s *Store) WebSession(ctx context.Context, idHash [32]byte) (model.WebSession, error) {
	var r webSessionRow
	if err := s.row(ctx, selectWebSession, []any{idHash[:]}, r.columns()...); err != nil {
		return model.WebSession{}, doing("find web session", err)
	}
	return r.webSession(), nil
}

// WebSessions returns the sessions of a user, oldest first, also those that have ended and were not swept yet.
func (s *Store) WebSessions(ctx context.Context, userID string) ([]model.WebSession, error) {
	var r webSessionRow
	sessions, err := list(ctx, s, 0, selectWebSessions, []any{userID}, r.columns(), r.webSession)
	return sessions, doing("list web sessions", err)
}

// webSessionRow is a row of web_sessions while it is read.
type webSessionRow struct {
	model.WebSession
	hash                           []byte
	created, seen, expires, proved int64
	returnTo                       sql.NullString
	dest                           [17]any
}

func (r *webSessionRow) columns() []any {
	r.dest = [...]any{
		&r.hash, &r.Sealed, &r.Version, &r.created, &r.seen, &r.expires,
		&r.UserID, &r.AuthSessionID, &r.Address, &r.Agent, &r.proved, &r.IdentityID, &r.Provider, &r.returnTo, &r.Email, &r.Name, &r.Operator,
	}
	return r.dest[:]
}

func (r *webSessionRow) webSession() model.WebSession {
	w := r.WebSession
	copy(w.IDHash[:], r.hash)
	w.CreatedAt, w.LastSeenAt = fromMillis(r.created), fromMillis(r.seen)
	w.ExpiresAt, w.ProvedAt = fromMillis(r.expires), fromMillis(r.proved)
	w.FromApp, w.ReturnTo = r.returnTo.Valid, r.returnTo.String
	return w
}

// UpdateWebSession replaces Sealed, LastSeenAt, UserID, Address, Agent and ProvedAt of the session and adds one to its version. It
// answers ErrConflict when the row is no longer at w.Version, because another request was first, and ErrNotFound when it is gone.
func (s *Store) UpdateWebSession(ctx context.Context, w model.WebSession) error {
	err := s.write(ctx, ofNobody, func(t tx) error {
		err := t.execOne(updateWebSession, notNull(w.Sealed), w.LastSeenAt.UnixMilli(),
			w.UserID, w.Address, w.Agent, w.ProvedAt.UnixMilli(), w.IDHash[:], w.Version)
		if !errors.Is(err, model.ErrNotFound) {
			return err
		}
		var version int64
		if err := t.row(selectWebSessionVersion, []any{w.IDHash[:]}, &version); err != nil {
			return err
		}
		return model.ErrConflict
	})
	return doing("update web session", err)
}

// DeleteWebSession ends a session and the auth session that it holds, in one transaction. One that has already ended is fine,
// and then nothing happened.
func (s *Store) DeleteWebSession(ctx context.Context, idHash [32]byte, events ...model.Event) error {
	err := s.write(ctx, ofUserIn(events), func(t tx) error {
		ended, err := endWebSession(t, idHash[:])
		if err != nil || !ended {
			return err
		}
		return recordEvents(t, events)
	})
	return doing("delete web session", err)
}

// notNull keeps an empty value from being stored as no value.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
