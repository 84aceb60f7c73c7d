package testkit

import (
	"path/filepath"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// Password is everybody's, and PasswordHash what a store keeps of it, at the cost of Cheap. The hash is written out so that a
// test that needs an account does not have to register one.
const (
	Password     = "correct horse battery"
	PasswordHash = "$argon2id$v=19$m=64,t=1,p=1$bGF0Y2hrZXktdGVzdC0wMQ$bwkIv4XqoZdOwBInRON42FiU4HLdEcv5SnnbOfccBtg"
)

// Cheap keeps argon2id real and the tests fast.
var Cheap = model.PasswordCost{Memory: 64, Passes: 1, Threads: 1}

// Store is a new one, which ends with the test.
func Store(t testing.TB) *store.Store {
	t.Helper()
	return StoreAt(t, filepath.Join(t.TempDir(), "test.db"))
}

// StoreAt opens the store at a path, until the end of the test at the latest.
func StoreAt(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
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
