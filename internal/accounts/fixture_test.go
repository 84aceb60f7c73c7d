package accounts

import (
	"context"
	"sync"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

const (
	testURL      = "https://keys.example.org"
	testPassword = testkit.Password
)

// here is where most requests of tests come from.
var here = model.Origin{Address: "192.0.2.1", Agent: "a test", Actor: model.ActorBrowser}

// fixture is accounts in a database of their own, with a clock that stands still until told otherwise.
type fixture struct {
	*Accounts
	t     testing.TB
	store *store.Store
	clock *testkit.Clock
	logs  *testkit.Log
}

func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	return newFixtureOn(t, testkit.Store(t), change...)
}

// newFixtureOn is newFixture in a database that is there already.
func newFixtureOn(t testing.TB, st *store.Store, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, store: st, clock: testkit.NewClock(testkit.LongAgo), logs: &testkit.Log{}}
	cfg := Config{
		PublicURL:    testURL,
		Registration: true,
		Anonymous:    true,
		MinPassword:  8,
		PasswordCost: testkit.Cheap,
		Now:          f.clock.Now,
		Log:          f.logs.Logger(),
	}
	for _, c := range change {
		c(&cfg)
	}
	f.Accounts = New(cfg, st)
	f.passwords = newHasher(testkit.Cheap, 2)
	t.Cleanup(f.Drain)
	return f
}

func (f *fixture) register(email string) {
	f.t.Helper()
	if err := f.Register(f.t.Context(), here, email, testPassword); err != nil {
		f.t.Fatal(err)
	}
}

// signUp is a new account and its first session.
func (f *fixture) signUp(email string) model.Account {
	f.t.Helper()
	f.register(email)
	who, err := f.SignIn(f.t.Context(), here, email, testPassword)
	if err != nil {
		f.t.Fatal(err)
	}
	return who
}

// newKey is a key of somebody's, and its value.
func (f *fixture) newKey(who model.Account, name string) (model.Key, model.Secret) {
	f.t.Helper()
	key, value, err := f.As(who, model.Origin{Actor: model.ActorApp}).NewKey(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return key, value
}

// written is what was recorded of a user, oldest first.
func (f *fixture) written(userID string) []model.Event {
	f.t.Helper()
	f.Drain()
	events, err := f.store.Events(f.t.Context(), userID, model.EventQuery{Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
		events[i], events[j] = events[j], events[i]
	}
	return events
}

// asked counts what the store is asked for while something is done.
func (f *fixture) asked(do func()) store.Stats {
	before := f.store.Stats()
	do()
	after := f.store.Stats()
	return store.Stats{Reads: after.Reads - before.Reads, Writes: after.Writes - before.Writes, Commits: after.Commits - before.Commits}
}

// holdBackground keeps what is done in the background from beginning, until the gate opens.
func (f *fixture) holdBackground(gate chan struct{}) {
	for range maxBackground {
		f.background.do(func() { <-gate })
	}
}

// is fails the test unless the error is a refusal of that kind.
func is(t testing.TB, err error, kind model.Kind) {
	t.Helper()
	if !model.Is(err, kind) {
		t.Errorf("%v is of kind %d, want %d", err, model.KindOf(err), kind)
	}
}

// mailbox takes emails and keeps them.
type mailbox struct {
	mu     sync.Mutex
	emails []Email
}

func (m *mailbox) Send(_ context.Context, letter Email) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.emails = append(m.emails, letter)
	return nil
}

// taken gives the emails that came since it was last asked.
func (m *mailbox) taken(f *fixture) []Email {
	f.Drain()
	m.mu.Lock()
	defer m.mu.Unlock()
	emails := m.emails
	m.emails = nil
	return emails
}
