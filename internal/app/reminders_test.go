package app

import (
	"context"
	"sync"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// letterbox keeps what a mail server would have been given.
type letterbox struct {
	mu     sync.Mutex
	emails []accounts.Email
}

func (l *letterbox) Deliver(_ context.Context, m accounts.Email) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emails = append(l.emails, m)
	return nil
}

// The program is what brings the clock, the sweep, the accounts and the mail server together.
func TestTheProgramRecordsThatAKeyExpiredAndRemindsItsOwner(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(time.Now())
	cfg := testConfig(t)
	cfg.SMTP, cfg.Now = "smtp://127.0.0.1:1?from=keys@example.org", clock.Now
	a := run(t, cfg)
	box := &letterbox{}
	a.reminders.Mail = box
	userID := testkit.Person(t, a.store, "ana@example.org", clock.Now())
	key := model.Key{ID: model.NewID(clock.Now()), UserID: userID, Name: "pump", CreatedAt: clock.Now(), ExpiresAt: clock.Now().Add(20 * time.Minute)}
	if err := a.store.CreateAPIKey(t.Context(), key, [32]byte{1}, 20); err != nil {
		t.Fatal(err)
	}
	pass := func() (emails, events int) {
		t.Helper()
		a.sweep(t.Context())
		a.remind(t.Context())
		written, err := a.store.Events(t.Context(), userID, model.EventQuery{Kinds: []model.EventKind{model.EventKeyExpired}, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		box.mu.Lock()
		defer box.mu.Unlock()
		return len(box.emails), len(written)
	}
	if emails, events := pass(); emails != 0 || events != 0 {
		t.Errorf("before it expires there are %d emails and %d events", emails, events)
	}
	// A clock that goes on by more than the program has run is not believed at once: it goes on as a clock does.
	for range 25 * 60 / 9 {
		clock.Advance(9 * time.Minute)
		a.clock.look(t.Context())
	}
	for range 2 {
		if emails, events := pass(); emails != 1 || events != 1 {
			t.Errorf("a day later there are %d emails and %d events", emails, events)
		}
	}
}
