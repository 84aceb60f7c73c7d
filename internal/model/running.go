package model

import (
	"cmp"
	"time"
)

// UserFacts is what operators see of a person: facts alone, and nothing that anybody could sign in with.
type UserFacts struct {
	ID string
	// Email is the address with which they sign in by password, Name what a provider calls them; "" where there is none.
	Email, Name string
	// Ways are how they sign in, keys aside, in the order in which they began to. A way of ProviderPasskey stands for all passkeys.
	Ways []Way
	// Keys is how many they have, on or off.
	Keys                  int
	CreatedAt             time.Time
	DisabledAt, LastSeen  time.Time // zero: may sign in; was not seen while this server remembers
	Operator, Unconfirmed bool      // is an operator; has not confirmed the address
}

// Called is how pages call them: by their address, by what a provider calls them, or by their id.
func (u UserFacts) Called() string { return cmp.Or(u.Email, u.Name, u.ID) }

// UserPage is a part of the people that an operator looked for, in the order of their ids.
type UserPage struct {
	List []UserFacts
	More string // what to ask for the next part with; "" when this is the last
}

// UserDetail is all that an operator sees of one person on a page, apart from their activity.
type UserDetail struct {
	UserFacts
	Imported bool  // had their account elsewhere before, as far as it is remembered
	NotBack  int   // of the keys that they had there
	KeyList  []Key // with their usage, in the order of their creation
	Sessions Sessions
}

// ValueOwner is whose a value is that an operator has pasted: a person's key, or a server key.
type ValueOwner struct {
	Key    Key
	User   UserFacts // the zero value with a server key
	Server bool
}

// Switched is what came of an act that has something be so: who or what it is about, and whether it was not so already.
type Switched struct {
	User    UserFacts
	Key     Key // that was turned off; the zero value where the act is about none
	Changed bool
}

// Knocked is a knock, and whom a token from there named.
type Knocked struct {
	Knock
	HintEmail string // "" when the user has none
}

// OperatorAct is what an operator did or looked up in the browser. Its names are those of today, "" where there is nobody any more.
type OperatorAct struct {
	ID                   string
	At                   time.Time
	OperatorID, Operator string // and what they are called
	Act                  Act
	UserID, User         string // "": about nobody
	KeyID                string
	Detail               string // the name of the key or the device, in plain words
	Address, Agent       string
}

// Act says what an operator did. Acts are kept, and so are never renamed.
type Act string

// What operators do and look up in the browser, each of which is remembered.
const (
	ActKeyOff        Act = "key-turned-off"
	ActSessionEnded  Act = "session-ended"
	ActSignedOut     Act = "signed-out-everywhere"
	ActDisabled      Act = "account-disabled"
	ActEnabled       Act = "account-enabled"
	ActResetSent     Act = "password-reset-sent"
	ActValueLookedUp Act = "value-looked-up"
	ActKnockAssigned Act = "knock-assigned"
	ActKnockIgnored  Act = "knock-ignored"
	ActServerKeyMade Act = "server-key-created"
	ActServerKeyOff  Act = "server-key-turned-off"

	ActWebhookAdded   Act = "webhook-added"
	ActWebhookRotated Act = "webhook-rotated"
	ActWebhookDeleted Act = "webhook-deleted"
	ActWebhookOn      Act = "webhook-turned-on"
	ActWebhookOff     Act = "webhook-turned-off"

	DetailByOperator = "by the administrator of this server" // of every event that an operator causes in the browser
)

// ActPage is a part of what operators did, newest first.
type ActPage struct {
	List []OperatorAct
	More string // what to ask for the next part with; "" when this is the last
}
