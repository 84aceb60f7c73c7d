package store

import (
	"context"
	"time"

	"latchkey/internal/model"
)

const (
	// markSaved changes nothing of a key whose value was never shown on a page that asks, or was saved before.
	markSaved = `UPDATE key_cards SET saved_at = ?3, saved_how = ?4 WHERE user_id = ?1 AND key_id = ?2 AND saved_how = 'shown'`

	selectShown = `SELECT 1 FROM key_cards WHERE user_id = ? AND key_id = ? AND saved_how <> ''`
)

// MarkSaved remembers how the value of a key was saved, once: what is said after that changes nothing, and is no error. It answers
// ErrNotFound when there is no key whose value was shown on a page that asks. The event is recorded with it.
func (s *Store) MarkSaved(ctx context.Context, userID, id string, how model.SavedHow, at time.Time, e model.Event) error {
	return doing("remember how a value was saved", s.write(ctx, ofUser(userID), func(t tx) error {
		changed, err := t.exec(markSaved, userID, id, at.UnixMilli(), string(how))
		if err != nil {
			return err
		}
		if changed == 0 {
			return t.row(selectShown, []any{userID, id}, new(int))
		}
		return recordEvents(t, []model.Event{e})
	}))
}

// MarkSaved is that of the store: a key at another server has its card here as well.
func (e Elsewhere) MarkSaved(ctx context.Context, userID, id string, how model.SavedHow, at time.Time, event model.Event) error {
	return e.store.MarkSaved(ctx, userID, id, how, at, event)
}
