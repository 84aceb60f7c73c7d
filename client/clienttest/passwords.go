package clienttest

import (
	"strings"
	"testing"

	"latchkey/client"
)

// testPasswords is about calls of Latchkey's own, as testFacts is.
func (s *suite) testPasswords(t *testing.T) {
	if !s.answers(t, func(own *client.Session) error {
		if err := own.Prove(t.Context(), "not the password"); !client.IsWrongPassword(err) {
			return err
		}
		return nil
	}) {
		return
	}
	t.Run("can be proved", s.proves)
	t.Run("can be changed by who knows the current one, and end all other sessions", s.changesPassword)
	t.Run("stay when the new one will not do", s.refusesPassword)
	t.Run("are for people", s.passwordsForPeople)
}

func (s *suite) proves(t *testing.T) {
	p := s.newPerson(t)
	if err := p.session.Prove(t.Context(), p.password); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{strings.ToUpper(p.password), p.password + " ", s.newPerson(t).password} {
		if err := p.session.Prove(t.Context(), wrong); !client.IsWrongPassword(err) {
			t.Errorf("another password: %v", err)
		}
	}
	lives(t, "the session after wrong ones", p.session)
}

func (s *suite) changesPassword(t *testing.T) {
	p := s.newPerson(t)
	other, key := p.login(t), p.newKey(t)
	replacement := newPassword()
	if err := p.session.ChangePassword(t.Context(), replacement, p.password); !client.IsWrongPassword(err) {
		t.Errorf("with another current password: %v", err)
	}
	lives(t, "another session before the change", other)
	if err := p.session.ChangePassword(t.Context(), p.password, replacement); err != nil {
		t.Fatal(err)
	}
	lives(t, "the session that changed it", p.session)
	refused(t, other.Refresh(t.Context()), goneSession)
	if _, err := p.client.Login(t.Context(), client.EmailPassword(p.email, p.password)); !client.IsUnauthorized(err) {
		t.Errorf("signing in with the old password: %v", err)
	}
	p.password = replacement
	p.login(t)
	p.loginWith(t, key) // devices are no affair of the password's
}

func (s *suite) refusesPassword(t *testing.T) {
	p := s.newPerson(t)
	other := p.login(t)
	for _, short := range []string{"", strings.Repeat("x", s.MinPassword-1)} {
		if err := p.session.ChangePassword(t.Context(), p.password, short); !client.IsRefusedPassword(err) {
			t.Errorf("%d characters: %v", len(short), err)
		}
	}
	lives(t, "another session", other)
	p.login(t)
}

func (s *suite) passwordsForPeople(t *testing.T) {
	p := s.newPerson(t)
	device := p.loginWith(t, p.newKey(t))
	if err := device.Prove(t.Context(), p.password); !client.IsForbidden(err) || client.IsWrongPassword(err) {
		t.Errorf("proving with a key: %v", err)
	}
	if err := device.ChangePassword(t.Context(), p.password, newPassword()); !client.IsForbidden(err) || client.IsWrongPassword(err) {
		t.Errorf("changing with a key: %v", err)
	}
	p.login(t)
}
