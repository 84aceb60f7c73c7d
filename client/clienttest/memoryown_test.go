package clienttest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// ownCall answers the calls that are Latchkey's own.
func (m *memory) ownCall(r *http.Request, s *memorySession, path string) (int, any, error) {
	call := r.Method + " " + path
	lie, some := map[string]string{
		"GET /key_facts": "facts for devices", "DELETE /sessions": "devices end sessions", "PUT /password": "devices change passwords",
	}[call]
	if (s.key != nil || s.user.isNobody()) && !(some && m.lies(lie)) {
		return 0, nil, errForbidden
	}
	switch {
	case call == "GET /key_facts" && !m.lies("no facts"):
		return m.facts(s)
	case call == "GET /sessions" && !m.lies("no list of sessions"):
		return m.listSessions(s)
	case call == "DELETE /sessions":
		m.endAll(func(other *memorySession) bool {
			return (other.user == s.user || m.lies("others are all")) && (other != s || m.lies("others are this one too"))
		})
		return 204, nil, nil
	case strings.HasPrefix(call, "DELETE /sessions/"):
		return m.endSession(s, strings.TrimPrefix(path, "/sessions/"))
	case strings.HasPrefix(call, "PUT /keys/") && strings.HasSuffix(call, "/expiry") && !m.lies("no expiry"):
		return m.setExpiry(r, s, strings.TrimSuffix(strings.TrimPrefix(path, "/keys/"), "/expiry"))
	case call == "POST /refresh_token":
		return m.reissue(s)
	case call == "POST /proof" && !m.lies("no proofs"):
		return m.proof(r, s)
	case call == "PUT /password":
		return m.changePassword(r, s)
	}
	return 0, nil, errNothing
}

func (m *memory) listSessions(s *memorySession) (int, any, error) {
	list := []any{}
	for token, other := range m.sessions {
		if token != other.refresh || other.ended || other.user != s.user && !m.lies("sessions of others") {
			continue
		}
		one := map[string]any{"_id": other.id, "current": other == s, "provider": "local-userpass", "created_at": time.Now()}
		if other.key != nil {
			one["provider"], one["key_id"] = "api-key", other.key.id
		}
		if m.lies("sessions without their keys") {
			delete(one, "key_id")
		}
		list = append(list, one)
	}
	return 200, map[string]any{"sessions": list}, nil
}

func (m *memory) endSession(s *memorySession, id string) (int, any, error) {
	for _, other := range m.sessions {
		if other.id == id && !other.ended && (other.user == s.user || m.lies("anybody ends sessions")) {
			other.ended = !m.lies("ended sessions live")
			return 204, nil, nil
		}
	}
	return 0, nil, errNoSession
}

func (m *memory) setExpiry(r *http.Request, s *memorySession, id string) (int, any, error) {
	var in struct {
		At time.Time `json:"expires_at"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return 0, nil, refusal{400, "BadRequest", "one JSON object is needed"}
	}
	if now := time.Now(); !in.At.IsZero() && (in.At.Before(now) || in.At.After(now.AddDate(10, 0, 2))) && !m.lies("any expiry") {
		return 0, nil, refusal{400, "InvalidParameter", "no such day"}
	}
	for _, u := range m.users {
		for _, k := range u.keys {
			if k.id == id && (u == s.user || m.lies("anybody ends keys")) {
				k.expires = in.At
				return 204, nil, nil
			}
		}
	}
	return 0, nil, errNoKey
}

func (m *memory) reissue(s *memorySession) (int, any, error) {
	again := s
	if m.lies("another session reissued") {
		again = m.open(s.user, nil)
	}
	token := m.token(again, "refresh")
	m.sessions[token] = again
	return 201, map[string]any{"refresh_token": token}, nil
}

func (m *memory) proof(r *http.Request, s *memorySession) (int, any, error) {
	f, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	if f.Password != s.user.password && (!m.lies("case is no matter") || !strings.EqualFold(f.Password, s.user.password)) {
		return 0, nil, errNotOwn
	}
	return 204, nil, nil
}

func (m *memory) changePassword(r *http.Request, s *memorySession) (int, any, error) {
	f, err := read(r)
	switch {
	case err != nil:
		return 0, nil, err
	case f.Current != s.user.password && !m.lies("any current password"):
		return 0, nil, errNotOwn
	case len(f.New) < 6 && !m.lies("short new passwords"):
		return 0, nil, errTooShort
	}
	s.user.password = f.New
	m.endAll(func(other *memorySession) bool {
		return other.user == s.user && other != s && other.key == nil && !m.lies("sessions outlive passwords")
	})
	return 204, nil, nil
}
