package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"latchkey/internal/model"
)

// Counts is how many rows a database has of what people would miss.
type Counts struct {
	Users  int64 `json:"users"`
	Keys   int64 `json:"keys"`
	Events int64 `json:"events"`
}

const (
	countRows = `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM api_keys), (SELECT count(*) FROM events)`

	// A backup of an older version has no server keys, whose users are to be told from people.
	selectServerKeyTable = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'server_keys'`
	countServerKeys      = `SELECT count(*) FROM server_keys`
)

// CountBackup counts what is in a backup, which it reads through a connection that cannot change it.
func CountBackup(ctx context.Context, path string) (c Counts, err error) {
	db, err := sql.Open(driverName, readOnlyName(path))
	if err != nil {
		return c, fmt.Errorf("count rows of %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables, serverKeys int64
	err = db.QueryRowContext(ctx, countRows).Scan(&c.Users, &c.Keys, &c.Events)
	if err == nil {
		err = db.QueryRowContext(ctx, selectServerKeyTable).Scan(&tables)
	}
	if err == nil && tables > 0 {
		err = db.QueryRowContext(ctx, countServerKeys).Scan(&serverKeys)
	}
	if err != nil {
		return c, fmt.Errorf("count rows of %s: %w", path, withoutPath(err))
	}
	c.Users -= serverKeys
	return c, nil
}

const (
	// countUsers counts no more than it is asked for: it reads all that it counts. The users of server keys are no accounts.
	countUsers = `
SELECT (SELECT count(*) FROM (SELECT 1 FROM users LIMIT ?) AS counted) - serving, serving
FROM (SELECT count(*) AS serving FROM server_keys WHERE user_id > '') AS keys`

	selectAnyUser = `SELECT 1 FROM users WHERE id > '' LIMIT 1`
)

// MaxCountedUsers is how many accounts CountUsers counts.
const MaxCountedUsers = 1_000_000

// CountUsers counts the accounts, up to MaxCountedUsers, and the server keys. It reads all of them, and is for the start.
func (s *Store) CountUsers(ctx context.Context) (accounts, serverKeys int64, err error) {
	err = s.row(ctx, countUsers, []any{MaxCountedUsers}, &accounts, &serverKeys)
	return accounts, serverKeys, doing("count users", err)
}

// HasUsers says whether anybody can have signed in yet: there is an account, or a server key.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	err := s.row(ctx, selectAnyUser, nil, new(int))
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, doing("find a user", err)
}
