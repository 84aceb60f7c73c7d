package accounts

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// The same password as two computers send it.
const (
	composed model.Secret = "Mar\u00eda liest \u00c5ngstr\u00f6m"
	parted   model.Secret = "Mari\u0301a liest A\u030angstro\u0308m"
)

// countingDerive counts the hashes that are computed.
func countingDerive(n *atomic.Int64) func(password, salt []byte, cost model.PasswordCost) []byte {
	return func(password, salt []byte, cost model.PasswordCost) []byte {
		n.Add(1)
		return argon2id(password, salt, cost)
	}
}

func TestAPasswordFitsInEveryFormOfUnicode(t *testing.T) {
	f := newFixture(t)
	signsIn := func(email string, password model.Secret) model.Account {
		t.Helper()
		who, err := f.SignIn(t.Context(), here, email, password)
		if err != nil {
			t.Errorf("%s, %+q: %v", email, password.Reveal(), err)
		}
		return who
	}
	for chosen, typed := range map[model.Secret]model.Secret{composed: parted, parted: composed} {
		// Each way to choose a password, and each to prove it.
		if err := f.Register(t.Context(), here, "registered@example.org", chosen); err != nil {
			t.Fatal(err)
		}
		who := signsIn("registered@example.org", typed)
		signsIn("registered@example.org", chosen)
		if err := f.As(who, here).CheckPassword(t.Context(), typed); err != nil {
			t.Errorf("a proof: %v", err)
		}
		if err := f.As(who, here).ChangePassword(t.Context(), typed, chosen+"!"); err != nil {
			t.Errorf("a change: %v", err)
		}
		signsIn("registered@example.org", typed+"!")
		if _, _, err := f.Add(t.Context(), "added@example.org", chosen); err != nil {
			t.Fatal(err)
		}
		signsIn("added@example.org", typed)
		_, handed, err := f.ResetPassword(t.Context(), "added@example.org", false, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.UseLink(t.Context(), here, linkOf(t, handed), chosen); err != nil {
			t.Fatal(err)
		}
		signsIn("added@example.org", typed)
		_, err = f.SignIn(t.Context(), here, "added@example.org", typed+"x")
		is(t, err, model.KindWrongPassword)
		for _, email := range []string{"registered@example.org", "added@example.org"} {
			if _, err := f.Delete(t.Context(), email); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func linkOf(t *testing.T, handed HandedOut) model.GivenLink {
	t.Helper()
	u, err := url.Parse(handed.Address.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return model.GivenLink{Purpose: model.LinkReset, ID: u.Query().Get("tokenId"), Token: model.Secret(u.Query().Get("token"))}
}

// before stores a password as it was typed, which was once the way.
func (f *fixture) before(email string, password model.Secret) {
	f.t.Helper()
	salt := model.RandomBytes(saltSize)
	id := f.passwordOf(email)
	hash := encodePHC(testkit.Cheap, salt, argon2id([]byte(password), salt, testkit.Cheap))
	if err := f.store.ReplacePasswordHash(context.Background(), id.ID, id.PasswordHash, hash); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) passwordOf(email string) model.Identity {
	f.t.Helper()
	id, err := f.store.IdentityBySubject(context.Background(), model.ProviderEmailPassword, email)
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func TestAPasswordFromBeforeThereWasOneFormFitsAsItWasTypedAndThenInEvery(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("ana@example.org")
	for name, prove := range map[string]func(model.Secret) error{
		"signing in": func(p model.Secret) error { _, err := f.SignIn(t.Context(), here, "ana@example.org", p); return err },
		"through the API": func(p model.Secret) error {
			_, err := f.SignInWithPassword(t.Context(), byProgram, "ana@example.org", p, nil)
			return err
		},
		"a proof": func(p model.Secret) error { return f.As(who, here).CheckPassword(t.Context(), p) },
	} {
		f.before("ana@example.org", parted)
		is(t, prove(composed), model.KindWrongPassword)
		for _, typed := range []model.Secret{parted, composed, parted} {
			if err := prove(typed); err != nil {
				t.Errorf("%s, %+q: %v", name, typed.Reveal(), err)
			}
		}
		hash := f.passwordOf("ana@example.org").PasswordHash
		if err := prove(parted); err != nil || f.passwordOf("ana@example.org").PasswordHash != hash {
			t.Errorf("%s: the password is stored anew each time, or %v", name, err)
		}
	}
	f.before("ana@example.org", parted)
	if err := f.As(who, here).ChangePassword(t.Context(), parted, "another battery"); err != nil {
		t.Errorf("a change: %v", err)
	}
}

func TestAPasswordInAnotherFormIsOneTryAndTwoHashesWhoeverExists(t *testing.T) {
	var hashes atomic.Int64
	f := newFixture(t)
	f.passwords.derive = countingDerive(&hashes)
	f.register("ana@example.org")
	f.register("old@example.org")
	f.before("old@example.org", parted)
	f.register("disabled@example.org")
	if _, _, err := f.Disable(t.Context(), "disabled@example.org"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		typed model.Secret
		want  int64
	}{{"plain and wrong", 1}, {"wr\u00f6ng", 1}, {"wro\u0308ng", 2}} {
		for _, email := range []string{"ana@example.org", "old@example.org", "disabled@example.org", "nobody@example.org"} {
			hashes.Store(0)
			_, err := f.SignIn(t.Context(), here, email, tt.typed)
			is(t, err, model.KindWrongPassword)
			if got := hashes.Load(); got != tt.want {
				t.Errorf("%s, %+q: %d hashes, want %d", email, tt.typed.Reveal(), got, tt.want)
			}
		}
	}
	for i := range accountTries - 3 {
		from := model.Origin{Address: fmt.Sprintf("198.51.%d.1", i)} // one address has half of them
		_, err := f.SignIn(t.Context(), from, "old@example.org", "wro\u0308ng")
		is(t, err, model.KindWrongPassword)
	}
	_, err := f.SignIn(t.Context(), here, "old@example.org", parted)
	is(t, err, model.KindTooManyTries)
}
