package model

import "time"

// Key is a user API key without its value, which is not kept: only its SHA-256 is.
type Key struct {
	ID, UserID, Name string
	Disabled         bool
	CreatedAt        time.Time
	Origin           string      // "", or OriginAdopted
	Usage            KeyUsage    // as far as it was asked for
	Card             Card        // read with the usage
	ExpiresAt        time.Time   // from when on it signs nothing in; zero: never. Read with the usage, and with a key that is found by its value
	Replaced         Replacement // by which key, if by one. Read with the usage
	Replaces         KeyName     // of which key it takes the place, if of one. Read when one key alone is
	OnlyReminds      bool        // ExpiresAt is kept here alone: the server that has the key does not know of it, and goes on letting it in
	CustomData       string      // of its user; read with a key that is found by its value, for the session that it opens
}

// KeyName is which key another one speaks of. The zero KeyName is none.
type KeyName struct{ ID, Name string }

// OriginAdopted is the origin of a key whose value was not created here: a device had it already.
const OriginAdopted = "adopted"

// KeyUsage is what is known of the use of a key. What never happened has the zero time.
type KeyUsage struct {
	Known          Knowledge // whether the rest means anything
	RecordingSince time.Time // from when on use is recorded
	Fingerprint    string    // FingerprintOf the value: enough to tell 20 keys apart
	FirstUsed      time.Time
	LastUse        KeyUse
	LastRefusal    KeyRefusal
	Off            KeyOff // of a key that is off
}

// KeyUse is a sign-in with a key: when and from where, and what the client said it is.
type KeyUse struct {
	At                                                     time.Time
	Address                                                string
	DeviceName, Platform, PlatformVersion, SDK, SDKVersion string
}

// KeyRefusal is a sign-in with a key that was refused.
type KeyRefusal struct {
	At              time.Time
	Address, Reason string
}

// KeyOff is what turning a key off ended. At is zero of a key that is on, and of one of which that was not recorded.
type KeyOff struct {
	At           time.Time
	Sessions     int       // which the key had, and which ended then
	AccessUntil  time.Time // by when the access ends that was handed out before; zero when no session was in use
	FirstRefused time.Time // since then
}

// Keys are all keys of a user in the order of their creation.
type Keys struct {
	List  []Key
	Usage Knowledge // of all of them; one that was created meanwhile may know less
}

// Knowledge says whether the usage of keys is known.
type Knowledge string

// What can be known of usage.
const (
	UsageKnown       Knowledge = "known"
	UsageNotReported Knowledge = "not reported" // the server that has the keys keeps none
	UsageNotKnown    Knowledge = ""             // it could not be read
)

// Why a sign-in was refused, as the owner of the account reads it.
const (
	ReasonKeyOff        = "off"
	ReasonKeyExpired    = "expired"
	ReasonWrongPassword = "wrong password"
	ReasonDisabled      = "account is off"
	ReasonPending       = "address not confirmed"
)
