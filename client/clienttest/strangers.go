package clienttest

import (
	"context"
	"net/http"
	"testing"

	"latchkey/client"
)

// testStrangers is about sessions that may not manage keys. The answer is 403:
// a 401 would make every SDK sign out.
func (s *suite) testStrangers(t *testing.T) {
	t.Run("a session opened with a key cannot delete keys", s.keySessionDeletes)
	t.Run("a session opened with a key manages no keys", func(t *testing.T) {
		s.strict(t)
		p := s.newPerson(t)
		key := p.newKey(t)
		s.managesNothing(t, p.loginWith(t, key), key.ID)
		if got := p.list(t); len(got) != 1 || got[0] != key.APIKey {
			t.Errorf("the owner's keys are %+v, want %+v alone", got, key.APIKey)
		}
	})
	t.Run("an anonymous user manages no keys", func(t *testing.T) {
		if !s.Anonymous {
			t.Skip("the target has no anonymous users")
		}
		session := s.newAnonymous(t)
		_, err := session.APIKeys().Create(t.Context(), "phone")
		refused(t, err, want{status: http.StatusForbidden, code: noCode})
		if s.Strict {
			s.managesNothing(t, session, s.newPerson(t).newKey(t).ID)
		}
	})
}

// newAnonymous logs somebody in anonymously.
func (s *suite) newAnonymous(t *testing.T) *client.Session {
	t.Helper()
	session, err := s.newClient(t).Login(t.Context(), client.Anonymous())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.DeleteUser(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return session
}

func (s *suite) keySessionDeletes(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	err := p.loginWith(t, key).APIKeys().Delete(t.Context(), key.ID)
	refused(t, err, want{status: http.StatusForbidden, code: noCode})
	if !client.IsForbidden(err) {
		t.Errorf("IsForbidden is false for %v", err)
	}
	if _, err := p.keys.Fetch(t.Context(), key.ID); err != nil {
		t.Errorf("the key is gone all the same: %v", err)
	}
}

// managesNothing tries all six calls, on an existing key and on none: the
// refusal is about who asks, not about what for.
func (s *suite) managesNothing(t *testing.T, session *client.Session, id string) {
	t.Helper()
	for _, r := range append(keyCalls(id), keyCalls("0123456789abcdef01234567")[2:]...) {
		r.bearer = session.RefreshToken().Reveal()
		a := s.send(t, r)
		a.refused(t, want{status: http.StatusForbidden, code: noCode})
		if a.body == "" {
			t.Errorf("%s %s is refused without a word", r.method, r.path)
		}
	}
	if err := session.Refresh(t.Context()); err != nil {
		t.Errorf("the session itself ended: %v", err)
	}
}
