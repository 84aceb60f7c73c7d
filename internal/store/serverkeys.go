package store

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

const (
	// insertServerKey counts and compares while inserting. That no two callers find room for the last one is what the lock is for.
	insertServerKey = `
INSERT INTO server_keys (user_id, name)
SELECT ?1, ?2 WHERE (SELECT count(*) FROM server_keys WHERE user_id > '') < ?3
ON CONFLICT DO NOTHING`

	selectServerKeyOwner = `SELECT user_id FROM server_keys WHERE name = ?`

	selectServerKeyUser = `
SELECT s.name, coalesce((SELECT c.data FROM custom_data AS c WHERE c.user_id = s.user_id), '') AS d FROM server_keys AS s WHERE s.user_id = ?`

	selectServerKey = `
SELECT ` + keyColumns + `, k.user_id
FROM server_keys AS s JOIN api_keys AS k ON k.user_id = s.user_id` + besidesKey + `
WHERE s.name = ?`

	selectServerKeys = `
SELECT ` + keyColumns + `, k.user_id
FROM server_keys AS s JOIN api_keys AS k ON k.user_id = s.user_id` + besidesKey + `
WHERE s.user_id > ? ORDER BY s.user_id LIMIT ?`
)

// CreateServerKey adds a key that belongs to no person, and the user whose only key it is. It answers ErrConflict when another server key
// has the name, ErrLimit when there are limit of them already, on or off, and ErrTaken when there is a key with that value, whosever it
// is. The events are recorded with it. A knock with the value of a key that is adopted is gone with it.
func (s *Store) CreateServerKey(ctx context.Context, k model.Key, valueHash [32]byte, limit int, events ...model.Event) error {
	err := s.write(ctx, ofServerKeys, func(t tx) error { return addServerKey(t, k, valueHash, limit, events) })
	return doing("create server key", err)
}

func addServerKey(t tx, k model.Key, valueHash [32]byte, limit int, events []model.Event) error {
	if err := addUser(t, insertIdentity, model.User{ID: k.UserID, CreatedAt: k.CreatedAt}, nil, nil); err != nil {
		return err
	}
	switch added, err := t.exec(insertServerKey, k.UserID, k.Name, limit); {
	case err != nil:
		return err
	case added == 0:
		return serverKeyRefusal(t, k.Name)
	}
	switch added, err := t.exec(insertAPIKey, keyArgs(k, valueHash, 1)...); {
	case err != nil:
		return err
	case added == 0:
		return model.ErrTaken
	}
	if k.Origin == model.OriginAdopted {
		if _, err := t.exec(deleteKnockOfValue, valueHash[:]); err != nil {
			return err
		}
	}
	return recordEvents(t, events)
}

// serverKeyRefusal finds out, in the transaction that refused a server key, what it was refused for.
func serverKeyRefusal(t tx, name string) error {
	switch err := t.row(selectServerKeyOwner, []any{name}, new(string)); {
	case err == nil:
		return model.ErrConflict
	case errors.Is(err, model.ErrNotFound):
		return model.ErrLimit
	default:
		return err
	}
}

// ServerKeyUser is what the server key of a user is called, and the user's custom data. It answers ErrNotFound for a person and for nobody.
func (s *Store) ServerKeyUser(ctx context.Context, userID string) (name, customData string, err error) {
	err = s.row(ctx, selectServerKeyUser, []any{userID}, &name, &customData)
	return name, customData, doing("find server key", err)
}

// ServerKey returns the server key of a name with its usage, or ErrNotFound.
func (s *Store) ServerKey(ctx context.Context, name string) (model.Key, error) {
	var r keyRow
	if err := s.row(ctx, selectServerKey, []any{name}, append(r.columns(), &r.key.UserID)...); err != nil {
		return model.Key{}, doing("find server key", err)
	}
	return r.get(s.RecordingSince()), nil
}

// ServerKeys returns all server keys with their usage, in the order of their creation.
func (s *Store) ServerKeys(ctx context.Context) ([]model.Key, error) {
	var r keyRow
	since := s.RecordingSince()
	keys, err := list(ctx, s, 0, selectServerKeys, []any{"", model.MaxServerKeys}, append(r.columns(), &r.key.UserID),
		func() model.Key { return r.get(since) })
	return keys, doing("list server keys", err)
}
