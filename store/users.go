package store

import (
	"context"
	"time"
)

// Names of the ways to prove who one is, as they stand on the wire.
const (
	ProviderEmailPassword = "local-userpass"
	ProviderAPIKey        = "api-key"
	ProviderAnonymous     = "anon-user"
)

// User is a person or an anonymous visitor.
type User struct {
	ID        string
	CreatedAt time.Time
}

// Identity is one way in which a user logs in. Keys are another, and have a table of their own.
type Identity struct {
	ID, UserID   string
	Provider     string
	Subject      string // the e-mail for ProviderEmailPassword, which may be any string; the identity's own id for ProviderAnonymous
	PasswordHash string // a PHC string, or empty
	CreatedAt    time.Time
}

const (
	// selectNobody touches the database and finds nothing.
	selectNobody = `SELECT 1 FROM users WHERE id = ''`

	insertUser = `INSERT INTO users (id, created_at) VALUES (?, ?)`

	deleteUser = `DELETE FROM users WHERE id = ?`

	insertIdentity = `
INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (provider, subject) DO NOTHING`

	selectIdentityBySubject = `
SELECT id, user_id, provider, subject, password_hash, created_at
FROM identities WHERE provider = ? AND subject = ?`

	selectIdentities = `
SELECT id, user_id, provider, subject, password_hash, created_at
FROM identities WHERE user_id = ? ORDER BY id`

	updatePasswordHash = `UPDATE identities SET password_hash = ? WHERE id = ? AND password_hash = ?`
)

// CreateUser adds a user together with the first identity, or neither: ErrConflict when the identity's provider and subject
// belong to somebody already.
func (s *Store) CreateUser(ctx context.Context, u User, id Identity) error {
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.exec(insertUser, u.ID, u.CreatedAt.UnixMilli()); err != nil {
			return err
		}
		added, err := t.exec(insertIdentity,
			id.ID, u.ID, id.Provider, id.Subject, id.PasswordHash, id.CreatedAt.UnixMilli())
		if err == nil && added == 0 {
			return ErrConflict
		}
		return err
	})
	return doing("create user", err)
}

// IdentityBySubject finds who logs in as subject, or ErrNotFound.
func (s *Store) IdentityBySubject(ctx context.Context, provider, subject string) (Identity, error) {
	var id Identity
	var created int64
	err := s.row(ctx, selectIdentityBySubject, []any{provider, subject}, id.columns(&created)...)
	if err != nil {
		return Identity{}, doing("find identity", err)
	}
	id.CreatedAt = fromMillis(created)
	return id, nil
}

// Identities returns the identities of a user in the order in which they were linked, or ErrNotFound when there is no such
// user: every user has one.
func (s *Store) Identities(ctx context.Context, userID string) ([]Identity, error) {
	var ids []Identity
	var id Identity
	var created int64
	err := s.rows(ctx, selectIdentities, []any{userID}, id.columns(&created), func() {
		id.CreatedAt = fromMillis(created)
		ids = append(ids, id)
	})
	if err == nil && len(ids) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, doing("list identities", err)
	}
	return ids, nil
}

// columns are the places to scan a row of identities into.
func (id *Identity) columns(created *int64) []any {
	return []any{&id.ID, &id.UserID, &id.Provider, &id.Subject, &id.PasswordHash, created}
}

// ReplacePasswordHash stores the new hash of a password that was just checked against the old one. When the stored hash is no
// longer the old one, the password was changed meanwhile, and nothing happens.
func (s *Store) ReplacePasswordHash(ctx context.Context, identityID, old, replacement string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		_, err := t.exec(updatePasswordHash, replacement, identityID, old)
		return err
	})
	return doing("replace password hash", err)
}

// DeleteUser removes a user with all identities, keys and auth sessions, or answers ErrNotFound.
func (s *Store) DeleteUser(ctx context.Context, userID string) error {
	err := s.writer.do(ctx, func(t *tx) error { return t.execOne(deleteUser, userID) })
	return doing("delete user", err)
}
