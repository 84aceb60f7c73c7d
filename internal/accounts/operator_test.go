package accounts

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
)

func TestAnOperatorAddsAnAccountWhoeverMayRegister(t *testing.T) {
	f := newFixture(t, func(cfg *Config) { cfg.Registration = false })
	added, link, err := f.Add(t.Context(), "a@example.org", "another battery")
	if err != nil || link != (HandedOut{}) || len(added.Identities) != 1 {
		t.Fatalf("%+v, %v, %v", added, link, err)
	}
	if _, err := f.SignIn(t.Context(), here, "a@example.org", "another battery"); err != nil {
		t.Error(err)
	}
	invited, link, err := f.Add(t.Context(), "b@example.org", "")
	if id, ok := invited.Password(); err != nil || !ok || id.PasswordHash != "" || link.Address == "" ||
		!link.ExpiresAt.Equal(f.clock.Now().Add(operatorLinkLifetime)) {
		t.Errorf("%+v, %v, %v", invited, link, err)
	}
	for email, want := range map[string]model.Kind{"": model.KindBadEmail, "a@example.org": model.KindEmailTaken} {
		_, _, err = f.Add(t.Context(), email, "")
		is(t, err, want)
	}
	_, _, err = f.Add(t.Context(), "c@example.org", "iloveyou")
	is(t, err, model.KindBadPassword)
	if got := told(f.written(added.ID))[0]; got != "account-made operator" {
		t.Errorf("written down: %q", got)
	}
}

func TestAnAccountIsFoundByItsIDOrItsAddressInAnySpelling(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	f.newKey(who, "pump")
	for _, name := range []string{who.UserID, " " + strings.ToUpper(who.UserID), "a@example.org", "A@Example.org", " a@example.org\u200e"} {
		if found, err := f.Find(t.Context(), name); err != nil || found.ID != who.UserID || found.Keys != 1 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	for _, name := range []string{"", "b@example.org", "0123456789abcdef01234567"} {
		_, err := f.Find(t.Context(), name)
		is(t, err, model.KindNotFound)
	}
	if err := f.Register(t.Context(), byProgram, "0123456789abcdef01234567", testPassword); err != nil {
		t.Fatal(err)
	}
	if found, err := f.Find(t.Context(), "0123456789ABCDEF01234567"); !model.Is(err, model.KindNotFound) {
		t.Errorf("an id finds who has registered it as an address: %+v, %v", found, err)
	}
	if err := f.Register(t.Context(), byProgram, "A@example.org", testPassword); err != nil {
		t.Fatal(err)
	}
	var ambiguous AmbiguousError
	if _, err := f.Find(t.Context(), " A@EXAMPLE.ORG"); !errors.As(err, &ambiguous) || len(ambiguous.Alike) != 2 {
		t.Errorf("one of two is found: %v", err)
	}
	if found, err := f.Find(t.Context(), "a@example.org"); err != nil || found.ID != who.UserID {
		t.Errorf("the exact address is another's: %+v, %v", found, err)
	}
	_ = f.store.Close()
	_, err := f.Find(t.Context(), who.UserID)
	is(t, err, model.KindStorageDown)
}

func TestADisabledAccountIsChangedOnce(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	for i, want := range []bool{true, false} {
		if got, changed, err := f.Disable(t.Context(), "a@example.org"); err != nil || changed != want || got.DisabledAt.IsZero() {
			t.Errorf("time %d: %+v, %v, %v", i+1, got, changed, err)
		}
	}
	_, err := f.Session(t.Context(), who.SessionID)
	is(t, err, model.KindSessionOver)
	_, err = f.SignIn(t.Context(), here, "a@example.org", testPassword)
	is(t, err, model.KindDisabled)
	if _, changed, err := f.Enable(t.Context(), who.UserID); err != nil || !changed {
		t.Errorf("%v, %v", changed, err)
	}
	if _, err := f.SignIn(t.Context(), here, "a@example.org", testPassword); err != nil {
		t.Error(err)
	}
}

func TestAResetByAnOperatorLeavesNoPasswordUntilItsLinkIsUsed(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	added, _, err := f.Add(t.Context(), "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	if _, link, err := f.ResetPassword(t.Context(), added.ID, true, false); err != nil || link.Address == "" {
		t.Fatalf("%v, %v", link, err)
	}
	if _, err := f.SignIn(t.Context(), here, "a@example.org", testPassword); err != nil {
		t.Errorf("with what is open kept: %v", err)
	}
	if _, link, err := f.ResetPassword(t.Context(), added.ID, false, true); err != nil || link.Address != "" || link.ExpiresAt.IsZero() {
		t.Fatalf("%v, %v", link, err)
	}
	_, err = f.SignIn(t.Context(), here, "a@example.org", testPassword)
	is(t, err, model.KindWrongPassword)
	if email, err := f.UseLink(t.Context(), here, f.link(box.taken(f)[0]), "another battery"); err != nil || email != "a@example.org" {
		t.Fatal(email, err)
	}
	if _, err := f.SignIn(t.Context(), here, "a@example.org", "another battery"); err != nil {
		t.Error(err)
	}
	anonymous, err := f.SignInAnonymously(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = f.ResetPassword(t.Context(), anonymous.UserID, false, false)
	is(t, err, model.KindBadPassword)
}

func TestAnImportedUserIsThereOnce(t *testing.T) {
	f := newFixture(t)
	taken := f.signUp("a@example.org")
	u := model.User{ID: "5f9d1a2b3c4d5e6f70819203", CreatedAt: f.clock.Now()}
	id := func(subject string) []model.Identity {
		return []model.Identity{{
			ID: model.NewID(f.clock.Now()), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: subject, CreatedAt: f.clock.Now(),
		}}
	}
	for _, can := range []func() error{
		func() error { return f.CanImport(t.Context(), u, id("a@example.org")) },
		func() error { return f.Import(t.Context(), u, id("a@example.org")) },
	} {
		by, ok := errors.AsType[TakenError](can())
		if diff := cmp.Diff(TakenError{model.ProviderEmailPassword, "a@example.org", taken.UserID}, by); diff != "" || !ok {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := f.CanImport(t.Context(), u, id("b@example.org")); err != nil {
		t.Error(err)
	}
	if err := f.Import(t.Context(), u, id("b@example.org")); err != nil {
		t.Fatal(err)
	}
	if err := f.Import(t.Context(), u, id("b@example.org")); !errors.Is(err, ErrImported) {
		t.Errorf("once more: %v", err)
	}
	if diff := cmp.Diff([]string{"account-made operator  imported"}, told(f.written(u.ID))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAllAccountsAreListedPageByPage(t *testing.T) {
	f := newFixture(t)
	var want []string
	for _, name := range []string{"a", "b", "c"} {
		want = append(want, f.signUp(name).UserID)
	}
	var got []string
	for after, pages := "", 0; after != "" || pages == 0; pages++ {
		list, more, err := f.List(t.Context(), after, 2)
		if err != nil || len(list) > 2 {
			t.Fatalf("%d, %v", len(list), err)
		}
		for _, m := range list {
			got = append(got, m.ID)
		}
		after = more
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestADeletedAccountIsGivenAsItWas(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	f.newKey(who, "pump")
	if was, err := f.Delete(t.Context(), "a@example.org"); err != nil || was.ID != who.UserID || was.Keys != 1 {
		t.Errorf("%+v, %v", was, err)
	}
	_, err := f.Delete(t.Context(), who.UserID)
	is(t, err, model.KindNotFound)
}
