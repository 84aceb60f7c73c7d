package client

import (
	"fmt"
	"log/slog"
	"runtime"
)

// Credentials are what a user signs in with. Make them with [EmailPassword],
// [UserAPIKey], [CustomToken], [GoogleIDToken], [AppleIDToken] or [Anonymous].
// They print as the kind they are, never with what they hold.
type Credentials struct {
	provider string
	// fields is a function so that no printer, however deep it digs, finds the
	// secret.
	fields func() loginFields
}

// loginFields are the members of a sign-in body that depend on the provider.
type loginFields struct {
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Key      string `json:"key,omitempty"`
	Token    string `json:"token,omitempty"`
	IDToken  string `json:"id_token,omitempty"`
}

// secrets are the values that no error may repeat.
func (f loginFields) secrets() []Secret {
	return []Secret{Secret(f.Password), Secret(f.Key), Secret(f.Token), Secret(f.IDToken)}
}

// EmailPassword are the credentials of a user who registered with an email
// address.
func EmailPassword(email, password string) Credentials {
	return newCredentials("local-userpass", loginFields{Username: email, Password: password})
}

// UserAPIKey are the credentials of a device or service that was given the
// value of a key. The session acts for the owner of the key.
func UserAPIKey(value string) Credentials {
	return newCredentials("api-key", loginFields{Key: value})
}

// CustomToken are the credentials of a user whom an issuer of the operator's own
// has authenticated: a JSON Web Token that it has signed. A server without such an
// issuer refuses it as it refuses a wrong one.
func CustomToken(token string) Credentials {
	return newCredentials("custom-token", loginFields{Token: token})
}

// GoogleIDToken are the credentials of a user whom Google has authenticated for an
// app that the server knows: an ID token, not an authorization code.
func GoogleIDToken(idToken string) Credentials {
	return newCredentials("oauth2-google", loginFields{IDToken: idToken})
}

// AppleIDToken are the same for Sign in with Apple.
func AppleIDToken(idToken string) Credentials {
	return newCredentials("oauth2-apple", loginFields{IDToken: idToken})
}

// Anonymous creates a new user without a name at each sign-in. Many servers do not
// allow it.
func Anonymous() Credentials {
	return newCredentials("anon-user", loginFields{})
}

func newCredentials(provider string, f loginFields) Credentials {
	return Credentials{provider: provider, fields: func() loginFields { return f }}
}

// String returns the kind of credentials, for example "api-key [redacted]".
func (c Credentials) String() string { return c.provider + " " + redacted }

// Format prints the same for every verb.
func (c Credentials) Format(f fmt.State, _ rune) { printRedacted(f, c.String()) }

// LogValue gives package slog the same text.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns the same text; encoding/json uses it too.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Device describes a program to the server. All of it is optional. Nothing
// depends on it, but a server may show it to the owner of the key with which
// the program signs in.
type Device struct {
	Platform        string // operating system; the default is runtime.GOOS
	PlatformVersion string // the default is the version of Go
	SDK             string // the default is "latchkey-go"
	SDKVersion      string // the default is the version of this package
	Name            string // of the machine
	AppID           string // of the local program, not the client app id
	AppVersion      string // of the local program
}

// Sent when Device names no other.
const (
	sdkName    = "latchkey-go"
	sdkVersion = "1.0.0"
)

func (d Device) withDefaults() Device {
	if d.Platform == "" {
		d.Platform = runtime.GOOS
	}
	if d.PlatformVersion == "" {
		d.PlatformVersion = runtime.Version()
	}
	if d.SDK == "" {
		d.SDK = sdkName
	}
	if d.SDKVersion == "" {
		d.SDKVersion = sdkVersion
	}
	return d
}

// wireDevice is Device as the protocol spells it.
type wireDevice struct {
	Platform        string    `json:"platform"`
	PlatformVersion string    `json:"platformVersion"`
	SDK             string    `json:"sdk"`
	SDKVersion      string    `json:"sdkVersion"`
	Name            string    `json:"deviceName,omitempty"`
	AppID           string    `json:"appId,omitempty"`
	AppVersion      string    `json:"appVersion,omitempty"`
	ID              *objectID `json:"deviceId,omitempty"`
}

// objectID is an id in extended JSON, the form in which realm-web sends it.
type objectID struct {
	Hex string `json:"$oid"`
}

func (d Device) wire(id *string) wireDevice {
	w := wireDevice{
		Platform: d.Platform, PlatformVersion: d.PlatformVersion, SDK: d.SDK,
		SDKVersion: d.SDKVersion, Name: d.Name, AppID: d.AppID, AppVersion: d.AppVersion,
	}
	if id != nil {
		w.ID = &objectID{Hex: *id}
	}
	return w
}
