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

func linking() []contract {
	return []contract{
		{"an address moves from an account that was never used, of which nothing is left", proveMoved},
		{"what somebody uses is not moved", proveNotMoved},
		{"an identity that nobody has is added, up to a limit, and is nobody else's then", proveAdded},
		{"an identity is unlinked with the sessions that it opened, and never the last one or another's", proveUnlinked},
		{"an identity that is unlinked at that moment opens a session that ends with it, or none", proveUnlinkedAtOnce},
		{"a session that has ended links nothing", func(t *testing.T, s *store.Store) {
			a, id := addAnonymous(t, s), addUnused(t, s)
			want(t, s.DeleteAuthSession(t.Context(), a.UserID, a.ID), nil)
			_, err := s.LinkIdentity(t.Context(), a.ID, linkTo(a, id))
			want(t, err, model.ErrNotFound)
			_, err = s.User(t.Context(), id.UserID)
			want(t, err, nil)
		}},
		{"of many who link the same address one gets it", func(t *testing.T, s *store.Store) {
			id := addUnused(t, s)
			callers := make([]model.Session, 20)
			for i := range callers {
				callers[i] = addAnonymous(t, s)
			}
			counts := testkit.AtOnce(t, len(callers), func(ctx context.Context, i int) error {
				_, err := s.LinkIdentity(ctx, callers[i].ID, linkTo(callers[i], id))
				return err
			}, model.ErrConflict)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"an account that is signed in to at that moment is signed in to or linked", func(t *testing.T, s *store.Store) {
			proveEither(t, s, func(ctx context.Context, id model.Identity) error {
				a := newAuthSession(id.UserID, "")
				a.IdentityID = id.ID
				return s.CreateAuthSession(ctx, a, nil)
			})
		}},
		{"an account that gets a key at that moment gets it or is linked", func(t *testing.T, s *store.Store) {
			proveEither(t, s, func(ctx context.Context, id model.Identity) error {
				k, hash := newKey(id.UserID, "adopted")
				k.Origin = model.OriginAdopted
				return s.CreateAPIKey(ctx, k, hash, 20)
			})
		}},
		{"an account that goes at that moment takes along what it linked, or links nothing", func(t *testing.T, s *store.Store) {
			for range 20 {
				a, id := addAnonymous(t, s), addUnused(t, s)
				var linked bool
				testkit.AtOnce(t, 2, func(ctx context.Context, i int) error {
					if i == 0 {
						return s.DeleteUser(ctx, a.UserID)
					}
					_, err := s.LinkIdentity(ctx, a.ID, linkTo(a, id))
					linked = err == nil
					return err
				}, model.ErrNotFound)
				_, err := s.IdentityBySubject(t.Context(), id.Provider, id.Subject)
				if linked {
					want(t, err, model.ErrNotFound)
				} else {
					want(t, err, nil)
				}
			}
		}},
		{"accounts that link each other's addresses wait for nobody without end", func(t *testing.T, s *store.Store) {
			ids := []model.Identity{addUnused(t, s), addUnused(t, s)}
			sessions := []model.Session{addAuthSession(t, s, ids[0].UserID, ""), addAuthSession(t, s, ids[1].UserID, "")}
			counts := testkit.AtOnce(t, 60, func(ctx context.Context, i int) error {
				_, err := s.LinkIdentity(ctx, sessions[i%2].ID, linkTo(sessions[i%2], ids[1-i%2]))
				return err
			}, model.ErrConflict)
			if counts[model.ErrConflict] != 60 {
				t.Errorf("outcomes %v", counts)
			}
		}},
	}
}

func proveMoved(t *testing.T, s *store.Store) {
	ctx := t.Context()
	id := addUnused(t, s) // before the session, and listed behind its identity all the same
	reset := addLink(t, s, id, model.LinkReset)
	a := addAnonymous(t, s)
	device := addSessionByKey(t, s, a.UserID)
	linked, err := s.LinkIdentity(ctx, a.ID, linkTo(a, id), newEvent(a.UserID, model.EventIdentityLinked))
	want(t, err, nil)
	if !linked {
		t.Error("nothing was linked")
	}
	all, err := s.Identities(ctx, a.UserID)
	want(t, err, nil)
	if len(all) != 2 || all[0].Provider != model.ProviderAnonymous || all[1].Subject != id.Subject || all[1].PasswordHash != id.PasswordHash || all[1].Pending {
		t.Errorf("identities are %+v", all)
	}
	now, err := s.AuthSession(ctx, a.ID)
	want(t, err, nil)
	a.Provider, a.IdentityID = id.Provider, all[1].ID
	if diff := cmp.Diff(a, now); diff != "" {
		t.Errorf("the session: %s", diff)
	}
	if left, err := s.AuthSession(ctx, device.ID); err != nil || left.Provider != model.ProviderAPIKey {
		t.Errorf("the session of a key is %+v, %v", left, err)
	}
	_, err = s.User(ctx, id.UserID)
	want(t, err, model.ErrNotFound)
	_, err = s.LinkedIdentity(ctx, reset, base)
	want(t, err, model.ErrNotFound)
	wantKinds(t, s, id.UserID)
	wantKinds(t, s, a.UserID, model.EventIdentityLinked)

	// Once more, it is there already.
	linked, err = s.LinkIdentity(ctx, a.ID, linkTo(a, all[1]), newEvent(a.UserID, model.EventIdentityLinked))
	if err != nil || linked {
		t.Errorf("linked again: %v, %v", linked, err)
	}
	wantKinds(t, s, a.UserID, model.EventIdentityLinked)

	// The account stays when its sessions are over: somebody can sign in to it.
	want(t, s.DeleteAuthSession(ctx, a.UserID, a.ID), nil)
	want(t, s.DeleteAuthSession(ctx, a.UserID, device.ID), nil)
	keys, err := s.APIKeys(ctx, a.UserID)
	want(t, err, nil)
	_, err = s.DeleteAPIKey(ctx, a.UserID, keys[0].ID)
	want(t, err, nil)
	want(t, s.Sweep(ctx, base.Add(1000*time.Hour), time.Hour), nil)
	_, err = s.User(ctx, a.UserID)
	want(t, err, nil)
}

func proveNotMoved(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a := addAnonymous(t, s)
	used, keyed, disabled, changed := addUnused(t, s), addUnused(t, s), addUnused(t, s), addUnused(t, s)
	want(t, s.DeleteAuthSession(ctx, used.UserID, addAuthSession(t, s, used.UserID, "").ID), nil)
	k, hash := newKey(keyed.UserID, "adopted")
	k.Origin = model.OriginAdopted
	want(t, s.CreateAPIKey(ctx, k, hash, 20), nil)
	_, err := s.DeleteAPIKey(ctx, keyed.UserID, k.ID)
	want(t, err, nil)
	want(t, s.DisableUser(ctx, disabled.UserID, base), nil)
	want(t, s.ChangePassword(ctx, changed, "another", ""), nil)
	u, byOperator := newUser("by-operator")
	want(t, s.CreateUser(ctx, u, byOperator), nil)
	_, pending := addPending(t, s)
	for name, id := range map[string]model.Identity{
		"used": used, "with a key": keyed, "disabled": disabled, "with another password": changed, "by the operator": byOperator, "pending": pending,
	} {
		_, err := s.LinkIdentity(ctx, a.ID, linkTo(a, id), newEvent(a.UserID, model.EventIdentityLinked))
		if got, is := s.IdentityBySubject(ctx, id.Provider, id.Subject); is != nil || got.UserID != id.UserID {
			t.Errorf("%s is %+v, %v", name, got, is)
		}
		want(t, err, model.ErrConflict)
	}
	gone := addUnused(t, s)
	want(t, s.DeleteUser(ctx, gone.UserID), nil)
	_, err = s.LinkIdentity(ctx, a.ID, linkTo(a, gone))
	want(t, err, model.ErrConflict)
	wantKinds(t, s, a.UserID)

	first, second := addUnused(t, s), addUnused(t, s)
	_, err = s.LinkIdentity(ctx, a.ID, linkTo(a, first))
	want(t, err, nil)
	_, err = s.LinkIdentity(ctx, a.ID, linkTo(a, second))
	want(t, err, model.ErrLimit)
	_, err = s.User(ctx, second.UserID)
	want(t, err, nil)
}

func proveAdded(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a, other := addAnonymous(t, s), addAnonymous(t, s)
	for i := range store.MaxIdentities {
		id := linkTo(a, model.Identity{Provider: model.ProviderCustomToken, Subject: fmt.Sprint("subject ", i), Data: `{"name":"Ada"}`})
		linked, err := s.LinkIdentity(ctx, a.ID, id)
		if i == store.MaxIdentities-1 { // the anonymous one is one of them
			want(t, err, model.ErrLimit)
			break
		}
		want(t, err, nil)
		got, err := s.IdentityBySubject(ctx, id.Provider, id.Subject)
		want(t, err, nil)
		if diff := cmp.Diff(id, got); !linked || diff != "" {
			t.Error(linked, diff)
		}
	}
	now, err := s.AuthSession(ctx, a.ID)
	want(t, err, nil)
	if got, err := s.IdentityBySubject(ctx, model.ProviderCustomToken, "subject 0"); err != nil || now.IdentityID != got.ID {
		t.Errorf("the session is of %s, and the first was %+v, %v", now.IdentityID, got, err)
	}
	_, err = s.LinkIdentity(ctx, other.ID, linkTo(other, model.Identity{Provider: model.ProviderCustomToken, Subject: "subject 0"}))
	want(t, err, model.ErrConflict)
	_, err = s.LinkIdentity(ctx, other.ID, linkTo(other, model.Identity{Provider: model.ProviderGoogle, Subject: "subject 0"}))
	want(t, err, nil)
}

func proveUnlinked(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, email := newUser("unlinks")
	want(t, s.CreateUser(ctx, u, email), nil)
	own, device := addAuthSession(t, s, u.ID, ""), addSessionByKey(t, s, u.ID)
	google, apple := addLinked(t, s, own, model.ProviderGoogle), addLinked(t, s, own, model.ProviderApple)
	other := addAnonymous(t, s)
	last := addLinked(t, s, other, model.ProviderGoogle) // its session is of it from now on
	opened := func(id model.Identity) model.Session {
		a := newAuthSession(id.UserID, "")
		a.Provider, a.IdentityID = id.Provider, id.ID
		want(t, s.CreateAuthSession(ctx, a, nil), nil)
		return a
	}
	byGoogle, byApple := opened(google), opened(apple)
	w := newWebSession()
	w.UserID, w.AuthSessionID = u.ID, byGoogle.ID
	want(t, s.CreateWebSession(ctx, w), nil)

	e := newEvent(u.ID, model.EventIdentityUnlinked)
	want(t, s.UnlinkIdentity(ctx, u.ID, email.ID, "", e), model.ErrConflict)
	want(t, s.UnlinkIdentity(ctx, u.ID, last.ID, "", e), model.ErrNotFound)
	want(t, s.UnlinkIdentity(ctx, u.ID, model.NewID(base), "", e), model.ErrNotFound)
	want(t, s.UnlinkIdentity(ctx, other.UserID, last.ID, ""), model.ErrConflict) // an anonymous identity works once
	for _, a := range []model.Session{own, device, byGoogle, byApple, other} {
		_, err := s.AuthSession(ctx, a.ID)
		want(t, err, nil)
	}
	kinds := func() (n int) {
		events, err := s.Events(ctx, u.ID, model.EventQuery{Kinds: []model.EventKind{model.EventIdentityUnlinked}, Limit: 9})
		want(t, err, nil)
		return len(events)
	}
	if n := kinds(); n != 0 {
		t.Errorf("%d events of what did not happen", n)
	}

	want(t, s.UnlinkIdentity(ctx, u.ID, google.ID, "", e), nil)
	want(t, s.UnlinkIdentity(ctx, u.ID, google.ID, "", newEvent(u.ID, model.EventIdentityUnlinked)), model.ErrNotFound)
	_, err := s.IdentityBySubject(ctx, google.Provider, google.Subject)
	want(t, err, model.ErrNotFound)
	_, err = s.AuthSession(ctx, byGoogle.ID)
	want(t, err, model.ErrNotFound)
	_, err = s.WebSession(ctx, w.IDHash)
	want(t, err, model.ErrNotFound)
	for _, a := range []model.Session{own, device, byApple, other} {
		_, err := s.AuthSession(ctx, a.ID)
		want(t, err, nil)
	}
	if n := kinds(); n != 1 {
		t.Errorf("%d events", n)
	}

	// It is nobody's now, and may be linked again.
	again := addLinked(t, s, own, model.ProviderGoogle)
	want(t, s.UnlinkIdentity(ctx, u.ID, again.ID, ""), nil)
}

func proveUnlinkedAtOnce(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, email := newUser("unlinks-at-once")
	want(t, s.CreateUser(ctx, u, email), nil)
	own := addAuthSession(t, s, u.ID, "")
	for range 20 {
		id := addLinked(t, s, own, model.ProviderGoogle)
		a := newAuthSession(u.ID, "")
		a.Provider, a.IdentityID = id.Provider, id.ID
		testkit.AtOnce(t, 2, func(ctx context.Context, i int) error {
			if i == 0 {
				return s.CreateAuthSession(ctx, a, nil)
			}
			return s.UnlinkIdentity(ctx, u.ID, id.ID, "")
		}, model.ErrNotFound)
		_, err := s.AuthSession(ctx, a.ID)
		want(t, err, model.ErrNotFound)
		_, err = s.IdentityBySubject(ctx, id.Provider, id.Subject)
		want(t, err, model.ErrNotFound)
	}
}

// addLinked links an identity of a provider to the user of a session.
func addLinked(t *testing.T, s *store.Store, a model.Session, provider string) model.Identity {
	t.Helper()
	id := linkTo(a, model.Identity{Provider: provider, Subject: "subject of " + model.NewID(base)})
	_, err := s.LinkIdentity(t.Context(), a.ID, id)
	want(t, err, nil)
	return id
}

// proveEither has somebody use an account while another links it: one of the two comes too late.
func proveEither(t *testing.T, s *store.Store, use func(context.Context, model.Identity) error) {
	for range 20 {
		a, id := addAnonymous(t, s), addUnused(t, s)
		counts := testkit.AtOnce(t, 2, func(ctx context.Context, i int) error {
			if i == 0 {
				return use(ctx, id)
			}
			_, err := s.LinkIdentity(ctx, a.ID, linkTo(a, id))
			return err
		}, model.ErrConflict, model.ErrNotFound)
		if counts[nil] != 1 {
			t.Fatalf("outcomes %v", counts)
		}
	}
}

// addAnonymous creates a user without credentials and their session.
func addAnonymous(t *testing.T, s *store.Store) model.Session {
	t.Helper()
	u, id := newUser("anonymous-" + model.NewID(base))
	id.Provider, id.PasswordHash = model.ProviderAnonymous, ""
	want(t, s.CreateUser(t.Context(), u, id), nil)
	a := newAuthSession(u.ID, "")
	a.Provider, a.IdentityID = id.Provider, id.ID
	want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
	return a
}

// addUnused creates a user as a registration does.
func addUnused(t *testing.T, s *store.Store) model.Identity {
	t.Helper()
	u, id := newUser("user-" + model.NewID(base))
	u.Unused = true
	want(t, s.CreateUser(t.Context(), u, id, newEvent(u.ID, model.EventAccountMade)), nil)
	return id
}

// linkTo is an identity as it is when the user of a session has it.
func linkTo(a model.Session, id model.Identity) model.Identity {
	id.ID, id.UserID, id.CreatedAt = model.NewID(base), a.UserID, base
	return id
}

// addSessionByKey creates a key of a user and a session that it opened.
func addSessionByKey(t *testing.T, s *store.Store, userID string) model.Session {
	t.Helper()
	k, _ := addKey(t, s, userID, "device")
	return addAuthSession(t, s, userID, k.ID)
}
