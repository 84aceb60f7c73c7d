package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Counts is how many rows a database has of what people would miss.
type Counts struct {
	Users  int64 `json:"users"`
	Keys   int64 `json:"keys"`
	Events int64 `json:"events"`
}

const countRows = `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM api_keys), (SELECT count(*) FROM events)`

// CountBackup counts what is in a backup, which it reads through a connection that cannot change it.
func CountBackup(ctx context.Context, path string) (c Counts, err error) {
	db, err := sql.Open(driverName, readOnlyName(path))
	if err != nil {
		return c, fmt.Errorf("count rows of %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, countRows).Scan(&c.Users, &c.Keys, &c.Events); err != nil {
		return c, fmt.Errorf("count rows of %s: %w", path, withoutPath(err))
	}
	return c, nil
}

// countUsers counts no more than it is asked for: it reads all that it counts.
const countUsers = `SELECT count(*) FROM (SELECT 1 FROM users LIMIT ?) AS counted`

// MaxCountedUsers is how many accounts CountUsers counts.
const MaxCountedUsers = 1_000_000

// CountUsers counts the accounts, up to MaxCountedUsers. It reads all of them, and is for the start.
func (s *Store) CountUsers(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, countUsers, []any{MaxCountedUsers}, &n)
	return n, doing("count users", err)
}
