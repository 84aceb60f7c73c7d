package store

import (
	"context"
	"time"

	"latchkey/internal/model"
)

const (
	insertLink = `
INSERT INTO account_links (id, token_hash, identity_id, purpose, created_at, expires_at)
SELECT ?, ?, id, ?, ?, ? FROM identities WHERE id = ?`

	// selectLink finds whose link it is, as long as it is good, which one from the future is not.
	selectLink = `
SELECT ` + identityColumns + `
FROM account_links AS l JOIN identities AS i ON i.id = l.identity_id JOIN users AS u ON u.id = i.user_id
WHERE l.id = ?1 AND l.token_hash = ?2 AND l.purpose = ?3 AND l.expires_at > ?4 AND l.created_at <= ?4 + ` + fromFuture

	deleteLinks = `DELETE FROM account_links WHERE identity_id = ? AND purpose = ?`

	updatePending = `UPDATE identities SET pending = FALSE WHERE id = ?`

	setPasswordHash = `UPDATE identities SET password_hash = ?, pending = FALSE, generation = generation + 1 WHERE id = ?`

	sweepLinks = `
DELETE FROM account_links WHERE id IN (
	SELECT id FROM account_links WHERE expires_at <= ? LIMIT ?)`
)

// CreateLink adds a link, or answers ErrNotFound when the identity is gone. The events are recorded with it.
func (s *Store) CreateLink(ctx context.Context, l model.Link, events ...model.Event) error {
	err := s.write(ctx, ofUserIn(events), func(t tx) error {
		err := t.execOne(insertLink,
			l.ID, l.TokenHash[:], l.Purpose, l.CreatedAt.UnixMilli(), l.ExpiresAt.UnixMilli(), l.IdentityID)
		if err != nil {
			return err
		}
		return recordEvents(t, events)
	})
	return doing("create link", err)
}

// LinkedIdentity tells whose a good link is, and leaves it good. Any other is ErrNotFound.
func (s *Store) LinkedIdentity(ctx context.Context, l model.Link, now time.Time) (model.Identity, error) {
	var id model.Identity
	var created int64
	err := s.row(ctx, selectLink, linkArgs(l, now), scanIdentity(&id, &created)...)
	if err != nil {
		return model.Identity{}, doing("find link", err)
	}
	id.CreatedAt = fromMillis(created)
	return id, nil
}

// ConfirmIdentity uses a link up and lets its identity sign in, or answers ErrNotFound. happened tells, of the identity, what to
// record with it.
func (s *Store) ConfirmIdentity(ctx context.Context, l model.Link, now time.Time, events func(model.Identity) model.Event) error {
	l.Purpose = model.LinkConfirm
	return doing("confirm address", s.useLink(ctx, l, now, func(t tx, id model.Identity) error {
		if _, err := t.exec(updatePending, id.ID); err != nil {
			return err
		}
		return recordEvents(t, []model.Event{events(id)})
	}))
}

// ResetPassword uses a link up, sets the hash of a new password and ends all sessions of the user, in one transaction, or
// answers ErrNotFound. Reading the email confirms the address too.
func (s *Store) ResetPassword(
	ctx context.Context, l model.Link, hash string, now time.Time, events func(model.Identity) model.Event,
) error {
	l.Purpose = model.LinkReset
	return doing("reset password", s.useLink(ctx, l, now, func(t tx, id model.Identity) error {
		if _, err := t.exec(setPasswordHash, hash, id.ID); err != nil {
			return err
		}
		return afterNewPassword(t, id, "", []model.Event{events(id)})
	}))
}

// useLink finds whose link it is, has act do what it is for, and takes it and all others for the same purpose away.
func (s *Store) useLink(ctx context.Context, l model.Link, now time.Time, act func(tx, model.Identity) error) error {
	return s.write(ctx, ofNobody, func(t tx) error {
		var id model.Identity
		find := func() error { return t.row(selectLink, linkArgs(l, now), scanIdentity(&id, new(int64))...) }
		if err := find(); err != nil {
			return err
		}
		if err := t.lock(ofUser(id.UserID)); err != nil {
			return err
		}
		if err := find(); err != nil { // somebody was quicker, or the address was registered again
			return err
		}
		if err := t.execOne(deleteLinks, id.ID, l.Purpose); err != nil {
			return err
		}
		return act(t, id)
	})
}

func linkArgs(l model.Link, now time.Time) []any {
	return []any{l.ID, l.TokenHash[:], l.Purpose, now.UnixMilli()}
}
