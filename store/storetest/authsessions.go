package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/store"
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
			_, err := s.AuthSession(t.Context(), store.NewID(base))
			want(t, err, store.ErrNotFound)
		}},
		{"who is not there cannot have a session", func(t *testing.T, s *store.Store) {
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(store.NewID(base), ""), nil), store.ErrNotFound)
		}},
		{"a key opens sessions for its owner while it is there and on", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			create := func(userID, keyID string) error {
				return s.CreateAuthSession(t.Context(), newAuthSession(userID, keyID), nil)
			}
			want(t, create(u.ID, k.ID), nil)
			want(t, create(other.ID, k.ID), store.ErrNotFound)
			want(t, create(u.ID, store.NewID(base)), store.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, true), nil)
			want(t, create(u.ID, k.ID), store.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, false), nil)
			want(t, create(u.ID, k.ID), nil)
			want(t, s.DeleteAPIKey(t.Context(), u.ID, k.ID), nil)
			want(t, create(u.ID, k.ID), store.ErrNotFound)
		}},
		{"a session ends once", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			a, stays := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, "")
			want(t, s.DeleteAuthSession(t.Context(), a.UserID, a.ID), nil)
			want(t, s.DeleteAuthSession(t.Context(), a.UserID, a.ID), store.ErrNotFound)
			_, err := s.AuthSession(t.Context(), a.ID)
			want(t, err, store.ErrNotFound)
			_, err = s.AuthSession(t.Context(), stays.ID)
			want(t, err, nil)
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
