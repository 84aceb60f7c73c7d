package client

import (
	"context"
	"net/http"
	"time"
)

// opSetExpiry is the Op of errors of [APIKeys.SetExpiry].
const opSetExpiry = "set expiry of key"

// SetExpiry has a key sign nothing in from a time on, or never stop when that is
// the zero time. It counts by the second. A time that has come, and one that is
// more than ten years away, is refused with status 400. Turning on a key that has
// expired does not help; another time does.
//
// The call is Latchkey's own and not part of the protocol: for a server that does
// not have it, [IsNotReported] is true of the error.
func (a *APIKeys) SetExpiry(ctx context.Context, id string, at time.Time) error {
	var body struct {
		ExpiresAt *time.Time `json:"expires_at"`
	}
	if !at.IsZero() {
		utc := at.UTC().Truncate(time.Second)
		body.ExpiresAt = &utc
	}
	r := request{op: opSetExpiry, method: http.MethodPut, root: ownRoot, path: path("keys", id, "expiry"), body: body, noContent: true}
	if !validID(id) {
		r.path = path("keys") + "/{id}" + path("expiry")
		return r.noSuchKey()
	}
	return a.session.withRefresh(ctx, r, nil)
}
