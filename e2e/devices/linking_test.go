package devices

import (
	"slices"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// A loop of realm-web's would be in the requests: it renews its token and repeats whatever is refused as if that were too old.
func TestAnAnonymousAppBecomesSomebodyAndKeepsItsID(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Anonymous = "on" })
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0].Value.Reveal()
	played := program.Plays(t,
		[]any{"signIn", "anonymous"},
		[]any{"createKey", "porch-cam"},
		[]any{"register", []string{"eva@example.com", story.Password}},
		[]any{"link", "email", []string{"eva@example.com", "wrong"}},
		[]any{"link", "email", []string{ana.Email, story.Password}},
		[]any{"link", "key", key},
		[]any{"link", "token", "no.such.token"},
		[]any{"link", "email", []string{"eva@example.com", story.Password}},
		[]any{"createKey", "porch-cam"},
		[]any{"register", []string{"eve@example.com", story.Password}},
		[]any{"link", "email", []string{"eve@example.com", story.Password}},
		[]any{"signOut"},
		[]any{"signIn", "email", []string{"eva@example.com", story.Password}},
	)
	id := played[0].User.ID
	for i, refusal := range map[int]struct {
		status int
		code   string
	}{
		1: {403, ""}, 3: {400, "InvalidPassword"}, 4: {400, "InvalidParameter"}, 5: {400, "InvalidParameter"}, 6: {400, "AuthError"}, 10: {400, "InvalidParameter"},
	} {
		if p := played[i]; p.Status != refusal.status || p.Code != refusal.code || p.Requests != 1 || p.User.ID != id {
			t.Errorf("step %d: %+v", i, p)
		}
	}
	both := []string{"anon-user", "local-userpass"}
	if p := played[7]; p.Status != 0 || p.User.ID != id || !slices.Equal(p.User.Identities, both) {
		t.Errorf("linked: %+v, %+v", p, p.User)
	}
	if len(played[8].Key) != 64 {
		t.Errorf("a key: %+v", played[8])
	}
	if p := played[12]; p.User == nil || p.User.ID != id || p.User.Data["email"] != "eva@example.com" || !slices.Equal(p.User.Identities, append(both, "api-key")) {
		t.Errorf("signed in again: %+v, %+v", p, p.User)
	}
}
