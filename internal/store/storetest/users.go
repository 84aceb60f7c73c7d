package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

func users() []contract {
	return []contract{
		{"a user is found by provider and subject of the identity", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann@example.com")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			got, err := s.IdentityBySubject(t.Context(), id.Provider, id.Subject)
			want(t, err, nil)
			if diff := cmp.Diff(id, got); diff != "" {
				t.Error(diff)
			}
			all, err := s.Identities(t.Context(), u.ID)
			want(t, err, nil)
			if diff := cmp.Diff([]model.Identity{id}, all); diff != "" {
				t.Error(diff)
			}
		}},
		{"what a token says of somebody is kept with their identity, and replaced", func(t *testing.T, s *store.Store) {
			u, id := newUser("auth0|77")
			id.Provider, id.PasswordHash, id.Data = model.ProviderCustomToken, "", `{"name":"Ann \u003c日本\u003e"}`
			want(t, s.CreateUser(t.Context(), u, id), nil)
			other, otherID := newUser("auth0|78")
			otherID.Provider, otherID.PasswordHash = model.ProviderCustomToken, ""
			want(t, s.CreateUser(t.Context(), other, otherID), nil)
			for _, data := range []string{id.Data, `{}`, ""} {
				id.Data, id.Email = data, "ann@example.org"
				want(t, s.ReplaceIdentityData(t.Context(), id, data, "ann@example.org"), nil)
				for _, one := range []model.Identity{id, otherID} {
					got, err := s.IdentityBySubject(t.Context(), one.Provider, one.Subject)
					want(t, err, nil)
					if diff := cmp.Diff(one, got); diff != "" {
						t.Error(diff)
					}
				}
			}
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			want(t, s.ReplaceIdentityData(t.Context(), id, "x", ""), nil)
		}},
		{"the language in which a person last used the pages is that of the last session opened there", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			u.Language = "de"
			want(t, s.CreateUser(t.Context(), u, id), nil)
			other := addUser(t, s)
			is := func(language string) {
				t.Helper()
				for userID, language := range map[string]string{u.ID: language, other.ID: ""} {
					all, err := s.Identities(t.Context(), userID)
					want(t, err, nil)
					if all[0].Language != language {
						t.Errorf("it is %q, not %q", all[0].Language, language)
					}
				}
			}
			is("de")
			session := newAuthSession(u.ID, "")
			session.Language = "ar"
			want(t, s.CreateAuthSession(t.Context(), session, nil), nil)
			is("ar")
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, ""), nil), nil) // by a program
			is("ar")
			refused := newAuthSession(u.ID, "")
			refused.Language, refused.Generation = "de", 7
			refused.IdentityID = id.ID
			want(t, s.CreateAuthSession(t.Context(), refused, nil), model.ErrNotFound)
			is("ar")
			want(t, s.KeepLanguage(t.Context(), u.ID, "en"), nil)
			is("en")
			want(t, s.KeepLanguage(t.Context(), u.ID, ""), nil)
			is("en")
			want(t, s.KeepLanguage(t.Context(), model.NewID(base), "de"), nil)
		}},
		{"an unknown subject, provider or user is not found", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			for _, miss := range [][2]string{
				{id.Provider, "bob"}, {model.ProviderAnonymous, "ann"}, {id.Provider, "Ann"}, {id.Provider, "ann "}, {"", ""},
			} {
				_, err := s.IdentityBySubject(t.Context(), miss[0], miss[1])
				want(t, err, model.ErrNotFound)
			}
			_, err := s.Identities(t.Context(), model.NewID(base))
			want(t, err, model.ErrNotFound)
		}},
		{"a subject is any string and is kept as it is", func(t *testing.T, s *store.Store) {
			for _, subject := range []string{
				"", " ", "no at sign", "Ann@example.com", "ann@example.com", "O'Neil\"; --", "%", "_", "\u00e9", "e\u0301", "日本\n🔑",
			} {
				u, id := newUser(subject)
				want(t, s.CreateUser(t.Context(), u, id), nil)
				got, err := s.IdentityBySubject(t.Context(), id.Provider, subject)
				want(t, err, nil)
				if diff := cmp.Diff(id, got); diff != "" {
					t.Errorf("%q: %s", subject, diff)
				}
			}
		}},
		{"a taken subject is a conflict and leaves nothing behind", func(t *testing.T, s *store.Store) {
			first, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), first, id), nil)
			second, taken := newUser("ann")
			want(t, s.CreateUser(t.Context(), second, taken), model.ErrConflict)
			_, err := s.Identities(t.Context(), second.ID)
			want(t, err, model.ErrNotFound)
			k, hash := newKey(second.ID, "phone")
			want(t, s.CreateAPIKey(t.Context(), k, hash, 20), model.ErrNotFound)
			got, err := s.IdentityBySubject(t.Context(), id.Provider, "ann")
			want(t, err, nil)
			if diff := cmp.Diff(id, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"people are found by the one spelling of an address, those first who are confirmed", func(t *testing.T, s *store.Store) {
			subjects := []string{"Ada@example.com", "ada@example.com ", "ADA@Example.com", "ada@example.org"}
			for i, subject := range subjects {
				u, id := newUser(subject)
				id.Pending = i != 1
				want(t, s.CreateUser(t.Context(), u, id), nil)
			}
			u, id := newUser("ada@example.com")
			id.Provider, id.PasswordHash = model.ProviderAnonymous, ""
			want(t, s.CreateUser(t.Context(), u, id), nil)
			found, err := s.IdentitiesBySpelling(t.Context(), "\u00a0ａda@EXAMPLE.com", 10)
			want(t, err, nil)
			if len(found) != 3 || found[0].Subject != subjects[1] || !found[1].Pending || !found[2].Pending {
				t.Errorf("found %+v", found)
			}
			found, err = s.IdentitiesBySpelling(t.Context(), subjects[2], 1)
			if err != nil || len(found) != 1 || found[0].Subject != subjects[1] {
				t.Errorf("found %+v, %v", found, err)
			}
			for _, tt := range []struct {
				email string
				want  int
			}{{subjects[0], 3}, {subjects[1], 1}, {subjects[2], 3}, {"aDA@example.com", 3}, {"bob@example.com", 0}} {
				found, err = s.IdentitiesMeant(t.Context(), tt.email, 3)
				if err != nil || len(found) != tt.want || tt.want > 0 && found[0].Subject != subjects[1] {
					t.Errorf("by %q are meant %+v, %v", tt.email, found, err)
				}
			}
			found, err = s.IdentitiesBySpelling(t.Context(), "bob@example.com", 10)
			if err != nil || len(found) != 0 {
				t.Errorf("found %+v, %v", found, err)
			}
		}},
		{"a lone user is created beside nobody whose address looks the same, even at once", func(t *testing.T, s *store.Store) {
			u, id := newUser("Ada@example.com")
			want(t, s.CreateLoneUser(t.Context(), u, id), nil)
			for _, subject := range []string{"Ada@example.com", "ada@example.com", " ADA@EXAMPLE.COM"} {
				u, id := newUser(subject)
				want(t, s.CreateLoneUser(t.Context(), u, id), model.ErrConflict)
			}
			beside, id := newUser("ada@example.com")
			want(t, s.CreateUser(t.Context(), beside, id), nil)
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			want(t, s.DeleteUser(t.Context(), beside.ID), nil)
			made := make(chan error)
			for _, subject := range []string{"ada@example.com", "Ada@example.com", "aDa@example.com", "adA@example.com"} {
				go func() {
					u, id := newUser(subject)
					made <- s.CreateLoneUser(t.Context(), u, id)
				}()
			}
			n := 0
			for range 4 {
				if err := <-made; err == nil {
					n++
				} else {
					want(t, err, model.ErrConflict)
				}
			}
			if n != 1 {
				t.Errorf("%d were made", n)
			}
		}},
		{"the same subject of another provider is free", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			other, otherID := newUser("ann")
			otherID.Provider, otherID.PasswordHash = model.ProviderAnonymous, ""
			want(t, s.CreateUser(t.Context(), other, otherID), nil)
			got, err := s.IdentityBySubject(t.Context(), model.ProviderAnonymous, "ann")
			want(t, err, nil)
			if diff := cmp.Diff(otherID, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"a password hash is replaced only while it is the old one", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			want(t, s.CreateUser(t.Context(), u, id), nil)
			hash := func() string {
				got, err := s.IdentityBySubject(t.Context(), id.Provider, "ann")
				want(t, err, nil)
				return got.PasswordHash
			}
			want(t, s.ReplacePasswordHash(t.Context(), id.ID, "another", "new"), nil)
			if got := hash(); got != id.PasswordHash {
				t.Errorf("hash became %q", got)
			}
			want(t, s.ReplacePasswordHash(t.Context(), id.ID, id.PasswordHash, "new"), nil)
			if got := hash(); got != "new" {
				t.Errorf("hash is %q", got)
			}
			want(t, s.ReplacePasswordHash(t.Context(), model.NewID(base), "new", "newer"), nil)
		}},
		{"deleting a user takes everything of theirs and nothing else", proveDeleteUser},
	}
}

func proveDeleteUser(t *testing.T, s *store.Store) {
	ctx := t.Context()
	gone, id := newUser("ann")
	want(t, s.CreateUser(ctx, gone, id), nil)
	stays := addUser(t, s)
	goneKey, goneHash := addKey(t, s, gone.ID, "phone")
	keptKey, keptHash := addKey(t, s, stays.ID, "phone")
	goneSessions := []model.Session{addAuthSession(t, s, gone.ID, ""), addAuthSession(t, s, gone.ID, goneKey.ID)}
	keptSessions := []model.Session{addAuthSession(t, s, stays.ID, ""), addAuthSession(t, s, stays.ID, keptKey.ID)}

	want(t, s.DeleteUser(ctx, gone.ID), nil)
	want(t, s.DeleteUser(ctx, gone.ID), model.ErrNotFound)

	_, err := s.Identities(ctx, gone.ID)
	want(t, err, model.ErrNotFound)
	_, err = s.IdentityBySubject(ctx, id.Provider, id.Subject)
	want(t, err, model.ErrNotFound)
	_, err = s.APIKeyByValueHash(ctx, goneHash)
	want(t, err, model.ErrNotFound)
	for _, a := range goneSessions {
		_, err = s.AuthSession(ctx, a.ID)
		want(t, err, model.ErrNotFound)
	}
	want(t, s.CreateAuthSession(ctx, newAuthSession(gone.ID, ""), nil), model.ErrNotFound)

	_, err = s.Identities(ctx, stays.ID)
	want(t, err, nil)
	_, err = s.APIKeyByValueHash(ctx, keptHash)
	want(t, err, nil)
	for _, a := range keptSessions {
		_, err = s.AuthSession(ctx, a.ID)
		want(t, err, nil)
	}

	again, againID := newUser("ann")
	want(t, s.CreateUser(ctx, again, againID), nil)
}
