package testkit

import (
	"net/url"
	"testing"

	"github.com/descope/virtualwebauthn"
)

// Authenticator is one that a person has at hand, with one passkey. What it says of itself can be changed between its answers.
type Authenticator struct {
	virtualwebauthn.AuthenticatorOptions
	Count        uint32
	Origin, Host string // where the browser is, and whose passkey it is

	credential virtualwebauthn.Credential
}

// NewAuthenticator returns one in a browser at a public URL, which has created no passkey yet.
func NewAuthenticator(t testing.TB, publicURL string) *Authenticator {
	t.Helper()
	u, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authenticator{Origin: u.Scheme + "://" + u.Host, Host: u.Hostname()}
	for { // one of 128 keys begins with a zero, which the package leaves out and no authenticator does
		a.credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		if len(a.credential.Key.AttestationData()) == lengthOfKey {
			return a
		}
	}
}

// lengthOfKey is that of a public key of P-256 in COSE.
const lengthOfKey = 77

// Create answers options for navigator.credentials.create.
func (a *Authenticator) Create(t testing.TB, options []byte) []byte {
	t.Helper()
	asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	a.UserHandle = []byte(asked.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(a.site(), a.device(), a.signer(), *asked))
}

// Excluded says whether options for navigator.credentials.create name the passkey that the authenticator has.
func (a *Authenticator) Excluded(t testing.TB, options []byte) bool {
	t.Helper()
	asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return a.credential.IsExcludedForAttestation(*asked)
}

// Sign answers options for navigator.credentials.get.
func (a *Authenticator) Sign(t testing.TB, options []byte) []byte {
	t.Helper()
	asked, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(a.site(), a.device(), a.signer(), *asked))
}

func (a *Authenticator) site() virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: a.Host, Name: a.Host, Origin: a.Origin}
}

func (a *Authenticator) device() virtualwebauthn.Authenticator {
	return virtualwebauthn.Authenticator{Options: a.AuthenticatorOptions}
}

func (a *Authenticator) signer() virtualwebauthn.Credential {
	c := a.credential
	c.Counter = a.Count
	return c
}
