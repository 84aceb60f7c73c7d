package app

import (
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// What a device did while the program was off, or while the clock was wrong, nobody has seen: an old key is turned off by neither.
func TestAnOldKeyIsTurnedOffBesideTheSweepWhenItWasQuietWhileItCouldBeSeen(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	clock := testkit.NewClock(time.Now().Round(0))
	cfg.Now = clock.Now
	a := run(t, cfg)
	old := beginReplacement(t, a.store, clock.Now())
	goOn := func(d time.Duration) { // half an hour at a time is what the program takes for time that it ran
		for ; d > 0; d -= 30 * time.Minute {
			clock.Advance(30 * time.Minute)
			a.sweep(t.Context())
		}
	}
	is := func(off bool, when string) {
		t.Helper()
		if key, err := a.store.APIKey(t.Context(), old.UserID, old.ID); err != nil || key.Disabled != off {
			t.Errorf("%s the old key is off: %v, want %v; %v", when, key.Disabled, off, err)
		}
	}
	a.sweep(t.Context())
	goOn(30 * time.Minute)
	is(false, "half an hour later")
	clock.Advance(72 * time.Hour)
	a.sweep(t.Context())
	is(false, "when the clock jumped ahead")
	clock.Advance(-72 * time.Hour)
	a.sweep(t.Context())
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(5 * time.Hour)
	a = run(t, cfg)
	for quiet, want := range map[time.Duration]int{time.Hour - time.Minute: 0, time.Hour: 1} { // whatever is believed of the clock
		if due, err := a.store.DueReplacements(t.Context(), clock.Now().Add(quiet)); err != nil || len(due) != want {
			t.Errorf("after %v there are %d to finish, want %d; %v", quiet, len(due), want, err)
		}
	}
	goOn(30 * time.Minute)
	is(false, "half an hour after it was off")
	goOn(25 * time.Hour) // in which the program comes to believe what time it is
	is(true, "when all that has gone by")
}

// beginReplacement is a key whose owner has another, which is in use.
func beginReplacement(t *testing.T, s *store.Store, now time.Time) model.Key {
	t.Helper()
	u := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: "ana@example.org", CreatedAt: now}
	old := model.Key{ID: model.NewID(now), UserID: u.ID, Name: "garage-pi", CreatedAt: now}
	by := model.Key{ID: model.NewID(now), UserID: u.ID, Name: "garage-pi-2", CreatedAt: now}
	r := store.NewReplacement{
		Replacement: model.Replacement{
			OldID: old.ID, NewID: by.ID, NewName: by.Name, Finish: model.FinishOnEvidence, Quiet: time.Hour, StartedAt: now,
		},
		Replaced: model.Event{UserID: u.ID, At: now, Kind: model.EventKeyReplaced, KeyID: old.ID},
	}
	session := model.Session{
		ID: model.NewID(now), UserID: u.ID, DeviceID: model.NewID(now), Provider: model.ProviderAPIKey, IdentityID: by.ID, KeyID: by.ID,
		CreatedAt: now, ExpiresAt: now.Add(60 * 24 * time.Hour),
	}
	for _, err := range []error{
		s.CreateUser(t.Context(), u, id),
		s.CreateAPIKey(t.Context(), old, [32]byte{1}, model.MaxKeys),
		s.ReplaceAPIKey(t.Context(), by, [32]byte{2}, model.MaxKeys, "", r),
		s.CreateAuthSession(t.Context(), session, &model.KeyUse{At: now}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return old
}
