package storetest

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// ticketLife is how long links are good for here.
const ticketLife = time.Minute

func handovers() []contract {
	return []contract{
		{"a link tells whom it is of, and stays good", func(t *testing.T, s *store.Store) {
			u, asker := addAsker(t, s)
			ticket, h := addHandover(t, s, asker)
			for range 2 {
				got, err := s.Handover(t.Context(), ticket, base, ticketLife)
				want(t, err, nil)
				if got.UserID != u.ID || got.SessionID != asker.ID || got.ReturnTo != h.ReturnTo || !got.ExpiresAt.Equal(h.ExpiresAt) ||
					!got.SessionEnds.Equal(asker.ExpiresAt) || got.IdentityID != asker.IdentityID || got.Provider != asker.Provider || got.Email == "" {
					t.Errorf("got %+v", got)
				}
			}
			_, err := s.Handover(t.Context(), randomHash(), base, ticketLife)
			want(t, err, model.ErrNotFound)
		}},
		{"a link is good until it expires, and one of a clock that was ahead never", func(t *testing.T, s *store.Store) {
			_, asker := addAsker(t, s)
			ticket, h := addHandover(t, s, asker)
			for at, good := range map[time.Duration]bool{
				0: true, ticketLife - time.Millisecond: true, ticketLife: false, 50 * time.Minute: false, -model.MaxAhead: true, -model.MaxAhead - time.Millisecond: false, -time.Hour: false,
			} {
				_, err := s.Handover(t.Context(), ticket, base.Add(at), ticketLife)
				if (err == nil) != good {
					t.Errorf("%v after it was created: %v", at, err)
				}
				if !good {
					want(t, s.OpenHandover(t.Context(), ticket, h, handed(h), base.Add(at), ticketLife), model.ErrNotFound)
				}
			}
			want(t, s.Bound(t.Context(), base.Add(-24*time.Hour), store.Longest{}), nil) // the clock was ahead by a day
			_, err := s.Handover(t.Context(), ticket, base, ticketLife)
			want(t, err, model.ErrNotFound)
		}},
		{"a proof goes along if it is recent", func(t *testing.T, s *store.Store) {
			for proved, goesAlong := range map[time.Duration]bool{
				-5 * time.Minute: true, -5*time.Minute - time.Millisecond: false, 0: true, model.MaxAhead: true, model.MaxAhead + time.Millisecond: false,
			} {
				_, asker := addAsker(t, s)
				want(t, s.ConfirmAuthSession(t.Context(), asker.UserID, asker.ID, base.Add(proved)), nil)
				ticket, _ := addHandover(t, s, asker)
				h, err := s.Handover(t.Context(), ticket, base, ticketLife)
				want(t, err, nil)
				if h.ProvedAt.IsZero() == goesAlong {
					t.Errorf("proved %v before: %v", -proved, h.ProvedAt)
				}
			}
		}},
		{"only a person's own session that goes on is handed over", func(t *testing.T, s *store.Store) {
			u, asker := addAsker(t, s)
			k, _ := addKey(t, s, u.ID, "porch")
			byKey := addAuthSession(t, s, u.ID, k.ID)
			stranger := addUser(t, s)
			for name, h := range map[string]model.Handover{
				"of a key":        {UserID: u.ID, SessionID: byKey.ID},
				"somebody else's": {UserID: stranger.ID, SessionID: asker.ID},
				"of none":         {UserID: u.ID, SessionID: model.NewID(base)},
			} {
				h.ExpiresAt = base.Add(ticketLife)
				if err := s.CreateHandover(t.Context(), randomHash(), h, base, base); err == nil {
					t.Errorf("%s: handed over", name)
				}
			}
			h := model.Handover{UserID: u.ID, SessionID: asker.ID, ExpiresAt: asker.ExpiresAt.Add(ticketLife)}
			want(t, s.CreateHandover(t.Context(), randomHash(), h, base, asker.ExpiresAt), model.ErrNotFound)
		}},
		{"of many at once one opens a link", func(t *testing.T, s *store.Store) {
			u, asker := addAsker(t, s)
			ticket, h := addHandover(t, s, asker)
			counts := testkit.AtOnce(t, 20, func(ctx context.Context, _ int) error {
				e := model.Event{UserID: u.ID, At: base, Kind: model.EventHandedOver, Actor: model.ActorBrowser, Detail: "app.example.org"}
				return s.OpenHandover(ctx, ticket, h, handed(h), base, ticketLife, e)
			}, model.ErrNotFound)
			sessions, err := s.AuthSessions(t.Context(), u.ID, base)
			want(t, err, nil)
			events, err := s.Events(t.Context(), u.ID, model.EventQuery{Kinds: []model.EventKind{model.EventHandedOver}, Limit: 100})
			want(t, err, nil)
			if counts[nil] != 1 || counts[model.ErrNotFound] != 19 || len(sessions) != 2 || len(events) != 1 {
				t.Errorf("outcomes %v, %d sessions, %d events", counts, len(sessions), len(events))
			}
			_, err = s.Handover(t.Context(), ticket, base, ticketLife)
			want(t, err, model.ErrNotFound)
		}},
		{"what a link opened ends with the session that asked", proveHandedEnds},
		{"what a link opened leaves the session that asked", func(t *testing.T, s *store.Store) {
			u, asker := addAsker(t, s)
			w, _ := openHandover(t, s, asker)
			want(t, s.DeleteWebSession(t.Context(), w.IDHash), nil)
			if left, err := s.AuthSessions(t.Context(), u.ID, base); err != nil || len(left) != 1 || left[0].ID != asker.ID {
				t.Errorf("left are %v, %v", left, err)
			}
			ticket, _ := addHandover(t, s, asker) // and may ask again
			_, err := s.Handover(t.Context(), ticket, base, ticketLife)
			want(t, err, nil)
		}},
		{"a link that makes room leaves the session that asked", func(t *testing.T, s *store.Store) {
			u, asker := addAsker(t, s)
			others := make([]model.Session, store.MaxAuthSessions-1)
			for i := range others {
				others[i] = addAuthSession(t, s, u.ID, "")
			}
			w, opened := openHandover(t, s, asker)
			_, err := s.WebSession(t.Context(), w.IDHash)
			want(t, err, nil)
			left, err := s.AuthSessions(t.Context(), u.ID, base)
			want(t, err, nil)
			if len(left) != store.MaxAuthSessions {
				t.Errorf("%d sessions are left", len(left))
			}
			for id, stays := range map[string]bool{asker.ID: true, opened.ID: true, others[0].ID: false, others[1].ID: true} {
				if _, err := s.AuthSession(t.Context(), id); (err == nil) != stays {
					t.Errorf("%s stays: %v", id, err)
				}
			}
			// The next sign-in ends the oldest, and what that has opened: there is room for another then.
			addAuthSession(t, s, u.ID, "")
			added := addAuthSession(t, s, u.ID, "")
			left, err = s.AuthSessions(t.Context(), u.ID, base)
			want(t, err, nil)
			_, gone := s.WebSession(t.Context(), w.IDHash)
			want(t, gone, model.ErrNotFound)
			if _, err := s.AuthSession(t.Context(), added.ID); err != nil || len(left) != store.MaxAuthSessions {
				t.Errorf("%d sessions are left, %v", len(left), err)
			}
		}},
		{"some links of a user wait at most, and a new one is among them", func(t *testing.T, s *store.Store) {
			_, asker := addAsker(t, s)
			_, opened := openHandover(t, s, asker)
			var tickets [][32]byte
			for i := range 25 {
				now := base
				if i == 24 { // by a clock that was set back
					now = base.Add(-30 * time.Second)
				}
				ticket := randomHash()
				h := model.Handover{UserID: asker.UserID, SessionID: asker.ID, ExpiresAt: now.Add(ticketLife)}
				want(t, s.CreateHandover(t.Context(), ticket, h, now, now), nil)
				tickets = append(tickets, ticket)
			}
			good := 0
			for _, ticket := range tickets {
				if _, err := s.Handover(t.Context(), ticket, base, ticketLife); err == nil {
					good++
				}
			}
			_, err := s.Handover(t.Context(), tickets[24], base, ticketLife)
			want(t, err, nil)
			_, err = s.AuthSession(t.Context(), opened.ID)
			want(t, err, nil)
			if good != 10 {
				t.Errorf("%d links wait", good)
			}
		}},
		{"a sweep takes links that have expired and leaves what goes on", func(t *testing.T, s *store.Store) {
			_, asker := addAsker(t, s)
			_, opened := openHandover(t, s, asker)
			ticket, _ := addHandover(t, s, asker)
			want(t, s.Sweep(t.Context(), base.Add(ticketLife), time.Hour), nil)
			_, err := s.Handover(t.Context(), ticket, base, ticketLife)
			want(t, err, model.ErrNotFound)
			_, err = s.AuthSession(t.Context(), opened.ID)
			want(t, err, nil)
			want(t, s.Sweep(t.Context(), opened.ExpiresAt, 24*time.Hour), nil)
			_, err = s.AuthSession(t.Context(), opened.ID)
			want(t, err, model.ErrNotFound)
			_, err = s.AuthSession(t.Context(), asker.ID)
			want(t, err, nil)
		}},
	}
}

// proveHandedEnds ends a session that asked for a link in every way.
func proveHandedEnds(t *testing.T, s *store.Store) {
	for name, end := range map[string]func(u model.User, id model.Identity, asker model.Session) error{
		"its app signed out": func(u model.User, _ model.Identity, asker model.Session) error {
			return s.DeleteAuthSession(t.Context(), u.ID, asker.ID)
		},
		"all were ended from beside": func(u model.User, _ model.Identity, _ model.Session) error {
			_, err := s.DeleteOtherAuthSessions(t.Context(), u.ID, "")
			return err
		},
		"the password was changed": func(_ model.User, id model.Identity, _ model.Session) error {
			return s.ChangePassword(t.Context(), id, "another", "")
		},
		"the user was disabled": func(u model.User, _ model.Identity, _ model.Session) error {
			return s.DisableUser(t.Context(), u.ID, base)
		},
		"the user was deleted": func(u model.User, _ model.Identity, _ model.Session) error { return s.DeleteUser(t.Context(), u.ID) },
		"it was swept": func(_ model.User, _ model.Identity, asker model.Session) error {
			return s.Sweep(t.Context(), asker.ExpiresAt, time.Hour)
		},
	} {
		u, id := newUser("handed-" + model.NewID(base))
		want(t, s.CreateUser(t.Context(), u, id), nil)
		asker := newAuthSession(u.ID, "")
		asker.IdentityID = id.ID
		want(t, s.CreateAuthSession(t.Context(), asker, nil), nil)
		w, opened := openHandover(t, s, asker)
		ticket, h := addHandover(t, s, asker)
		got, err := s.WebSession(t.Context(), w.IDHash)
		want(t, err, nil)
		if !got.FromApp || got.ReturnTo != w.ReturnTo || got.Email != id.Subject {
			t.Errorf("the browser is %+v", got)
		}
		want(t, end(u, id, asker), nil)
		_, err = s.WebSession(t.Context(), w.IDHash)
		_, authErr := s.AuthSession(t.Context(), opened.ID)
		_, linkErr := s.Handover(t.Context(), ticket, base, ticketLife)
		if err == nil || authErr == nil || linkErr == nil {
			t.Errorf("when %s: the browser %v, its session %v, another link %v", name, err, authErr, linkErr)
		}
		want(t, s.OpenHandover(t.Context(), ticket, h, handed(h), base, ticketLife), model.ErrNotFound)
	}
}

// addAsker is somebody with a session that an app has.
func addAsker(t *testing.T, s *store.Store) (model.User, model.Session) {
	t.Helper()
	u := addUser(t, s)
	return u, addAuthSession(t, s, u.ID, "")
}

// addHandover is a link that such a session asks for, and when it is asked for, the time is base.
func addHandover(t *testing.T, s *store.Store, asker model.Session) ([32]byte, model.Handover) {
	t.Helper()
	ticket := randomHash()
	h := model.Handover{
		UserID: asker.UserID, SessionID: asker.ID, ReturnTo: "https://app.example.org/settings", ExpiresAt: base.Add(ticketLife),
	}
	want(t, s.CreateHandover(t.Context(), ticket, h, base.Add(-5*time.Minute), base), nil)
	return ticket, h
}

// handed is a session for a link to open.
func handed(h model.Handover) model.Session {
	a := newAuthSession(h.UserID, "")
	a.ExpiresAt = base.Add(30 * time.Minute)
	return a
}

// openHandover is a browser that a link has opened, and the session that it holds.
func openHandover(t *testing.T, s *store.Store, asker model.Session) (model.WebSession, model.Session) {
	t.Helper()
	ticket, h := addHandover(t, s, asker)
	a, w := handed(h), newWebSession()
	want(t, s.OpenHandover(t.Context(), ticket, h, a, base, ticketLife), nil)
	w.UserID, w.AuthSessionID, w.FromApp, w.ReturnTo = h.UserID, a.ID, true, h.ReturnTo
	want(t, s.CreateWebSession(t.Context(), w), nil)
	return w, a
}
