package model

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// MaxWebhooks is how many webhooks there are at most.
	MaxWebhooks = 20
	// MaxWebhookURL is how long the address of one is at most.
	MaxWebhookURL = 2000
	// WebhookOverlap is for how long the secret before the last change signs too.
	WebhookOverlap = 24 * time.Hour
)

// Webhook is the address of a program that is sent what happens.
type Webhook struct {
	ID        string
	URL       string
	Kinds     []EventKind
	CreatedAt time.Time

	Sealed    []byte    // the secret
	OldSealed []byte    // the one before, which signs too until OldUntil
	OldUntil  time.Time // zero: there is none

	OffAt     time.Time // zero: it is on
	OffReason string    // in plain words, for operators

	DeliveredAt  time.Time // of the last try that did; zero: none has
	FailedAt     time.Time // of the last try that did not; zero: all have
	FailingSince time.Time // of the first one that did not since the last that did; zero: the last one did
	Problem      string    // what was wrong with it, in plain words
	Failed       int64     // events that were given up
	Waiting      int64     // events that wait
	FullAt       time.Time // since when no more events are queued; zero: they are
}

// Format leaves out the secrets, sealed as they are.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "webhook %s", w.ID) }

// Place is where a webhook leads, without what may be secret: the query.
func (w Webhook) Place() string { return WebhookPlace(w.URL) }

// WebhookPlace is that of an address.
func WebhookPlace(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	place := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if u.RawQuery != "" {
		return place.String() + "?…"
	}
	return place.String()
}

// NewWebhookID is the id of a new webhook: short enough to be typed.
func NewWebhookID() string { return hex.EncodeToString(RandomBytes(4)) }

// IsWebhookID says whether a text has the shape of one.
func IsWebhookID(s string) bool {
	return len(s) == 8 && strings.Trim(s, "0123456789abcdef") == ""
}

// Why a webhook is off, as it is kept.
const (
	WebhookOffFailing = "nothing has been delivered for 5 days"
	WebhookOffGone    = "the receiver answered 410 Gone"
	WebhookOffByHand  = "turned off by an operator"
)

// WebhookTest is the type of what is sent to try a webhook.
const WebhookTest = "webhook.test"

// webhookTypes are what events are called on the way to other programs. They are for life, as kinds are.
var webhookTypes = map[EventKind]string{
	EventAccountMade:     "account.made",
	EventAccountDisabled: "account.disabled",
	EventAccountEnabled:  "account.enabled",

	EventSignedIn:     "sign_in.succeeded",
	EventSignInFailed: "sign_in.failed",
	EventSessionEnded: "session.ended",
	EventHandedOver:   "session.handed_over",

	EventKeyMade:          "key.made",
	EventKeyShown:         "key.shown",
	EventKeyAdopted:       "key.adopted",
	EventKeyTurnedOn:      "key.turned_on",
	EventKeyTurnedOff:     "key.turned_off",
	EventKeyDeleted:       "key.deleted",
	EventKeyFirstUsed:     "key.first_used",
	EventKeyRefused:       "key.refused",
	EventKeySaved:         "key.saved",
	EventKeyLeaked:        "key.leaked",
	EventKeyExpirySet:     "key.expiry_set",
	EventKeyExpired:       "key.expired",
	EventKeyReplaced:      "key.replaced",
	EventKeyParked:        "key.parked",
	EventKeyBroughtBack:   "key.brought_back",
	EventReplacementEnded: "key.replacement_ended",

	EventPairingAsked:    "pairing.asked",
	EventPairingApproved: "pairing.approved",
	EventPairingDenied:   "pairing.denied",

	EventPasswordChanged: "password.changed",
	EventPasswordReset:   "password.reset",
	EventPasswordProved:  "password.confirmed",
	EventPasswordRemoved: "password.removed",
	EventResetAsked:      "password.reset_asked",
	EventEmailConfirmed:  "email.confirmed",

	EventIdentityLinked:   "identity.linked",
	EventIdentityUnlinked: "identity.unlinked",

	EventPasskeyAdded:   "passkey.added",
	EventPasskeyRemoved: "passkey.removed",
	EventPasskeyCount:   "passkey.count_back",
}

// WebhookType is what an event of a kind is called on the way to other programs; "" is a kind that is not known.
func WebhookType(kind EventKind) string { return webhookTypes[kind] }

// WebhookKinds are the kinds of events that there are, in the order of the alphabet.
func WebhookKinds() []EventKind { return slices.Sorted(maps.Keys(webhookTypes)) }

// UsualWebhookKinds are those that a webhook has unless others are named: what changes which keys work.
func UsualWebhookKinds() []EventKind {
	return []EventKind{
		EventKeyMade, EventKeyAdopted, EventKeyTurnedOn, EventKeyTurnedOff, EventKeyDeleted, EventKeyLeaked, EventKeyExpired,
		EventKeyReplaced, EventKeyParked, EventKeyBroughtBack, EventAccountDisabled, EventAccountEnabled,
	}
}

// Queued is an event that waits to be sent to a webhook.
type Queued struct {
	Event Event
	Tries int // there were
}
