package store

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

const (
	// upsertLeaked keeps the time of the first report.
	upsertLeaked = `
INSERT INTO key_cards (user_id, key_id, leaked_at, listed_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (user_id, key_id) DO UPDATE SET leaked_at = ?3 WHERE key_cards.leaked_at IS NULL`

	selectLeaked = `SELECT 1 FROM key_cards WHERE user_id = ? AND key_id = ? AND leaked_at IS NOT NULL`
)

// Leaked is what a report changed.
type Leaked struct {
	TurnedOff, Marked bool
}

// Changed says that the report was the first, or had to turn the key off again.
func (l Leaked) Changed() bool { return l.TurnedOff || l.Marked }

// ReportLeak turns a key off as SetAPIKeyDisabled does, if it is on, and remembers that its value leaked. The event, which says when the key
// was off already, is recorded with that, unless nothing changed. It answers ErrNotFound when there is no such key. What changed it says also
// when it is unclear whether that was saved.
func (s *Store) ReportLeak(ctx context.Context, userID, id string, off Turn, e model.Event) (l Leaked, err error) {
	err = s.write(ctx, ofUser(userID), func(t tx) error {
		l = Leaked{}
		if l.TurnedOff, err = turnKey(t, userID, id, off, []model.Event{e}); err != nil {
			return err
		}
		return leaked(t, userID, id, time.UnixMilli(0), &l, e)
	})
	return l, doing("report leak of key", err)
}

// leaked marks the card of a key that is off.
func leaked(t tx, userID, id string, seen time.Time, l *Leaked, e model.Event) error {
	marked, err := t.exec(upsertLeaked, userID, id, e.At.UnixMilli(), seen.UnixMilli())
	if l.Marked = marked > 0; err != nil || !l.Changed() {
		return err
	}
	if !l.TurnedOff {
		e.Detail = model.DetailWasOff
	}
	return recordEvents(t, []model.Event{e})
}

// ReportLeak remembers that the value of a key at another server leaked, which was seen a moment ago, and turned off unless it was off already.
// It says whether that is news.
func (e Elsewhere) ReportLeak(ctx context.Context, userID, id string, turnedOff bool, event model.Event) (changed bool, err error) {
	var l Leaked
	err = e.store.write(ctx, ofUser(userID), func(t tx) error {
		l = Leaked{TurnedOff: turnedOff}
		return leaked(t, userID, id, event.At, &l, event)
	})
	return l.Changed(), doing("report leak of key", err)
}

// saidToLeak says whether the owner of a key reported that its value leaked.
func saidToLeak(t tx, userID, id string) (bool, error) {
	err := t.row(selectLeaked, []any{userID, id}, new(int))
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func conflictIf(is bool) error {
	if is {
		return model.ErrConflict
	}
	return nil
}
