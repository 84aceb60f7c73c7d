// Package clienttest has one suite of tests that tells whether a server speaks
// the App Services client API as package client, and with it the Realm SDKs,
// expect it. The suite runs on the embedded server always, and on any other
// deployment that is named to it.
package clienttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"latchkey/client"
)

// Target is the server under test.
type Target struct {
	BaseURL string // scheme://host[:port]
	AppID   string // client app id; registration must be open and confirm by itself

	// HTTPClient carries the requests; nil means one with a timeout.
	HTTPClient *http.Client

	// Anonymous says that anonymous sign-in is expected to work.
	Anonymous bool

	// CustomToken signs a token of the issuer for the subject; nil means that the
	// server takes no such tokens.
	CustomToken func(t *testing.T, subject string) string
	// Audience is the name of a service that there are tokens for; "" for none.
	Audience string

	// MinPassword is the least length of a password; 0 means 6.
	MinPassword int

	// Strict adds what only Latchkey's own server promises. The published
	// sources on the original leave these answers open, so another deployment
	// may differ in them and still serve every SDK.
	Strict bool
}

// Run tests the target. It registers users of its own under random names and
// deletes them afterwards.
func Run(t *testing.T, target Target) {
	s := newSuite(target)
	t.Run("location", s.testLocation)
	t.Run("accounts", s.testAccounts)
	t.Run("sessions", s.testSessions)
	t.Run("tokens", s.testTokens)
	t.Run("devices", s.testDevices)
	t.Run("keys", s.testKeys)
	t.Run("key names", s.testNames)
	t.Run("key limit", s.testLimit)
	t.Run("key sign-in", s.testKeyLogin)
	t.Run("signed tokens", s.testSignedTokens)
	t.Run("key facts", s.testFacts)
	t.Run("key expiry", s.testExpiry)
	t.Run("auth sessions", s.testAuthSessions)
	t.Run("service tokens", s.testServiceTokens)
	t.Run("passwords", s.testPasswords)
	t.Run("linking", s.testLinking)
	t.Run("strangers", s.testStrangers)
	t.Run("bad input", s.testBadInput)
	t.Run("browsers", s.testBrowsers)
}

// RunServiceTokens is the part of Run about tokens for other services, which a
// whole program has and its client API alone has not.
func RunServiceTokens(t *testing.T, target Target) { newSuite(target).testServiceTokens(t) }

// suite is a Target with its gaps filled.
type suite struct {
	Target
}

// timeout bounds each request. Hashing passwords is slow on purpose.
const timeout = 30 * time.Second

func newSuite(target Target) *suite {
	if target.MinPassword == 0 {
		target.MinPassword = 6
	}
	if target.HTTPClient == nil {
		target.HTTPClient = &http.Client{Timeout: timeout}
	}
	return &suite{Target: target}
}

// strict skips the rest of a test that only Latchkey's own server must pass.
func (s *suite) strict(t *testing.T) {
	t.Helper()
	if !s.Strict {
		t.Skip("the published sources leave this open")
	}
}

// choice returns a value that only Latchkey's own server promises, or the zero
// value, which the checks take for "any".
func choice[T any](s *suite, value T) T {
	if s.Strict {
		return value
	}
	var anything T
	return anything
}

// newClient returns a client whose every answer is looked at by a checker.
func (s *suite) newClient(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(s.BaseURL, s.AppID, client.WithHTTPClient(s.checked(t)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// person is a user of the suite's own.
type person struct {
	email, password string
	client          *client.Client
	session         *client.Session
	keys            *client.APIKeys
}

// newPerson registers somebody and logs them in.
func (s *suite) newPerson(t *testing.T) *person {
	t.Helper()
	p := &person{email: newEmail(), password: newPassword(), client: s.newClient(t)}
	if err := p.client.Register(t.Context(), p.email, p.password); err != nil {
		t.Fatal(err)
	}
	p.session = p.login(t)
	p.keys = p.session.APIKeys()
	t.Cleanup(func() {
		// The test may have deleted the user; then there is nothing to do.
		_ = p.session.DeleteUser(context.WithoutCancel(t.Context()))
	})
	return p
}

// login opens another session of the same person.
func (p *person) login(t *testing.T) *client.Session {
	t.Helper()
	session, err := p.client.Login(t.Context(), client.EmailPassword(p.email, p.password))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// refresh returns the person's refresh token for requests by hand.
func (p *person) refresh() string { return p.session.RefreshToken().Reveal() }

// newKey creates a key under a random name.
func (p *person) newKey(t *testing.T) client.CreatedKey {
	t.Helper()
	return p.newKeyNamed(t, "key-"+random(6))
}

func (p *person) newKeyNamed(t *testing.T, name string) client.CreatedKey {
	t.Helper()
	key, err := p.keys.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEmail() string    { return "conformance-" + random(8) + "@example.com" }
func newPassword() string { return "pw-" + random(12) }

// random returns 2n hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, as documented
	return hex.EncodeToString(b)
}
