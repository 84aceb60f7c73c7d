package authserver

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/store"
)

// Statements are counted in place of time: these numbers are the same on every machine.
func TestStatementsPerCall(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKeys(owner, 19)[0]
	device := f.loginWithKey(key.Value)
	for _, tt := range []struct {
		name          string
		method, path  string
		token, body   string
		status        int
		reads, writes int64
	}{
		{"location", "GET", appPath("/location"), "", "", 200, 0, 0},
		{"public keys", "GET", "/.well-known/jwks.json", "", "", 200, 0, 0},
		{"sign in with a key", "POST", loginPath("api-key"), "", object("key", key.Value), 200, 1, 1},
		{"sign in with a password", "POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", testPassword), 200, 1, 1},
		{"a key that never was", "POST", loginPath("api-key"), "", object("key", unknownValue()), 401, 1, 0},
		{"garbage for a key", "POST", loginPath("api-key"), "", object("key", "x"), 401, 0, 0},
		{"renew", "POST", sessionPath, owner.RefreshToken, "", 201, 1, 0},
		{"profile", "GET", profilePath, owner.AccessToken, "", 200, 2, 0},
		{"list keys", "GET", keysPath, owner.RefreshToken, "", 200, 2, 0},
		{"fetch a key", "GET", keysPath + "/" + key.ID, owner.RefreshToken, "", 200, 2, 0},
		{"a malformed id", "GET", keysPath + "/1", owner.RefreshToken, "", 404, 1, 0},
		{"facts about keys", "GET", keyFactsPath, owner.RefreshToken, "", 200, 2, 0},
		{"list keys with a key", "GET", keysPath, device.RefreshToken, "", 403, 1, 0},
		{"a forged token", "GET", keysPath, owner.RefreshToken + "x", "", 401, 0, 0},
		{"create a key", "POST", keysPath, owner.RefreshToken, object("name", "another"), 201, 1, 1},
		{"turn a key off", "PUT", keysPath + "/" + key.ID + "/disable", owner.RefreshToken, "", 204, 1, 1},
		{"sign in with a key that is off", "POST", loginPath("api-key"), "", object("key", key.Value), 401, 2, 1},
		{"sign in with it again", "POST", loginPath("api-key"), "", object("key", key.Value), 401, 2, 0},
		{"delete a key", "DELETE", keysPath + "/" + key.ID, owner.RefreshToken, "", 204, 1, 1},
		{"sign out", "DELETE", sessionPath, owner.RefreshToken, "", 204, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := f.store.Stats()
			f.on(t).do(tt.method, tt.path, tt.token, tt.body).want(tt.status)
			f.Drain()
			after := f.store.Stats()
			got := store.Stats{
				Reads: after.Reads - before.Reads, Writes: after.Writes - before.Writes, Commits: after.Commits - before.Commits,
			}
			// Alone, each write is a commit of its own.
			if diff := cmp.Diff(store.Stats{Reads: tt.reads, Writes: tt.writes, Commits: tt.writes}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
