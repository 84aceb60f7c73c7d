package accounts

import (
	"strings"
	"testing"

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
