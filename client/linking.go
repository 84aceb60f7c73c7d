package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

const opLink = "link credentials"

// linkAnswer is what linking gives. The refresh token stays the same.
type linkAnswer struct {
	UserID string `json:"user_id"`
	Access Secret `json:"access_token"`
}

func (a *linkAnswer) check() error { return checkToken("access_token", a.Access) }

// Link lets the session's user sign in with other credentials too, and keeps their
// id. After it a user who signed in with [Anonymous] can manage keys, and sign in
// again elsewhere.
//
// An email address is registered first, with [Client.Register], and confirmed where
// the server wants that; it must not have been signed in with. [IsNotLinked] reports
// credentials of an account in use, or of a kind that cannot be linked, and
// [IsWrongPassword] a wrong password.
func (s *Session) Link(ctx context.Context, with Credentials) error {
	if with.fields == nil {
		return &Error{Op: opLink, Err: errors.New("the credentials are empty"), unsent: true}
	}
	body := loginRequest{loginFields: with.fields()}
	body.Options.Device = s.client.device.wire(s.client.deviceID.Load())
	r := request{
		op:      opLink,
		method:  http.MethodPost,
		path:    s.client.appPath("auth", "providers", with.provider, "login") + "?link=true",
		body:    body,
		secrets: body.secrets(),
	}
	var a linkAnswer
	if err := s.withAccess(ctx, r, &a); err != nil {
		return err
	}
	if a.UserID != s.userID {
		return r.unusable(http.StatusOK, fmt.Errorf("user_id is %q, which is another user", tidy(a.UserID, maxCode)))
	}
	s.access.Store(&a.Access)
	return nil
}

// IsNotLinked reports whether the credentials given to [Session.Link] cannot be
// linked: they belong to an account in use, the user has others of the kind, or the
// kind does not identify a person. App Services itself answered some of these with a
// status that says something else.
func IsNotLinked(err error) bool {
	e, ok := about(err)
	return ok && e.Op == opLink && e.Code == codeInvalidParameter
}
