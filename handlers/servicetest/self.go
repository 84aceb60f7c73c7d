package servicetest

import (
	"testing"

	"latchkey/internal/model"
)

func self() []contract {
	return []contract{
		{"a person's own password is right, and no other", checksPassword},
		{"tries of a person's password are counted, and forgiven after the wait", checksAreCounted},
		{"a password is changed, and all other sessions end", changesPassword},
		{"a password stays when the current one is wrong", wrongCurrent},
		{"a password stays when the new one will not do, which says why", badReplacement},
		{"a person is told the address that they sign in with, and cannot remove, or nothing", tellsWays},
		{"an account is deleted with its keys and sessions, and no other", deletesAccount},
	}
}

func checksPassword(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	if !s.NoNewPassword {
		must(t, stranger.ChangePassword(t.Context(), stranger.password, "a stranger's horse"))
	}
	other := p.again(t)
	p.writes(t, func() { must(t, p.CheckPassword(t.Context(), p.password)) }, "password-confirmed")
	for _, wrong := range []model.Secret{wrongPassword, "", "a stranger's horse", p.password + " "} {
		p.writes(t, func() { is(t, p.CheckPassword(t.Context(), wrong), model.KindWrongPassword) }, "sign-in-failed "+model.ReasonWrongPassword)
	}
	p.goesOn(t, true)
	other.goesOn(t, true)
}

func checksAreCounted(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	right := func() error { return p.CheckPassword(t.Context(), p.password) }
	_, wait := tooMany(t, func() error { return p.CheckPassword(t.Context(), wrongPassword) })
	p.writes(t, func() { is(t, right(), model.KindTooManyTries) })
	must(t, waits(t, s, wait, right))
}

func tellsWays(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	newPerson(t, s)
	ways, err := p.Ways(t.Context())
	if model.Is(err, model.KindNotOffered) {
		return
	}
	must(t, err)
	if len(ways) != 1 || ways[0] != (model.Way{ID: ways[0].ID, Provider: model.ProviderEmailPassword, Name: p.account.Email, Since: ways[0].Since}) {
		t.Errorf("signs in with %+v", ways)
	}
	for _, id := range []string{ways[0].ID, "0123456789abcdef01234567", ""} {
		_, err = p.RemoveWay(t.Context(), id)
		is(t, err, model.KindNotFound)
	}
	p.again(t)
}

// replacement is a password that an account can have.
const replacement model.Secret = "a mule, a staple"

func changesPassword(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	stranger, other, key := newPerson(t, s), p.again(t), p.create(t, "pump")
	device := works(t, s, key.Value)
	if s.NoNewPassword {
		p.writes(t, func() { is(t, p.ChangePassword(t.Context(), p.password, replacement), model.KindNotOffered) })
		p.again(t)
		return
	}
	p.writes(t, func() { must(t, p.ChangePassword(t.Context(), p.password, replacement)) }, "password-changed")
	p.goesOn(t, true)
	stranger.goesOn(t, true)
	other.goesOn(t, false)
	if device() {
		t.Error("a device's session goes on")
	}
	works(t, s, key.Value)
	_, err := s.Service.SignIn(t.Context(), here, p.account.Email, p.password)
	is(t, err, model.KindWrongPassword)
	signIn(t, s, p.account.Email, replacement)
	signIn(t, s, stranger.account.Email, stranger.password)
}

func wrongCurrent(t testing.TB, s Tenant) {
	if s.NoNewPassword {
		return
	}
	p := newPerson(t, s)
	other := p.again(t)
	p.writes(t, func() {
		is(t, p.ChangePassword(t.Context(), wrongPassword, replacement), model.KindWrongPassword)
	}, "sign-in-failed "+model.ReasonWrongPassword)
	p.goesOn(t, true)
	other.goesOn(t, true)
	_, err := s.Service.SignIn(t.Context(), here, p.account.Email, replacement)
	is(t, err, model.KindWrongPassword)
	p.again(t)
	_, wait := tooMany(t, func() error { return p.ChangePassword(t.Context(), wrongPassword, replacement) })
	must(t, waits(t, s, wait, func() error { return p.ChangePassword(t.Context(), p.password, replacement) }))
}

func badReplacement(t testing.TB, s Tenant) {
	if s.NoNewPassword {
		return
	}
	p := newPerson(t, s)
	other := p.again(t)
	for _, bad := range []model.Secret{"", "short", "password1", model.Secret(p.account.Email)} {
		p.writes(t, func() {
			err := p.ChangePassword(t.Context(), p.password, bad)
			is(t, err, model.KindBadPassword)
			saysWhy(t, err)
		})
	}
	other.goesOn(t, true)
	p.again(t)
}

func deletesAccount(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	other, key, foreign := p.again(t), p.create(t, "pump"), stranger.create(t, "pump")
	device := works(t, s, key.Value)
	must(t, p.DeleteAccount(t.Context()))
	p.goesOn(t, false)
	other.goesOn(t, false)
	stranger.goesOn(t, true)
	if device() {
		t.Error("a device's session goes on")
	}
	isRefused(t, s, key.Value)
	works(t, s, foreign.Value)
	_, err := s.Service.SignIn(t.Context(), here, p.account.Email, p.password)
	is(t, err, model.KindWrongPassword)
	is(t, p.DeleteAccount(t.Context()), model.KindSessionOver)
	_, err = p.CreateKey(t.Context(), model.CalledKey("lamp"))
	is(t, err, model.KindSessionOver)
	s.Advance(sentAgain)
	register(t, s, p.account.Email, goodPassword)
	if again := signIn(t, s, p.account.Email, goodPassword); again.id() == p.id() {
		t.Error("the account is there again")
	} else {
		again.has(t)
	}
}
