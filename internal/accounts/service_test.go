package accounts_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"latchkey/handlers"
	"latchkey/handlers/servicetest"
	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

func TestAccountsKeepTheContractOfTheDashboard(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	servicetest.Run(t, func(t testing.TB) servicetest.Tenant { return newTenant(t, st) })
}

// service is what package app makes of accounts.
type service struct{ *accounts.Accounts }

func (s service) As(who model.Account, from model.Origin) handlers.Person {
	return s.Accounts.As(who, from)
}

func newTenant(t testing.TB, st *store.Store) servicetest.Tenant {
	clock := servicetest.NewClock()
	box := &postbox{}
	a := accounts.New(accounts.Config{
		PublicURL: "https://keys.example.org", Registration: true, MinPassword: 8, Mailer: box,
		PasswordCost: model.PasswordCost{Memory: 64, Passes: 1, Threads: 1}, Now: clock.Now,
	}, st)
	t.Cleanup(a.Drain)
	device := model.Origin{Address: "192.0.2.200", Agent: "a device", Actor: model.ActorDevice}
	goesOn := func(id string) bool {
		_, err := a.Session(context.Background(), id)
		return err == nil
	}
	return servicetest.Tenant{
		Service: service{a},
		Device: func(t testing.TB, value model.Secret) func() bool {
			session, err := a.SignInWithKey(t.Context(), device, value, nil)
			a.Drain()
			if err != nil {
				return nil
			}
			return func() bool { return goesOn(session.ID) }
		},
		GoesOn: func(_ testing.TB, who model.Account) bool { return goesOn(who.SessionID) },
		Events: func(t testing.TB, userID string) []model.Event {
			a.Drain()
			events, err := st.Events(t.Context(), userID, model.EventQuery{Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(events)
			return events
		},
		Link: func(t testing.TB, email string) model.GivenLink {
			a.Drain()
			return box.link(t, email)
		},
		Clock: clock, ReportsUsage: true,
	}
}

// postbox keeps emails.
type postbox struct {
	mu     sync.Mutex
	emails []accounts.Mail
}

func (p *postbox) Send(_ context.Context, m accounts.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emails = append(p.emails, m)
	return nil
}

// link is the last one that was sent to an address.
func (p *postbox) link(t testing.TB, to string) model.GivenLink {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range slices.Backward(p.emails) {
		if link, ok := servicetest.LinkIn(m.Text); ok && m.To == to {
			return link
		}
	}
	t.Fatalf("no link was sent to %s", to)
	return model.GivenLink{}
}
