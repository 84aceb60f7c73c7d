package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func events() []contract {
	return []contract{
		{"an event is kept as it was told, newest first", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			first, second := newEvent(u.ID, model.EventSignedIn), newEvent(u.ID, model.EventPairingAsked)
			first.ID, second.ID = model.NewID(base), model.NewID(base)
			second.KeyID, second.KeyName, second.Detail = model.NewID(base), "a key that is gone", "porch-cam"
			want(t, s.RecordEvent(t.Context(), first), nil)
			want(t, s.RecordEvent(t.Context(), second), nil)
			wantEvents(t, s, u.ID, model.EventQuery{}, second, first)
			wantEvents(t, s, model.NewID(base), model.EventQuery{})
		}},
		{"events are found by kind, by key, and page by page", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			var all []model.Event
			for i, kind := range []model.EventKind{model.EventKeyMade, model.EventKeyTurnedOff, model.EventKeyTurnedOn, model.EventSignedIn} {
				e := newEvent(u.ID, kind)
				e.ID, e.KeyID, e.KeyName = model.NewID(base), []string{"a", "b", "a", ""}[i], []string{"a", "b", "a", ""}[i]
				want(t, s.RecordEvent(t.Context(), e), nil)
				all = append(all, e)
			}
			wantEvents(t, s, u.ID, model.EventQuery{Kinds: []model.EventKind{model.EventKeyMade, model.EventSignedIn}}, all[3], all[0])
			wantEvents(t, s, u.ID, model.EventQuery{Kinds: []model.EventKind{"key-turned-o"}})
			wantEvents(t, s, u.ID, model.EventQuery{KeyID: "a"}, all[2], all[0])
			wantEvents(t, s, u.ID, model.EventQuery{Limit: 2}, all[3], all[2])
			wantEvents(t, s, u.ID, model.EventQuery{Limit: 2, Before: all[2].ID}, all[1], all[0])
		}},
		{"an act and its event are there together, or neither is", proveActsAndEvents},
		{"an act that changed nothing is no event", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn, newEvent(u.ID, model.EventKeyTurnedOn)), nil)
			want(t, s.EnableUser(t.Context(), u.ID, base, newEvent(u.ID, model.EventAccountEnabled)), nil)
			want(t, s.DeleteWebSession(t.Context(), randomHash(), newEvent(u.ID, model.EventSessionEnded)), nil)
			ended, err := s.DeleteOtherAuthSessions(t.Context(), u.ID, "", newEvent(u.ID, model.EventSessionEnded))
			want(t, err, nil)
			if ended != 0 {
				t.Errorf("%d sessions ended, and there was none", ended)
			}
			wantEvents(t, s, u.ID, model.EventQuery{})
		}},
		{"fifty who turn a key off at once are one event", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			testkit.AtOnce(t, 50, func(ctx context.Context, _ int) error {
				return s.SetAPIKeyDisabled(ctx, u.ID, k.ID, turnedOff, newEvent(u.ID, model.EventKeyTurnedOff))
			})
			wantKinds(t, s, u.ID, model.EventKeyTurnedOff)
		}},
		{"an event about a key says what it was called", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			e := newEvent(u.ID, model.EventKeyDeleted)
			e.KeyID = k.ID
			want(t, deleteKey(t.Context(), s, u.ID, k.ID, e), nil)
			got, err := s.Events(t.Context(), u.ID, model.EventQuery{Limit: 10})
			want(t, err, nil)
			if len(got) != 1 || got[0].KeyName != "phone" {
				t.Errorf("events are %+v", got)
			}
		}},
		{"the first use of a key is an event, and no other is", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			for range 3 {
				use := &model.KeyUse{At: base, Address: "192.0.2.9"}
				want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, k.ID), use, newEvent(u.ID, model.EventKeyFirstUsed)), nil)
			}
			wantKinds(t, s, u.ID, model.EventKeyFirstUsed)
		}},
		{"a use after a refusal is still the first", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, model.KeyRefusal{At: base, Reason: "off"}, newEvent(u.ID, model.EventKeyRefused)), nil)
			use := &model.KeyUse{At: base}
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, k.ID), use, newEvent(u.ID, model.EventKeyFirstUsed)), nil)
			wantKinds(t, s, u.ID, model.EventKeyFirstUsed, model.EventKeyRefused)
		}},
		{"refusals of a minute are one event", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			for i := range 61 {
				r := model.KeyRefusal{At: base.Add(time.Duration(i) * time.Second), Reason: "off"}
				want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, r, newEvent(u.ID, model.EventKeyRefused)), nil)
			}
			wantKinds(t, s, u.ID, model.EventKeyRefused, model.EventKeyRefused)
		}},
		{"events go with the account and after a long time", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			for _, id := range []string{u.ID, other.ID} {
				want(t, s.RecordEvent(t.Context(), newEvent(id, model.EventSignedIn)), nil)
			}
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			wantKinds(t, s, u.ID)
			want(t, s.Sweep(t.Context(), base.Add(399*24*time.Hour), time.Hour), nil)
			wantKinds(t, s, other.ID, model.EventSignedIn)
			want(t, s.Sweep(t.Context(), base.Add(400*24*time.Hour), time.Hour), nil)
			wantKinds(t, s, other.ID)
		}},
	}
}

// proveActsAndEvents refuses each act once, and then lets it be done.
func proveActsAndEvents(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, id := newUser("ann")
	made := newEvent(u.ID, model.EventAccountMade)
	want(t, s.CreateUser(ctx, u, id, made), nil)
	taken, takenID := newUser("ann")
	want(t, s.CreateUser(ctx, taken, takenID, newEvent(taken.ID, model.EventAccountMade)), model.ErrConflict)
	wantKinds(t, s, taken.ID)

	k, hash := newKey(u.ID, "phone")
	event := func(kind model.EventKind) model.Event { return newEvent(u.ID, kind) }
	want(t, s.CreateAPIKey(ctx, k, hash, 20, event(model.EventKeyMade)), nil)
	again, otherHash := newKey(u.ID, "phone")
	want(t, s.CreateAPIKey(ctx, again, otherHash, 20, event(model.EventKeyMade)), model.ErrConflict)
	want(t, s.CreateAPIKey(ctx, again, otherHash, 1, event(model.EventKeyMade)), model.ErrLimit)

	a := newAuthSession(u.ID, "")
	want(t, s.CreateAuthSession(ctx, a, nil, event(model.EventSignedIn)), nil)
	want(t, s.CreateAuthSession(ctx, newAuthSession(model.NewID(base), ""), nil, event(model.EventSignedIn)), model.ErrNotFound)
	want(t, s.DeleteAuthSession(ctx, model.NewID(base), a.ID, event(model.EventSessionEnded)), model.ErrNotFound)
	want(t, s.DeleteAuthSession(ctx, u.ID, a.ID, event(model.EventSessionEnded)), nil)

	stranger := model.NewID(base)
	want(t, s.SetAPIKeyDisabled(ctx, stranger, k.ID, turnedOff, event(model.EventKeyTurnedOff)), model.ErrNotFound)
	want(t, s.SetAPIKeyDisabled(ctx, u.ID, k.ID, turnedOff, event(model.EventKeyTurnedOff)), nil)
	want(t, deleteKey(ctx, s, stranger, k.ID, event(model.EventKeyDeleted)), model.ErrNotFound)
	want(t, deleteKey(ctx, s, u.ID, k.ID, event(model.EventKeyDeleted)), nil)
	want(t, s.DisableUser(ctx, stranger, base, event(model.EventAccountDisabled)), model.ErrNotFound)
	want(t, s.DisableUser(ctx, u.ID, base, event(model.EventAccountDisabled)), nil)
	want(t, s.EnableUser(ctx, u.ID, base, event(model.EventAccountEnabled)), nil)
	wantKinds(t, s, u.ID, model.EventAccountEnabled, model.EventAccountDisabled, model.EventKeyDeleted, model.EventKeyTurnedOff,
		model.EventSessionEnded, model.EventSignedIn, model.EventKeyMade, model.EventAccountMade)
}

// newEvent returns an event of a user to record.
func newEvent(userID string, kind model.EventKind) model.Event {
	return model.Event{
		UserID: userID, At: base, Kind: kind, Actor: model.ActorBrowser, Address: "192.0.2.1", Agent: "Mozilla/5.0",
	}
}

func wantEvents(t *testing.T, s *store.Store, userID string, q model.EventQuery, events ...model.Event) {
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
func wantKinds(t *testing.T, s *store.Store, userID string, kinds ...model.EventKind) {
	t.Helper()
	events, err := s.Events(t.Context(), userID, model.EventQuery{Limit: 100})
	want(t, err, nil)
	var got []model.EventKind
	for _, e := range events {
		got = append(got, e.Kind)
	}
	if diff := cmp.Diff(kinds, got); diff != "" {
		t.Error(diff)
	}
}
