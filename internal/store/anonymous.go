package store

import (
	"context"
	"time"
)

// anonymousGrace is how long an account without credentials is left alone that has no session yet: it is created first, and the session
// a moment later.
const anonymousGrace = time.Hour

// anonymousOver says of an anonymous user a that is due that nobody can sign in to the account ever again: it has no session, neither
// a key nor an identity that could open one, and signing in without credentials creates another account. No clock is asked.
const anonymousOver = `
	a.look_at <= ?1 AND NOT EXISTS (SELECT 1 FROM auth_sessions AS s WHERE s.user_id = a.user_id)
	AND NOT EXISTS (SELECT 1 FROM api_keys AS k WHERE k.user_id = a.user_id)
	AND NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.user_id = a.user_id AND i.provider <> 'anon-user')`

const (
	insertAnonymousUser = `INSERT INTO anonymous_users (user_id, look_at) VALUES (?, ?)`

	deleteAnonymousUser = `DELETE FROM anonymous_users WHERE user_id = ?`

	// lookAtAnonymous has the next sweep look, for a session ended before its time.
	lookAtAnonymous = `UPDATE anonymous_users SET look_at = 0 WHERE user_id = ?`

	// postponeAnonymous keeps sweeps from looking at accounts again before their sessions expire: there may be very many.
	postponeAnonymous = `
UPDATE anonymous_users SET look_at = (SELECT max(expires_at) FROM auth_sessions AS s WHERE s.user_id = anonymous_users.user_id)
WHERE user_id IN (
	SELECT a.user_id FROM anonymous_users AS a
	WHERE a.look_at <= ?1 AND EXISTS (SELECT 1 FROM auth_sessions AS s WHERE s.user_id = a.user_id AND s.expires_at > ?1) LIMIT ?2)`

	// sweepAnonymousEvents comes before the accounts, which are left until their events are gone.
	sweepAnonymousEvents = `
DELETE FROM events WHERE (user_id, id) IN (
	SELECT e.user_id, e.id FROM anonymous_users AS a CROSS JOIN events AS e WHERE e.user_id = a.user_id AND ` + anonymousOver + ` LIMIT ?2)`

	sweepAnonymous = `
DELETE FROM users WHERE id IN (
	SELECT a.user_id FROM anonymous_users AS a CROSS JOIN users AS u
	WHERE u.id = a.user_id AND ` + anonymousOver + ` AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.user_id = a.user_id) LIMIT ?2)`

	// forgetAnonymous looks no more at accounts that are gone, nor at those that somebody can sign in to after all.
	forgetAnonymous = `
DELETE FROM anonymous_users WHERE user_id IN (
	SELECT a.user_id FROM anonymous_users AS a
	WHERE a.look_at <= ?1 AND (NOT EXISTS (SELECT 1 FROM users AS u WHERE u.id = a.user_id)
		OR EXISTS (SELECT 1 FROM api_keys AS k WHERE k.user_id = a.user_id)
		OR EXISTS (SELECT 1 FROM identities AS i WHERE i.user_id = a.user_id AND i.provider <> 'anon-user')) LIMIT ?2)`
)

// The same where others write, too: their row is locked first, by a statement of its own, so that the next ones see what was written
// before that. Who is being written about is left to the next sweep.
const (
	lockAnonymous = `
SELECT coalesce(array_agg(id), '{}') FROM (
	SELECT u.id FROM anonymous_users AS a CROSS JOIN users AS u
	WHERE u.id = a.user_id AND ` + anonymousOver + ` ORDER BY a.look_at LIMIT ?2 FOR NO KEY UPDATE OF u SKIP LOCKED) AS locked`

	sweepLockedEvents = `
DELETE FROM events WHERE (user_id, id) IN (
	SELECT e.user_id, e.id FROM anonymous_users AS a CROSS JOIN events AS e
	WHERE a.user_id = ANY(CAST(?3 AS TEXT[])) AND e.user_id = a.user_id AND ` + anonymousOver + ` LIMIT ?2)`

	sweepLocked = `
DELETE FROM users WHERE id IN (
	SELECT a.user_id FROM anonymous_users AS a
	WHERE a.user_id = ANY(CAST(?2 AS TEXT[])) AND ` + anonymousOver + ` AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.user_id = a.user_id))`
)

// sweepAnonymousBesideOthers is sweepAnonymousEvents and sweepAnonymous of several nodes.
func (s *Store) sweepAnonymousBesideOthers(ctx context.Context, now time.Time) error {
	for {
		var events, users int64
		err := s.write(ctx, ofNobody, func(t tx) error {
			var over []string
			err := t.row(lockAnonymous, []any{now.UnixMilli(), sweepBatch}, &over)
			if events, users = 0, 0; err != nil || len(over) == 0 {
				return err
			}
			if events, err = t.exec(sweepLockedEvents, now.UnixMilli(), sweepBatch, over); err != nil {
				return err
			}
			users, err = t.exec(sweepLocked, now.UnixMilli(), over)
			return err
		})
		if err != nil || events < sweepBatch && users < sweepBatch {
			return err
		}
	}
}
