package store

import (
	"context"
	"encoding/hex"
	"time"
)

const (
	upsertFingerprint = `
INSERT INTO key_cards (user_id, key_id, fingerprint, listed_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (user_id, key_id) DO UPDATE SET fingerprint = ?3`

	updateCardListed = `UPDATE key_cards SET listed_at = ?3 WHERE user_id = ?1 AND key_id = ?2`

	// deleteCardNotListed leaves a card whose key another node has seen in a list since.
	deleteCardNotListed = `DELETE FROM key_cards WHERE user_id = ? AND key_id = ? AND listed_at <= ?`
)

// KeepFingerprint keeps the fingerprint of a key that was seen a moment ago, whose value was here for once.
func (e Elsewhere) KeepFingerprint(ctx context.Context, userID, id, fingerprint string, seen time.Time) error {
	sum, err := hex.DecodeString(fingerprint)
	if err != nil {
		return doing("keep fingerprint of key", err)
	}
	return doing("keep fingerprint of key", e.store.write(ctx, ofUser(userID), func(t tx) error {
		return t.execOne(upsertFingerprint, userID, id, sum, seen.UnixMilli())
	}))
}

// Listed remembers which cards are of keys that were in a complete list, and deletes those whose keys are gone: they were not in it, nor in
// any since a time.
func (e Elsewhere) Listed(ctx context.Context, userID string, there, gone []string, at, since time.Time) error {
	return doing("keep cards of keys up to date", e.store.write(ctx, ofUser(userID), func(t tx) error {
		for _, id := range there {
			if _, err := t.exec(updateCardListed, userID, id, at.UnixMilli()); err != nil {
				return err
			}
		}
		for _, id := range gone {
			if _, err := t.exec(deleteCardNotListed, userID, id, since.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	}))
}
