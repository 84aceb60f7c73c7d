package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Op values of this file; the helpers in errors.go compare them.
const (
	opRegister   = "register"
	opLogin      = "sign in"
	opRefresh    = "refresh session"
	opProfile    = "load profile"
	opLogout     = "sign out"
	opDeleteUser = "delete user"
)

// sessionPath is the session as the API has it: renewed by POST, ended by DELETE.
const sessionPath = "/auth/session"

// noDevice is the device id of a server that keeps no devices.
const noDevice = "000000000000000000000000"

// Register creates an account that can sign in with [EmailPassword], if the server
// lets anybody do so and needs no confirmation. It does not sign in.
func (c *Client) Register(ctx context.Context, email, password string) error {
	return c.call(ctx, request{
		op:      opRegister,
		method:  http.MethodPost,
		path:    c.appPath("auth", "providers", "local-userpass", "register"),
		body:    map[string]string{"email": email, "password": password},
		secrets: []Secret{Secret(password)},
	}, nil)
}

// loginRequest is the body of a sign-in.
type loginRequest struct {
	loginFields
	Options struct {
		Device wireDevice `json:"device"`
	} `json:"options"`
}

// loginAnswer is what a sign-in gives.
type loginAnswer struct {
	UserID   string `json:"user_id"`
	DeviceID string `json:"device_id"`
	Access   Secret `json:"access_token"`
	Refresh  Secret `json:"refresh_token"`
}

func (a *loginAnswer) check() error {
	if a.UserID == "" {
		return errors.New("user_id is missing")
	}
	return errors.Join(checkToken("access_token", a.Access), checkToken("refresh_token", a.Refresh))
}

func checkToken(name string, token Secret) error {
	if token == "" || !printable(token) {
		return fmt.Errorf("%s is missing or damaged", name)
	}
	return nil
}

// Login opens a session. Wrong credentials give an error for which
// [IsUnauthorized] is true; the server does not say what is wrong with them.
func (c *Client) Login(ctx context.Context, with Credentials) (*Session, error) {
	if with.fields == nil {
		return nil, &Error{Op: opLogin, Err: errors.New("the credentials are empty"), unsent: true}
	}
	body := loginRequest{loginFields: with.fields()}
	body.Options.Device = c.device.wire(c.deviceID.Load())
	var a loginAnswer
	err := c.call(ctx, request{
		op:      opLogin,
		method:  http.MethodPost,
		path:    c.appPath("auth", "providers", with.provider, "login"),
		body:    body,
		secrets: body.secrets(),
	}, &a)
	if err != nil {
		return nil, err
	}
	if validID(a.DeviceID) && a.DeviceID != noDevice {
		c.deviceID.Store(&a.DeviceID)
	}
	s := &Session{client: c, userID: a.UserID, deviceID: a.DeviceID, refresh: &a.Refresh}
	s.access.Store(&a.Access)
	return s, nil
}

// refreshAnswer is what renewing gives: no new refresh token.
type refreshAnswer struct {
	Access Secret `json:"access_token"`
}

func (a *refreshAnswer) check() error { return checkToken("access_token", a.Access) }

// Refresh gets a new access token with the refresh token. There is seldom a
// need to call it: the calls that use the access token do so by themselves.
// It is also the cheapest way to ask whether the session is still valid.
func (s *Session) Refresh(ctx context.Context) error {
	_, err := s.renew(ctx, s.access.Load())
	return err
}

// Logout ends the session on the server, with the refresh token. An error for
// which [IsUnauthorized] is true means that it had ended before. Access tokens
// that others hold expire by themselves, usually within 30 minutes.
func (s *Session) Logout(ctx context.Context) error {
	s.access.Store(nil)
	return s.withRefreshOnce(ctx, request{op: opLogout, method: http.MethodDelete, path: sessionPath}, nil)
}

// DeleteUser deletes the account of the session's user with all its sessions
// and keys, with the access token.
func (s *Session) DeleteUser(ctx context.Context) error {
	return s.withAccess(ctx, request{op: opDeleteUser, method: http.MethodDelete, path: path("auth", "delete")}, nil)
}

// Profile is what the server tells a user about themselves.
type Profile struct {
	UserID     string         `json:"user_id"`
	DomainID   string         `json:"domain_id"`
	Type       string         `json:"type"` // "normal" or "server"
	Identities []Identity     `json:"identities"`
	Data       map[string]any `json:"data"` // what the providers know: email, name, …
	CustomData map[string]any `json:"custom_data,omitempty"`
}

// Identity is one way in which a user can sign in.
type Identity struct {
	ID         string `json:"id"`
	Provider   string `json:"provider_type"` // for example "local-userpass"
	ProviderID string `json:"provider_id"`
}

// Email returns the email address in Data, or nothing.
func (p Profile) Email() string {
	email, _ := p.Data["email"].(string)
	return email
}

func (p *Profile) check() error {
	if p.Identities == nil {
		return errors.New("identities is missing")
	}
	for _, i := range p.Identities {
		if i.ID == "" || i.Provider == "" {
			return errors.New("an identity has no id or no provider_type")
		}
	}
	return nil
}

// Profile loads the profile of the session's user, with the access token.
func (s *Session) Profile(ctx context.Context) (Profile, error) {
	var p Profile
	err := s.withAccess(ctx, request{op: opProfile, method: http.MethodGet, path: path("auth", "profile")}, &p)
	if err != nil {
		return Profile{}, err
	}
	return p, nil
}
