package accounts

import (
	"testing"
	"time"

	"latchkey/internal/model"
)

// Whoever turns a key off: a person or their app, and the operator, of a person's key and of one that belongs to nobody.
func TestWhoeverTurnsAKeyOffItIsRememberedWhatEnded(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	own, _ := f.newKey(who, "pump")
	server, _, err := f.AddServerKey(t.Context(), "gateway")
	if err != nil {
		t.Fatal(err)
	}
	for by, c := range map[string]struct {
		key  model.Key
		turn func(on bool) error
	}{
		"its owner":                       {own, func(on bool) error { return f.As(who, here).SetKey(t.Context(), own.ID, on) }},
		"the operator":                    {own, func(on bool) error { _, _, err := f.TurnKeyOf(t.Context(), "a@example.org", "pump", on); return err }},
		"the operator, of a server key's": {server, func(on bool) error { _, err := f.SetServerKey(t.Context(), "gateway", on); return err }},
	} {
		f.signInBy(c.key)
		f.clock.Advance(time.Minute)
		now := f.clock.Now()
		if err := c.turn(false); err != nil {
			t.Fatal(err)
		}
		f.clock.Advance(time.Minute)
		if got, want := f.off(c.key), (model.KeyOff{At: now, Sessions: 1, AccessUntil: now.Add(30 * time.Minute)}); got != want {
			t.Errorf("by %s: %+v, want %+v", by, got, want)
		}
		if err := c.turn(true); err != nil {
			t.Fatal(err)
		}
		if got := f.off(c.key); got != (model.KeyOff{}) {
			t.Errorf("by %s: of a key that is on again %+v is known", by, got)
		}
	}
}

func TestAccessGoesOnForAsLongAsTheLongestTokenForAnotherService(t *testing.T) {
	for _, c := range []struct {
		tokens, before, goesOn time.Duration
	}{
		{0, 40 * time.Minute, 30 * time.Minute},
		{0, 41 * time.Minute, 0},
		{10 * time.Minute, 50 * time.Minute, 30 * time.Minute},
		{time.Hour, 100 * time.Minute, time.Hour}, // the session bought its last token with the end of its last access
		{time.Hour, 101 * time.Minute, 0},
	} {
		f := newFixture(t, func(cfg *Config) { cfg.ServiceTokens = c.tokens })
		who := f.signUp("a@example.org")
		key, _ := f.newKey(who, "pump")
		f.signInBy(key)
		f.clock.Advance(c.before)
		if err := f.As(who, here).SetKey(t.Context(), key.ID, false); err != nil {
			t.Fatal(err)
		}
		want := model.KeyOff{At: f.clock.Now(), Sessions: 1}
		if c.goesOn > 0 {
			want.AccessUntil = want.At.Add(c.goesOn)
		}
		if got := f.off(key); got != want {
			t.Errorf("%v: %+v, want %+v", c, got, want)
		}
	}
}

func (f *fixture) signInBy(key model.Key) {
	f.t.Helper()
	key.Disabled = false
	if _, err := f.signInWith(f.t.Context(), here, key, nil); err != nil {
		f.t.Fatal(err)
	}
}

// off is what is known of how a key was turned off.
func (f *fixture) off(key model.Key) model.KeyOff {
	f.t.Helper()
	got, err := f.store.APIKey(f.t.Context(), key.UserID, key.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	return got.Usage.Off
}
