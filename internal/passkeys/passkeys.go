// Package passkeys writes what browsers are given to create and use passkeys, and checks what they answer. It keeps nothing: who has
// which passkey, and what is done with an answer that fits, is the affair of package accounts. It alone knows Web Authentication.
//
// A passkey is a discoverable credential, its authenticator verifies the person each time, and no attestation is asked for. It belongs to
// the host of the server's public URL, and is used at that origin alone.
package passkeys

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"latchkey/internal/model"
)

const (
	// MaxAnswer is the largest answer that is looked at, in bytes: several times what authenticators send that do not attest.
	MaxAnswer = 16 << 10

	// maxPublicKey is that of an RSA key of 4,096 bits, twice over; others take less than 100 bytes.
	maxPublicKey = 1 << 10

	handleLength    = 32
	challengeLength = 32
	maxReason       = 200
)

// Site is a server at which passkeys are created and used.
type Site struct{ web *webauthn.WebAuthn }

// New is the site at a public URL, which browsers and people are shown by name. It is nil where browsers create no passkeys.
func New(publicURL, name string) *Site {
	host := model.PasskeyHost(publicURL)
	u, err := url.Parse(publicURL)
	if host == "" || err != nil {
		return nil
	}
	if name == "" {
		name = host
	}
	timeout := webauthn.TimeoutConfig{Timeout: model.ChallengeLifetime} // which the challenge enforces
	web, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: name, RPOrigins: []string{origin(u)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Some keyrings answer more than they were asked, of which nothing is used.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil { // such as a host that is no name
		return nil
	}
	return &Site{web}
}

// origin is that of a URL as browsers write it.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if usual := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; usual != "" {
		host = strings.TrimSuffix(host, usual)
	}
	return u.Scheme + "://" + host
}

// Host is what the passkeys of the site are created for.
func (s *Site) Host() string { return s.web.Config.RPID }

// algorithms are those of the keys that are taken. All authenticators have one of them.
func algorithms() []protocol.CredentialParameter {
	all := []protocol.CredentialParameter{}
	for _, one := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		all = append(all, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: one})
	}
	return all
}

// NewHandle is what authenticators may know a person by who has no passkey yet.
func NewHandle() []byte { return model.RandomBytes(handleLength) }

// ToAdd are the options for navigator.credentials.create, and their challenge: for a person who is called name, whom authenticators know by
// the handle. One that holds a passkey of theirs creates no other.
func (s *Site) ToAdd(name string, handle []byte, have []model.Passkey) (options []byte, challenge string, err error) {
	who := person{name: name, handle: handle, have: s.credentials(have)}
	creation, session, err := s.web.BeginRegistration(who,
		webauthn.WithExclusions(webauthn.Credentials(who.have).CredentialDescriptors()), webauthn.WithCredentialParameters(algorithms()))
	if err != nil {
		return nil, "", fmt.Errorf("write options for a new passkey: %w", err)
	}
	return written(creation, session)
}

// ToSignIn are the options for navigator.credentials.get, and their challenge, when nobody knows yet who will answer.
func (s *Site) ToSignIn() (options []byte, challenge string, err error) {
	assertion, session, err := s.web.BeginDiscoverableLogin()
	if err != nil {
		return nil, "", fmt.Errorf("write options for a sign-in: %w", err)
	}
	return written(assertion, session)
}

// ToProve is ToSignIn for a person who has these passkeys. There is no answer when none of them is of this site.
func (s *Site) ToProve(have []model.Passkey) (options []byte, challenge string, err error) {
	who := person{handle: NewHandle(), have: s.credentials(have)}
	if len(who.have) == 0 {
		return nil, "", model.ErrNotFound
	}
	assertion, session, err := s.web.BeginLogin(who)
	if err != nil {
		return nil, "", fmt.Errorf("write options for a proof: %w", err)
	}
	return written(assertion, session)
}

func written(options any, session *webauthn.SessionData) ([]byte, string, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, "", fmt.Errorf("write options: %w", err)
	}
	return text, session.Challenge, nil
}

// IsChallenge says whether a text can be a challenge. Anything else is unknown without asking the store.
func IsChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == challengeLength
}

// Added is the passkey that an answer to ToAdd has, as far as it is known here. An error says in what the answer does not fit.
func (s *Site) Added(challenge string, handle, answer []byte) (model.Passkey, error) {
	if err := fits(answer); err != nil {
		return model.Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return model.Passkey{}, reason(err)
	}
	session := s.session(challenge)
	session.UserID, session.CredParams = handle, algorithms()
	made, err := s.web.CreateCredential(person{handle: handle}, session, parsed)
	switch {
	case err != nil:
		return model.Passkey{}, reason(err)
	case len(made.PublicKey) > maxPublicKey:
		return model.Passkey{}, errors.New("the public key is too large")
	}
	return model.Passkey{
		CredentialID: made.ID, PublicKey: made.PublicKey, RPID: s.Host(), UserHandle: handle,
		SignCount: int64(made.Authenticator.SignCount), Flags: int64(parsed.Response.AttestationObject.AuthData.Flags),
		AAGUID: made.Authenticator.AAGUID, Transports: transports(made.Transport),
	}, nil
}

// Use is a passkey that has signed, as it is afterwards.
type Use struct {
	model.Passkey
	// EligibleChanged says that another answer was given to whether the passkey can be copied to other devices than when it was created.
	EligibleChanged bool
	// CountBack says that the authenticator counted no more uses than it had counted before: there may be two of it.
	CountBack bool
}

// ErrUnknown is that there is no passkey with the id of an answer.
var ErrUnknown = errors.New("nobody has this passkey")

// Used checks an answer to ToSignIn or ToProve, and is the passkey that gave it, which find has: ErrUnknown when there is none. Other errors
// of find are given as they are.
func (s *Site) Used(challenge string, answer []byte, find func(credentialID []byte) (model.Passkey, error)) (Use, error) {
	if err := fits(answer); err != nil {
		return Use{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Use{}, reason(err)
	}
	found, err := find(parsed.RawID)
	switch {
	case err != nil:
		return Use{}, err
	case found.RPID != s.Host():
		return Use{}, errors.New("the passkey was created for " + found.RPID)
	}
	data := parsed.Response.AuthenticatorData
	had := protocol.AuthenticatorFlags(found.Flags & 0xff) //nolint:gosec // they are a byte
	// The library refuses for ever a passkey that says something else of whether it can be copied than it said at first, as keyrings do
	// that learn to copy them.
	told := had&^protocol.FlagBackupEligible | data.Flags&protocol.FlagBackupEligible
	session := s.session(challenge)
	session.UserID = found.UserHandle
	who := person{handle: found.UserHandle, have: []webauthn.Credential{credential(found, told)}}
	if _, err := s.web.ValidateLogin(who, session, parsed); err != nil {
		return Use{}, reason(err)
	}
	use := Use{Passkey: found, EligibleChanged: told != had}
	use.CountBack = int64(data.Counter) <= found.SignCount && (data.Counter > 0 || found.SignCount > 0)
	use.SignCount, use.Flags = int64(data.Counter), int64(data.Flags)
	return use, nil
}

func (s *Site) session(challenge string) webauthn.SessionData {
	return webauthn.SessionData{Challenge: challenge, RelyingPartyID: s.Host(), UserVerification: protocol.VerificationRequired}
}

func fits(answer []byte) error {
	if len(answer) > MaxAnswer {
		return errors.New("the answer is too large")
	}
	return nil
}

// reason says why an answer was refused, for the log: what is in it may be anything, and is cut.
func reason(err error) error {
	text := err.Error()
	if detailed, ok := errors.AsType[*protocol.Error](err); ok && detailed.DevInfo != "" {
		text += ": " + detailed.DevInfo
	}
	return errors.New(strings.ToValidUTF8(text[:min(len(text), maxReason)], ""))
}

// credentials are those of the passkeys that belong to this site.
func (s *Site) credentials(have []model.Passkey) []webauthn.Credential {
	var all []webauthn.Credential
	for _, one := range have {
		if one.RPID == s.Host() {
			all = append(all, credential(one, protocol.AuthenticatorFlags(one.Flags&0xff))) //nolint:gosec // they are a byte
		}
	}
	return all
}

func credential(p model.Passkey, flags protocol.AuthenticatorFlags) webauthn.Credential {
	c := webauthn.Credential{ID: p.CredentialID, PublicKey: p.PublicKey, Flags: webauthn.NewCredentialFlags(flags)}
	c.Authenticator.AAGUID, c.Authenticator.SignCount = p.AAGUID, uint32(p.SignCount) //nolint:gosec // it was one
	for one := range strings.SplitSeq(p.Transports, ",") {
		if one != "" {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(one))
		}
	}
	return c
}

// knownTransports are those that are kept: a browser may say anything.
var knownTransports = []protocol.AuthenticatorTransport{
	protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal,
}

func transports(said []protocol.AuthenticatorTransport) string {
	var kept []string
	for _, one := range knownTransports {
		if slices.Contains(said, one) {
			kept = append(kept, string(one))
		}
	}
	return strings.Join(kept, ",")
}

// person is somebody as the library wants to know them.
type person struct {
	name   string
	handle []byte
	have   []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return p.handle }
func (p person) WebAuthnName() string                       { return p.name }
func (p person) WebAuthnDisplayName() string                { return p.name }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.have }
