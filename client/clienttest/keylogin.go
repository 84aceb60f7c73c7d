package clienttest

import (
	"strings"
	"testing"

	"latchkey/client"
)

func (s *suite) testKeyLogin(t *testing.T) {
	t.Run("acts for the owner", s.actsForOwner)
	t.Run("needs the whole value", s.wrongValues)
	t.Run("is refused while the key is off, and works with the same value after", s.offKeyLogin)
	t.Run("is refused once the key is deleted", s.deletedKeyLogin)
	t.Run("opens a session that ends with the key", s.keySessionEnds)
}

// loginWith opens a session with a key's value.
func (p *person) loginWith(t *testing.T, key client.CreatedKey) *client.Session {
	t.Helper()
	session, err := p.client.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// refusesKey checks that a key cannot sign in.
func (p *person) refusesKey(t *testing.T, key client.CreatedKey) {
	t.Helper()
	_, err := p.client.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	refused(t, err, wrongKey)
	if !client.IsUnauthorized(err) {
		t.Errorf("IsUnauthorized is false for %v", err)
	}
}

func (s *suite) actsForOwner(t *testing.T) {
	p := s.newPerson(t)
	session := p.loginWith(t, p.newKey(t))
	if session.UserID() != p.session.UserID() {
		t.Errorf("the key's session is of %s, want its owner %s", session.UserID(), p.session.UserID())
	}
	if err := session.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	profile, err := session.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if profile.UserID != p.session.UserID() || s.Strict && profile.Type != "normal" {
		t.Errorf("profile %+v, want the owner's, of type normal", profile)
	}
	if err := session.Logout(t.Context()); err != nil {
		t.Error(err)
	}
}

func (s *suite) wrongValues(t *testing.T) {
	p := s.newPerson(t)
	value := p.newKey(t).Value.Reveal()
	for name, wrong := range map[string]string{
		"another":   strings.Repeat("a", 64),
		"cut":       value[:len(value)-1],
		"longer":    value + "a",
		"with tail": value + " ",
		"short":     "x",
		"very long": strings.Repeat("k", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.client.Login(t.Context(), client.UserAPIKey(wrong))
			refused(t, err, wrongKey)
		})
	}
}

func (s *suite) offKeyLogin(t *testing.T) {
	p := s.newPerson(t)
	key, other := p.newKey(t), p.newKey(t)
	p.loginWith(t, key)
	if err := p.keys.Disable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	p.refusesKey(t, key)
	p.loginWith(t, other)
	if err := p.keys.Enable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	p.loginWith(t, key)
}

func (s *suite) deletedKeyLogin(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	if err := p.keys.Delete(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	p.refusesKey(t, key)
}

func (s *suite) keySessionEnds(t *testing.T) {
	s.strict(t)
	for name, end := range map[string]func(p *person, id string) error{
		"turned off": func(p *person, id string) error { return p.keys.Disable(t.Context(), id) },
		"deleted":    func(p *person, id string) error { return p.keys.Delete(t.Context(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			p := s.newPerson(t)
			key, other := p.newKey(t), p.newKey(t)
			ending := []*client.Session{p.loginWith(t, key), p.loginWith(t, key)}
			lasting := []*client.Session{p.loginWith(t, other), p.session, p.login(t)}
			if err := end(p, key.ID); err != nil {
				t.Fatal(err)
			}
			for _, session := range ending {
				refused(t, session.Refresh(t.Context()), goneSession)
			}
			for _, session := range lasting {
				if err := session.Refresh(t.Context()); err != nil {
					t.Errorf("a session that the key did not open: %v", err)
				}
			}
			// Turning on again lets the key sign in; what it had opened stays ended.
			if p.keys.Enable(t.Context(), key.ID) == nil {
				refused(t, ending[0].Refresh(t.Context()), goneSession)
			}
		})
	}
}
