package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/internal/model"
)

const (
	selectExpiry = `SELECT expires_at FROM api_keys WHERE user_id = ? AND id = ?`

	updateExpiry = `UPDATE api_keys SET expires_at = ?3 WHERE user_id = ?1 AND id = ?2`

	upsertCardExpiry = `
INSERT INTO key_cards (user_id, key_id, expires_at, reminded, remind_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (user_id, key_id) DO UPDATE SET expires_at = ?3, reminded = ?4, remind_at = ?5, expired = 0`

	// shortenSessionsOfKey has sessions end with their key, and lengthenSessionsOfKey those end later that would have ended with it.
	shortenSessionsOfKey = `
UPDATE auth_sessions SET expires_at = ?3 WHERE user_id = ?1 AND key_id = ?2 AND expires_at > ?3`
	lengthenSessionsOfKey = `
UPDATE auth_sessions SET expires_at = CASE WHEN created_at + ?5 > ?4 THEN CAST(?4 AS BIGINT) ELSE created_at + ?5 END
WHERE user_id = ?1 AND key_id = ?2 AND expires_at = ?3`

	selectCardExpiry = `SELECT expires_at FROM key_cards WHERE user_id = ? AND key_id = ?`

	// changeCardExpiry changes nothing when another node was quicker.
	changeCardExpiry = `
INSERT INTO key_cards (user_id, key_id, expires_at, reminded, remind_at, email, name, listed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (user_id, key_id) DO UPDATE SET expires_at = ?3, reminded = ?4, remind_at = ?5, email = ?6, name = ?7, expired = 0
WHERE key_cards.expires_at IS NOT DISTINCT FROM CAST(?9 AS BIGINT)`
)

// SetExpiry has a key of a user expire at a time, or never, and its sessions end with it: those that would have ended with the key as it was
// go on for as long as they may now. Reminders begin anew. A key that expires then already stays as it is, and nothing happened. It
// answers ErrNotFound when there is no such key, and ErrConflict when the key would work for longer and may not.
func (s *Store) SetExpiry(ctx context.Context, userID, id string, x model.Expiry, events ...model.Event) error {
	return doing("set expiry of key", s.write(ctx, ofUser(userID), func(t tx) error {
		var was sql.NullInt64
		if err := t.row(selectExpiry, []any{userID, id}, &was); err != nil {
			return err
		}
		if change, err := changes(x, was); !change {
			return err
		}
		if _, err := t.exec(updateExpiry, userID, id, nullMillis(x.At)); err != nil {
			return err
		}
		reminded, remindAt := scheduleOf(userID, x.At, x.Now)
		if _, err := t.exec(upsertCardExpiry, userID, id, nullMillis(x.At), reminded, remindAt); err != nil {
			return err
		}
		if err := endSessions(t, x, userID, id, was); err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}

// changes says whether there is anything to change, and may be.
func changes(x model.Expiry, was sql.NullInt64) (bool, error) {
	expired := fromNullMillis(was)
	switch {
	case expired.Equal(x.At):
		return false, nil
	case !x.MayExtend && model.Extends(expired, x.At):
		return false, model.ErrConflict
	}
	return true, nil
}

func endSessions(t tx, x model.Expiry, userID, id string, was sql.NullInt64) error {
	var err error
	switch at := x.At.UnixMilli(); {
	case !x.At.IsZero() && (!was.Valid || at < was.Int64):
		_, err = t.exec(shortenSessionsOfKey, userID, id, at)
	case was.Int64 <= x.Now.UnixMilli(): // they have ended
	case x.At.IsZero():
		_, err = t.exec(lengthenSessionsOfKey, userID, id, was.Int64, nil, x.Session.Milliseconds())
	default:
		_, err = t.exec(lengthenSessionsOfKey, userID, id, was.Int64, at, x.Session.Milliseconds())
	}
	return err
}

// scheduleOf is what the owner of a key that expires at a time need not be reminded of any more, and when to remind them next.
func scheduleOf(userID string, expires, now time.Time) (reminded model.Reminder, next any) {
	if expires.IsZero() {
		return model.NoReminder, nil
	}
	reminded = model.LastReminder(userID, expires, now)
	return reminded, nullMillis(reminded.Next(userID, expires))
}

// mostTries is how often a change is tried that another node was quicker than.
const mostTries = 5

// SetExpiry keeps when a key at another server is to expire, of which the card says where to its owner is reminded and how the key is
// called. It is as Store.SetExpiry, but does not check that there is such a key, nor end what it has opened. The last error is
// ErrConflict also when others change it all the time.
func (e Elsewhere) SetExpiry(ctx context.Context, userID, id string, x model.Expiry, c model.KeptCard, events ...model.Event) error {
	reminded, remindAt := scheduleOf(userID, x.At, x.Now)
	for range mostTries {
		changed := int64(0)
		err := e.store.write(ctx, ofUser(userID), func(t tx) error {
			var was sql.NullInt64
			if err := t.row(selectCardExpiry, []any{userID, id}, &was); err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
			var err error
			change, err := changes(x, was)
			if !change {
				changed = 1
				return err
			}
			changed, err = t.exec(changeCardExpiry, userID, id, nullMillis(x.At), reminded, remindAt, c.Email, c.Name, c.ListedAt.UnixMilli(),
				nullMillis(fromNullMillis(was)))
			if err != nil || changed == 0 {
				return err
			}
			return recordEvents(t, events)
		})
		if err != nil || changed > 0 {
			return doing("set expiry of key", err)
		}
	}
	return doing("set expiry of key", model.ErrConflict)
}
