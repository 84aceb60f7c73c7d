package authserver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/model"
)

// renewing is the call that SDKs begin with when they have signed in before.
const renewing = "POST " + auth + "/session"

// hint tells of whom a token speaks that was refused, if it is one of App Services. Nobody can check its signature any more: that is told to
// the operator, and nothing else comes of it.
func (s *Server) hint(r *http.Request, raw string) {
	if r.Pattern != renewing || len(raw) > maxToken {
		return
	}
	if user := userOfOldToken(raw); user != "" {
		s.accounts.Hint(s.from(r, ""), user)
	}
}

// userOfOldToken is the user that a token of App Services names, "" when it is none.
func userOfOldToken(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || parts[2] == "" {
		return ""
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var c struct {
		Type    tokenType `json:"typ"`
		Subject string    `json:"sub"`
	}
	if decodePart(parts[0], &header) != nil || decodePart(parts[1], &c) != nil {
		return ""
	}
	if header.Algorithm != string(jose.HS256) || c.Type != refreshToken && c.Type != accessToken || !model.IsID(c.Subject) {
		return ""
	}
	return c.Subject
}

// decodePart reads a part of a token in either alphabet of base64, with padding and without: App Services has written several.
func decodePart(part string, to any) error {
	part = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(part, "="))
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
