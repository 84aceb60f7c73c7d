package storetest

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func links() []contract {
	return []contract{
		{"a link tells whose it is for as long as it is good", func(t *testing.T, s *store.Store) {
			_, id := addPending(t, s)
			l := addLink(t, s, id, model.LinkConfirm)
			got, err := s.LinkedIdentity(t.Context(), l, base)
			want(t, err, nil)
			if got.ID != id.ID || !got.Pending {
				t.Errorf("link of %+v", got)
			}
			for what, change := range map[string]func(*model.Link){
				"another token":   func(l *model.Link) { l.TokenHash[0] ^= 1 },
				"another id":      func(l *model.Link) { l.ID = model.NewID(base) },
				"another purpose": func(l *model.Link) { l.Purpose = model.LinkReset },
			} {
				other := l
				change(&other)
				if _, err := s.LinkedIdentity(t.Context(), other, base); err == nil {
					t.Errorf("%s is as good", what)
				}
			}
			_, err = s.LinkedIdentity(t.Context(), l, l.ExpiresAt)
			want(t, err, model.ErrNotFound)
		}},
		{"a link for nobody is not made", func(t *testing.T, s *store.Store) {
			want(t, s.CreateLink(t.Context(), newLink(model.Identity{ID: model.NewID(base)}, model.LinkReset)), model.ErrNotFound)
		}},
		{"a confirmed identity is pending no more, and its links are used up", func(t *testing.T, s *store.Store) {
			u, id := addPending(t, s)
			used, other := addLink(t, s, id, model.LinkConfirm), addLink(t, s, id, model.LinkConfirm)
			want(t, s.ConfirmIdentity(t.Context(), used, base, eventOf(model.EventEmailConfirmed)), nil)
			got, err := s.IdentityBySubject(t.Context(), id.Provider, id.Subject)
			want(t, err, nil)
			if got.Pending {
				t.Error("it is still pending")
			}
			want(t, s.ConfirmIdentity(t.Context(), used, base, eventOf(model.EventEmailConfirmed)), model.ErrNotFound)
			want(t, s.ConfirmIdentity(t.Context(), other, base, eventOf(model.EventEmailConfirmed)), model.ErrNotFound)
			wantKinds(t, s, u.ID, model.EventEmailConfirmed)
		}},
		{"a link is used once by fifty at once", func(t *testing.T, s *store.Store) {
			u, id := addPending(t, s)
			l := addLink(t, s, id, model.LinkReset)
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, _ int) error {
				return s.ResetPassword(ctx, l, "new", base, eventOf(model.EventPasswordReset))
			}, model.ErrNotFound)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
			wantKinds(t, s, u.ID, model.EventPasswordReset)
		}},
		{"a reset password ends every session of the user and of nobody else", func(t *testing.T, s *store.Store) {
			u, id := addPending(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			held, byKey := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, k.ID)
			browser := addBrowser(t, s, held)
			other := addAuthSession(t, s, addUser(t, s).ID, "")
			want(t, s.ResetPassword(t.Context(), addLink(t, s, id, model.LinkReset), "new", base, eventOf(model.EventPasswordReset)), nil)
			for _, gone := range []string{held.ID, byKey.ID} {
				_, err := s.AuthSession(t.Context(), gone)
				want(t, err, model.ErrNotFound)
			}
			_, err := s.WebSession(t.Context(), browser.IDHash)
			want(t, err, model.ErrNotFound)
			_, err = s.AuthSession(t.Context(), other.ID)
			want(t, err, nil)
			got, err := s.IdentityBySubject(t.Context(), id.Provider, id.Subject)
			want(t, err, nil)
			if got.PasswordHash != "new" || got.Pending {
				t.Errorf("identity is %+v", got)
			}
		}},
		{"a changed password ends the other sessions and the links that would set one", proveChangePassword},
		{"a link from the future is not good before that", func(t *testing.T, s *store.Store) {
			_, id := addPending(t, s)
			l := addLink(t, s, id, model.LinkConfirm)
			early := base.Add(-model.MaxAhead - time.Millisecond)
			_, err := s.LinkedIdentity(t.Context(), l, early)
			want(t, err, model.ErrNotFound)
			want(t, s.ConfirmIdentity(t.Context(), l, early, eventOf(model.EventEmailConfirmed)), model.ErrNotFound)
			_, err = s.LinkedIdentity(t.Context(), l, base.Add(-model.MaxAhead))
			want(t, err, nil)
		}},
		{"what would end too late ends when it would have if it had begun now", proveBound},
		{"an address that nobody has confirmed is registered again, and nothing of before is left", func(t *testing.T, s *store.Store) {
			ctx, made := t.Context(), eventOf(model.EventAccountMade)
			u, id := newUser("ann")
			first, err := s.RegisterUser(ctx, u, id, false, made)
			want(t, err, nil)
			if first.ID != id.ID || !first.Pending {
				t.Errorf("registered is %+v", first)
			}
			confirm, reset := addLink(t, s, first, model.LinkConfirm), addLink(t, s, first, model.LinkReset)
			_, bob := addPending(t, s)
			others := addLink(t, s, bob, model.LinkConfirm)
			again, another := newUser("ann")
			another.Subject, another.PasswordHash = id.Subject, "another"
			second, err := s.RegisterUser(ctx, again, another, false, made)
			want(t, err, nil)
			got, err := s.IdentityBySubject(ctx, id.Provider, id.Subject)
			want(t, err, nil)
			if second != got || got.ID != first.ID || got.UserID != u.ID || got.PasswordHash != "another" || !got.Pending || got.Generation == first.Generation {
				t.Errorf("registered again is %+v, and kept %+v", second, got)
			}
			for _, gone := range []model.Link{confirm, reset} {
				_, err := s.LinkedIdentity(ctx, gone, base)
				want(t, err, model.ErrNotFound)
			}
			_, err = s.LinkedIdentity(ctx, others, base)
			want(t, err, nil)
			wantKinds(t, s, u.ID, model.EventAccountMade, model.EventAccountMade)
			want(t, s.ConfirmIdentity(ctx, addLink(t, s, second, model.LinkConfirm), base, eventOf(model.EventEmailConfirmed)), nil)
			_, err = s.RegisterUser(ctx, again, another, false, made)
			want(t, err, model.ErrConflict)
			_, err = s.User(ctx, again.ID)
			want(t, err, model.ErrNotFound)
		}},
		{"a sweep takes links that are too old", func(t *testing.T, s *store.Store) {
			_, id := addPending(t, s)
			l := addLink(t, s, id, model.LinkReset)
			want(t, s.Sweep(t.Context(), l.ExpiresAt.Add(-time.Millisecond), time.Hour), nil)
			_, err := s.LinkedIdentity(t.Context(), l, base)
			want(t, err, nil)
			want(t, s.Sweep(t.Context(), l.ExpiresAt, time.Hour), nil)
			_, err = s.LinkedIdentity(t.Context(), l, base)
			want(t, err, model.ErrNotFound)
		}},
	}
}

func proveBound(t *testing.T, s *store.Store) {
	const life = time.Hour
	u, id := addPending(t, s)
	ends := []time.Duration{life, life + model.MaxAhead, life + model.MaxAhead + time.Millisecond, 365 * 24 * time.Hour}
	var auth []model.Session
	var web []model.WebSession
	var grants []model.DeviceGrant
	for _, end := range ends {
		a, w := newAuthSession(u.ID, ""), newWebSession()
		g := model.DeviceGrant{ID: model.NewID(base), DeviceCodeHash: randomHash(), UserCode: model.NewID(base), CreatedAt: base}
		a.ExpiresAt, w.ExpiresAt, g.ExpiresAt = base.Add(end), base.Add(end), base.Add(end)
		want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
		want(t, s.CreateWebSession(t.Context(), w), nil)
		want(t, s.CreateGrant(t.Context(), g, 100), nil)
		auth, web, grants = append(auth, a), append(web, w), append(grants, g)
	}
	passed, early := newLink(id, model.LinkReset), newLink(id, model.LinkReset)
	passed.CreatedAt = base.Add(model.MaxAhead)
	early.CreatedAt, early.ExpiresAt = base.Add(12*time.Hour), base.Add(12*time.Hour+30*time.Minute)
	want(t, s.CreateLink(t.Context(), passed), nil)
	want(t, s.CreateLink(t.Context(), early), nil)

	for range 2 { // the second changes nothing
		want(t, s.Bound(t.Context(), base, store.Longest{AuthSession: life, WebSession: life, Grant: life}), nil)
		for i, end := range ends {
			wanted := base.Add(end)
			if end > life+model.MaxAhead {
				wanted = base.Add(life)
			}
			a, err := s.AuthSession(t.Context(), auth[i].ID)
			want(t, err, nil)
			w, err := s.WebSession(t.Context(), web[i].IDHash)
			want(t, err, nil)
			g, err := s.Grant(t.Context(), grants[i].ID)
			want(t, err, nil)
			for what, got := range map[string]time.Time{"auth session": a.ExpiresAt, "web session": w.ExpiresAt, "grant": g.ExpiresAt} {
				if !got.Equal(wanted) {
					t.Errorf("%s that would end after %v: ends at %v, want %v", what, end, got, wanted)
				}
			}
		}
	}
	_, err := s.LinkedIdentity(t.Context(), passed, base.Add(30*time.Minute-time.Millisecond))
	want(t, err, nil)
	_, err = s.LinkedIdentity(t.Context(), early, early.CreatedAt) // its time has come
	want(t, err, model.ErrNotFound)
}

func proveChangePassword(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, id := newUser("ann")
	want(t, s.CreateUser(ctx, u, id), nil)
	mine, others := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, "")
	myBrowser, otherBrowser := addBrowser(t, s, mine), addBrowser(t, s, others)
	reset := addLink(t, s, id, model.LinkReset)

	wrong := id
	wrong.PasswordHash = "not what is stored"
	want(t, s.ChangePassword(ctx, wrong, "new", mine.ID, newEvent(u.ID, model.EventPasswordChanged)), model.ErrConflict)
	_, err := s.AuthSession(ctx, others.ID)
	want(t, err, nil)
	wantKinds(t, s, u.ID)

	want(t, s.ChangePassword(ctx, id, "new", mine.ID, newEvent(u.ID, model.EventPasswordChanged)), nil)
	_, err = s.AuthSession(ctx, mine.ID)
	want(t, err, nil)
	_, err = s.WebSession(ctx, myBrowser.IDHash)
	want(t, err, nil)
	_, err = s.AuthSession(ctx, others.ID)
	want(t, err, model.ErrNotFound)
	_, err = s.WebSession(ctx, otherBrowser.IDHash)
	want(t, err, model.ErrNotFound)
	_, err = s.LinkedIdentity(ctx, reset, base)
	want(t, err, model.ErrNotFound)
	wantKinds(t, s, u.ID, model.EventPasswordChanged)
}

// addPending creates a user whose address is not confirmed.
func addPending(t *testing.T, s *store.Store) (model.User, model.Identity) {
	t.Helper()
	u, id := newUser("user-" + model.NewID(base))
	id.Pending = true
	want(t, s.CreateUser(t.Context(), u, id), nil)
	return u, id
}

func addLink(t *testing.T, s *store.Store, id model.Identity, purpose string) model.Link {
	t.Helper()
	l := newLink(id, purpose)
	want(t, s.CreateLink(t.Context(), l), nil)
	return l
}

// newLink returns a link to create. It is good for half an hour.
func newLink(id model.Identity, purpose string) model.Link {
	return model.Link{
		ID: model.NewID(base), TokenHash: randomHash(), IdentityID: id.ID, Purpose: purpose,
		CreatedAt: base, ExpiresAt: base.Add(30 * time.Minute),
	}
}

// eventOf tells what to record of the identity that a link is for.
func eventOf(kind model.EventKind) func(model.Identity) model.Event {
	return func(id model.Identity) model.Event { return newEvent(id.UserID, kind) }
}

// addBrowser signs a browser in that holds the session.
func addBrowser(t *testing.T, s *store.Store, a model.Session) model.WebSession {
	t.Helper()
	w := newWebSession()
	w.UserID, w.AuthSessionID = a.UserID, a.ID
	want(t, s.CreateWebSession(t.Context(), w), nil)
	return w
}
