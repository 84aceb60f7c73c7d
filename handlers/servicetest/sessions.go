package servicetest

import (
	"slices"
	"testing"

	"latchkey/internal/model"
)

func sessions() []contract {
	return []contract{
		{"other sign-ins and those of keys are listed", sessionsListed},
		{"a session is ended alone, which is written down once", endsOne},
		{"a session that never was, has ended, is malformed or somebody else's is not found", noSession},
		{"all others are ended, and this one goes on", endsOthers},
		{"this session is ended, once or twice, and nothing is written down", signsOut},
	}
}

// listed are the person's sessions, none when the service has no list.
func (p *person) sessionList(t testing.TB) []model.Session {
	t.Helper()
	sessions, err := p.Sessions(t.Context())
	if p.tenant.NoSessions {
		is(t, err, model.KindNotOffered)
		return nil
	}
	must(t, err)
	return sessions.List
}

// sessionsOf counts the sessions that a key has opened.
func (p *person) sessionsOf(t testing.TB, keyID string) (n int) {
	t.Helper()
	for _, session := range p.sessionList(t) {
		if session.KeyID == keyID {
			n++
		}
	}
	return n
}

// lists says whether a session is listed.
func (p *person) lists(t testing.TB, id string) bool {
	t.Helper()
	return slices.ContainsFunc(p.sessionList(t), func(s model.Session) bool { return s.ID == id })
}

func sessionsListed(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	stranger, other, key := newPerson(t, s), p.again(t), p.create(t, "pump")
	works(t, s, key.Value)
	for _, session := range p.sessionList(t) {
		if session.ID == "" || session.UserID != p.id() || !near(session.CreatedAt, s.Now()) || !session.ExpiresAt.After(s.Now()) {
			t.Errorf("listed is %+v", session)
		}
	}
	if s.NoSessions {
		return
	}
	if !p.lists(t, other.account.SessionID) || p.sessionsOf(t, key.Key.ID) != 1 || p.lists(t, stranger.account.SessionID) {
		t.Errorf("listed are %+v", p.sessionList(t))
	}
}

func endsOne(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	other, third := p.again(t), p.again(t)
	device := works(t, s, p.create(t, "pump").Value)
	if s.NoSessions {
		p.writes(t, func() { is(t, p.EndSession(t.Context(), other.account.SessionID), model.KindNotOffered) })
		other.goesOn(t, true)
		return
	}
	p.writes(t, func() { must(t, p.EndSession(t.Context(), other.account.SessionID)) }, "session-ended "+model.EndedElsewhere)
	other.goesOn(t, false)
	p.goesOn(t, true)
	third.goesOn(t, true)
	if p.lists(t, other.account.SessionID) || !p.lists(t, third.account.SessionID) || !device() {
		t.Errorf("left are %+v", p.sessionList(t))
	}
}

func noSession(t testing.TB, s Tenant) {
	if s.NoSessions {
		return
	}
	p := newPerson(t, s)
	stranger, other := newPerson(t, s), p.again(t)
	must(t, p.EndSession(t.Context(), other.account.SessionID))
	p.writes(t, func() {
		stranger.writes(t, func() {
			for _, id := range []string{"", "1", "0123456789abcdef01234567", other.account.SessionID, stranger.account.SessionID, "%", "../sessions"} {
				is(t, p.EndSession(t.Context(), id), model.KindNotFound)
			}
		})
	})
	stranger.goesOn(t, true)
	p.goesOn(t, true)
}

func endsOthers(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	stranger, other, third, key := newPerson(t, s), p.again(t), p.again(t), p.create(t, "pump")
	device := works(t, s, key.Value)
	if s.NoSessions {
		p.writes(t, func() { is(t, p.EndOthers(t.Context()), model.KindNotOffered) })
		other.goesOn(t, true)
		return
	}
	var lines []string
	if !s.OthersByBrowser {
		lines = append(lines, "session-ended "+model.EndedOthers)
	}
	p.writes(t, func() { must(t, p.EndOthers(t.Context())) }, lines...)
	p.goesOn(t, true)
	stranger.goesOn(t, true)
	other.goesOn(t, false)
	third.goesOn(t, false)
	if device() {
		t.Error("a device's session goes on")
	}
	works(t, s, key.Value)
}

func signsOut(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	other, stranger := p.again(t), newPerson(t, s)
	device := works(t, s, p.create(t, "pump").Value)
	p.writes(t, func() {
		for range 2 {
			must(t, p.SignOut(t.Context()))
			p.goesOn(t, false)
		}
	})
	other.goesOn(t, true)
	stranger.goesOn(t, true)
	if !device() {
		t.Error("a device's session has ended")
	}
}
