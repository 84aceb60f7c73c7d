package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

func authSessions() []contract {
	return []contract{
		{"a session is kept as it was created, with and without a key", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			for _, keyID := range []string{"", k.ID} {
				a := addAuthSession(t, s, u.ID, keyID)
				got, err := s.AuthSession(t.Context(), a.ID)
				want(t, err, nil)
				if diff := cmp.Diff(a, got); diff != "" {
					t.Error(diff)
				}
			}
			_, err := s.AuthSession(t.Context(), model.NewID(base))
			want(t, err, model.ErrNotFound)
		}},
		{"who is not there cannot have a session", func(t *testing.T, s *store.Store) {
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(model.NewID(base), ""), nil), model.ErrNotFound)
		}},
		{"a key opens sessions for its owner while it is there and on", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			create := func(userID, keyID string) error {
				return s.CreateAuthSession(t.Context(), newAuthSession(userID, keyID), nil)
			}
			want(t, create(u.ID, k.ID), nil)
			want(t, create(other.ID, k.ID), model.ErrNotFound)
			want(t, create(u.ID, model.NewID(base)), model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff), nil)
			want(t, create(u.ID, k.ID), model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn), nil)
			want(t, create(u.ID, k.ID), nil)
			want(t, deleteKey(t.Context(), s, u.ID, k.ID), nil)
			want(t, create(u.ID, k.ID), model.ErrNotFound)
		}},
		{"a session ends once", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			a, stays := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, "")
			want(t, s.DeleteAuthSession(t.Context(), a.UserID, a.ID), nil)
			want(t, s.DeleteAuthSession(t.Context(), a.UserID, a.ID), model.ErrNotFound)
			_, err := s.AuthSession(t.Context(), a.ID)
			want(t, err, model.ErrNotFound)
			_, err = s.AuthSession(t.Context(), stays.ID)
			want(t, err, nil)
		}},
		{"a key, and people, keep their newest sessions", proveMaxAuthSessions},
		{"a session is not created of a password that was changed", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			a := newAuthSession(u.ID, "")
			a.IdentityID = id.ID
			want(t, s.ReplacePasswordHash(t.Context(), id.ID, id.PasswordHash, "dearer"), nil)
			want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
			id.PasswordHash = "dearer"
			want(t, s.ChangePassword(t.Context(), id, "new", ""), nil)
			want(t, s.CreateAuthSession(t.Context(), a, nil), model.ErrNotFound)
			for generation := range int64(2) {
				got, err := s.IdentityBySubject(t.Context(), id.Provider, id.Subject)
				want(t, err, nil)
				if a.ID, a.Generation = model.NewID(base), generation+1; got.Generation != a.Generation {
					t.Fatalf("generation %d, want %d", got.Generation, a.Generation)
				}
				want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
				want(t, s.ResetPassword(t.Context(), addLink(t, s, id, model.LinkReset), "newer", base, eventOf(model.EventPasswordReset)), nil)
				a.ID = model.NewID(base)
				want(t, s.CreateAuthSession(t.Context(), a, nil), model.ErrNotFound)
			}
		}},
		{"a sweep takes expired sessions only", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			now := base.Add(24 * time.Hour)
			kept := map[time.Duration]bool{-time.Hour: false, 0: false, time.Millisecond: true, time.Hour: true}
			ids := map[string]bool{}
			for left, stays := range kept {
				a := newAuthSession(u.ID, "")
				a.ExpiresAt = now.Add(left)
				want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
				ids[a.ID] = stays
			}
			want(t, s.Sweep(t.Context(), now, time.Hour), nil)
			for id, stays := range ids {
				if _, err := s.AuthSession(t.Context(), id); (err == nil) != stays {
					t.Errorf("session should stay: %v, got %v", stays, err)
				}
			}
		}},
	}
}

// proveMaxAuthSessions fills what one key has opened and what people have, and ends both: so many, and no more, go at once.
func proveMaxAuthSessions(t *testing.T, s *store.Store) {
	u, other := addUser(t, s), addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	foreign := addAuthSession(t, s, other.ID, "")
	groups := []string{"", k.ID}
	oldest := map[string]model.Session{}
	for _, keyID := range groups {
		oldest[keyID] = addAuthSession(t, s, u.ID, keyID)
	}
	for range store.MaxAuthSessions - 1 {
		for _, keyID := range groups {
			addAuthSession(t, s, u.ID, keyID)
		}
	}
	for _, keyID := range groups {
		_, err := s.AuthSession(t.Context(), oldest[keyID].ID)
		want(t, err, nil)
		addAuthSession(t, s, u.ID, keyID)
		_, err = s.AuthSession(t.Context(), oldest[keyID].ID)
		want(t, err, model.ErrNotFound)
	}
	// One whose id is older than all others, as after a clock was set back, is not the one to go.
	late := newAuthSession(u.ID, k.ID)
	late.ID = "000000000000000000000001"
	want(t, s.CreateAuthSession(t.Context(), late, nil), nil)
	for _, id := range []string{late.ID, foreign.ID} {
		_, err := s.AuthSession(t.Context(), id)
		want(t, err, nil)
	}
	left, err := s.AuthSessions(t.Context(), u.ID, base)
	want(t, err, nil)
	if len(left) != 2*store.MaxAuthSessions || left[0].KeyID != "" || left[len(left)-1].KeyID != k.ID {
		t.Errorf("%d sessions are left", len(left))
	}
	ended, err := s.DeleteOtherAuthSessions(t.Context(), u.ID, "")
	want(t, err, nil)
	if ended != 2*store.MaxAuthSessions {
		t.Errorf("%d ended", ended)
	}
}
