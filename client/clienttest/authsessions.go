package clienttest

import (
	"slices"
	"testing"

	"latchkey/client"
)

// testAuthSessions is about calls of Latchkey's own, as testFacts is.
func (s *suite) testAuthSessions(t *testing.T) {
	if !s.answers(t, func(own *client.Session) error { _, _, err := own.AuthSessions(t.Context()); return err }) {
		return
	}
	t.Run("lists where the user is signed in, and nobody else", s.listsSessions)
	t.Run("says which key opened a session", s.listsSessionsOfKeys)
	t.Run("ends one session and no other", s.endsOne)
	t.Run("ends no session of another user", s.endsNoForeign)
	t.Run("ends all others and not the one that asks", s.endsOthers)
	t.Run("gives a session another refresh token, of the same end", s.reissues)
	t.Run("is for people", s.sessionsForPeople)
}

// listed are all sessions, as one of them is told.
func listed(t *testing.T, own *client.Session) []client.AuthSession {
	t.Helper()
	all, more, err := own.AuthSessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if more {
		t.Error("there are said to be more sessions than a few")
	}
	return all
}

// lives makes sure that a session does.
func lives(t *testing.T, name string, session *client.Session) {
	t.Helper()
	if err := session.Refresh(t.Context()); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func (s *suite) listsSessions(t *testing.T) {
	p, stranger := s.newPerson(t), s.newPerson(t)
	other := p.login(t)
	want := []string{p.session.ID(), other.ID()}
	var got []string
	for _, session := range listed(t, p.session) {
		got = append(got, session.ID)
		if session.Current != (session.ID == p.session.ID()) {
			t.Errorf("the one that asks: %v", session.Current)
		}
		if session.Provider != "local-userpass" || session.KeyID != "" {
			t.Errorf("opened by %q, key %q", session.Provider, session.KeyID)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("sessions %v, want %v; another user's is %s", got, want, stranger.session.ID())
	}
	if err := other.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := listed(t, p.session); len(left) != 1 {
		t.Errorf("after a sign-out %d sessions are listed", len(left))
	}
}

func (s *suite) listsSessionsOfKeys(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	device := p.loginWith(t, key)
	all := listed(t, p.session)
	i := slices.IndexFunc(all, func(a client.AuthSession) bool { return a.ID == device.ID() })
	if i < 0 {
		t.Fatal("a session that a key opened is not listed")
	}
	if got := all[i]; got.Provider != "api-key" || got.KeyID != key.ID || got.Current {
		t.Errorf("listed as %+v", got)
	}
}

func (s *suite) endsOne(t *testing.T) {
	p := s.newPerson(t)
	other, third := p.login(t), p.login(t)
	if err := p.session.EndAuthSession(t.Context(), other.ID()); err != nil {
		t.Fatal(err)
	}
	refused(t, other.Refresh(t.Context()), goneSession)
	lives(t, "the one that asked", p.session)
	lives(t, "a third", third)
	if err := p.session.EndAuthSession(t.Context(), other.ID()); !client.IsNotFound(err) || client.IsNotReported(err) {
		t.Errorf("ending it twice: %v", err)
	}
}

func (s *suite) endsNoForeign(t *testing.T) {
	p, stranger := s.newPerson(t), s.newPerson(t)
	if err := stranger.session.EndAuthSession(t.Context(), p.session.ID()); !client.IsNotFound(err) || client.IsNotReported(err) {
		t.Errorf("ending the session of another user: %v", err)
	}
	lives(t, "the session of another user", p.session)
}

func (s *suite) endsOthers(t *testing.T) {
	p, stranger := s.newPerson(t), s.newPerson(t)
	other, device := p.login(t), p.loginWith(t, p.newKey(t))
	if err := p.session.EndOtherAuthSessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, other.Refresh(t.Context()), goneSession)
	refused(t, device.Refresh(t.Context()), goneSession)
	lives(t, "the one that asked", p.session)
	lives(t, "that of another user", stranger.session)
}

func (s *suite) reissues(t *testing.T) {
	p := s.newPerson(t)
	again, err := p.session.Reissue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again.ID() != p.session.ID() || again.UserID() != p.session.UserID() {
		t.Errorf("session %s of %s, want %s of %s", again.ID(), again.UserID(), p.session.ID(), p.session.UserID())
	}
	lives(t, "with the new token", again)
	lives(t, "with the old one", p.session)
	if err := again.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, p.session.Refresh(t.Context()), goneSession)
	p.session = p.login(t) // which removes the user afterwards
}

func (s *suite) sessionsForPeople(t *testing.T) {
	p := s.newPerson(t)
	device := p.loginWith(t, p.newKey(t))
	if _, _, err := device.AuthSessions(t.Context()); !client.IsForbidden(err) {
		t.Errorf("listing with a key: %v", err)
	}
	if err := device.EndAuthSession(t.Context(), p.session.ID()); !client.IsForbidden(err) {
		t.Errorf("ending one with a key: %v", err)
	}
	if err := device.EndOtherAuthSessions(t.Context()); !client.IsForbidden(err) {
		t.Errorf("ending all others with a key: %v", err)
	}
	lives(t, "the person's session", p.session)
}
