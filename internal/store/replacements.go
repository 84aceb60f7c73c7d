package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"latchkey/internal/model"
)

// openReplacement are the states of a replacement that is neither finished nor undone, as SQL lists them.
const openReplacement = `'waiting', 'both'`

// maxFinished is how many replacements one pass looks at.
const maxFinished = 500

const (
	// selectReplaceable is a key that is to be replaced, with what is moved over to the new one.
	selectReplaceable = `
SELECT k.disabled, coalesce(c.label, ''), coalesce(c.note, ''), coalesce(r.state, '')
FROM api_keys AS k
	LEFT JOIN key_cards AS c ON c.user_id = k.user_id AND c.key_id = k.id
	LEFT JOIN key_replacements AS r ON r.user_id = k.user_id AND r.old_key = k.id
WHERE k.user_id = ? AND k.id = ?`

	// replacesColumn is of which key a key k takes the place: an id and a name, which has no space.
	replacesColumn = `coalesce((SELECT o.id || ' ' || o.name FROM key_replacements AS p
		JOIN api_keys AS o ON o.user_id = p.user_id AND o.id = p.old_key
		WHERE p.user_id = k.user_id AND p.new_key = k.id AND p.state <> 'undone' LIMIT 1), '')`

	// selectNewKey is a key that is there already, and is to take the place of another: nothing signs in with one that has expired either.
	selectNewKey = `
SELECT k.name, k.disabled OR coalesce(k.expires_at <= ?, FALSE), u.first_used_at IS NOT NULL, coalesce(r.state, '')
FROM api_keys AS k
	LEFT JOIN key_uses AS u ON u.user_id = k.user_id AND u.key_id = k.id
	LEFT JOIN key_replacements AS r ON r.user_id = k.user_id AND r.old_key = k.id
WHERE k.user_id = ? AND k.id = ?`

	upsertReplacement = `
INSERT INTO key_replacements (user_id, old_key, new_key, new_name, finish, state, quiet, started_at, quiet_from, ended_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (user_id, old_key) DO UPDATE SET
	new_key = ?3, new_name = ?4, finish = ?5, state = ?6, quiet = ?7, started_at = ?8, new_used_at = NULL, quiet_from = ?9, ended_at = ?10`

	// sawNewKey is for the first use of a key. Of a replacement that its owner finishes there is nothing to look at.
	sawNewKey = `
UPDATE key_replacements SET new_used_at = ?3, quiet_from = CASE WHEN finish = 'evidence' THEN CAST(?3 AS BIGINT) END
WHERE user_id = ?1 AND new_key = ?2 AND state = 'waiting' AND new_used_at IS NULL`

	parkedByTurn = `
UPDATE key_replacements SET state = 'parked', ended_at = ? WHERE user_id = ? AND old_key = ? AND state IN (` + openReplacement + `)`

	undoneByTurn = `UPDATE key_replacements SET state = 'undone', ended_at = ? WHERE user_id = ? AND old_key = ? AND state = 'parked'`

	// undoneByNew undoes one replacement that waits for a key.
	undoneByNew = `
UPDATE key_replacements SET state = 'undone', ended_at = ?3 WHERE user_id = ?1 AND old_key = (
	SELECT old_key FROM key_replacements WHERE user_id = ?1 AND new_key = ?2 AND state IN (` + openReplacement + `) LIMIT 1)
RETURNING old_key, new_name`

	endReplacement = `UPDATE key_replacements SET state = ?, ended_at = ? WHERE user_id = ? AND old_key = ?`

	// selectDueReplacements are those of which there is something to do: the new key is in use now, both are, or the old one was quiet for
	// long enough. What is elsewhere has no user here.
	selectDueReplacements = `
SELECT r.user_id, r.old_key FROM key_replacements AS r JOIN users AS u ON u.id = r.user_id
WHERE r.state = 'waiting' AND r.quiet_from IS NOT NULL AND r.quiet_from > ?1 AND u.disabled_at IS NULL AND (
	r.quiet_from + r.quiet <= ?2 AND r.new_used_at IS NOT NULL
	OR EXISTS (SELECT 1 FROM key_uses AS x WHERE x.user_id = r.user_id AND x.last_used_at > coalesce(r.new_used_at, r.started_at)
		AND x.key_id = CASE WHEN r.new_used_at IS NULL THEN r.new_key ELSE r.old_key END)
	OR EXISTS (SELECT 1 FROM auth_sessions AS a WHERE a.user_id = r.user_id AND a.last_seen_at > coalesce(r.new_used_at, r.started_at)
		AND a.key_id = CASE WHEN r.new_used_at IS NULL THEN r.new_key ELSE r.old_key END))
ORDER BY r.quiet_from LIMIT ?3`

	// selectEvidence is all that decides on a replacement.
	selectEvidence = `
SELECT r.new_key, r.new_name, r.finish, r.state, r.quiet, r.started_at, r.new_used_at, r.quiet_from,
	o.name, o.disabled, o.value_hash, n.disabled, n.expires_at, n.value_hash,
	(SELECT x.last_used_at FROM key_uses AS x WHERE x.user_id = r.user_id AND x.key_id = r.old_key),
	(SELECT max(a.last_seen_at) FROM auth_sessions AS a WHERE a.user_id = r.user_id AND a.key_id = r.old_key),
	(SELECT x.last_used_at FROM key_uses AS x WHERE x.user_id = r.user_id AND x.key_id = r.new_key),
	(SELECT max(a.last_seen_at) FROM auth_sessions AS a WHERE a.user_id = r.user_id AND a.key_id = r.new_key)
FROM key_replacements AS r JOIN users AS u ON u.id = r.user_id
	JOIN api_keys AS o ON o.user_id = r.user_id AND o.id = r.old_key
	LEFT JOIN api_keys AS n ON n.user_id = r.user_id AND n.id = r.new_key
WHERE r.user_id = ? AND r.old_key = ? AND r.state = 'waiting' AND u.disabled_at IS NULL`

	// moveQuiet is sawNewKey for a new key that was in use before.
	moveQuiet = `
UPDATE key_replacements SET new_used_at = ?1, quiet_from = CASE WHEN finish = 'evidence' THEN CAST(?1 AS BIGINT) END
WHERE user_id = ?2 AND old_key = ?3`

	setBoth = `UPDATE key_replacements SET state = 'both' WHERE user_id = ? AND old_key = ?`

	// restartQuiet and restartAllQuiet are for when nobody could have seen the old keys: their silence until now tells nothing.
	restartQuiet = `
UPDATE key_replacements SET quiet_from = ?1 WHERE user_id = ?2 AND state = 'waiting' AND quiet_from < ?1`

	restartAllQuiet = `
UPDATE key_replacements SET quiet_from = ?1 WHERE (user_id, old_key) IN (
	SELECT user_id, old_key FROM key_replacements WHERE state = 'waiting' AND quiet_from IS NOT NULL AND quiet_from < ?1 LIMIT ?2)`

	boundReplacements = `
UPDATE key_replacements SET quiet_from = ?1, new_used_at = CASE WHEN new_used_at IS NOT NULL THEN CAST(?1 AS BIGINT) END
WHERE (user_id, old_key) IN (
	SELECT user_id, old_key FROM key_replacements WHERE state = 'waiting' AND quiet_from IS NOT NULL AND quiet_from > ?2 LIMIT ?3)`
)

// NewReplacement is a replacement that begins.
type NewReplacement struct {
	model.Replacement
	// Turn is how the old key is turned off, of model.FinishNow.
	Turn Turn
	// Replaced is recorded, and Parked when the old key was on and is turned off.
	Replaced, Parked model.Event
}

// ReplaceAPIKey creates a key as CreateAPIKeyOnce does, which takes the place of another and has its label and its note, unless it has one
// of its own. It answers ErrNotFound when the old key is gone too, ErrReplacing when another replacement of it is not over, and ErrOff
// when it is off, unless it is to be now.
func (s *Store) ReplaceAPIKey(
	ctx context.Context, k model.Key, valueHash [32]byte, limit int, form string, r NewReplacement, events ...model.Event,
) error {
	return doing("replace key", s.write(ctx, ofUser(k.UserID), func(t tx) error {
		card, err := replaceable(t, k.UserID, r)
		if err != nil {
			if !errors.Is(keyRefusal(t, k.UserID, form, valueHash, limit), model.ErrRepeated) {
				return err
			}
			return model.ErrRepeated
		}
		k := k // the job may be run twice
		if k.Card.Label == "" && k.Card.Note == "" {
			k.Card.Label, k.Card.Note = card.Label, card.Note
		}
		switch added, err := t.exec(insertAPIKey, keyArgs(k, valueHash, limit)...); {
		case err != nil:
			return err
		case added == 0:
			return keyRefusal(t, k.UserID, form, valueHash, limit)
		}
		if form != "" {
			switch used, err := t.exec(insertForm, k.UserID, form, k.CreatedAt.UnixMilli()); {
			case err != nil:
				return err
			case used == 0:
				return model.ErrRepeated
			}
		}
		for _, card := range cardSteps(k) {
			if err := t.later(card.text, card.args...); err != nil {
				return err
			}
		}
		if err := recordEvents(t, events); err != nil {
			return err
		}
		return begin(t, k.UserID, r, nil)
	}))
}

// ReplaceAPIKeyWith has a key that is there take the place of another. ErrNotFound is that one of the two is not, and ErrConflict that the
// new one is off, has expired, or is being replaced itself; otherwise it is as ReplaceAPIKey.
func (s *Store) ReplaceAPIKeyWith(ctx context.Context, userID string, r NewReplacement) error {
	return doing("replace key", s.write(ctx, ofUser(userID), func(t tx) error {
		if _, err := replaceable(t, userID, r); err != nil {
			return err
		}
		r := r
		var off, used bool
		var state model.ReplacementState
		if err := t.row(selectNewKey, []any{r.StartedAt.UnixMilli(), userID, r.NewID}, &r.NewName, &off, &used, &state); err != nil {
			return err
		}
		if off || (model.Replacement{State: state}).Open() {
			return model.ErrConflict
		}
		var quietFrom any
		if used { // its first use is over: the pass looks for the next
			quietFrom = r.StartedAt.UnixMilli()
		}
		return begin(t, userID, r, quietFrom)
	}))
}

// replaceable gives what is on the card of a key that can be replaced.
func replaceable(t tx, userID string, r NewReplacement) (card model.Card, err error) {
	var off bool
	var state model.ReplacementState
	err = t.row(selectReplaceable, []any{userID, r.OldID}, &off, &card.Label, &card.Note, &state)
	switch {
	case err != nil:
		return card, err
	case (model.Replacement{State: state}).Open():
		return card, model.ErrReplacing
	case off && r.Finish != model.FinishNow:
		return card, model.ErrOff
	}
	return card, nil
}

// begin writes a replacement down, and finishes one that is to be finished now.
func begin(t tx, userID string, r NewReplacement, quietFrom any) error {
	state, ended := model.ReplacementWaiting, any(nil)
	if r.Finish == model.FinishNow {
		state, ended, quietFrom = model.ReplacementParked, r.StartedAt.UnixMilli(), nil
	}
	err := t.later(upsertReplacement, userID, r.OldID, r.NewID, r.NewName, string(r.Finish), string(state), r.Quiet.Milliseconds(),
		r.StartedAt.UnixMilli(), quietFrom, ended)
	if err != nil {
		return err
	}
	if err := recordEvents(t, []model.Event{r.Replaced}); err != nil || r.Finish != model.FinishNow {
		return err
	}
	return turnOff(t, userID, r.OldID, r.Turn, r.Parked)
}

// turnOff turns a key off as its owner would, and records that if it was on.
func turnOff(t tx, userID, id string, turn Turn, event model.Event) error {
	changed, err := turnKey(t, userID, id, turn, []model.Event{event})
	if err != nil || !changed {
		return err
	}
	return recordEvents(t, []model.Event{event})
}

// turned says, of a key that was turned on or off, what that does to the replacement of it: it is finished, or undone.
func turned(t tx, userID, id string, turn Turn) error {
	text := undoneByTurn
	if turn.Off {
		text = parkedByTurn
	}
	return t.later(text, turn.At.UnixMilli(), userID, id)
}

// undoFor undoes the replacements that wait for a key that is turned off or deleted or has expired, which is what the events tell of. The old keys stay as
// they are.
func undoFor(t tx, userID, id, what string, at time.Time, events []model.Event) error {
	for {
		var old, name string
		err := t.row(undoneByNew, []any{userID, id, at.UnixMilli()}, &old, &name)
		if errors.Is(err, model.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(events) == 0 {
			continue
		}
		e := events[0]
		e.ID, e.Kind, e.KeyID, e.KeyName, e.Detail = "", model.EventReplacementEnded, old, "", name+" "+what
		e.By = nil // the act is one
		if err := recordEvents(t, []model.Event{e}); err != nil {
			return err
		}
	}
}

// EndReplacement undoes the replacement of a key, which is turned on again if that has turned it off. One that is over, and none, stays so.
// It records what it does. Whether it would turn the key on is known in the transaction alone: ErrOff is that it would and may not, and
// ErrConflict that the value of the key leaked.
func (s *Store) EndReplacement(
	ctx context.Context, userID, oldID string, mayTurnOn bool, at time.Time, ended, broughtBack model.Event,
) error {
	return doing("end replacement", s.write(ctx, ofUser(userID), func(t tx) error {
		var off bool
		var state model.ReplacementState
		if err := t.row(selectReplaceable, []any{userID, oldID}, &off, new(string), new(string), &state); err != nil {
			return err
		}
		var happened []model.Event
		switch {
		case (model.Replacement{State: state}).Open():
			happened = append(happened, ended)
		case state == model.ReplacementParked && off:
			if leaked, err := saidToLeak(t, userID, oldID); err != nil || leaked { // which is turned on by its name alone
				return errors.Join(err, conflictIf(leaked))
			}
			if !mayTurnOn {
				return model.ErrOff
			}
			if _, err := t.exec(turnOnAPIKey, userID, oldID); err != nil {
				return err
			}
			if err := t.later(forgetFirstRefusal, userID, oldID); err != nil {
				return err
			}
			happened = append(happened, broughtBack)
		case state != model.ReplacementParked:
			return nil
		}
		if _, err := t.exec(endReplacement, string(model.ReplacementUndone), at.UnixMilli(), userID, oldID); err != nil {
			return err
		}
		return recordEvents(t, happened)
	}))
}

// DueReplacement is a replacement of which there is something to do.
type DueReplacement struct{ UserID, OldID string }

// DueReplacements are some of those whose old key may be turned off by now, or whose owner has to decide, those that have waited for longest
// first. Those of users who are disabled are not: nobody lets their devices in.
func (s *Store) DueReplacements(ctx context.Context, by time.Time) ([]DueReplacement, error) {
	var d DueReplacement
	due, err := list(ctx, s, 0, selectDueReplacements, []any{int64(-1), by.UnixMilli(), maxFinished}, []any{&d.UserID, &d.OldID}, func() DueReplacement { return d })
	return due, doing("find replacements", err)
}

// Finished is a replacement that was looked at, and what it is about.
type Finished struct {
	model.Replacement
	OldName                 string
	OldWords, NewWords      model.Words
	oldOff, newOff, newGone bool
	quietFrom, newSeen      time.Time
	newExpires              time.Time
}

// FinishReplacement looks at a replacement once more and does what is due by then: it turns the old key off, or says that both are in use.
// What it is afterwards it gives with the event that parked writes for it. It gives ErrNotFound when there is nothing to look at any more.
// Whatever nodes look at it at once, one of them finishes it.
func (s *Store) FinishReplacement(
	ctx context.Context, d DueReplacement, by time.Time, turn Turn, event func(Finished) model.Event,
) (f Finished, parked bool, err error) {
	err = s.write(ctx, ofUser(d.UserID), func(t tx) (err error) {
		parked = false
		if f, err = readEvidence(t, d); err != nil {
			return err
		}
		switch {
		case f.newGone, f.newOff:
			what := "was turned off"
			if f.newGone {
				what = "was deleted"
			}
			return undoFor(t, d.UserID, f.NewID, what, turn.At, []model.Event{event(f)})
		case !f.newExpires.IsZero() && f.newExpires.After(by) && !f.newExpires.After(turn.At): // if the clock is right
		case !f.newExpires.IsZero() && !f.newExpires.After(by): // without the old one nothing could sign in any more
			return undoFor(t, d.UserID, f.NewID, "has expired", turn.At, []model.Event{event(f)})
		case f.oldOff: // by a program of the last release
			return t.later(endReplacement, string(model.ReplacementParked), turn.At.UnixMilli(), d.UserID, d.OldID)
		case f.NewUsedAt.IsZero():
			if f.newSeen.After(f.StartedAt) && !model.FromFuture(f.newSeen, by) {
				return t.later(moveQuiet, f.newSeen.UnixMilli(), d.UserID, d.OldID)
			}
		case model.FromFuture(f.OldSeenAt, by): // it is dated anew when it is seen next
		case f.OldSeenAt.After(f.NewUsedAt):
			f.State = model.ReplacementBoth
			return t.later(setBoth, d.UserID, d.OldID)
		case !f.quietFrom.Add(f.Quiet).After(by):
			f.State, f.EndedAt, parked = model.ReplacementParked, turn.At, true
			if err := t.later(endReplacement, string(f.State), turn.At.UnixMilli(), d.UserID, d.OldID); err != nil {
				return err
			}
			return turnOff(t, d.UserID, d.OldID, turn, event(f))
		}
		return nil
	})
	return f, parked && err == nil, doing("finish replacement", err)
}

func readEvidence(t tx, d DueReplacement) (f Finished, err error) {
	var newOff sql.NullBool
	var oldHash, newHash []byte
	var quiet, started int64
	var newUsed, quietFrom, newExpires, oldUsed, oldHeard, newLastUsed, newHeard sql.NullInt64
	err = t.row(selectEvidence, []any{d.UserID, d.OldID},
		&f.NewID, &f.NewName, &f.Finish, &f.State, &quiet, &started, &newUsed, &quietFrom,
		&f.OldName, &f.oldOff, &oldHash, &newOff, &newExpires, &newHash, &oldUsed, &oldHeard, &newLastUsed, &newHeard)
	if err != nil {
		return f, err
	}
	f.OldID, f.Quiet, f.StartedAt = d.OldID, time.Duration(quiet)*time.Millisecond, fromMillis(started)
	f.NewUsedAt, f.quietFrom = fromNullMillis(newUsed), fromNullMillis(quietFrom)
	f.newGone, f.newOff, f.newExpires = !newOff.Valid, newOff.Bool, fromNullMillis(newExpires)
	f.OldSeenAt = later(fromNullMillis(oldUsed), fromNullMillis(oldHeard))
	f.newSeen = later(fromNullMillis(newLastUsed), fromNullMillis(newHeard))
	f.OldWords, f.NewWords = wordsOfHash(oldHash), wordsOfHash(newHash)
	return f, nil
}

// SilenceToldNothing has the silence of old keys count from now on alone: until now nobody could have seen them.
func (s *Store) SilenceToldNothing(ctx context.Context, now time.Time) error {
	for {
		var changed int64
		err := s.write(ctx, ofNobody, func(t tx) (err error) {
			changed, err = t.exec(restartAllQuiet, now.UnixMilli(), sweepBatch)
			return err
		})
		if err != nil || changed < sweepBatch {
			return doing("wait for old keys anew", err)
		}
	}
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func wordsOfHash(hash []byte) model.Words {
	if len(hash) < fingerprintSize {
		return model.Words{}
	}
	return model.WordsOf(hex.EncodeToString(hash[:fingerprintSize]))
}
