package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"latchkey/internal/model"
)

// refusalInterval is how long a refusal that was recorded stands for those after it. A device that was turned off may try
// without end, and must not keep the disk busy.
const refusalInterval = time.Minute

const (
	insertKeyUse = `
INSERT INTO key_uses (user_id, key_id, first_used_at, last_used_at,
	address, device_name, platform, platform_version, sdk, sdk_version)
VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (user_id, key_id) DO UPDATE SET
	first_used_at = ?3, last_used_at = ?3,
	address = ?4, device_name = ?5, platform = ?6, platform_version = ?7, sdk = ?8, sdk_version = ?9`

	// updateKeyUse changes nothing of a key that was never used.
	updateKeyUse = `
UPDATE key_uses SET last_used_at = ?3,
	address = ?4, device_name = ?5, platform = ?6, platform_version = ?7, sdk = ?8, sdk_version = ?9
WHERE user_id = ?1 AND key_id = ?2 AND first_used_at IS NOT NULL`

	// selectRefusedAt gives nothing where a refusal is the first since the key was turned off, however short a time ago the last was.
	selectRefusedAt = `
SELECT u.refused_at FROM key_uses AS u JOIN api_keys AS k ON k.user_id = u.user_id AND k.id = u.key_id
WHERE u.user_id = ? AND u.key_id = ? AND (k.disabled = FALSE OR u.first_refused_at IS NOT NULL)`

	// upsertKeyRefusal asks again whether a refusal was written a moment ago, on either side: the clock may have been set back.
	upsertKeyRefusal = `
INSERT INTO key_uses (user_id, key_id, refused_at, refused_address, refused_reason, first_refused_at)
SELECT user_id, id, ?3, ?4, ?5, CASE WHEN disabled THEN CAST(?3 AS BIGINT) END FROM api_keys WHERE user_id = ?1 AND id = ?2
ON CONFLICT (user_id, key_id) DO UPDATE SET refused_at = ?3, refused_address = ?4, refused_reason = ?5,
	first_refused_at = coalesce(key_uses.first_refused_at, excluded.first_refused_at)
WHERE key_uses.refused_at IS NULL OR abs(key_uses.refused_at - ?3) >= ?6
	OR key_uses.first_refused_at IS NULL AND excluded.first_refused_at IS NOT NULL`

	boundRecordingSince = `UPDATE key_use_recording SET since = ?1 WHERE id = 1 AND since > ?2`

	selectRecordingSince = `SELECT since FROM key_use_recording WHERE id = 1`

	// keyColumns are the columns of a key k, its use u, its card c and what replaces it r in the order of keyRow.columns. Whose the key is
	// its reader knows.
	keyColumns = `k.id, k.name, k.disabled, k.created_at, k.value_hash, k.origin, u.first_used_at, u.last_used_at,
	coalesce(u.address || ` + and + ` || u.device_name || ` + and + ` || u.platform || ` + and + ` || u.platform_version
		|| ` + and + ` || u.sdk || ` + and + ` || u.sdk_version, ''),
	u.refused_at, coalesce(u.refused_address || ` + and + ` || u.refused_reason, ''),
	k.off_at, nullif(k.off_sessions, 0), k.off_access_until, u.first_refused_at,
	coalesce(c.label || ` + and + ` || c.note || ` + and + ` || c.saved_how, ''), c.saved_at, c.leaked_at, k.expires_at,
	coalesce(r.new_key || ` + and + ` || r.new_name || ` + and + ` || r.finish || ` + and + ` || r.state, ''),
	r.quiet, r.started_at, r.new_used_at, r.ended_at, CASE WHEN r.state IN (` + openReplacement + `) THEN (
		SELECT max(a.last_seen_at) FROM auth_sessions AS a WHERE a.user_id = k.user_id AND a.key_id = k.id) END`

	// and parts texts that are read as one: a list has twenty keys, and each text of its own is an allocation. Only texts that a device sends
	// can have it in them, and then those of the same device are cut elsewhere.
	and = "'" + unitSeparator + "'"

	unitSeparator = "\x1f"

	// besidesKey are the tables with what keyColumns has besides the key k.
	besidesKey = `
	LEFT JOIN key_uses AS u ON u.user_id = k.user_id AND u.key_id = k.id
	LEFT JOIN key_cards AS c ON c.user_id = k.user_id AND c.key_id = k.id
	LEFT JOIN key_replacements AS r ON r.user_id = k.user_id AND r.old_key = k.id`

	selectKeyWithUsage = `
SELECT ` + keyColumns + `, ` + replacesColumn + `
FROM api_keys AS k` + besidesKey + `
WHERE k.user_id = ? AND k.id = ?`

	selectKeysWithUsage = `
SELECT ` + keyColumns + `
FROM api_keys AS k` + besidesKey + `
WHERE k.user_id = ? ORDER BY k.id`
)

// useArgs say that a key opened a session, to updateKeyUse and insertKeyUse.
func useArgs(a model.Session, u *model.KeyUse) []any {
	return []any{
		a.UserID, a.KeyID, u.At.UnixMilli(),
		u.Address, u.DeviceName, u.Platform, u.PlatformVersion, u.SDK, u.SDKVersion,
	}
}

// RecordRefusal remembers that a sign-in with a key was refused, unless another was recorded less than a minute before and this is not
// the first since the key was turned off. A key that is gone is no error. The events are recorded when the refusal is, and that
// the key has expired once for each expiry.
func (s *Store) RecordRefusal(ctx context.Context, userID, keyID string, r model.KeyRefusal, events ...model.Event) error {
	var last sql.NullInt64
	err := s.row(ctx, selectRefusedAt, []any{userID, keyID}, &last)
	if err == nil && last.Valid && r.At.Sub(fromMillis(last.Int64)).Abs() < refusalInterval {
		return nil
	}
	if err == nil || errors.Is(err, model.ErrNotFound) {
		err = s.write(ctx, ofUser(userID), func(t tx) error {
			written, err := t.exec(upsertKeyRefusal,
				userID, keyID, r.At.UnixMilli(), r.Address, r.Reason, refusalInterval.Milliseconds())
			if err != nil || written == 0 {
				return err
			}
			wanted, err := onceExpired(t, events)
			if err != nil {
				return err
			}
			return recordEvents(t, wanted)
		})
	}
	return doing("record refusal", err)
}

// readRecordingSince reads, once, what nobody else changes.
func (s *Store) readRecordingSince(ctx context.Context) error {
	var since int64
	err := s.row(ctx, selectRecordingSince, nil, &since)
	s.recordingSince.Store(since)
	return doing("find since when key uses are recorded", err)
}

// Keys returns the keys of a user with their usage, in the order of their creation.
func (s *Store) Keys(ctx context.Context, userID string) (model.Keys, error) {
	r, since := keyRow{key: model.Key{UserID: userID}}, s.RecordingSince()
	keys, err := list(ctx, s, roomForKeys, selectKeysWithUsage, []any{userID}, r.columns(), func() model.Key { return r.get(since) })
	if err != nil {
		return model.Keys{}, doing("list keys with their usage", err)
	}
	return model.Keys{List: keys, Usage: model.UsageKnown}, nil
}

// RecordingSince is from when on the use of keys is recorded.
func (s *Store) RecordingSince() time.Time { return fromMillis(s.recordingSince.Load()) }

// keyRow is a key with its usage while it is read.
type keyRow struct {
	key                                           model.Key
	created                                       int64
	hash                                          []byte
	firstUsed, lastUsed, refusedAt                sql.NullInt64
	offAt, offSessions, accessUntil, firstRefused sql.NullInt64
	savedAt, leakedAt, expires                    sql.NullInt64
	quiet, started, newUsed, ended, heard         sql.NullInt64
	said, refusal, card, replacedBy               string
	dest                                          [25]any
}

// columns are the places to scan the keyColumns into.
func (r *keyRow) columns() []any {
	k := &r.key
	r.dest = [...]any{
		&k.ID, &k.Name, &k.Disabled, &r.created, &r.hash, &k.Origin, &r.firstUsed, &r.lastUsed, &r.said, &r.refusedAt, &r.refusal,
		&r.offAt, &r.offSessions, &r.accessUntil, &r.firstRefused, &r.card, &r.savedAt, &r.leakedAt, &r.expires,
		&r.replacedBy, &r.quiet, &r.started, &r.newUsed, &r.ended, &r.heard,
	}
	return r.dest[:]
}

// next cuts the first of joined texts off.
func next(texts *string) (first string) {
	first, *texts, _ = strings.Cut(*texts, unitSeparator)
	return first
}

// fingerprintSize is how many bytes of the SHA-256 of a value its owner sees: enough to tell 20 keys apart.
const fingerprintSize = 8

// fingerprintOf is that of a value with the SHA-256, "" of none.
func fingerprintOf(hash []byte) string {
	var fingerprint [2 * fingerprintSize]byte
	if len(hash) < fingerprintSize {
		return ""
	}
	hex.Encode(fingerprint[:], hash[:fingerprintSize])
	return string(fingerprint[:])
}

func (r *keyRow) get(recordingSince time.Time) model.Key {
	k := r.key
	k.Usage.Known, k.Usage.RecordingSince = model.UsageKnown, recordingSince
	k.CreatedAt, k.Usage.Fingerprint = fromMillis(r.created), fingerprintOf(r.hash)
	k.Usage.FirstUsed = fromNullMillis(r.firstUsed)
	k.Usage.LastUse = model.KeyUse{
		At: fromNullMillis(r.lastUsed), Address: next(&r.said), DeviceName: next(&r.said), Platform: next(&r.said),
		PlatformVersion: next(&r.said), SDK: next(&r.said), SDKVersion: next(&r.said),
	}
	k.Usage.LastRefusal = model.KeyRefusal{At: fromNullMillis(r.refusedAt), Address: next(&r.refusal), Reason: r.refusal}
	if k.Disabled && r.offAt.Valid { // a program of the last release turns a key on and leaves what it does not know
		k.Usage.Off = model.KeyOff{
			At: fromNullMillis(r.offAt), Sessions: int(r.offSessions.Int64),
			AccessUntil: fromNullMillis(r.accessUntil), FirstRefused: fromNullMillis(r.firstRefused),
		}
	}
	k.ExpiresAt = fromNullMillis(r.expires)
	k.Card = model.Card{
		Label: next(&r.card), Note: next(&r.card), SavedHow: model.SavedHow(r.card),
		SavedAt: fromNullMillis(r.savedAt), LeakedAt: fromNullMillis(r.leakedAt),
	}
	if r.replacedBy != "" {
		k.Replaced = model.Replacement{
			OldID: k.ID, NewID: next(&r.replacedBy), NewName: next(&r.replacedBy), Finish: model.Finish(next(&r.replacedBy)), State: model.ReplacementState(r.replacedBy),
			Quiet: time.Duration(r.quiet.Int64) * time.Millisecond, StartedAt: fromNullMillis(r.started),
			NewUsedAt: fromNullMillis(r.newUsed), EndedAt: fromNullMillis(r.ended),
			OldSeenAt: later(k.Usage.LastUse.At, fromNullMillis(r.heard)),
		}
		if k.Replaced.State == model.ReplacementParked && !k.Disabled { // by a program of the last release
			k.Replaced.State = model.ReplacementUndone
		}
	}
	return k
}
