package accounts

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestALeakTurnsTheKeyOffAndItsOwnerIsTold(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t)
	who := f.signUp("a@example.org")
	f.cfg.Mailer = box
	key, _ := f.newKey(who, "pump")
	f.signInBy(key)
	box.taken(f)
	f.clock.Advance(time.Minute)
	at := f.clock.Now()
	for range 2 { // the second is no news
		leak, err := f.As(who, here).ReportLeak(t.Context(), key.ID)
		if err != nil || !leak.Key.Disabled || !leak.Key.Card.LeakedAt.Equal(at) {
			t.Fatalf("%+v, %v", leak, err)
		}
	}
	if got, want := f.off(key), (model.KeyOff{At: at, Sessions: 1, AccessUntil: at.Add(30 * time.Minute)}); got != want {
		t.Errorf("%+v ended, want %+v", got, want)
	}
	emails := box.taken(f)
	if len(emails) != 1 || emails[0].Subject != "Latchkey: A key was reported leaked: pump" ||
		!strings.Contains(emails[0].Text, ") was turned off because someone signed in to your account reported that its value leaked.") {
		t.Fatalf("sent are %+v", emails)
	}

	// A program turns it on again. That is the protocol's, and neither silent.
	f.clock.Advance(time.Minute)
	for range 2 {
		if err := f.As(who, model.Origin{Actor: model.ActorApp}).SetKey(t.Context(), key.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	emails = box.taken(f)
	if len(emails) != 1 || emails[0].Subject != "Latchkey: A leaked key was turned on: pump" {
		t.Errorf("sent are %+v", emails)
	}
	events := f.written(who.UserID)
	if last := events[len(events)-1]; last.Kind != model.EventKeyTurnedOn || last.Detail != model.DetailLeaked || last.Actor != model.ActorApp {
		t.Errorf("written down last is %+v", last)
	}
}

// Where the switch is not, a leaked key is not turned on either.
func TestALeakedKeyIsNotBroughtBackWithItsReplacement(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	old, _ := f.newKey(who, "pump")
	p := f.As(who, model.Origin{Actor: model.ActorBrowser, Confirmed: true})
	if _, err := p.ReplaceKey(t.Context(), old.ID, model.Replacing{NewKey: model.CalledKey("pump-2"), Finish: model.FinishNow}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReportLeak(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	_, err := p.EndReplacement(t.Context(), old.ID)
	is(t, err, model.KindLeaked)
	if key, err := p.Key(t.Context(), old.ID); err != nil || !key.Disabled {
		t.Errorf("it is %+v, %v", key, err)
	}
}
