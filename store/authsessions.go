package store

import (
	"context"
	"database/sql"
	"time"
)

// AuthSession is what a refresh token stands for: a user logged in on a device.
type AuthSession struct {
	ID, UserID, DeviceID string
	Provider             string
	IdentityID           string
	KeyID                string // the key that opened it; empty when something else did
	CreatedAt, ExpiresAt time.Time
}

const (
	insertAuthSession = `
INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, created_at, expires_at)
SELECT ?, u.id, ?, ?, ?, ?, ?
FROM users AS u WHERE u.id = ?`

	// insertAuthSessionByKey asks for the key and its switch while inserting: a key that is turned off between being looked up
	// and being used opens nothing.
	insertAuthSessionByKey = `
INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, created_at, expires_at, key_id)
SELECT ?, k.user_id, ?, ?, ?, ?, ?, k.id
FROM api_keys AS k WHERE k.user_id = ? AND k.id = ? AND k.disabled = 0`

	selectAuthSession = `
SELECT id, user_id, device_id, provider, identity_id, key_id, created_at, expires_at
FROM auth_sessions WHERE id = ?`

	deleteAuthSession = `DELETE FROM auth_sessions WHERE id = ?`

	sweepAuthSessions = `
DELETE FROM auth_sessions WHERE id IN (
	SELECT id FROM auth_sessions WHERE expires_at <= ? LIMIT ?)`
)

// CreateAuthSession adds a session. It answers ErrNotFound when the user is gone and, with a KeyID, when that key is not the
// user's or is off. Of a key that opens the session the use is remembered in the same transaction, unless it is nil.
func (s *Store) CreateAuthSession(ctx context.Context, a AuthSession, use *KeyUse) error {
	err := s.writer.do(ctx, func(t *tx) error {
		args := []any{
			a.ID, a.DeviceID, a.Provider, a.IdentityID, a.CreatedAt.UnixMilli(), a.ExpiresAt.UnixMilli(), a.UserID,
		}
		if a.KeyID == "" {
			return t.execOne(insertAuthSession, args...)
		}
		err := t.execOne(insertAuthSessionByKey, append(args, a.KeyID)...)
		if err != nil || use == nil {
			return err
		}
		return recordUse(t, a.UserID, a.KeyID, use)
	})
	return doing("create auth session", err)
}

// AuthSession returns a session, also one that has expired and was not swept yet.
func (s *Store) AuthSession(ctx context.Context, id string) (AuthSession, error) {
	var a AuthSession
	var key sql.NullString
	var created, expires int64
	err := s.row(ctx, selectAuthSession, []any{id},
		&a.ID, &a.UserID, &a.DeviceID, &a.Provider, &a.IdentityID, &key, &created, &expires)
	if err != nil {
		return AuthSession{}, doing("find auth session", err)
	}
	a.KeyID = key.String
	a.CreatedAt, a.ExpiresAt = fromMillis(created), fromMillis(expires)
	return a, nil
}

// DeleteAuthSession ends a session, or answers ErrNotFound when it has ended already.
func (s *Store) DeleteAuthSession(ctx context.Context, id string) error {
	err := s.writer.do(ctx, func(t *tx) error { return t.execOne(deleteAuthSession, id) })
	return doing("delete auth session", err)
}
