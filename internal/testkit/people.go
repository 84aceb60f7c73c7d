package testkit

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
)

// Password is everybody's, and PasswordHash what a store keeps of it, at the cost of Cheap. The hash is written out so that a
// test that needs an account does not have to register one.
const (
	Password     = "correct horse battery"
	PasswordHash = "$argon2id$v=19$m=64,t=1,p=1$bGF0Y2hrZXktdGVzdC0wMQ$bwkIv4XqoZdOwBInRON42FiU4HLdEcv5SnnbOfccBtg"
)

// Cheap keeps argon2id real and the tests fast.
var Cheap = model.PasswordCost{Memory: 64, Passes: 1, Threads: 1}

// EngineVariable has tests that need any store take one on PostgreSQL, when it is "postgres". Those that look into the
// file are about SQLite and fail then, as do those that move a program's clock to wait for a limit: nodes count by the server's.
const EngineVariable = "LATCHKEY_TEST_ENGINE"

// Database is the URL of an empty database for a test that would otherwise take a file, "" when it shall.
func Database(t testing.TB) model.Secret {
	t.Helper()
	if os.Getenv(EngineVariable) != "postgres" {
		return ""
	}
	return model.Secret(pgtest.URL(t))
}

// Store is a new one, which ends with the test.
func Store(t testing.TB) *store.Store {
	t.Helper()
	url := Database(t)
	if url == "" {
		return StoreAt(t, filepath.Join(t.TempDir(), "test.db"))
	}
	return StoreOn(t, url.Reveal())
}

// StoreOn is the store in a database of PostgreSQL, with its schema, until the end of the test at the latest.
func StoreOn(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Connect(t.Context(), model.Secret(url), store.Options{Migrate: true})
	return closing(t, s, err)
}

// StoreAt opens the store at a path, until the end of the test at the latest.
func StoreAt(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	return closing(t, s, err)
}

// closing is a store that was opened, and is closed at the end of the test.
func closing(t testing.TB, s *store.Store, err error) *store.Store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Person puts an account with the password of all tests straight into the store and gives its id. Each of change may alter
// what it signs in with.
func Person(t testing.TB, s *store.Store, email string, now time.Time, change ...func(*model.Identity)) (userID string) {
	t.Helper()
	userID = model.NewID(now)
	identity := model.Identity{
		ID: model.NewID(now), UserID: userID, Provider: model.ProviderEmailPassword,
		Subject: email, PasswordHash: PasswordHash, CreatedAt: now,
	}
	for _, c := range change {
		c(&identity)
	}
	if err := s.CreateUser(t.Context(), model.User{ID: userID, CreatedAt: now}, identity); err != nil {
		t.Fatal(err)
	}
	return userID
}
