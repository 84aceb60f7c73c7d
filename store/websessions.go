package store

import (
	"context"
	"errors"
	"time"
)

// WebSession is a browser that is logged in. It belongs to no row of users: with an upstream, users live elsewhere.
type WebSession struct {
	IDHash                [32]byte // SHA-256 of the id in the cookie
	Sealed                []byte   // the refresh token, encrypted by the caller
	Version               int64    // counts the updates
	CreatedAt, LastSeenAt time.Time
	ExpiresAt             time.Time // the end, however busy it is
}

const (
	insertWebSession = `
INSERT INTO web_sessions (id_hash, sealed, version, created_at, last_seen_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?)`

	selectWebSession = `
SELECT sealed, version, created_at, last_seen_at, expires_at
FROM web_sessions WHERE id_hash = ?`

	updateWebSession = `
UPDATE web_sessions SET sealed = ?, last_seen_at = ?, version = version + 1
WHERE id_hash = ? AND version = ?`

	selectWebSessionVersion = `SELECT version FROM web_sessions WHERE id_hash = ?`

	deleteWebSession = `DELETE FROM web_sessions WHERE id_hash = ?`

	sweepEndedWebSessions = `
DELETE FROM web_sessions WHERE id_hash IN (
	SELECT id_hash FROM web_sessions WHERE expires_at <= ? LIMIT ?)`

	sweepIdleWebSessions = `
DELETE FROM web_sessions WHERE id_hash IN (
	SELECT id_hash FROM web_sessions WHERE last_seen_at <= ? LIMIT ?)`
)

// sweepBatch is how many rows one job of a sweep removes: few enough that writes queued behind it do not feel it.
const sweepBatch = 200

// CreateWebSession adds a session as it is given, its version included.
func (s *Store) CreateWebSession(ctx context.Context, w WebSession) error {
	err := s.writer.do(ctx, func(t *tx) error {
		_, err := t.exec(insertWebSession, w.IDHash[:], notNull(w.Sealed), w.Version,
			w.CreatedAt.UnixMilli(), w.LastSeenAt.UnixMilli(), w.ExpiresAt.UnixMilli())
		return err
	})
	return doing("create web session", err)
}

// WebSession returns a session, also one that has ended and was not swept yet.
func (s *Store) WebSession(ctx context.Context, idHash [32]byte) (WebSession, error) {
	w := WebSession{IDHash: idHash}
	var created, seen, expires int64
	err := s.row(ctx, selectWebSession, []any{idHash[:]}, &w.Sealed, &w.Version, &created, &seen, &expires)
	if err != nil {
		return WebSession{}, doing("find web session", err)
	}
	w.CreatedAt, w.LastSeenAt, w.ExpiresAt = fromMillis(created), fromMillis(seen), fromMillis(expires)
	return w, nil
}

// UpdateWebSession replaces Sealed and LastSeenAt of the session and adds one to its version. It answers ErrConflict when the
// row is no longer at w.Version, because another request was first, and ErrNotFound when it is gone.
func (s *Store) UpdateWebSession(ctx context.Context, w WebSession) error {
	err := s.writer.do(ctx, func(t *tx) error {
		err := t.execOne(updateWebSession, notNull(w.Sealed), w.LastSeenAt.UnixMilli(), w.IDHash[:], w.Version)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		var version int64
		if err := t.row(selectWebSessionVersion, []any{w.IDHash[:]}, &version); err != nil {
			return err
		}
		return ErrConflict
	})
	return doing("update web session", err)
}

// DeleteWebSession ends a session. One that has ended already is as good.
func (s *Store) DeleteWebSession(ctx context.Context, idHash [32]byte) error {
	err := s.writer.do(ctx, func(t *tx) error {
		_, err := t.exec(deleteWebSession, idHash[:])
		return err
	})
	return doing("delete web session", err)
}

// Sweep removes the auth sessions that have expired by now, and the web sessions that have expired or were not seen for idle.
func (s *Store) Sweep(ctx context.Context, now time.Time, idle time.Duration) error {
	for _, sweep := range []struct {
		text   string
		before time.Time
	}{
		{sweepAuthSessions, now},
		{sweepEndedWebSessions, now},
		{sweepIdleWebSessions, now.Add(-idle)},
	} {
		if err := s.sweep(ctx, sweep.text, sweep.before); err != nil {
			return doing("sweep sessions", err)
		}
	}
	return nil
}

// sweep repeats one statement of a sweep, a job each, until nothing is left for it.
func (s *Store) sweep(ctx context.Context, text string, before time.Time) error {
	for {
		var removed int64
		err := s.writer.do(ctx, func(t *tx) (err error) {
			removed, err = t.exec(text, before.UnixMilli(), sweepBatch)
			return err
		})
		if err != nil || removed < sweepBatch {
			return err
		}
	}
}

// notNull keeps an empty value from being stored as no value.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
