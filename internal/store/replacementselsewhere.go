package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/internal/model"
)

const (
	selectReplacements = `
SELECT old_key, new_key, new_name, finish, state, started_at, ended_at FROM key_replacements WHERE user_id = ?`

	selectReplacementState = `SELECT state FROM key_replacements WHERE user_id = ? AND old_key = ?`

	moveReplacement = `UPDATE key_replacements SET state = ?, ended_at = ? WHERE user_id = ? AND old_key = ? AND state = ?`

	deleteReplacement = `DELETE FROM key_replacements WHERE user_id = ? AND old_key = ?`
)

// readReplacements puts to the cards of a user which keys others take the place of.
func (e Elsewhere) readReplacements(ctx context.Context, userID string, cards map[string]model.KeptCard) error {
	var r model.Replacement
	var started int64
	var ended sql.NullInt64
	columns := []any{&r.OldID, &r.NewID, &r.NewName, &r.Finish, &r.State, &started, &ended}
	_, err := list(ctx, e.store, 0, selectReplacements, []any{userID}, columns, func() struct{} {
		r.StartedAt, r.EndedAt = fromMillis(started), fromNullMillis(ended)
		card := cards[r.OldID]
		card.Replaced = r
		cards[r.OldID] = card
		return struct{}{}
	})
	return err
}

// SaveReplacement keeps that one key takes the place of another. ErrReplacing is that another does, which is not over.
func (e Elsewhere) SaveReplacement(ctx context.Context, userID string, r model.Replacement) error {
	return doing("save replacement", e.store.write(ctx, ofUser(userID), func(t tx) error {
		var state model.ReplacementState
		err := t.row(selectReplacementState, []any{userID, r.OldID}, &state)
		switch {
		case err != nil && !errors.Is(err, model.ErrNotFound):
			return err
		case model.Replacement{State: state}.Open():
			return model.ErrReplacing
		}
		_, err = t.exec(upsertReplacement, userID, r.OldID, r.NewID, r.NewName, string(r.Finish), string(r.State), r.Quiet.Milliseconds(),
			r.StartedAt.UnixMilli(), nil, nil)
		return err
	}))
}

// MoveReplacement changes how far the replacement of a key has come, and says whether it was still where it is moved from.
func (e Elsewhere) MoveReplacement(
	ctx context.Context, userID, oldID string, from, to model.ReplacementState, at time.Time,
) (moved bool, err error) {
	err = e.store.write(ctx, ofUser(userID), func(t tx) error {
		n, err := t.exec(moveReplacement, string(to), at.UnixMilli(), userID, oldID, string(from))
		moved = n > 0
		return err
	})
	return moved, doing("save replacement", err)
}

// DeleteReplacement forgets the replacement of a key that is gone.
func (e Elsewhere) DeleteReplacement(ctx context.Context, userID, oldID string) error {
	return doing("delete replacement", e.store.write(ctx, ofUser(userID), func(t tx) error {
		_, err := t.exec(deleteReplacement, userID, oldID)
		return err
	}))
}
