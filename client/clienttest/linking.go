package clienttest

import (
	"testing"

	"latchkey/client"
)

func (s *suite) testLinking(t *testing.T) {
	t.Run("an anonymous user becomes a person and keeps the id", s.linksEmail)
	t.Run("what is linked already stays, and what is in use is refused", s.linksNothingElse)
	t.Run("a session of a key links nothing", func(t *testing.T) {
		s.strict(t)
		device := s.newPerson(t)
		session, err := device.client.Login(t.Context(), client.UserAPIKey(device.newKey(t).Value.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		refused(t, session.Link(t.Context(), s.registered(t)), want{status: 403, code: noCode})
	})
}

// registered are the credentials of an account that has not been signed in to.
func (s *suite) registered(t *testing.T) client.Credentials {
	t.Helper()
	email, password := newEmail(), newPassword()
	if err := s.newClient(t).Register(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	return client.EmailPassword(email, password)
}

// linksEmail is how the SDKs do it: an address is registered, and then linked.
func (s *suite) linksEmail(t *testing.T) {
	if !s.Anonymous {
		t.Skip("anonymous sign-in is not expected to work")
	}
	anonymous, credentials := s.newAnonymous(t), s.registered(t)
	for range 2 { // the same once more changes nothing
		if err := anonymous.Link(t.Context(), credentials); err != nil {
			t.Fatal(err)
		}
	}
	profile, err := anonymous.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(profile.Identities) != 2 || profile.Identities[0].Provider != "anon-user" || profile.Identities[1].Provider != "local-userpass" {
		t.Errorf("identities %+v, want one of anon-user and then one of local-userpass", profile.Identities)
	}
	elsewhere, err := s.newClient(t).Login(t.Context(), credentials)
	if err != nil {
		t.Fatal(err)
	}
	if elsewhere.UserID() != anonymous.UserID() {
		t.Errorf("the address signs in as %s, want %s", elsewhere.UserID(), anonymous.UserID())
	}
	if s.Strict {
		if _, err := anonymous.APIKeys().Create(t.Context(), "phone"); err != nil {
			t.Error(err)
		}
	}
}

func (s *suite) linksNothingElse(t *testing.T) {
	s.strict(t)
	p, other := s.newPerson(t), s.newPerson(t)
	refused(t, p.session.Link(t.Context(), client.EmailPassword(p.email, p.password+"x")), want{status: 400, code: "InvalidPassword"})
	for name, with := range map[string]client.Credentials{
		"an address in use": client.EmailPassword(other.email, other.password),
		"a second address":  s.registered(t),
		"a key":             client.UserAPIKey(other.newKey(t).Value.Reveal()),
		"nothing":           client.Anonymous(),
	} {
		err := p.session.Link(t.Context(), with)
		refused(t, err, want{status: 400, code: "InvalidParameter"})
		if !client.IsNotLinked(err) {
			t.Errorf("%s: IsNotLinked is false for %v", name, err)
		}
	}
	if err := p.session.Link(t.Context(), client.EmailPassword(p.email, p.password)); err != nil {
		t.Error(err)
	}
	p.login(t)
	other.login(t)
}
