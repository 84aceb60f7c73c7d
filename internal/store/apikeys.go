package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"latchkey/internal/model"
)

const (
	// insertAPIKey counts and compares while inserting. That no two callers find room for the last key is what the lock is for.
	insertAPIKey = `
INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at, origin, expires_at)
SELECT u.id, ?, ?, ?, ?, ?, ?, CAST(? AS BIGINT)
FROM users AS u
WHERE u.id = ? AND (SELECT count(*) FROM api_keys AS k WHERE k.user_id = u.id) < ?
ON CONFLICT DO NOTHING`

	// selectKeyRefusal tells why insertAPIKey added nothing.
	selectKeyRefusal = `
SELECT (SELECT count(*) FROM users WHERE id = ?), (SELECT count(*) FROM api_keys WHERE user_id = ?),
	(SELECT count(*) FROM forms WHERE user_id = ? AND id = ?), (SELECT count(*) FROM api_keys WHERE value_hash = ?)`

	// insertForm inserts nothing when the form was used.
	insertForm = `INSERT INTO forms (user_id, id, used_at) VALUES (?, ?, ?) ON CONFLICT (user_id, id) DO NOTHING`

	deleteFormsOfUser = `DELETE FROM forms WHERE user_id = ?`

	selectAPIKeys = `
SELECT user_id, id, name, disabled, created_at
FROM api_keys WHERE user_id = ? ORDER BY id`

	selectAPIKeyByValueHash = `
SELECT user_id, id, name, disabled, created_at, expires_at, coalesce((SELECT c.data FROM custom_data AS c WHERE c.user_id = k.user_id), '') AS d
FROM api_keys AS k WHERE value_hash = ?`

	selectAPIKey = `
SELECT user_id, id, name, disabled, created_at
FROM api_keys WHERE user_id = ? AND id = ?`

	selectAPIKeyName = `SELECT name FROM api_keys WHERE user_id = ? AND id = ?`

	// deleteAPIKey takes the sessions the key opened along: the schema has them refer to it.
	deleteAPIKey = `DELETE FROM api_keys WHERE user_id = ? AND id = ?`

	deleteSessionsOfKey = `DELETE FROM auth_sessions WHERE user_id = ? AND key_id = ?`

	// deleteKnockOfValue forgets a device that was refused: there is a key with its value now.
	deleteKnockOfValue = `DELETE FROM knocks WHERE value_hash = ?`
)

// CreateAPIKey adds a key whose value has the given SHA-256. It answers ErrNotFound when the user is gone, ErrTaken when there is a key
// with that value, whosever it is, ErrLimit when the user has limit keys already, on or off, and ErrConflict when one of them has the
// name. The events are recorded with it. A knock with the value of a key that is adopted is gone with it.
func (s *Store) CreateAPIKey(ctx context.Context, k model.Key, valueHash [32]byte, limit int, events ...model.Event) error {
	return s.CreateAPIKeyOnce(ctx, k, valueHash, limit, "", events...)
}

// CreateAPIKeyOnce is CreateAPIKey for a form, which creates one key, on whatever nodes and however often it is sent for as long as it
// is remembered: then the answer is ErrRepeated, whatever has become of the key. "" is no form.
func (s *Store) CreateAPIKeyOnce(
	ctx context.Context, k model.Key, valueHash [32]byte, limit int, form string, events ...model.Event,
) error {
	steps := make([]step, 0, 4+len(events))
	steps = append(steps, must(insertAPIKey, keyArgs(k, valueHash, limit)...))
	if form != "" { // after the key: what is refused before it leaves nothing behind
		steps = append(steps, must(insertForm, k.UserID, form, k.CreatedAt.UnixMilli()))
	}
	if k.Origin == model.OriginAdopted {
		steps = append(steps, step{text: deleteKnockOfValue, args: []any{valueHash[:]}})
	}
	steps = append(steps, cardSteps(k)...)
	if k.Origin != "" { // which may be before anybody has signed in
		steps = append(steps, step{text: deleteUnusedUser, args: []any{k.UserID}})
	}
	for _, e := range events {
		steps = append(steps, eventStep(e))
	}
	byOne := byOperator(events)
	for _, e := range events {
		if e.By != nil {
			steps = append(steps, must(insertAct, actArgs(*e.By)...))
		}
	}
	err := s.write(ctx, ofUser(k.UserID), func(t tx) error {
		if byOne {
			if err := t.lock(ofOperators); err != nil {
				return err
			}
		}
		switch stopped, err := t.last(steps...); {
		case err != nil:
			return err
		case stopped == 0:
			return keyRefusal(t, k.UserID, form, valueHash, limit)
		case stopped > 0 && steps[stopped].text == insertAct:
			return model.ErrNoOperator
		case stopped > 0:
			return model.ErrRepeated
		}
		return nil
	})
	return doing("create key", err)
}

// keyArgs are what insertAPIKey is given.
func keyArgs(k model.Key, valueHash [32]byte, limit int) []any {
	return []any{
		k.ID, k.Name, valueHash[:], k.Disabled, k.CreatedAt.UnixMilli(), k.Origin, nullMillis(k.ExpiresAt), k.UserID, limit,
	}
}

// keyRefusal finds out, in the transaction that refused a key, what it was refused for.
func keyRefusal(t tx, userID, form string, valueHash [32]byte, limit int) error {
	var users, keys, forms, values int
	err := t.row(selectKeyRefusal, []any{userID, userID, userID, form, valueHash[:]}, &users, &keys, &forms, &values)
	if err != nil {
		return err
	}
	switch {
	case users == 0:
		return model.ErrNotFound
	case forms > 0:
		return model.ErrRepeated
	case values > 0:
		return model.ErrTaken
	case keys >= limit:
		return model.ErrLimit
	default:
		return model.ErrConflict
	}
}

// APIKey returns one key of a user with its usage. Somebody else's is ErrNotFound, as one that never was.
func (s *Store) APIKey(ctx context.Context, userID, id string) (model.Key, error) {
	r := keyRow{key: model.Key{UserID: userID}}
	var replaces string
	if err := s.row(ctx, selectKeyWithUsage, []any{userID, id}, append(r.columns(), &replaces)...); err != nil {
		return model.Key{}, doing("find key", err)
	}
	r.key.Replaces.ID, r.key.Replaces.Name, _ = strings.Cut(replaces, " ")
	return r.get(s.RecordingSince()), nil
}

// APIKeyByValueHash finds the key with the given SHA-256 of its value, without its usage, but with the custom data of its user. It
// finds keys that are off or have expired too: whether one may sign in is for the caller to say.
func (s *Store) APIKeyByValueHash(ctx context.Context, h [32]byte) (model.Key, error) {
	var k model.Key
	var created int64
	var expires sql.NullInt64
	err := s.row(ctx, selectAPIKeyByValueHash, []any{h[:]}, &k.UserID, &k.ID, &k.Name, &k.Disabled, &created, &expires, &k.CustomData)
	if err != nil {
		return model.Key{}, doing("find key", err)
	}
	k.CreatedAt, k.ExpiresAt = fromMillis(created), fromNullMillis(expires)
	return k, nil
}

// APIKeys returns the keys of a user, without their usage, in the order of their creation.
func (s *Store) APIKeys(ctx context.Context, userID string) ([]model.Key, error) {
	var k model.Key
	var created int64
	keys, err := list(ctx, s, roomForKeys, selectAPIKeys, []any{userID}, scanKey(&k, &created), func() model.Key {
		k.CreatedAt = fromMillis(created)
		return k
	})
	return keys, doing("list keys", err)
}

// roomForKeys is as many as a user usually can have.
const roomForKeys = 20

// scanKey are the places to scan a row of api_keys into.
func scanKey(k *model.Key, created *int64) []any {
	return []any{&k.UserID, &k.ID, &k.Name, &k.Disabled, created}
}

// SetAPIKeyDisabled turns a key off or on; a key that is as asked for stays so, and nothing happened. Turning it off ends the
// auth sessions it opened, and remembers what ended, in the same transaction. Turning it on forgets that.
func (s *Store) SetAPIKeyDisabled(ctx context.Context, userID, id string, turn Turn, events ...model.Event) error {
	_, err := s.TurnAPIKey(ctx, userID, id, turn, events...)
	return err
}

// TurnAPIKey is SetAPIKeyDisabled, and says whether it turned a key on of which its owner had reported that its value leaked. The events say
// so too. It says that also when it is unclear whether the key was turned. ErrConflict is that such a key was asked for without its name.
func (s *Store) TurnAPIKey(ctx context.Context, userID, id string, turn Turn, events ...model.Event) (leaked bool, err error) {
	err = s.write(ctx, ofUser(userID), func(t tx) error {
		leaked = false
		changed, err := turnKey(t, userID, id, turn, events)
		if err != nil || !changed {
			return err
		}
		if turn.Off {
			return recordEvents(t, events)
		}
		if leaked, err = saidToLeak(t, userID, id); err != nil {
			return err
		}
		if leaked {
			var name string
			if err := t.row(selectAPIKeyName, []any{userID, id}, &name); err != nil {
				return err
			}
			if turn.AskName && turn.Named != name {
				return model.ErrConflict
			}
			events = slices.Clone(events)
			for i := range events {
				events[i].Detail = model.DetailLeaked
			}
		}
		return recordEvents(t, events)
	})
	if turn.Off {
		return false, doing("turn key off", err)
	}
	return leaked, doing("turn key on", err)
}

// turnKey is the part of an act that turns a key off or on, and says whether it was not so already. What the events tell of ends what waits for
// the key.
func turnKey(t tx, userID, id string, turn Turn, events []model.Event) (changed bool, err error) {
	text, args := turn.statement(userID, id)
	n, err := t.exec(text, args...)
	switch {
	case err != nil:
		return false, err
	case n == 0:
		return false, t.row(selectAPIKeyName, []any{userID, id}, new(string))
	case turn.Off:
		if _, err := t.exec(deleteSessionsOfKey, userID, id); err != nil {
			return false, err
		}
	}
	if err := t.later(forgetFirstRefusal, userID, id); err != nil {
		return false, err
	}
	if err := turned(t, userID, id, turn); err != nil || !turn.Off {
		return true, err
	}
	return true, undoFor(t, userID, id, "was turned off", turn.At, events)
}

// DeleteAPIKey removes a key for good, with the auth sessions it opened, and returns it as it was, without its usage, also when it is
// unclear whether that was saved. Its name is free again.
func (s *Store) DeleteAPIKey(ctx context.Context, userID, id string, events ...model.Event) (k model.Key, err error) {
	err = s.write(ctx, ofUser(userID), func(t tx) error {
		var created int64
		if err := t.row(selectAPIKey, []any{userID, id}, scanKey(&k, &created)...); err != nil {
			return err
		}
		k.CreatedAt = fromMillis(created)
		if len(events) > 0 { // what nobody writes down the schema does
			if err := undoFor(t, userID, id, "was deleted", events[0].At, events); err != nil {
				return err
			}
		}
		if err := recordEvents(t, events); err != nil { // before the key's name is gone
			return err
		}
		return t.execOne(deleteAPIKey, userID, id)
	})
	if err != nil && !errors.Is(err, model.ErrUnclear) {
		k = model.Key{}
	}
	return k, doing("delete key", err)
}
