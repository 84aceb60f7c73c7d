package store

import (
	"context"
	"database/sql"
	"time"

	"latchkey/internal/model"
)

const (
	// markExpired changes a row once for each expiry.
	markExpired = `
UPDATE key_cards SET expired = 1 WHERE user_id = ? AND key_id = ? AND expired = 0 AND expires_at <= ?`

	selectExpired = `
SELECT user_id, key_id, expires_at FROM key_cards WHERE expires_at <= ? AND expires_at IS NOT NULL AND expired = 0
ORDER BY expires_at LIMIT ?`

	selectDueReminder = `
SELECT user_id FROM key_cards WHERE remind_at <= ? AND remind_at IS NOT NULL ORDER BY remind_at LIMIT 1`

	// claimReminders takes all reminders of a user that are due. Of two nodes that want them at once one changes no row.
	claimReminders = `UPDATE key_cards SET remind_at = ?3 WHERE user_id = ?1 AND remind_at <= ?2`

	selectClaimed = `
SELECT c.key_id, c.name, coalesce(k.name, ''), c.fingerprint, k.value_hash, c.email, c.expires_at, c.reminded, coalesce(k.disabled, FALSE),
	k.id IS NOT NULL
FROM key_cards AS c LEFT JOIN api_keys AS k ON k.user_id = c.user_id AND k.id = c.key_id
WHERE c.user_id = ? AND c.remind_at = ?`

	// finishReminder leaves a key alone whose owner has changed its expiry meanwhile.
	finishReminder = `
UPDATE key_cards SET reminded = ?4, remind_at = ?5 WHERE user_id = ?1 AND key_id = ?2 AND remind_at = ?3`
)

// ExpiredKey is a key that has expired, of which that is to be recorded.
type ExpiredKey struct {
	UserID, KeyID string
	ExpiresAt     time.Time
}

// ExpiredKeys are some of those that have expired by now and of which that was not recorded, the first to expire first.
func (s *Store) ExpiredKeys(ctx context.Context, now time.Time, most int) ([]ExpiredKey, error) {
	var k ExpiredKey
	var expires int64
	keys, err := list(ctx, s, 0, selectExpired, []any{now.UnixMilli(), most}, []any{&k.UserID, &k.KeyID, &expires}, func() ExpiredKey {
		k.ExpiresAt = fromMillis(expires)
		return k
	})
	return keys, doing("find expired keys", err)
}

// RecordExpired records that a key has expired by the time of the event, once for each expiry, whatever node finds it out.
func (s *Store) RecordExpired(ctx context.Context, e model.Event) error {
	return doing("record that a key expired", s.write(ctx, ofUser(e.UserID), func(t tx) error {
		events, err := onceExpired(t, []model.Event{e})
		if err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}

// onceExpired are the events without those that say that a key expired of which that is recorded.
func onceExpired(t tx, events []model.Event) ([]model.Event, error) {
	var left []model.Event
	for _, e := range events {
		if e.Kind == model.EventKeyExpired {
			switch marked, err := t.exec(markExpired, e.UserID, e.KeyID, e.At.UnixMilli()); {
			case err != nil:
				return nil, err
			case marked == 0:
				continue
			}
		}
		left = append(left, e)
	}
	return left, nil
}

// DueReminder is a key of whose expiry the owner is to be reminded.
type DueReminder struct {
	KeyID, Name, Fingerprint string
	Email                    string // of the owner of a key at another server
	ExpiresAt                time.Time
	Reminded                 model.Reminder // the last one
	Off                      bool
	Here                     bool // there is such a key here
}

// NextReminder is whom to remind first of those who are to be reminded by now; model.ErrNotFound when there is nobody.
func (s *Store) NextReminder(ctx context.Context, now time.Time) (userID string, err error) {
	err = s.row(ctx, selectDueReminder, []any{now.UnixMilli()}, &userID)
	return userID, doing("find due reminders", err)
}

// ClaimReminders gives the keys of which a user is to be reminded by now, to one caller alone until another time. What is not finished
// until then is given to another node.
func (s *Store) ClaimReminders(ctx context.Context, userID string, now, until time.Time) ([]DueReminder, error) {
	claimed := int64(0)
	err := s.write(ctx, ofUser(userID), func(t tx) (err error) {
		claimed, err = t.exec(claimReminders, userID, now.UnixMilli(), until.UnixMilli())
		return err
	})
	if err != nil || claimed == 0 {
		return nil, doing("claim reminders", err)
	}
	var d DueReminder
	var kept, value []byte
	var thereName string
	var expires sql.NullInt64
	due, err := list(ctx, s, 0, selectClaimed, []any{userID, until.UnixMilli()},
		[]any{&d.KeyID, &thereName, &d.Name, &kept, &value, &d.Email, &expires, &d.Reminded, &d.Off, &d.Here}, func() DueReminder {
			got := d
			if got.Name == "" {
				got.Name = thereName
			}
			if got.Fingerprint = fingerprintOf(value); got.Fingerprint == "" {
				got.Fingerprint = fingerprintOf(kept)
			}
			got.ExpiresAt = fromNullMillis(expires)
			return got
		})
	return due, doing("read reminders", err)
}

// FinishReminders remembers of what a user was reminded whose keys were claimed until a time. Next is when to remind them again of each,
// zero for never.
func (s *Store) FinishReminders(ctx context.Context, userID string, until time.Time, done []Reminded) error {
	return doing("finish reminders", s.write(ctx, ofUser(userID), func(t tx) error {
		for _, d := range done {
			if err := t.later(finishReminder, userID, d.KeyID, until.UnixMilli(), d.Last, nullMillis(d.Next)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Reminded is a key of which the owner was reminded.
type Reminded struct {
	KeyID string
	Last  model.Reminder
	Next  time.Time
}
