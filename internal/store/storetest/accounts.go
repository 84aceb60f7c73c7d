package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// accounts are users as those see them who run the server, and all their sessions together.
func accounts() []contract {
	return []contract{
		{"a user is imported whole, with the id they had", func(t *testing.T, s *store.Store) {
			u := model.User{ID: "5f0000000000000000000001", CreatedAt: base, DisabledAt: base.Add(time.Hour)}
			ids := []model.Identity{
				{ID: model.NewID(base), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: "ann@example.com", CreatedAt: base},
				{ID: model.NewID(base), UserID: u.ID, Provider: model.ProviderAnonymous, Subject: "anonymous", CreatedAt: base},
			}
			want(t, s.ImportUser(t.Context(), u, ids), nil)
			got, err := s.User(t.Context(), u.ID)
			want(t, err, nil)
			if diff := cmp.Diff(u, got); diff != "" {
				t.Error(diff)
			}
			stored, err := s.Identities(t.Context(), u.ID)
			want(t, err, nil)
			for i := range ids {
				ids[i].UserDisabled = true
			}
			if diff := cmp.Diff(ids, stored); diff != "" {
				t.Error(diff)
			}
			want(t, s.ImportUser(t.Context(), u, nil), model.ErrConflict)
		}},
		{"an import of which one identity is taken leaves nothing behind", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			other, first := newUser("bob")
			second := id
			second.ID = model.NewID(base)
			want(t, s.ImportUser(t.Context(), other, []model.Identity{first, second}), model.ErrConflict)
			_, err := s.User(t.Context(), other.ID)
			want(t, err, model.ErrNotFound)
		}},
		{"users are listed page by page", func(t *testing.T, s *store.Store) {
			var ids []string
			for range 5 {
				ids = append(ids, addUser(t, s).ID)
			}
			var got []string
			for after := ""; ; {
				page, err := s.Users(t.Context(), after, 2)
				want(t, err, nil)
				if len(page) == 0 {
					break
				}
				for _, u := range page {
					got = append(got, u.ID)
				}
				after = page[len(page)-1].ID
			}
			if diff := cmp.Diff(ids, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"a disabled user has no session and gets none until enabled", proveDisabled},
		{"a browser ends with what it holds, and what it holds ends with it", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			first, second := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, "")
			one, two := addBrowser(t, s, first), addBrowser(t, s, second)
			want(t, s.DeleteAuthSession(t.Context(), u.ID, first.ID), nil)
			_, err := s.WebSession(t.Context(), one.IDHash)
			want(t, err, model.ErrNotFound)
			want(t, s.DeleteWebSession(t.Context(), two.IDHash, newEvent(u.ID, model.EventSessionEnded)), nil)
			_, err = s.AuthSession(t.Context(), second.ID)
			want(t, err, model.ErrNotFound)
			wantKinds(t, s, u.ID, model.EventSessionEnded)
		}},
		{"a browser cannot hold what has ended", func(t *testing.T, s *store.Store) {
			w := newWebSession()
			w.AuthSessionID = model.NewID(base)
			want(t, s.CreateWebSession(t.Context(), w), model.ErrNotFound)
		}},
		{"the other sessions end and the one that is kept does not", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			kept, foreign := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, other.ID, "")
			for range 3 {
				addBrowser(t, s, addAuthSession(t, s, u.ID, ""))
			}
			ended, err := s.DeleteOtherAuthSessions(t.Context(), u.ID, kept.ID, newEvent(u.ID, model.EventSessionEnded))
			want(t, err, nil)
			browsers, err := s.WebSessions(t.Context(), u.ID)
			want(t, err, nil)
			if ended != 3 || len(browsers) != 0 {
				t.Errorf("%d ended, %d browsers are left", ended, len(browsers))
			}
			for _, id := range []string{kept.ID, foreign.ID} {
				_, err := s.AuthSession(t.Context(), id)
				want(t, err, nil)
			}
			wantKinds(t, s, u.ID, model.EventSessionEnded)
		}},
		{"sessions that have expired are not listed, and the time one was seen is kept", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			a := addAuthSession(t, s, u.ID, "")
			want(t, s.SawAuthSession(t.Context(), a.ID, base.Add(time.Minute)), nil)
			want(t, s.SawAuthSession(t.Context(), model.NewID(base), base), nil)
			a.LastSeenAt = base.Add(time.Minute)
			got, err := s.AuthSessions(t.Context(), u.ID, base)
			want(t, err, nil)
			if diff := cmp.Diff([]model.Session{a}, got); diff != "" {
				t.Error(diff)
			}
			got, err = s.AuthSessions(t.Context(), u.ID, a.ExpiresAt)
			want(t, err, nil)
			if len(got) != 0 {
				t.Errorf("listed %+v", got)
			}
		}},
		{"the fifty-first browser ends the oldest", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			oldest := addBrowser(t, s, addAuthSession(t, s, u.ID, ""))
			for i := range store.MaxWebSessions {
				w := newWebSession()
				w.UserID, w.CreatedAt = u.ID, base.Add(time.Duration(i+1)*time.Second)
				want(t, s.CreateWebSession(t.Context(), w), nil)
			}
			browsers, err := s.WebSessions(t.Context(), u.ID)
			want(t, err, nil)
			_, gone := s.WebSession(t.Context(), oldest.IDHash)
			want(t, gone, model.ErrNotFound)
			_, gone = s.AuthSession(t.Context(), oldest.AuthSessionID)
			want(t, gone, model.ErrNotFound)
			if len(browsers) != store.MaxWebSessions {
				t.Errorf("%d browsers", len(browsers))
			}
		}},
		{"a sweep ends what the browsers held that it takes", func(t *testing.T, s *store.Store) {
			a := addAuthSession(t, s, addUser(t, s).ID, "")
			addBrowser(t, s, a)
			want(t, s.Sweep(t.Context(), base.Add(30*time.Minute), 30*time.Minute), nil)
			_, err := s.AuthSession(t.Context(), a.ID)
			want(t, err, model.ErrNotFound)
		}},
	}
}

func proveDisabled(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, id := newUser("ann")
	want(t, s.CreateUser(ctx, u, id), nil)
	k, _ := addKey(t, s, u.ID, "phone")
	browser := addBrowser(t, s, addAuthSession(t, s, u.ID, ""))
	byKey := addAuthSession(t, s, u.ID, k.ID)

	want(t, s.DisableUser(ctx, u.ID, base), nil)
	_, err := s.WebSession(ctx, browser.IDHash)
	want(t, err, model.ErrNotFound)
	_, err = s.AuthSession(ctx, byKey.ID)
	want(t, err, model.ErrNotFound)
	for _, keyID := range []string{"", k.ID} {
		want(t, s.CreateAuthSession(ctx, newAuthSession(u.ID, keyID), nil), model.ErrNotFound)
	}
	got, err := s.IdentityBySubject(ctx, id.Provider, id.Subject)
	want(t, err, nil)
	if !got.UserDisabled {
		t.Error("the identity does not say so")
	}
	want(t, s.EnableUser(ctx, u.ID, base), nil)
	addAuthSession(t, s, u.ID, k.ID)

	// Of sign-ins beside it, none is left.
	testkit.AtOnce(t, 20, func(ctx context.Context, i int) error {
		if i == 10 {
			return s.DisableUser(ctx, u.ID, base)
		}
		return s.CreateAuthSession(ctx, newAuthSession(u.ID, k.ID), nil)
	}, model.ErrNotFound)
	left, err := s.AuthSessions(ctx, u.ID, base)
	want(t, err, nil)
	if len(left) != 0 {
		t.Error(fmt.Sprint(len(left), " sessions are left"))
	}
}
