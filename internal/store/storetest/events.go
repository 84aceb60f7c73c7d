package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/store"
)

func events() []contract {
	return []contract{
		{"an event is kept as it was told, newest first", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			first, second := newEvent(u.ID, store.EventSignedIn), newEvent(u.ID, store.EventPairingAsked)
			first.ID, second.ID = store.NewID(base), store.NewID(base)
			second.KeyID, second.KeyName, second.Detail = store.NewID(base), "a key that is gone", "porch-cam"
			want(t, s.RecordEvent(t.Context(), first), nil)
			want(t, s.RecordEvent(t.Context(), second), nil)
			wantEvents(t, s, u.ID, store.EventQuery{}, second, first)
			wantEvents(t, s, store.NewID(base), store.EventQuery{})
		}},
		{"events are found by kind, by key, and page by page", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			var all []store.Event
			for i, kind := range []store.EventKind{store.EventKeyMade, store.EventKeyTurnedOff, store.EventKeyTurnedOn, store.EventSignedIn} {
				e := newEvent(u.ID, kind)
				e.ID, e.KeyID, e.KeyName = store.NewID(base), []string{"a", "b", "a", ""}[i], []string{"a", "b", "a", ""}[i]
				want(t, s.RecordEvent(t.Context(), e), nil)
				all = append(all, e)
			}
			wantEvents(t, s, u.ID, store.EventQuery{Kinds: []store.EventKind{store.EventKeyMade, store.EventSignedIn}}, all[3], all[0])
			wantEvents(t, s, u.ID, store.EventQuery{Kinds: []store.EventKind{"key-turned-o"}})
			wantEvents(t, s, u.ID, store.EventQuery{KeyID: "a"}, all[2], all[0])
			wantEvents(t, s, u.ID, store.EventQuery{Limit: 2}, all[3], all[2])
			wantEvents(t, s, u.ID, store.EventQuery{Limit: 2, Before: all[2].ID}, all[1], all[0])
		}},
		{"an act and its event are there together, or neither is", proveActsAndEvents},
		{"an act that changed nothing is no event", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, false, newEvent(u.ID, store.EventKeyTurnedOn)), nil)
			want(t, s.EnableUser(t.Context(), u.ID, newEvent(u.ID, store.EventAccountEnabled)), nil)
			want(t, s.DeleteWebSession(t.Context(), randomHash(), newEvent(u.ID, store.EventSessionEnded)), nil)
			ended, err := s.DeleteOtherAuthSessions(t.Context(), u.ID, "", newEvent(u.ID, store.EventSessionEnded))
			want(t, err, nil)
			if ended != 0 {
				t.Errorf("%d sessions ended, and there was none", ended)
			}
			wantEvents(t, s, u.ID, store.EventQuery{})
		}},
		{"fifty who turn a key off at once are one event", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			atOnce(t, 50, func(ctx context.Context, _ int) error {
				return s.SetAPIKeyDisabled(ctx, u.ID, k.ID, true, newEvent(u.ID, store.EventKeyTurnedOff))
			})
			wantKinds(t, s, u.ID, store.EventKeyTurnedOff)
		}},
		{"an event about a key says what it was called", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			e := newEvent(u.ID, store.EventKeyDeleted)
			e.KeyID = k.ID
			want(t, s.DeleteAPIKey(t.Context(), u.ID, k.ID, e), nil)
			got, err := s.Events(t.Context(), u.ID, store.EventQuery{Limit: 10})
			want(t, err, nil)
			if len(got) != 1 || got[0].KeyName != "phone" {
				t.Errorf("events are %+v", got)
			}
		}},
		{"the first use of a key is an event, and no other is", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			for range 3 {
				use := &store.KeyUse{At: base, Address: "192.0.2.9"}
				want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, k.ID), use, newEvent(u.ID, store.EventKeyFirstUsed)), nil)
			}
			wantKinds(t, s, u.ID, store.EventKeyFirstUsed)
		}},
		{"a use after a refusal is still the first", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, store.KeyRefusal{At: base, Reason: "off"}, newEvent(u.ID, store.EventKeyRefused)), nil)
			use := &store.KeyUse{At: base}
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, k.ID), use, newEvent(u.ID, store.EventKeyFirstUsed)), nil)
			wantKinds(t, s, u.ID, store.EventKeyFirstUsed, store.EventKeyRefused)
		}},
		{"refusals of a minute are one event", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			for i := range 61 {
				r := store.KeyRefusal{At: base.Add(time.Duration(i) * time.Second), Reason: "off"}
				want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, r, newEvent(u.ID, store.EventKeyRefused)), nil)
			}
			wantKinds(t, s, u.ID, store.EventKeyRefused, store.EventKeyRefused)
		}},
		{"events go with the account and after a long time", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			for _, id := range []string{u.ID, other.ID} {
				want(t, s.RecordEvent(t.Context(), newEvent(id, store.EventSignedIn)), nil)
			}
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			wantKinds(t, s, u.ID)
			want(t, s.Sweep(t.Context(), base.Add(399*24*time.Hour), time.Hour), nil)
			wantKinds(t, s, other.ID, store.EventSignedIn)
			want(t, s.Sweep(t.Context(), base.Add(400*24*time.Hour), time.Hour), nil)
			wantKinds(t, s, other.ID)
		}},
	}
}

// proveActsAndEvents refuses each act once, and then lets it be done.
func proveActsAndEvents(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, id := newUser("ann")
	made := newEvent(u.ID, store.EventAccountMade)
	want(t, s.CreateUser(ctx, u, id, made), nil)
	taken, takenID := newUser("ann")
	want(t, s.CreateUser(ctx, taken, takenID, newEvent(taken.ID, store.EventAccountMade)), store.ErrConflict)
	wantKinds(t, s, taken.ID)

	k, hash := newKey(u.ID, "phone")
	event := func(kind store.EventKind) store.Event { return newEvent(u.ID, kind) }
	want(t, s.CreateAPIKey(ctx, k, hash, 20, event(store.EventKeyMade)), nil)
	again, otherHash := newKey(u.ID, "phone")
	want(t, s.CreateAPIKey(ctx, again, otherHash, 20, event(store.EventKeyMade)), store.ErrConflict)
	want(t, s.CreateAPIKey(ctx, again, otherHash, 1, event(store.EventKeyMade)), store.ErrLimit)

	a := newAuthSession(u.ID, "")
	want(t, s.CreateAuthSession(ctx, a, nil, event(store.EventSignedIn)), nil)
	want(t, s.CreateAuthSession(ctx, newAuthSession(store.NewID(base), ""), nil, event(store.EventSignedIn)), store.ErrNotFound)
	want(t, s.DeleteAuthSession(ctx, store.NewID(base), a.ID, event(store.EventSessionEnded)), store.ErrNotFound)
	want(t, s.DeleteAuthSession(ctx, u.ID, a.ID, event(store.EventSessionEnded)), nil)

	stranger := store.NewID(base)
	want(t, s.SetAPIKeyDisabled(ctx, stranger, k.ID, true, event(store.EventKeyTurnedOff)), store.ErrNotFound)
	want(t, s.SetAPIKeyDisabled(ctx, u.ID, k.ID, true, event(store.EventKeyTurnedOff)), nil)
	want(t, s.DeleteAPIKey(ctx, stranger, k.ID, event(store.EventKeyDeleted)), store.ErrNotFound)
	want(t, s.DeleteAPIKey(ctx, u.ID, k.ID, event(store.EventKeyDeleted)), nil)
	want(t, s.DisableUser(ctx, stranger, base, event(store.EventAccountDisabled)), store.ErrNotFound)
	want(t, s.DisableUser(ctx, u.ID, base, event(store.EventAccountDisabled)), nil)
	want(t, s.EnableUser(ctx, u.ID, event(store.EventAccountEnabled)), nil)
	wantKinds(t, s, u.ID, store.EventAccountEnabled, store.EventAccountDisabled, store.EventKeyDeleted, store.EventKeyTurnedOff,
		store.EventSessionEnded, store.EventSignedIn, store.EventKeyMade, store.EventAccountMade)
}

// newEvent returns an event of a user to record.
func newEvent(userID string, kind store.EventKind) store.Event {
	return store.Event{
		UserID: userID, At: base, Kind: kind, Actor: store.ActorBrowser, Address: "192.0.2.1", Agent: "Mozilla/5.0",
	}
}

func wantEvents(t *testing.T, s *store.Store, userID string, q store.EventQuery, events ...store.Event) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	got, err := s.Events(t.Context(), userID, q)
	want(t, err, nil)
	if diff := cmp.Diff(events, got); diff != "" {
		t.Errorf("%+v: %s", q, diff)
	}
}

// wantKinds compares what happened to a user, newest first.
func wantKinds(t *testing.T, s *store.Store, userID string, kinds ...store.EventKind) {
	t.Helper()
	events, err := s.Events(t.Context(), userID, store.EventQuery{Limit: 100})
	want(t, err, nil)
	var got []store.EventKind
	for _, e := range events {
		got = append(got, e.Kind)
	}
	if diff := cmp.Diff(kinds, got); diff != "" {
		t.Error(diff)
	}
}
