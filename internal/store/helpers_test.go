package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// openFile opens a store that is closed at the end of the test.
func openFile(tb testing.TB, path string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// newFile is the path of a database to be created.
func newFile(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "test.db")
}

// makeUser creates a user and returns the id.
func makeUser(ctx context.Context, s *Store) (string, error) {
	now := time.Now()
	u := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.NewID(now)
	return u.ID, s.CreateUser(ctx, u, model.Identity{ID: id, UserID: u.ID, Provider: model.ProviderAnonymous, Subject: id, CreatedAt: now})
}

// mustUser is makeUser for tests in which it cannot fail.
func mustUser(tb testing.TB, s *Store) string {
	tb.Helper()
	id, err := makeUser(tb.Context(), s)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// makeKey creates a key, whose name and value are its id, and returns the id.
func makeKey(ctx context.Context, s *Store, userID string, limit int) (string, error) {
	now := time.Now()
	k := model.Key{ID: model.NewID(now), UserID: userID, CreatedAt: now}
	k.Name = k.ID
	return k.ID, s.CreateAPIKey(ctx, k, sha256.Sum256([]byte(k.ID)), limit)
}

// openRaw opens the file past the store, as another program would.
func openRaw(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driverName, fileURL(path, nil))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// run executes a statement past the store.
func run(tb testing.TB, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, query string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// contents reads a file. Never of an open database: closing the descriptor would drop SQLite's locks.
func contents(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// copyFile copies a database file that nobody writes to.
func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.WriteFile(to, []byte(contents(tb, from)), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// setMaxBatch bounds the batches of a writer that has nothing to do.
func (w *writer) setMaxBatch(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.maxBatch = n
}

// wantSentence fails the test unless an error is one line that says all of the parts.
func wantSentence(tb testing.TB, err error, parts ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatal("no error")
	}
	for _, part := range append(parts, "") {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			tb.Errorf("%q is not one line that says %q", err, part)
		}
	}
}

// undoDevices takes out of a file what its eighth migration added, and those after it.
func undoDevices(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, undo := range []string{
		"ALTER TABLE users DROP COLUMN language",
		"DROP TRIGGER events_wait_for_webhooks", "DROP TABLE webhook_outbox", "DROP TABLE webhooks",
		"ALTER TABLE web_sessions DROP COLUMN return_to", "DROP TRIGGER a_session_takes_what_it_opened_along", "DROP TABLE openid_tickets", "DROP TABLE handovers", "DROP TABLE passkey_challenges", "DROP TABLE passkeys",
		"DROP TABLE operator_acts", "DROP TABLE operators",
		"ALTER TABLE auth_sessions DROP COLUMN proved_at", "ALTER TABLE identities DROP COLUMN email",
		"DROP TRIGGER a_key_takes_its_card_along", "DROP TABLE key_cards", "DROP TABLE key_replacements", "ALTER TABLE api_keys DROP COLUMN expires_at",
		"ALTER TABLE api_keys DROP COLUMN off_at", "ALTER TABLE api_keys DROP COLUMN off_sessions", "ALTER TABLE api_keys DROP COLUMN off_access_until",
		"ALTER TABLE key_uses DROP COLUMN first_refused_at",
		"DROP TABLE unused_users", "DROP TABLE server_keys", "DROP TABLE custom_data", "DROP TABLE knocks", "DROP TABLE imported_keys",
		"ALTER TABLE api_keys DROP COLUMN origin", "ALTER TABLE identities DROP COLUMN data",
	} {
		run(t, db, undo)
	}
}
