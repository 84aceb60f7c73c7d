package store

import (
	"context"
	"database/sql"
	"fmt"

	"latchkey/internal/model"
)

// spellingOf is what an identity is looked for by besides its exact subject. Only people's addresses have spellings: what other
// providers call somebody is written by programs.
func spellingOf(id model.Identity) string {
	if id.Provider != model.ProviderEmailPassword {
		return ""
	}
	return model.OneSpelling(id.Subject)
}

// spellBatch bounds what the migration keeps in memory: a database may have more identities than fit.
const spellBatch = 1000

// spellSubjects is the fourth migration. SQL cannot tell one spelling from another, so that the rows are filled here.
//
// A newer Unicode may one day find one spelling in two that today are two. What is stored then stays as it is, and whom it does not
// fit is found by the exact address, as everybody is.
func spellSubjects(ctx context.Context, tx *sql.Tx) error {
	const (
		addColumn = `ALTER TABLE identities ADD COLUMN spelling TEXT NOT NULL DEFAULT ''`
		// Who is meant by an address, and whether there is one beside a new one. The order says who is confirmed.
		addIndex = `CREATE INDEX identities_spelling ON identities (spelling, pending) WHERE provider = '` + model.ProviderEmailPassword + `'`
	)
	if _, err := tx.ExecContext(ctx, addColumn); err != nil {
		return err
	}
	for after, more := "", true; more; {
		ids, err := unspelled(ctx, tx, after)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE identities SET spelling = ? WHERE id = ?`, spellingOf(id), id.ID); err != nil {
				return err
			}
			after = id.ID
		}
		more = len(ids) == spellBatch
	}
	_, err := tx.ExecContext(ctx, addIndex)
	return err
}

// unspelled are the next identities of the migration, behind an id.
func unspelled(ctx context.Context, tx *sql.Tx, after string) (ids []model.Identity, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, provider, subject FROM identities WHERE id > ? ORDER BY id LIMIT ?`, after, spellBatch)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id model.Identity
		if err := rows.Scan(&id.ID, &id.Provider, &id.Subject); err != nil {
			return nil, fmt.Errorf("read identity: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
