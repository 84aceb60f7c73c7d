package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// KeyUse is a log-in with a key: when and from where, and what the client said it is.
type KeyUse struct {
	At                                                     time.Time
	Address                                                string
	DeviceName, Platform, PlatformVersion, SDK, SDKVersion string
}

// KeyRefusal is a log-in with a key that was refused.
type KeyRefusal struct {
	At              time.Time
	Address, Reason string
}

// KeyFacts are what is known of a key in use. What never happened has the zero time.
type KeyFacts struct {
	KeyID       string
	ValueHash   [32]byte // SHA-256 of the value
	FirstUsed   time.Time
	LastUse     KeyUse
	LastRefusal KeyRefusal
}

// refusalInterval is how long a refusal that was written down stands for those after it. A device that was turned off may try
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

	selectRefusedAt = `SELECT refused_at FROM key_uses WHERE user_id = ? AND key_id = ?`

	// upsertKeyRefusal asks again whether a refusal was written a moment ago, on either side: the clock may have been set back.
	upsertKeyRefusal = `
INSERT INTO key_uses (user_id, key_id, refused_at, refused_address, refused_reason)
SELECT user_id, id, ?3, ?4, ?5 FROM api_keys WHERE user_id = ?1 AND id = ?2
ON CONFLICT (user_id, key_id) DO UPDATE SET refused_at = ?3, refused_address = ?4, refused_reason = ?5
WHERE refused_at IS NULL OR abs(refused_at - ?3) >= ?6`

	selectRecordingSince = `SELECT since FROM key_use_recording WHERE id = 1`

	selectKeyFacts = `
SELECT k.id, k.value_hash, u.first_used_at, u.last_used_at,
	coalesce(u.address, ''), coalesce(u.device_name, ''), coalesce(u.platform, ''), coalesce(u.platform_version, ''),
	coalesce(u.sdk, ''), coalesce(u.sdk_version, ''),
	u.refused_at, coalesce(u.refused_address, ''), coalesce(u.refused_reason, '')
FROM api_keys AS k LEFT JOIN key_uses AS u ON u.user_id = k.user_id AND u.key_id = k.id
WHERE k.user_id = ? ORDER BY k.id`
)

// recordUse is the part of CreateAuthSession that remembers the log-in. What happened is written down when it is the key's first.
func recordUse(t *tx, userID, keyID string, u *KeyUse, happened []Event) error {
	args := []any{
		userID, keyID, u.At.UnixMilli(),
		u.Address, u.DeviceName, u.Platform, u.PlatformVersion, u.SDK, u.SDKVersion,
	}
	used, err := t.exec(updateKeyUse, args...)
	if err != nil || used > 0 {
		return err
	}
	if _, err := t.exec(insertKeyUse, args...); err != nil {
		return err
	}
	return recordEvents(t, happened)
}

// RecordRefusal remembers that a log-in with a key was refused, unless another was written down less than a minute before. A
// key that is gone is no error. What happened is written down when the refusal is.
func (s *Store) RecordRefusal(ctx context.Context, userID, keyID string, r KeyRefusal, happened ...Event) error {
	var last sql.NullInt64
	err := s.row(ctx, selectRefusedAt, []any{userID, keyID}, &last)
	if err == nil && last.Valid && r.At.Sub(fromMillis(last.Int64)).Abs() < refusalInterval {
		return nil
	}
	if err == nil || errors.Is(err, ErrNotFound) {
		err = s.writer.do(ctx, func(t *tx) error {
			written, err := t.exec(upsertKeyRefusal,
				userID, keyID, r.At.UnixMilli(), r.Address, r.Reason, refusalInterval.Milliseconds())
			if err != nil || written == 0 {
				return err
			}
			return recordEvents(t, happened)
		})
	}
	return doing("record refusal", err)
}

// readRecordingSince reads, once, what never changes.
func (s *Store) readRecordingSince(ctx context.Context) error {
	var since int64
	err := s.row(ctx, selectRecordingSince, nil, &since)
	s.recordingSince = fromMillis(since)
	return doing("find since when key uses are recorded", err)
}

// KeyFacts returns what is known of every key of a user, in the order of their creation, and since when it has been recorded.
func (s *Store) KeyFacts(ctx context.Context, userID string) (since time.Time, facts []KeyFacts, err error) {
	var f KeyFacts
	var hash []byte
	var first, last, refused sql.NullInt64
	use, refusal := &f.LastUse, &f.LastRefusal
	err = s.rows(ctx, selectKeyFacts, []any{userID}, []any{
		&f.KeyID, &hash, &first, &last,
		&use.Address, &use.DeviceName, &use.Platform, &use.PlatformVersion, &use.SDK, &use.SDKVersion,
		&refused, &refusal.Address, &refusal.Reason,
	}, func() {
		copy(f.ValueHash[:], hash)
		f.FirstUsed, use.At, refusal.At = fromNullMillis(first), fromNullMillis(last), fromNullMillis(refused)
		facts = append(roomForKeys(facts), f)
	})
	if err != nil {
		return time.Time{}, nil, doing("list key uses", err)
	}
	return s.recordingSince, facts, nil
}
