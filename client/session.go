package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// Session is a signed-in user. It is safe for concurrent use, and prints
// without its tokens.
//
// It holds two tokens, as the SDKs do. The refresh token, good for weeks, is
// the session: it renews the other one, manages keys and signs out. The access
// token, good for minutes, is used by [Session.Profile] and
// [Session.DeleteUser].
type Session struct {
	client           *Client
	userID, deviceID string

	// Pointers, so that a Session printed by value shows addresses.
	refresh *Secret
	access  atomic.Pointer[Secret]

	renewing flight[Secret]
}

// Resume returns the session that a refresh token stands for, for programs that
// keep only that. It sends nothing; an access token is fetched when a call
// needs one.
func (c *Client) Resume(userID string, refreshToken Secret) *Session {
	return &Session{client: c, userID: userID, refresh: &refreshToken}
}

// UserID returns the id of the user: the same however they signed in.
func (s *Session) UserID() string { return s.userID }

// DeviceID returns the id that the server gave this Client at sign-in, if any.
func (s *Session) DeviceID() string { return s.deviceID }

// RefreshToken returns the token to give to [Client.Resume] later. Anyone who has
// it can manage the user's keys.
func (s *Session) RefreshToken() Secret { return *s.refresh }

// String returns whose session it is.
func (s *Session) String() string { return "session of user " + s.userID + " " + redacted }

// Format prints the same for every verb.
func (s *Session) Format(f fmt.State, _ rune) { printRedacted(f, s.String()) }

// LogValue gives package slog the same text.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the same text; encoding/json uses it too.
func (s *Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// withRefresh sends r with the refresh token. A 401 may be no more than a slip of
// the server, which says with it that it did not act. So the server is asked
// whether the session lives, and if it does r is sent once more; never a third
// time, and a second 401 means that the session is over all the same.
func (s *Session) withRefresh(ctx context.Context, r request, out answer) error {
	err := s.withRefreshOnce(ctx, r, out)
	if !IsUnauthorized(err) {
		return err
	}
	switch asked := s.confirm(ctx); {
	case asked == nil:
		return s.withRefreshOnce(ctx, r, out)
	case isRefusal(asked):
		return err
	default:
		return fmt.Errorf("%s: %w", r.op, asked) // nobody knows
	}
}

// isRefusal reports whether the server answered that it does not do what was
// asked, now or later.
func isRefusal(err error) bool {
	e, ok := about(err)
	return ok && e.Status/100 == 4 && !IsLimited(err)
}

// withRefreshOnce takes a 401 as it is, for the calls that are about the session
// itself.
func (s *Session) withRefreshOnce(ctx context.Context, r request, out answer) error {
	r.bearer = *s.refresh
	return s.client.call(ctx, r, out)
}

// withAccess sends r with the access token. A 401 usually means that the token
// expired, so it is renewed and r sent once more; never a third time, or a
// server that refuses fresh tokens would be asked without end.
func (s *Session) withAccess(ctx context.Context, r request, out answer) error {
	token := s.access.Load()
	if token == nil {
		return s.withFreshAccess(ctx, nil, r, out)
	}
	r.bearer = *token
	err := s.client.call(ctx, r, out)
	if !IsUnauthorized(err) {
		return err
	}
	return s.withFreshAccess(ctx, token, r, out)
}

// withFreshAccess sends r with a newer access token than stale.
func (s *Session) withFreshAccess(ctx context.Context, stale *Secret, r request, out answer) error {
	token, err := s.renew(ctx, stale)
	if err != nil {
		return fmt.Errorf("%s: %w", r.op, err)
	}
	r.bearer = token
	return s.client.call(ctx, r, out)
}

// renew returns an access token other than stale, which is what the caller used
// or nil. However many callers find the same token stale, one request is sent.
func (s *Session) renew(ctx context.Context, stale *Secret) (Secret, error) {
	r := request{op: opRefresh, method: http.MethodPost, path: sessionPath}
	token, err := s.renewing.do(ctx, func(ctx context.Context) (Secret, error) {
		// A run that ended between the caller's 401 and now did the work.
		if now := s.access.Load(); now != nil && now != stale {
			return *now, nil
		}
		var a refreshAnswer
		if err := s.withRefreshOnce(ctx, r, &a); err != nil {
			return "", err
		}
		s.access.Store(&a.Access)
		return a.Access, nil
	})
	return token, refreshError(err)
}
