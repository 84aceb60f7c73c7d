package clienttest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/client"
)

func (s *suite) testAccounts(t *testing.T) {
	t.Run("a new account signs in and sees its profile", s.newAccount)
	t.Run("an email address has one account", s.takenEmail)
	t.Run("wrong password and unknown email address answer alike", s.wrongPassword)
	t.Run("email addresses are compared with case", s.emailCase)
	t.Run("passwords have a least and a greatest length", s.passwordLength)
	t.Run("an account may have a name without an @", s.plainName)
	t.Run("a deleted account leaves nothing that works", s.deletedAccount)
	t.Run("anonymous sign-in", s.anonymous)
	t.Run("an unknown provider is not found", func(t *testing.T) {
		s.strict(t)
		a := s.send(t, request{method: http.MethodPost, path: s.inApp("/auth/providers/no-such/login"), body: `{}`})
		a.refused(t, want{status: http.StatusNotFound, code: "AuthProviderNotFound"})
	})
}

func (s *suite) newAccount(t *testing.T) {
	c, email, password := s.newClient(t), newEmail(), newPassword()
	register := fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
	a := s.send(t, request{method: http.MethodPost, path: s.inApp("/auth/providers/local-userpass/register"), body: register})
	if a.status != http.StatusCreated || a.body != "" {
		t.Errorf("register answered %d %q, want 201 without a body", a.status, a.body)
	}
	session, err := c.Login(t.Context(), client.EmailPassword(email, password))
	if err != nil {
		t.Fatal(err)
	}
	profile, err := session.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if profile.UserID != session.UserID() || profile.Type != "normal" || profile.Email() != email || profile.DomainID == "" {
		t.Errorf("profile %+v, want user %s, type normal, email %s and a domain", profile, session.UserID(), email)
	}
	if len(profile.Identities) != 1 || profile.Identities[0].Provider != "local-userpass" {
		t.Errorf("identities %+v, want one of local-userpass", profile.Identities)
	}
	if err := session.DeleteUser(t.Context()); err != nil {
		t.Error(err)
	}
}

func (s *suite) takenEmail(t *testing.T) {
	p := s.newPerson(t)
	err := p.client.Register(t.Context(), p.email, newPassword())
	refused(t, err, want{choice(s, http.StatusConflict), "AccountNameInUse", "name already in use"})
	if !client.IsAccountInUse(err) {
		t.Errorf("IsAccountInUse is false for %v", err)
	}
	p.login(t) // the first password still holds
}

func (s *suite) wrongPassword(t *testing.T) {
	p := s.newPerson(t)
	_, wrong := p.client.Login(t.Context(), client.EmailPassword(p.email, p.password+"x"))
	_, unknown := p.client.Login(t.Context(), client.EmailPassword(newEmail(), p.password))
	for _, err := range []error{wrong, unknown} {
		refused(t, err, wrongPassword)
		if !client.IsUnauthorized(err) {
			t.Errorf("IsUnauthorized is false for %v", err)
		}
	}
}

func (s *suite) emailCase(t *testing.T) {
	p := s.newPerson(t)
	_, err := p.client.Login(t.Context(), client.EmailPassword(strings.ToUpper(p.email), p.password))
	refused(t, err, wrongPassword)
}

func (s *suite) passwordLength(t *testing.T) {
	c := s.newClient(t)
	text := fmt.Sprintf("password must be between %d and 128 characters", s.MinPassword)
	for _, length := range []int{s.MinPassword - 1, 129} {
		err := c.Register(t.Context(), newEmail(), strings.Repeat("x", length))
		refused(t, err, want{choice(s, http.StatusBadRequest), "BadRequest", text})
	}
	longest := strings.Repeat("x", 128)
	if s.Strict {
		longest = strings.Repeat("ä", 128) // characters are counted, not bytes
	}
	for _, password := range []string{longest[:len(longest)/128*s.MinPassword], longest} {
		p := &person{email: newEmail(), password: password, client: c}
		if err := c.Register(t.Context(), p.email, password); err != nil {
			t.Errorf("a password of %d characters: %v", len([]rune(password)), err)
			continue
		}
		if err := p.login(t).DeleteUser(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// plainName is about SDK tests, which register names like "user".
func (s *suite) plainName(t *testing.T) {
	s.strict(t)
	p := &person{email: "conformance-" + random(8), password: newPassword(), client: s.newClient(t)}
	if err := p.client.Register(t.Context(), p.email, p.password); err != nil {
		t.Fatal(err)
	}
	if err := p.login(t).DeleteUser(t.Context()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", strings.Repeat("n", 129)} {
		err := p.client.Register(t.Context(), name, p.password)
		refused(t, err, want{})
	}
}

func (s *suite) deletedAccount(t *testing.T) {
	p := s.newPerson(t)
	key, other := p.newKey(t), p.login(t)
	if err := p.session.DeleteUser(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := p.client.Login(t.Context(), client.EmailPassword(p.email, p.password))
	refused(t, err, wrongPassword)
	_, err = p.client.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	refused(t, err, wrongKey)
	for _, session := range []*client.Session{p.session, other} {
		refused(t, session.Refresh(t.Context()), goneSession)
		_, err = session.APIKeys().FetchAll(t.Context())
		refused(t, err, goneSession)
		// realm-web signs out after deleting, and forgives only this text.
		refused(t, session.Logout(t.Context()), goneSession)
	}
}

func (s *suite) anonymous(t *testing.T) {
	c := s.newClient(t)
	if !s.Anonymous {
		s.strict(t)
		_, err := c.Login(t.Context(), client.Anonymous())
		refused(t, err, notOffered)
		return
	}
	first, second := s.newAnonymous(t), s.newAnonymous(t)
	if first.UserID() == second.UserID() {
		t.Error("two anonymous sign-ins gave the same user")
	}
	profile, err := first.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(profile.Identities) != 1 || profile.Identities[0].Provider != "anon-user" {
		t.Errorf("identities %+v, want one of anon-user", profile.Identities)
	}
}
