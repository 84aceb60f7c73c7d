package accounts

import (
	"testing"

	"latchkey/internal/model"
)

// A web session from before its row named the identity knows the address alone.
func TestAPersonIsFoundByTheirAddressWithoutTheirIdentity(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	who.IdentityID = ""
	if err := f.As(who, here).CheckPassword(t.Context(), testPassword); err != nil {
		t.Error(err)
	}
	is(t, f.As(who, here).CheckPassword(t.Context(), "not this one"), model.KindWrongPassword)
	who.Email = "b@example.org"
	is(t, f.As(who, here).CheckPassword(t.Context(), testPassword), model.KindSessionOver)
	who.Email, who.IdentityID = "a@example.org", "0123456789abcdef01234567"
	is(t, f.As(who, here).CheckPassword(t.Context(), testPassword), model.KindSessionOver)
}

func TestAChangedPasswordEndsEverySessionButTheOneThatAsks(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	other, err := f.SignIn(t.Context(), here, "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	is(t, f.As(who, here).ChangePassword(t.Context(), "not this one", "another battery"), model.KindWrongPassword)
	err = f.As(who, here).ChangePassword(t.Context(), testPassword, "iloveyou")
	is(t, err, model.KindBadPassword)
	if err := f.As(who, here).ChangePassword(t.Context(), testPassword, "another battery"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Session(t.Context(), who.SessionID); err != nil {
		t.Error(err)
	}
	_, err = f.Session(t.Context(), other.SessionID)
	is(t, err, model.KindSessionOver)
	_, err = f.SignIn(t.Context(), here, "a@example.org", testPassword)
	is(t, err, model.KindWrongPassword)
}

func TestADeletedAccountIsGoneAndItsSessionsAreOver(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	if err := f.As(who, here).DeleteAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	is(t, f.As(who, here).DeleteAccount(t.Context()), model.KindSessionOver)
	_, _, err := f.As(who, here).NewKey(t.Context(), "pump")
	is(t, err, model.KindSessionOver)
	_, err = f.SignIn(t.Context(), here, "a@example.org", testPassword)
	is(t, err, model.KindWrongPassword)
}
