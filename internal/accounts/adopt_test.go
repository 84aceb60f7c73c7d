package accounts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// oldValue is one that App Services may have created.
const oldValue = "q7Hc2LwXz9RkT4vBn8YdJ3mPf6sGa1ZeU5oWhCxKiQtVrNbEyMuDgFjSlApO0I2k"

func TestAValueThatIsAdoptedSignsInAndIsNobodyElses(t *testing.T) {
	f, box := newFixture(t), &mailbox{}
	ada, eve := f.signUp("ada@example.org"), f.signUp("eve@example.org")
	f.cfg.Mailer = box
	ctx := t.Context()
	_, err := f.SignInWithKey(ctx, here, oldValue, nil)
	is(t, err, model.KindWrongValue)

	ad := Adoption{UserID: ada.UserID, Name: "porch-cam", Hash: hashValue(oldValue), Found: AdoptedFromFile}
	key, err := f.Adopt(ctx, ByOperator, ad)
	if err != nil || key.Origin != model.OriginAdopted {
		t.Fatalf("%+v, %v", key, err)
	}
	session, err := f.SignInWithKey(ctx, here, oldValue, nil)
	if err != nil || session.UserID != ada.UserID || session.KeyID != key.ID {
		t.Errorf("%+v, %v", session, err)
	}

	ad.Name = "another"
	again, err := f.Adopt(ctx, ByOperator, ad)
	is(t, err, model.KindOwnValue)
	if again.ID != key.ID || again.Name != "porch-cam" {
		t.Errorf("who has it: %+v", again)
	}
	ad.UserID = eve.UserID
	other, err := f.Adopt(ctx, ByOperator, ad)
	is(t, err, model.KindValueTaken)
	if other.ID != "" || strings.Contains(err.Error(), ada.UserID) {
		t.Errorf("%+v, %v", other, err)
	}
	_, err = f.Adopt(ctx, ByOperator, Adoption{UserID: ada.UserID, Name: "porch-cam"})
	is(t, err, model.KindNameTaken)
	_, err = f.Adopt(ctx, ByOperator, Adoption{UserID: ada.UserID, Name: "porch cam"})
	is(t, err, model.KindBadName)

	events := f.written(ada.UserID)
	i := len(events) - 2 // the first use is behind it
	if e := events[i]; e.Kind != model.EventKeyAdopted || e.Actor != model.ActorOperator || e.KeyName != "porch-cam" || e.Detail != AdoptedFromFile {
		t.Errorf("%+v", e)
	}
	if emails := box.taken(f); len(emails) != 0 {
		t.Errorf("adopting tells by itself: %+v", emails)
	}
	f.TellAdopted(ctx, ByOperator, ada.UserID, "porch-cam", "garage-pi")
	f.TellAdopted(ctx, here, ada.UserID, "porch-cam")
	emails := box.taken(f)
	if len(emails) != 2 || !emails[0].Notice || !emails[1].Notice {
		t.Fatalf("%+v", emails)
	}
	for _, email := range emails {
		if many := strings.Contains(email.Text, "garage-pi"); many != strings.Contains(email.Text, "The administrator did this") ||
			many == strings.HasSuffix(email.Subject, "A key was adopted: porch-cam") || strings.Contains(email.Text, "From: \n") {
			t.Errorf("%q %s", email.Subject, email.Text)
		}
	}
}

// fullAtFirst is a mailbox whose queue is full when it is first asked, and that never takes an email to one address.
type fullAtFirst struct {
	mailbox
	asked int
	never string
}

func (m *fullAtFirst) Send(ctx context.Context, letter Email) error {
	if m.asked++; m.asked == 1 {
		return ErrQueueFull
	}
	if letter.To == m.never {
		return errors.New("no such mailbox")
	}
	return m.mailbox.Send(ctx, letter)
}

func TestEveryOwnerOfAdoptedKeysGetsOneEmailAlsoWhenTheQueueIsFull(t *testing.T) {
	f, box := newFixture(t), &fullAtFirst{never: "eve@example.org"}
	ada, eve, name := f.signUp("ada@example.org"), f.signUp("eve@example.org"), f.signUp("no address")
	f.cfg.Mailer, f.fullPause = box, 0
	told, untold := f.TellOwners(t.Context(), map[string][]string{
		ada.UserID: {"porch-cam", "garage-pi"}, eve.UserID: {"gate"}, name.UserID: {"hall"},
	})
	emails := box.taken(f)
	if told != 1 || untold != 1 || len(emails) != 1 || emails[0].To != "ada@example.org" || !strings.HasSuffix(emails[0].Subject, "2 keys were adopted") {
		t.Errorf("%d told, %d not: %+v", told, untold, emails)
	}
}

func TestAnOwnerAdoptsTheValueThatTheyPaste(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.OwnersAdopt = true })
	who := f.signUp("ada@example.org")
	owner := f.As(who, here)
	adopt := func(name, pasted string) (model.Key, error) {
		return owner.AdoptKey(t.Context(), name, model.Secret(pasted))
	}

	for pasted, says := range map[string]string{
		"":                       "this has 0",
		oldValue[1:]:             "a value has 64 letters and digits; this has 63",
		oldValue[1:] + "-":       "digits alone",
		strings.Repeat("ab", 32): "does not look like",
		strings.Repeat("x", 60_000) + "KEY=" + oldValue + "1": "this has 65",
	} {
		_, err := adopt("porch-cam", pasted)
		if is(t, err, model.KindBadValue); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.70q: %v", pasted, err)
		}
	}
	_, err := adopt("porch cam", oldValue)
	is(t, err, model.KindBadName)
	key, err := adopt("porch-cam", "  export API_KEY=\""+oldValue+"\"\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if session, err := f.SignInWithKey(t.Context(), here, oldValue, nil); err != nil || session.KeyID != key.ID {
		t.Errorf("%+v, %v", session, err)
	}
	again, err := adopt("other", oldValue)
	if is(t, err, model.KindOwnValue); again.Name != "porch-cam" {
		t.Errorf("%+v", again)
	}
	_, err = f.As(f.signUp("eve@example.org"), here).AdoptKey(t.Context(), "mine", oldValue)
	is(t, err, model.KindValueTaken)

	for range adoptionsAtOnce - 2 {
		_, err = adopt("porch-cam", newValue())
		is(t, err, model.KindNameTaken)
	}
	_, err = adopt("porch-cam", newValue())
	is(t, err, model.KindTooManyTries)
	f.clock.Advance(adoptionPause + time.Second)
	_, err = adopt("garage-pi", newValue())
	if err != nil {
		t.Errorf("after a pause: %v", err)
	}

	for _, provider := range []string{model.ProviderAPIKey, model.ProviderAnonymous} {
		_, err = f.As(model.Account{UserID: who.UserID, Provider: provider}, here).AdoptKey(t.Context(), "more", model.Secret(newValue()))
		is(t, err, model.KindForbidden)
	}
	_, err = newFixture(t).As(who, here).AdoptKey(t.Context(), "more", model.Secret(newValue()))
	is(t, err, model.KindNotOffered)
}

func TestAnOperatorTurnsKeysOffAndOnAndDeletesThem(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("ada@example.org")
	cam, value := f.newKey(who, "porch-cam")
	pi, _ := f.newKey(who, "garage-pi")
	ctx := t.Context()
	if _, _, err := f.TurnKeyOf(ctx, " Ada@Example.org", "porch-cam", false); err != nil {
		t.Fatal(err)
	}
	_, err := f.SignInWithKey(ctx, here, value, nil)
	is(t, err, model.KindWrongValue)
	if _, was, err := f.TurnKeyOf(ctx, who.UserID, cam.ID, true); err != nil || !was.Disabled {
		t.Errorf("%+v, %v", was, err)
	}
	if _, err := f.SignInWithKey(ctx, here, value, nil); err != nil {
		t.Error(err)
	}
	if _, was, err := f.DeleteKeyOf(ctx, who.UserID, pi.ID); err != nil || was.Name != "garage-pi" {
		t.Errorf("%+v, %v", was, err)
	}
	if _, _, err := f.DeleteKeyOf(ctx, who.UserID, pi.ID); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("%v", err)
	}
	_, keys, err := f.KeysOf(ctx, "ada@example.org")
	if err != nil || len(keys) != 1 || keys[0].ID != cam.ID || keys[0].Usage.FirstUsed.IsZero() {
		t.Errorf("%+v, %v", keys, err)
	}
	_, _, err = f.KeysOf(ctx, "nobody@example.org")
	is(t, err, model.KindNotFound)
	acts := map[model.EventKind]int{}
	for _, e := range f.written(who.UserID) {
		if e.Actor == model.ActorOperator && e.KeyName != "" {
			acts[e.Kind]++
		}
	}
	if acts[model.EventKeyTurnedOff] != 1 || acts[model.EventKeyTurnedOn] != 1 || acts[model.EventKeyDeleted] != 1 {
		t.Errorf("%v", acts)
	}
}
