package accounts

import (
	"context"
	"testing"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

// The web session that holds a session records that it ends.
func TestSigningOutTwiceEndsOnceAndWritesNothingDown(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	before := len(f.written(who.UserID))
	for range 2 {
		if err := f.As(who, here).SignOut(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := f.written(who.UserID)[before:]; len(got) > 0 {
		t.Errorf("written down: %v", got)
	}
	_, err := f.Session(t.Context(), who.SessionID)
	is(t, err, model.KindSessionOver)
	_ = f.store.Close()
	is(t, f.As(who, here).SignOut(t.Context()), model.KindStorageDown)
}

func TestEndingWhatIsNoSessionIsNotFound(t *testing.T) {
	f := newFixture(t)
	who, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	for _, id := range []string{"", "1", "0123456789abcdef01234567", stranger.SessionID} {
		is(t, f.As(who, here).EndSession(t.Context(), id), model.KindNotFound)
	}
	other, err := f.SignIn(t.Context(), here, "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.As(who, here).EndSession(t.Context(), other.SessionID); err != nil {
		t.Error(err)
	}
	is(t, f.As(who, here).EndSession(t.Context(), other.SessionID), model.KindNotFound)
	events := f.written(who.UserID)
	if got := told(events[len(events)-1:])[0]; got != "session-ended browser  ended from another place" {
		t.Errorf("written down: %q", got)
	}
}

// TestWhoeverListsSessionsOverAndOverKeepsThemselvesWaiting has the person's turn taken.
func TestWhoeverListsSessionsOverAndOverKeepsThemselvesWaiting(t *testing.T) {
	f := newFixture(t)
	who, other := f.signUp("a@example.org"), f.signUp("b@example.org")
	elsewhere := model.Origin{Address: "203.0.113.9"}
	f.lists = limits.NewTurns(2)
	end, ok := f.lists.Begin(t.Context(), who.UserID, here.Address)
	if !ok {
		t.Fatal("there is no turn")
	}
	noTime, cancel := context.WithCancel(t.Context())
	cancel()
	refused := 0
	for range 20 { // of a turn that is free and a time that is over, either may be seen first
		if _, err := f.As(who, here).Sessions(noTime); model.Is(err, model.KindBusy) {
			refused++
		}
	}
	if refused != 20 {
		t.Errorf("refused %d times", refused)
	}
	if _, err := f.As(other, elsewhere).Sessions(t.Context()); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	end()
	if list, err := f.As(who, here).Sessions(t.Context()); err != nil || len(list.List) != 1 {
		t.Errorf("%d sessions: %v", len(list.List), err)
	}
}
