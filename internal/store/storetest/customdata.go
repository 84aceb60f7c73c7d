package storetest

import (
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// customData is what apps know of users.
func customData() []contract {
	return []contract{
		{"custom data is read with a user who signs in and with their session", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			k, hash := addKey(t, s, u.ID, "phone")
			server, serverHash := addServerKey(t, s, "gateway")
			a, of := addAuthSession(t, s, u.ID, k.ID), addAuthSession(t, s, server.UserID, server.ID)
			addUser(t, s)
			for _, data := range []string{`{"a":"é <"}`, `{"a":2}`, "", ""} {
				want(t, s.SetCustomData(t.Context(), u.ID, data), nil)
				want(t, s.SetCustomData(t.Context(), server.UserID, data), nil)
				all, err := s.Identities(t.Context(), u.ID)
				want(t, err, nil)
				found, err := s.IdentityBySubject(t.Context(), id.Provider, "ann")
				want(t, err, nil)
				byValue, err := s.APIKeyByValueHash(t.Context(), hash)
				want(t, err, nil)
				byServerValue, err := s.APIKeyByValueHash(t.Context(), serverHash)
				want(t, err, nil)
				session, err := s.AuthSession(t.Context(), a.ID)
				want(t, err, nil)
				ofServer, err := s.AuthSession(t.Context(), of.ID)
				want(t, err, nil)
				_, user, err := s.ServerKeyUser(t.Context(), server.UserID)
				want(t, err, nil)
				plain, err := s.CustomData(t.Context(), u.ID)
				want(t, err, nil)
				for where, got := range map[string]string{
					"identities": all[0].CustomData, "identity": found.CustomData, "key": byValue.CustomData, "server key": byServerValue.CustomData,
					"session": session.CustomData, "session of the server key": ofServer.CustomData, "server user": user, "user": plain,
				} {
					if got != data {
						t.Errorf("%s: %q, want %q", where, got, data)
					}
				}
			}
		}},
		{"custom data is of a user who is there, and goes with them", func(t *testing.T, s *store.Store) {
			for _, data := range []string{`{"a":1}`, ""} {
				want(t, s.SetCustomData(t.Context(), model.NewID(base), data), model.ErrNotFound)
			}
			_, err := s.CustomData(t.Context(), model.NewID(base))
			want(t, err, model.ErrNotFound)
			u := addUser(t, s)
			want(t, s.SetCustomData(t.Context(), u.ID, `{"a":1}`), nil)
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			_, err = s.CustomData(t.Context(), u.ID)
			want(t, err, model.ErrNotFound)
			want(t, s.SetCustomData(t.Context(), addUser(t, s).ID, `{"a":1}`), nil)
		}},
	}
}
