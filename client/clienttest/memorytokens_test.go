package clienttest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
)

// memoryToken is a token that the plain server takes: a subject, and what shows
// that nobody has changed it.
func memoryToken(_ *testing.T, subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return subject + "." + hex.EncodeToString(sum[:])
}

func (u *memoryUser) isNobody() bool { return u.email == "" && u.subject == "" }

func (m *memory) loginSigned(r *http.Request) (int, any, error) {
	f, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	subject, _, ok := strings.Cut(f.Token, ".")
	if !ok || subject == "" || memoryToken(nil, subject) != f.Token && !m.lies("any signature") {
		return 0, nil, refusal{401, "InvalidSession", "unauthorized"}
	}
	var u *memoryUser
	for _, known := range m.users {
		if known.subject == subject && !m.lies("a new user for each token") {
			u = known
		}
	}
	if u == nil {
		u = &memoryUser{id: m.newID(), subject: subject}
		m.users[u.id] = u
	}
	s := m.open(u, nil)
	return 200, map[string]any{"user_id": u.id, "device_id": m.device(f),
		"access_token": s.access, "refresh_token": s.refresh}, nil
}
