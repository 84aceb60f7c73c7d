package accounts

import (
	"testing"

	"latchkey/internal/model"
)

// The web session that holds a session writes down that it ends.
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
