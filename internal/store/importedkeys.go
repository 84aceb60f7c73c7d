package store

import (
	"context"

	"latchkey/internal/model"
)

const (
	insertImportedKey = `INSERT INTO imported_keys (user_id, key_id) VALUES (?, ?) ON CONFLICT DO NOTHING`

	selectKeysNotBack = `
SELECT (SELECT count(*) FROM imported_keys WHERE user_id = ?1),
	(SELECT count(*) FROM api_keys WHERE user_id = ?1 AND origin = '` + model.OriginAdopted + `')`
)

// KeysNotBack is how many keys a user had elsewhere, beyond those that were adopted since. Which of them an adopted one is nobody can tell:
// what is known of the former is an id, and of the latter a value.
func (s *Store) KeysNotBack(ctx context.Context, userID string) (int, error) {
	var imported, adopted int
	if err := s.row(ctx, selectKeysNotBack, []any{userID}, &imported, &adopted); err != nil {
		return 0, doing("count keys", err)
	}
	return max(0, imported-adopted), nil
}
