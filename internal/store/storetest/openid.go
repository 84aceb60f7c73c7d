package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func openID() []contract {
	return []contract{
		{"a ticket connects once, for as long as it is good and the password is the same", proveTicket},
		{"of many who use a ticket at once one does", func(t *testing.T, s *store.Store) {
			ticket := addTicket(t, s, "at-once")
			counts := testkit.AtOnce(t, 10, func(ctx context.Context, _ int) error {
				_, err := s.UseTicket(ctx, ticket, connected(ticket), 0)
				return err
			}, model.ErrNotFound)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"an account has five tickets at most, and takes them along", func(t *testing.T, s *store.Store) {
			first := addTicket(t, s, "many")
			last := first
			for i := range 5 {
				last.Hash, last.ExpiresAt = sha256.Sum256([]byte{byte(i)}), first.ExpiresAt.Add(time.Duration(i+1)*time.Second)
				want(t, s.KeepTicket(t.Context(), last), nil)
			}
			_, err := s.Ticket(t.Context(), first.Hash, base)
			want(t, err, model.ErrNotFound)
			_, err = s.Ticket(t.Context(), last.Hash, base)
			want(t, err, nil)
			want(t, s.DeleteUser(t.Context(), first.UserID), nil)
			_, err = s.Ticket(t.Context(), last.Hash, base)
			want(t, err, model.ErrNotFound)
			want(t, s.KeepTicket(t.Context(), last), model.ErrNotFound)
		}},
		{"what is of another provider with OpenID Connect is unlinked as others are", func(t *testing.T, s *store.Store) {
			u, email := newUser("openid-unlinks")
			want(t, s.CreateUser(t.Context(), u, email), nil)
			id := addLinked(t, s, addAuthSession(t, s, u.ID, ""), model.OpenIDPrefix+"acme")
			a := newAuthSession(u.ID, "")
			a.Provider, a.IdentityID = id.Provider, id.ID
			want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
			want(t, s.UnlinkIdentity(t.Context(), u.ID, id.ID, ""), nil)
			_, err := s.AuthSession(t.Context(), a.ID)
			want(t, err, model.ErrNotFound)
			want(t, s.CreateAuthSession(t.Context(), a, nil), model.ErrNotFound)

			alone, only := newUser("openid-alone")
			only.Provider = model.OpenIDPrefix + "acme"
			want(t, s.CreateUser(t.Context(), alone, only), nil)
			want(t, s.UnlinkIdentity(t.Context(), alone.ID, only.ID, ""), model.ErrConflict)
		}},
	}
}

// addTicket is a ticket of a new account.
func addTicket(t *testing.T, s *store.Store, called string) model.OpenIDTicket {
	t.Helper()
	u, id := newUser(called)
	want(t, s.CreateUser(t.Context(), u, id), nil)
	ticket := model.OpenIDTicket{
		Hash: sha256.Sum256([]byte(called)), IdentityID: id.ID, UserID: u.ID, Email: id.Subject, ExpiresAt: base.Add(10 * time.Minute),
		Who: model.Proved{Provider: model.OpenIDPrefix + "acme", Subject: "subject of " + called, Email: "ada@example.org", Data: `{"name":"Ada"}`},
	}
	want(t, s.KeepTicket(t.Context(), ticket), nil)
	return ticket
}

// connected is the identity that a ticket stands for.
func connected(ticket model.OpenIDTicket) model.Identity {
	return model.Identity{
		ID: model.NewID(base), UserID: ticket.UserID, Provider: ticket.Who.Provider, Subject: ticket.Who.Subject, Email: ticket.Who.Email,
		Data: ticket.Who.Data, CreatedAt: base,
	}
}

func proveTicket(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ticket := addTicket(t, s, "ticket")
	got, err := s.Ticket(ctx, ticket.Hash, base)
	want(t, err, nil)
	got.ExpiresAt = ticket.ExpiresAt
	if fmt.Sprintf("%#v", got.Who) != fmt.Sprintf("%#v", ticket.Who) || got.Email != ticket.Email || got.UserID != ticket.UserID || got.IdentityID != ticket.IdentityID {
		t.Error("the ticket is another than was kept")
	}
	for name, at := range map[string]time.Time{"too late": base.Add(10 * time.Minute), "a clock was ahead": base.Add(-time.Hour)} {
		if _, err := s.Ticket(ctx, ticket.Hash, at); err == nil {
			t.Errorf("it is good although it is %s", name)
		}
	}
	linked := newEvent(ticket.UserID, model.EventIdentityLinked)
	_, err = s.UseTicket(ctx, ticket, connected(ticket), 1, linked)
	want(t, err, model.ErrNotFound) // the password was changed
	id, err := s.UseTicket(ctx, ticket, connected(ticket), 0, linked)
	want(t, err, nil)
	found, err := s.IdentityBySubject(ctx, ticket.Who.Provider, ticket.Who.Subject)
	want(t, err, nil)
	if found.ID != id.ID || found.UserID != ticket.UserID || found.Email != "ada@example.org" || found.Data != `{"name":"Ada"}` {
		t.Errorf("connected is %+v", found)
	}
	_, err = s.UseTicket(ctx, ticket, connected(ticket), 0)
	want(t, err, model.ErrNotFound)

	// What the user has already stays, and what somebody else has is not taken from them.
	again := ticket
	again.Hash[0]++
	want(t, s.KeepTicket(ctx, again), nil)
	id, err = s.UseTicket(ctx, again, connected(ticket), 0, newEvent(ticket.UserID, model.EventIdentityLinked))
	want(t, err, nil)
	other := addTicket(t, s, "other")
	_, err = s.UseTicket(ctx, other, model.Identity{ID: model.NewID(base), UserID: other.UserID, Provider: ticket.Who.Provider, Subject: ticket.Who.Subject}, 0)
	want(t, err, model.ErrConflict)
	events, err := s.Events(ctx, ticket.UserID, model.EventQuery{Limit: 9})
	want(t, err, nil)
	if id.ID != found.ID || len(events) != 1 {
		t.Errorf("connected as %s and not %s, with %d events", id.ID, found.ID, len(events))
	}
	want(t, s.Sweep(ctx, base.Add(time.Hour), time.Hour), nil)
}
