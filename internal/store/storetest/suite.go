// Package storetest is the contract of package store, written as tests so that every engine can be held to it.
package storetest

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// base is the time at which everything happens unless a test says otherwise.
var base = time.Date(2026, time.November, 20, 12, 30, 0, 123_000_000, time.UTC)

// contract is one sentence of the contract and its proof, which gets an empty store of its own.
type contract struct {
	name  string
	prove func(t *testing.T, s *store.Store)
}

// Run proves the whole contract. open returns an empty store and sees to its being closed at the end of the test.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, part := range []struct {
		name      string
		contracts []contract
	}{
		{"users", users()},
		{"keys", keys()},
		{"auth sessions", authSessions()},
		{"key uses", keyUses()},
		{"cards of keys", keyCards()},
		{"values of keys", keyValues()},
		{"replacements", replacements()},
		{"expiry", expiry()},
		{"web sessions", webSessions()},
		{"events", events()},
		{"links", links()},
		{"accounts", accounts()},
		{"linking", linking()},
		{"passkeys", passkeys()},
		{"openID", openID()},
		{"knocks", knocks()},
		{"server keys", serverKeys()},
		{"operators", operators()},
		{"custom data", customData()},
		{"handovers", handovers()},
		{"webhooks", webhooks()},
		{"many at once", concurrency()},
		{"the store", lifecycle()},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, c := range part.contracts {
				t.Run(c.name, func(t *testing.T) { c.prove(t, open(t)) })
			}
		})
	}
}

// addUser creates a user who signs in with a made-up email.
func addUser(t *testing.T, s *store.Store) model.User {
	t.Helper()
	u, id := newUser("user-" + model.NewID(base))
	if err := s.CreateUser(t.Context(), u, id); err != nil {
		t.Fatal(err)
	}
	return u
}

// newUser returns a user with the identity to create it with.
func newUser(subject string) (model.User, model.Identity) {
	u := model.User{ID: model.NewID(base), CreatedAt: base}
	return u, model.Identity{
		ID: model.NewID(base), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: subject,
		PasswordHash: "$argon2id$of " + subject, CreatedAt: base.Add(time.Second),
	}
}

// addKey creates a key of the given name and returns it with the hash of its value.
func addKey(t *testing.T, s *store.Store, userID, name string) (model.Key, [32]byte) {
	t.Helper()
	k, hash := newKey(userID, name)
	if err := s.CreateAPIKey(t.Context(), k, hash, 20); err != nil {
		t.Fatal(err)
	}
	return k, hash
}

// newKey returns a key to create, and a hash for it.
func newKey(userID, name string) (model.Key, [32]byte) {
	return model.Key{ID: model.NewID(base), UserID: userID, Name: name, CreatedAt: base}, randomHash()
}

// addAuthSession creates a session of a user, opened with keyID unless that is empty.
func addAuthSession(t *testing.T, s *store.Store, userID, keyID string) model.Session {
	t.Helper()
	a := newAuthSession(userID, keyID)
	if err := s.CreateAuthSession(t.Context(), a, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// newAuthSession returns a session to create. It lasts for an hour.
func newAuthSession(userID, keyID string) model.Session {
	a := model.Session{
		ID: model.NewID(base), UserID: userID, DeviceID: model.NewID(base), Provider: model.ProviderEmailPassword,
		IdentityID: model.NewID(base), KeyID: keyID, CreatedAt: base, ExpiresAt: base.Add(time.Hour), LastSeenAt: base,
		Address: "192.0.2.7", Agent: "curl/8.5.0", DeviceName: "porch", Platform: "linux", SDK: "realm-web",
	}
	if keyID != "" {
		a.Provider, a.IdentityID = model.ProviderAPIKey, keyID
	}
	return a
}

// newWebSession returns a browser's session to create. It lasts for twelve hours.
func newWebSession() model.WebSession {
	return model.WebSession{
		IDHash: randomHash(), Sealed: []byte("sealed token"), Version: 1,
		CreatedAt: base, LastSeenAt: base, ExpiresAt: base.Add(12 * time.Hour), ProvedAt: base,
		UserID: model.NewID(base), Address: "192.0.2.8", Agent: "Mozilla/5.0",
	}
}

func randomHash() (h [32]byte) {
	_, _ = rand.Read(h[:])
	return h
}

// want fails the test unless err is the wanted kind of error, or nil when none is wanted.
func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error is %v, want %v", err, kind)
	}
}
