package model

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Passkey is a key pair on a device or in a person's keyring, with which the person signs in without a password. What is here of it is
// public: it signs nothing in.
type Passkey struct {
	ID, UserID   string
	CredentialID []byte // what the authenticator calls it
	PublicKey    []byte // in COSE
	RPID         string // the host that it was created for, and works at alone
	UserHandle   []byte // what the authenticator knows the person by: random, and the same for all passkeys of theirs
	SignCount    int64  // as the authenticator gave it last; 0 where it counts nothing
	Flags        int64  // as it gave them last: see Synced
	AAGUID       []byte // what kind of authenticator it is, if it says so
	Transports   string // by which ways browsers reach it, separated by commas
	Name         string // as the person calls it
	CreatedAt    time.Time
	LastUsedAt   time.Time // zero: never
	Elsewhere    bool      // it was created for another host than this server has now, and does not work here; not kept
	Removable    bool      // by the person: another way to sign in is left; not kept
}

// passkeySynced is the bit of the flags that says so: see the backup state in Web Authentication.
const passkeySynced = 1 << 4

// Synced says that a copy of the passkey is in a keyring that goes from device to device.
func (p Passkey) Synced() bool { return p.Flags&passkeySynced != 0 }

// Format leaves out what is nobody's business in a log.
func (p Passkey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "passkey "+p.ID) }

// LogValue gives package slog the same text.
func (p Passkey) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// Bounds of passkeys.
const (
	MaxPasskeys          = 10 // that a person has
	MaxPasskeyNameLength = 60 // characters
)

// CheckPasskeyName says whether a passkey can be called that, which CleanText has cleaned.
func CheckPasskeyName(name string) error {
	if name == "" || utf8.RuneCountInString(name) > MaxPasskeyNameLength {
		return &Error{Kind: KindBadLabel, Reason: "the name of a passkey has 1 to 60 characters"}
	}
	return nil
}

// What a challenge for a passkey is for. They are kept.
const (
	ChallengeSignIn = "sign-in"
	ChallengeAdd    = "add"
	ChallengeProve  = "prove"
)

// ChallengeLifetime is for how long a challenge is good.
const ChallengeLifetime = 5 * time.Minute

// Challenge is what an authenticator is to sign, once.
type Challenge struct {
	ID        string // the challenge itself, in base64url: it is no secret
	UserID    string // whose; "" while nobody is signed in
	Purpose   string // ChallengeSignIn, ChallengeAdd or ChallengeProve
	Data      []byte // what must be known to check the answer
	ExpiresAt time.Time
}

// PasskeyHost is the host for which passkeys are created at the address of a server; "" where browsers create none: without https, unless
// it is this machine alone, and at an address that is a number or has no dot.
func PasskeyHost(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if net.ParseIP(host) != nil || !local && (u.Scheme != "https" || !strings.Contains(host, ".")) {
		return ""
	}
	return host
}
