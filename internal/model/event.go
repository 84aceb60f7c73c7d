package model

import "time"

// EventKind says what happened. Kinds are in exports, and so are never renamed.
type EventKind string

// What is recorded of an account.
const (
	EventAccountMade     EventKind = "account-made"
	EventSignedIn        EventKind = "signed-in"
	EventSignInFailed    EventKind = "sign-in-failed"
	EventSessionEnded    EventKind = "session-ended"
	EventKeyMade         EventKind = "key-made"
	EventKeyShown        EventKind = "key-shown"
	EventKeyAdopted      EventKind = "key-adopted"
	EventKeyTurnedOn     EventKind = "key-turned-on"
	EventKeyTurnedOff    EventKind = "key-turned-off"
	EventKeyDeleted      EventKind = "key-deleted"
	EventKeyFirstUsed    EventKind = "key-first-used"
	EventKeyRefused      EventKind = "key-refused"
	EventPairingAsked    EventKind = "pairing-asked"
	EventPairingApproved EventKind = "pairing-approved"
	EventPairingDenied   EventKind = "pairing-denied"
	EventPasswordChanged EventKind = "password-changed"
	EventPasswordReset   EventKind = "password-reset"
	EventPasswordProved  EventKind = "password-confirmed"
	EventResetAsked      EventKind = "password-reset-asked"
	EventEmailConfirmed  EventKind = "email-confirmed"
	EventIdentityLinked  EventKind = "identity-linked"
	EventAccountDisabled EventKind = "account-disabled"
	EventAccountEnabled  EventKind = "account-enabled"

	EventIdentityUnlinked EventKind = "identity-unlinked"

	EventPasskeyAdded    EventKind = "passkey-added"
	EventPasskeyRemoved  EventKind = "passkey-removed"
	EventPasskeyCount    EventKind = "passkey-count-back" // it said that it was used less often than before: there may be two of it
	EventPasswordRemoved EventKind = "password-removed"

	EventHandedOver EventKind = "handed-over" // a browser was opened by an app of the person's

	EventKeySaved         EventKind = "key-saved"
	EventKeyLeaked        EventKind = "key-leaked"
	EventKeyExpirySet     EventKind = "key-expiry-set"
	EventKeyExpired       EventKind = "key-expired"
	EventKeyReplaced      EventKind = "key-replaced"          // or is to be; it is about the old key
	EventKeyParked        EventKind = "key-parked"            // turned off, since another key has taken its place
	EventKeyBroughtBack   EventKind = "key-brought-back"      // turned on again after that
	EventReplacementEnded EventKind = "key-replacement-ended" // without a key being turned off or on by it
)

// How somebody signed in, or got an account, whom somebody else had authenticated.
const (
	DetailToken  = "with a signed token"
	DetailGoogle = "with Google"
	DetailApple  = "with Apple"
)

// DetailPasskey is the detail of EventSignedIn and of EventPasswordProved when it was with a passkey. That of events about a passkey is its
// name.
const DetailPasskey = "with a passkey"

// DetailPassword is the detail of EventIdentityLinked when it is an email address.
const DetailPassword = "with email and password"

// DetailFetched is the detail of EventKeyShown when it was a device that was given the value.
const DetailFetched = "fetched by the device"

// DetailWasOff is the detail of EventKeyLeaked when the key was off already, DetailLeaked that of EventKeyTurnedOn when its owner had
// reported that its value leaked.
const (
	DetailWasOff = "it was off already"
	DetailLeaked = "although its value leaked"
)

// Actor says who did it.
type Actor string

// Who acts on an account.
const (
	ActorBrowser  Actor = "browser"  // a person on the dashboard
	ActorApp      Actor = "app"      // a program that a person is signed in with
	ActorDevice   Actor = "device"   // a program with a key, or one that wants one
	ActorOperator Actor = "operator" // of the server
	ActorUnknown  Actor = "unknown"  // somebody who has not proved who they are
	ActorServer   Actor = "server"   // this program, by itself
)

// Event is one thing that happened to an account.
type Event struct {
	ID, UserID string // ID is given by the store when empty; it sorts in the order of time, and an event is written once under it
	At         time.Time
	Kind       EventKind
	Actor      Actor
	KeyID      string       // the key it is about, or ""
	KeyName    string       // as it was then; found out by the store when empty
	Detail     string       // a reason, or the name of a device; in plain words
	Address    string       // where it came from
	Agent      string       // what the program there called itself
	Again      int          // how often the same happened once more, which is not recorded by itself: see ByStranger
	LastAt     time.Time    // when it last did; zero when it did not
	By         *OperatorAct // what an operator did in the browser that it is of: remembered with it, beside it; nil
	Elsewhere  bool         // its user is at another server, so that the store cannot know whether there is one; not kept
}

// ByStranger says that somebody brought the event about who had not proved to be the owner, and who can do so without end: a refusal,
// or a link that anybody may ask for. The store counts these where they repeat themselves.
func (e Event) ByStranger() bool {
	return e.Actor == ActorUnknown || e.Actor == ActorDevice && e.Kind == EventKeyRefused
}

// ByPassword says that anyone with the password can cause such events without end, which change nothing of the account. The
// store counts these where they repeat themselves, once an account has very many.
func (e Event) ByPassword() bool {
	return e.Kind == EventSignedIn || e.Kind == EventHandedOver || e.Kind == EventSessionEnded || e.Kind == EventPasswordProved
}

// EventQuery says which events of a user are wanted, newest first.
type EventQuery struct {
	Before string      // the id of an event: only older ones; "": from the newest on
	Kinds  []EventKind // none: all
	KeyID  string      // "": about whatever
	Limit  int
}
