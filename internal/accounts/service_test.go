package accounts_test

import (
	"context"
	"slices"
	"testing"

	"latchkey/handlers"
	"latchkey/handlers/servicetest"
	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func TestAccountsKeepTheContractOfTheDashboard(t *testing.T) {
	t.Parallel()
	st := testkit.Store(t)
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
		PublicURL: "https://keys.example.org", Registration: true, OwnersAdopt: true, MinPassword: 8, Mailer: box,
		PasswordCost: testkit.Cheap, Now: clock.Now,
	}, st)
	t.Cleanup(a.Drain)
	device := model.Origin{Address: "192.0.2.200", Agent: "a device", Actor: model.ActorDevice}
	goesOn := func(id string) bool {
		s, err := a.Session(context.Background(), id)
		return err == nil && !a.Ended(s.ExpiresAt)
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
			return box.Link(t, email)
		},
		Clock: clock, ReportsUsage: true,
	}
}

// postbox keeps emails.
type postbox struct{ servicetest.Postbox }

func (p *postbox) Send(_ context.Context, m accounts.Email) error {
	p.Keep(m.To, m.Text)
	return nil
}
