package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"latchkey/internal/model"
)

const (
	insertCard = `
INSERT INTO key_cards (user_id, key_id, label, note, saved_how, expires_at, fingerprint, email, listed_at, name, reminded, remind_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (user_id, key_id) DO NOTHING`

	upsertLabel = `
INSERT INTO key_cards (user_id, key_id, label, note, listed_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (user_id, key_id) DO UPDATE SET label = ?3, note = ?4`

	selectCards = `
SELECT key_id, label, note, fingerprint, email, expires_at, saved_at, saved_how, leaked_at, listed_at, name FROM key_cards WHERE user_id = ?`

	deleteCard = `DELETE FROM key_cards WHERE user_id = ? AND key_id = ?`

	deleteCardsOfUser = `DELETE FROM key_cards WHERE user_id = ?`

	deleteReplacementsOfUser = `DELETE FROM key_replacements WHERE user_id = ?`
)

// cardSteps save the card of a key that is created, if there is anything on it.
func cardSteps(k model.Key) []step {
	if k.Card.Label == "" && k.Card.Note == "" && k.ExpiresAt.IsZero() && k.Card.SavedHow == "" {
		return nil
	}
	reminded, remindAt := scheduleOf(k.UserID, k.ExpiresAt, k.CreatedAt)
	return []step{{text: insertCard, args: []any{
		k.UserID, k.ID, k.Card.Label, k.Card.Note, string(k.Card.SavedHow), nullMillis(k.ExpiresAt), nil, "", int64(0), "", reminded, remindAt,
	}}}
}

// LabelKey changes the label and the note of a key of a user. It answers ErrNotFound when there is none.
func (s *Store) LabelKey(ctx context.Context, userID, id, label, note string) error {
	return doing("label key", s.write(ctx, ofUser(userID), func(t tx) error {
		if err := t.row(selectAPIKeyName, []any{userID, id}, new(string)); err != nil {
			return err
		}
		_, err := t.exec(upsertLabel, userID, id, label, note, int64(0))
		return err
	}))
}

// Elsewhere is what is kept here of keys at another server. Whether there is such a key nobody asks.
type Elsewhere struct{ store *Store }

// Elsewhere gives what is kept of keys at another server.
func (s *Store) Elsewhere() Elsewhere { return Elsewhere{s} }

// Cards are those of all keys of a user, by the ids of the keys.
func (e Elsewhere) Cards(ctx context.Context, userID string) (map[string]model.KeptCard, error) {
	var r cardRow
	cards := map[string]model.KeptCard{}
	_, err := list(ctx, e.store, roomForKeys, selectCards, []any{userID}, r.columns(), func() struct{} {
		cards[r.id] = r.get()
		return struct{}{}
	})
	if err == nil {
		err = e.readReplacements(ctx, userID, cards)
	}
	return cards, doing("read cards of keys", err)
}

// SaveCard keeps what is known of a key that was created a moment ago.
func (e Elsewhere) SaveCard(ctx context.Context, userID, id string, c model.KeptCard) error {
	fingerprint, err := hex.DecodeString(c.Fingerprint)
	if err != nil {
		return doing("save card of key", err)
	}
	reminded, remindAt := scheduleOf(userID, c.ExpiresAt, c.ListedAt)
	return doing("save card of key", e.store.write(ctx, ofUser(userID), func(t tx) error {
		return t.execOne(insertCard, userID, id, c.Label, c.Note, string(c.SavedHow), nullMillis(c.ExpiresAt), fingerprint, c.Email,
			c.ListedAt.UnixMilli(), c.Name, reminded, remindAt)
	}))
}

// LabelKey changes the label and the note of a key that was seen a moment ago.
func (e Elsewhere) LabelKey(ctx context.Context, userID, id, label, note string, seen time.Time) error {
	return doing("label key", e.store.write(ctx, ofUser(userID), func(t tx) error {
		return t.execOne(upsertLabel, userID, id, label, note, seen.UnixMilli())
	}))
}

// DeleteCard forgets a key that was deleted.
func (e Elsewhere) DeleteCard(ctx context.Context, userID, id string) error {
	return doing("delete card of key", e.store.write(ctx, ofUser(userID), func(t tx) error {
		_, err := t.exec(deleteCard, userID, id)
		return err
	}))
}

// Forget forgets all keys of a user who is gone.
func (e Elsewhere) Forget(ctx context.Context, userID string) error {
	return doing("delete cards of keys", e.store.write(ctx, ofUser(userID), func(t tx) error {
		for _, text := range []string{deleteCardsOfUser, deleteReplacementsOfUser} {
			if _, err := t.exec(text, userID); err != nil {
				return err
			}
		}
		return nil
	}))
}

// cardRow is a card while it is read.
type cardRow struct {
	id                       string
	card                     model.KeptCard
	fingerprint              []byte
	expires, saved, leakedAt sql.NullInt64
	listed                   int64
}

func (r *cardRow) columns() []any {
	c := &r.card
	return []any{&r.id, &c.Label, &c.Note, &r.fingerprint, &c.Email, &r.expires, &r.saved, &c.SavedHow, &r.leakedAt, &r.listed, &c.Name}
}

func (r *cardRow) get() model.KeptCard {
	c := r.card
	c.Fingerprint = hex.EncodeToString(r.fingerprint)
	c.ExpiresAt, c.SavedAt, c.LeakedAt = fromNullMillis(r.expires), fromNullMillis(r.saved), fromNullMillis(r.leakedAt)
	c.ListedAt = fromMillis(r.listed)
	return c
}
