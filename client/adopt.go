package client

import (
	"context"
	"net/http"
)

const opAdoptKey = "adopt key"

// Adopt creates a key with a value that a device has already: one that App
// Services created. The device then signs in with it, unchanged. A value that was
// not created at random is refused with status 400, and one that a key has
// already, the user's or another's, with an error for which [IsValueInUse] is true.
//
// The call is Latchkey's own and not part of the protocol: for a server that does
// not have it, or leaves adopting to its operator, [IsNotReported] is true of the
// error.
func (a *APIKeys) Adopt(ctx context.Context, name string, value Secret) (APIKey, error) {
	r := request{
		op:      opAdoptKey,
		method:  http.MethodPost,
		root:    ownRoot,
		path:    path("adopted_keys"),
		body:    map[string]string{"name": name, "key": value.Reveal()},
		secrets: []Secret{value},
	}
	var k wireKey
	if err := a.session.withRefresh(ctx, r, &k); err != nil {
		return APIKey{}, err
	}
	return k.key(), nil
}

// IsValueInUse reports whether a value cannot be adopted because a key has it.
func IsValueInUse(err error) bool {
	e, ok := about(err)
	return ok && e.Op == opAdoptKey && e.Status == http.StatusConflict && e.Code != codeKeyExists
}
