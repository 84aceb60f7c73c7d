package model

import (
	"strings"
	"time"
)

// Names of the ways to prove who one is, as they stand on the wire.
const (
	ProviderEmailPassword = "local-userpass"
	ProviderAPIKey        = "api-key"
	ProviderAnonymous     = "anon-user"
	ProviderCustomToken   = "custom-token"
	ProviderGoogle        = "oauth2-google"
	ProviderApple         = "oauth2-apple"

	// ProviderPasskey is of sessions alone: a passkey is no identity.
	ProviderPasskey = "passkey"
	// OpenIDPrefix begins the names of providers with OpenID Connect that this server has set up itself: openid:acme.
	OpenIDPrefix = "openid:"
)

// ByPerson says whether it is a person who signs in with a provider: not a device with a key, and not nobody in particular.
func ByPerson(provider string) bool {
	switch provider {
	case ProviderEmailPassword, ProviderPasskey, ProviderCustomToken, ProviderGoogle, ProviderApple:
		return true
	default:
		return strings.HasPrefix(provider, OpenIDPrefix)
	}
}

// User is a person or an anonymous visitor.
type User struct {
	ID         string
	CreatedAt  time.Time
	DisabledAt time.Time // zero: may sign in
	Language   string    // in which they registered, a tag; "": that is not known. Not read back
	Unused     bool      // registered just now: somebody else may link what they sign in with. Not read back
}

// Identity is one way in which a user signs in. Keys are another, and have a table of their own.
type Identity struct {
	ID, UserID   string
	Provider     string
	Subject      string // the email for ProviderEmailPassword, which may be any string; the identity's own id for ProviderAnonymous
	Email        string // that the provider says they have, to show and to write to; "" for ProviderEmailPassword, and where it says none
	PasswordHash string // a PHC string, or empty: no password fits
	CreatedAt    time.Time
	Pending      bool   // the address must be confirmed before anybody signs in
	Generation   int64  // of the password: how often it was changed. The same one at another cost does not count, nor none in place of none
	Data         string // what the claims of its last token say of its owner, as a JSON object; "": nothing
	UserDisabled bool   // read with the identity: its user may not sign in
	CustomData   string // of its user, read with it
	Language     string // of its user, read with it: in which they last used the pages, a tag; "": that is not known
}

// Way is one of the ways in which a person signs in, as they know it.
type Way struct {
	ID        string
	Provider  string
	Name      string // an address, or what the provider calls them
	Removable bool   // by the person: not an email address, and not the last
	// OpenID is the provider at which they sign in with a browser, its zero value when there is none for it.
	OpenID OpenID
	Since  time.Time
}

// What a link that was sent by email is for.
const (
	LinkConfirm = "confirm" // the address of an identity
	LinkReset   = "reset"   // its password
)

// Link was sent by email. Its token shows that the email was read.
type Link struct {
	ID                   string
	TokenHash            [32]byte // SHA-256 of the token, which is not kept
	IdentityID           string
	Purpose              string // LinkConfirm or LinkReset
	CreatedAt, ExpiresAt time.Time
}

// PasswordCost is what one argon2id hash of a password takes. The zero value stands for the cost that is promised; any other is
// for tests, which create many accounts and guard nobody's.
type PasswordCost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}
