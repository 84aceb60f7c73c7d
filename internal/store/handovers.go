package store

import (
	"context"
	"time"

	"latchkey/internal/model"
)

// maxHandovers is how many links of a user wait to be opened at most. One more takes the place of the oldest.
const maxHandovers = 10

const (
	// insertHandover takes the proof of the session that asks along if it is from no earlier than ?4. What a key opened asks for nothing.
	insertHandover = `
INSERT INTO handovers (ticket_hash, user_id, session_id, proved_at, return_to, expires_at)
SELECT ?1, a.user_id, a.id, CASE WHEN a.proved_at >= ?4 AND a.proved_at <= ?8 THEN a.proved_at ELSE 0 END, ?6, ?7
FROM auth_sessions AS a WHERE a.id = ?2 AND a.user_id = ?3 AND a.key_id IS NULL AND a.expires_at > ?5`

	deleteOldHandovers = `
DELETE FROM handovers WHERE ticket_hash IN (
	SELECT ticket_hash FROM handovers WHERE user_id = ?1 AND ticket_hash <> ?2 AND opened_id IS NULL ORDER BY expires_at DESC LIMIT ?4 OFFSET ?3)`

	// selectHandover calls the table w, as emailOfSession and nameOfSession want it. A link is not good that a clock dated that was ahead.
	selectHandover = `
SELECT w.user_id, w.session_id, w.proved_at, w.return_to, w.expires_at, a.expires_at, a.identity_id, a.provider,
	` + emailOfSession + `, ` + nameOfSession + `
FROM handovers AS w JOIN auth_sessions AS a ON a.id = w.session_id LEFT JOIN identities AS i ON i.id = a.identity_id
WHERE w.ticket_hash = ?1 AND w.opened_id IS NULL AND w.expires_at > ?2 AND w.expires_at <= ?3 AND a.expires_at > ?2`

	// insertHandedSession asks for the link and for who asked for it while inserting.
	insertHandedSession = `
INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, created_at, expires_at,
	last_seen_at, address, agent, device_name, platform, sdk, proved_at)
SELECT ?1, a.user_id, ?2, a.provider, a.identity_id, ?3, ?4, ?3, ?5, ?6, '', '', '', ?7
FROM handovers AS h JOIN auth_sessions AS a ON a.id = h.session_id JOIN users AS u ON u.id = a.user_id
WHERE h.ticket_hash = ?8 AND h.opened_id IS NULL AND h.expires_at > ?9 AND h.expires_at <= ?10
	AND a.expires_at > ?9 AND u.disabled_at IS NULL`

	openHandover = `UPDATE handovers SET opened_id = ?1, expires_at = ?2 WHERE ticket_hash = ?3 AND opened_id IS NULL`

	// deleteOldBesideAsker is deleteOldOfUser where the session that asked stays: what it has just opened would end with it.
	deleteOldBesideAsker = deleteOld + `key_id IS NULL AND id <> ?5 AND` + deleteOldBeyond

	// boundHandovers has a link end that would be good once its time comes. One that waits is good for a minute.
	boundHandovers = `
UPDATE handovers SET expires_at = ?1 WHERE ticket_hash IN (
	SELECT ticket_hash FROM handovers WHERE expires_at > CAST(?2 AS BIGINT) + ` + fromFuture + ` AND opened_id IS NULL LIMIT ?3)`

	sweepHandovers = `
DELETE FROM handovers WHERE ticket_hash IN (
	SELECT ticket_hash FROM handovers WHERE expires_at <= ? LIMIT ?)`
)

// CreateHandover adds a link with which a session opens a browser for its own person. Its proof is that of the session, if that is no
// earlier than since. It answers ErrNotFound when the session has ended, is somebody else's, or was opened by a key. Beyond some that wait
// to be opened the user's oldest goes.
func (s *Store) CreateHandover(ctx context.Context, ticketHash [32]byte, h model.Handover, since, now time.Time) error {
	return doing("create handover", s.write(ctx, ofUser(h.UserID), func(t tx) error {
		err := t.execOne(insertHandover,
			ticketHash[:], h.SessionID, h.UserID, since.UnixMilli(), now.UnixMilli(), h.ReturnTo, h.ExpiresAt.UnixMilli(),
			now.Add(model.MaxAhead).UnixMilli())
		if err != nil {
			return err
		}
		return t.later(deleteOldHandovers, h.UserID, ticketHash[:], maxHandovers-1, maxEndedAtOnce)
	}))
}

// Handover is what a link would open that was created to be good for life at most, and leaves it good. One that was used, has expired or
// never was one is ErrNotFound, as is one whose session has ended.
func (s *Store) Handover(ctx context.Context, ticketHash [32]byte, now time.Time, life time.Duration) (model.Handover, error) {
	var h model.Handover
	var proved, expires, ends int64
	err := s.row(ctx, selectHandover, []any{ticketHash[:], now.UnixMilli(), now.Add(life + model.MaxAhead).UnixMilli()},
		&h.UserID, &h.SessionID, &proved, &h.ReturnTo, &expires, &ends, &h.IdentityID, &h.Provider, &h.Email, &h.Name)
	if err != nil {
		return model.Handover{}, doing("find handover", err)
	}
	h.ProvedAt, h.ExpiresAt, h.SessionEnds = fromMillisOrZero(proved), fromMillis(expires), fromMillis(ends)
	return h, nil
}

// OpenHandover uses a link up and adds the session that it opens, with the events, or answers ErrNotFound for every reason for which
// Handover does, and when the user was disabled. The session ends with the one that asked for the link. Beyond MaxAuthSessions that no key
// opened the user's oldest ends, and those two stay.
func (s *Store) OpenHandover(
	ctx context.Context, ticketHash [32]byte, h model.Handover, a model.Session, now time.Time, life time.Duration, events ...model.Event,
) error {
	return doing("open handover", s.write(ctx, ofUser(h.UserID), func(t tx) error {
		err := t.execOne(insertHandedSession, a.ID, a.DeviceID, a.CreatedAt.UnixMilli(), a.ExpiresAt.UnixMilli(), a.Address, a.Agent,
			millisOrZero(a.ProvedAt), ticketHash[:], now.UnixMilli(), now.Add(life+model.MaxAhead).UnixMilli())
		if err != nil {
			return err
		}
		if err := t.execOne(openHandover, a.ID, a.ExpiresAt.UnixMilli(), ticketHash[:]); err != nil {
			return err
		}
		if err := t.later(deleteOldBesideAsker, h.UserID, a.ID, MaxAuthSessions-2, maxEndedAtOnce, h.SessionID); err != nil {
			return err
		}
		if err := keepLanguage(t, h.UserID, a.Language); err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}
