package store

import (
	"context"
)

// Custom data is read by the statement that finds who signs in, or whose session it is: signing in asks for nothing more. Most users have
// none, and most databases hold none at all, where looking for it costs next to nothing that can be measured. The column that it is read as has a
// name of one letter, because the driver copies the names of columns each time: longer ones take an allocation.
const (
	upsertCustomData = `
INSERT INTO custom_data (user_id, data) SELECT id, ?2 FROM users WHERE id = ?1
ON CONFLICT (user_id) DO UPDATE SET data = excluded.data`

	deleteCustomData = `DELETE FROM custom_data WHERE user_id = ?`

	selectCustomData = `
SELECT coalesce((SELECT c.data FROM custom_data AS c WHERE c.user_id = u.id), '') FROM users AS u WHERE u.id = ?`
)

// SetCustomData keeps what an app knows of a user, a JSON object, in place of what was kept before; "" keeps nothing. It answers
// ErrNotFound when there is no such user.
func (s *Store) SetCustomData(ctx context.Context, userID, data string) error {
	err := s.write(ctx, ofUser(userID), func(t tx) error {
		if data != "" {
			return t.execOne(upsertCustomData, userID, data)
		}
		if _, err := selectedUser(t, userID); err != nil {
			return err
		}
		_, err := t.exec(deleteCustomData, userID)
		return err
	})
	return doing("save custom data", err)
}

// CustomData is what is kept of a user, "" for nothing. It answers ErrNotFound when there is no such user.
func (s *Store) CustomData(ctx context.Context, userID string) (data string, err error) {
	err = s.row(ctx, selectCustomData, []any{userID}, &data)
	return data, doing("find custom data", err)
}
