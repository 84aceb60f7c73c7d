package authserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// setExpiryRequest says when a key expires, as RFC 3339 has it, or null for never. Raw, since null must not be the same as nothing.
type setExpiryRequest struct {
	ExpiresAt json.RawMessage `json:"expires_at"`
}

// at is the zero time for never.
func (in setExpiryRequest) at() (at time.Time, err error) {
	switch {
	case in.ExpiresAt == nil:
		return at, refuse(kindMissingField, "expires_at")
	case bytes.Equal(in.ExpiresAt, []byte("null")):
		return at, nil
	case json.Unmarshal(in.ExpiresAt, &at) != nil || at.IsZero(): // whose year 1 is not never
		return at, refuse(kindBadBody)
	}
	return at, nil
}

// setExpiry has a key expire at a time, or never. It is a call of our own: the protocol knows no keys that expire. A program may put the time
// off without asking for the password, as it may create keys.
func (s *Server) setExpiry(r *http.Request, who principal) (answer, error) {
	var in setExpiryRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	at, err := in.at()
	if err != nil {
		return answer{}, err
	}
	_, err = s.confirmed(r, who).SetExpiry(r.Context(), r.PathValue("id"), at)
	return answer{status: http.StatusNoContent}, err
}
