package accounts

import (
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestAWayToSignInIsRemovedByItsOwnerWhoIsToldAndNeverTheLast(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	box := &mailbox{}
	owner, stranger := f.signUp("owner@example.org"), f.signUp("stranger@example.org")
	key, value := f.newKey(owner, "porch-cam")
	byKey, err := f.SignInWithKey(t.Context(), here, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.cfg.Mailer = box
	if _, err := f.As(owner, here).LinkToken(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	opened := f.signInWithToken(ada)
	box.taken(f)
	ways, err := f.As(owner, here).Ways(t.Context())
	if err != nil || len(ways) != 2 || ways[0].Removable || !ways[1].Removable {
		t.Fatalf("%+v, %v", ways, err)
	}
	removes := func(p *Person, id string) error {
		_, err := p.RemoveWay(t.Context(), id)
		return err
	}
	is(t, removes(f.As(stranger, here), ways[1].ID), model.KindNotFound)
	is(t, removes(f.ofSession(byKey), ways[1].ID), model.KindForbidden)
	is(t, removes(f.As(owner, here), ways[0].ID), model.KindNotFound)
	is(t, removes(f.As(owner, here), key.ID), model.KindNotFound)
	if err := removes(f.As(owner, here), ways[1].ID); err != nil {
		t.Fatal(err)
	}
	emails := box.taken(f)
	if len(emails) != 1 || emails[0].To != "owner@example.org" || !strings.Contains(emails[0].Text, "Sign-in with Google was removed from your account") {
		t.Errorf("%+v", emails)
	}
	_, err = f.Session(t.Context(), opened.ID)
	is(t, err, model.KindSessionOver)
	for _, id := range []string{owner.SessionID, byKey.ID} {
		if _, err := f.Session(t.Context(), id); err != nil {
			t.Error(err)
		}
	}

	// Whoever has the token is somebody else from now on, who cannot lock themselves out.
	other := f.signInWithToken(ada)
	ways, err = f.ofSession(other).Ways(t.Context())
	if other.UserID == owner.UserID || err != nil || len(ways) != 1 || ways[0].Removable {
		t.Fatalf("%+v, %v", ways, err)
	}
	is(t, removes(f.ofSession(other), ways[0].ID), model.KindNotFound)
}
