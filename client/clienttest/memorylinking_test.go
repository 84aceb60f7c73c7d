package clienttest

import (
	"net/http"
	"strings"
)

var (
	errNotLinked   = refusal{400, "InvalidParameter", "invalid user link request"}
	errLinkedWrong = refusal{400, "InvalidPassword", "unauthorized"}
)

// link links an address to the user of a session.
func (m *memory) link(r *http.Request) (int, any, error) {
	s := m.sessions[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	f, err := read(r)
	switch {
	case s == nil || s.ended:
		return 0, nil, errBadToken
	case s.key != nil && !m.lies("linking with a key"):
		return 0, nil, errForbidden
	case err != nil:
		return 0, nil, err
	}
	u := m.byEmail(f.Username)
	switch {
	case f.Key != "" || f.Username == "":
		return 0, nil, errNotLinked
	case u == nil || u.password != f.Password:
		if m.lies("401 for what is linked") {
			return 0, nil, errPassword
		}
		return 0, nil, errLinkedWrong
	case u != s.user:
		if (u.used || s.user.email != "") && !m.lies("linking what is in use") {
			return 0, nil, errNotLinked
		}
		s.user.email, s.user.password, s.user.wasNobody = u.email, u.password, s.user.isNobody()
		delete(m.users, u.id)
	}
	s.access = m.token(s, "access")
	m.sessions[s.access] = s
	id := s.user.id
	if m.lies("linked users are others") {
		id = m.newID()
	}
	return 200, map[string]any{"user_id": id, "device_id": strings.Repeat("0", 24), "access_token": s.access}, nil
}
