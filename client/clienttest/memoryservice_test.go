package clienttest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// memoryAudience is the one service that there are tokens for.
const memoryAudience = "sync"

// exchange gives tokens for the service.
func (m *memory) exchange(r *http.Request) (int, any, error) {
	if err := r.ParseForm(); err != nil {
		return 0, nil, err
	}
	audience, subject := r.PostForm["audience"], r.PostForm.Get("subject_token")
	s := m.sessions[subject]
	switch named := len(audience) == 1 && audience[0] == memoryAudience; {
	case s == nil || subject != s.access || s.ended && !m.lies("tokens of ended sessions"):
		return 400, map[string]string{"error": "invalid_grant", "error_description": "No."}, nil
	case !named && !m.lies("tokens by default"):
		return 400, map[string]string{"error": "invalid_target", "error_description": "No."}, nil
	}
	now := time.Now().Unix()
	claims, err := json.Marshal(map[string]any{"iss": m.url, "sub": s.user.id, "aud": memoryAudience, "iat": now, "exp": now + 60, "jti": m.newID()})
	if err != nil {
		return 0, nil, err
	}
	token := "x." + base64.RawURLEncoding.EncodeToString(claims) + ".y"
	if m.lies("tokens that open") {
		s.access, m.sessions[token] = token, s
	}
	return 200, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 60}, nil
}
