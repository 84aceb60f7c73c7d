package handlers

import (
	"context"

	"latchkey/internal/model"
)

// Operators is how people who look after the accounts of others reach these. It is nil where the accounts are at another server.
type Operators interface {
	// Operator is what somebody who is signed in can see and do. Of model.KindForbidden they are no operator: pages say that there is
	// nothing, as for any address that is none. The role is read for this call, and once more by each call of what it gives, which says
	// model.KindForbidden too when it was taken meanwhile.
	Operator(ctx context.Context, a model.Account, from model.Origin) (Operating, error)
}

// Operating is an operator at work. What is written down of them and what the person learns is the same for all: every act is in the
// person's activity and among what operators did, and looking is not in the activity. Every act takes an operator who showed a moment ago
// that it is they, which the origin says: otherwise it is model.KindConfirm. An account that is gone is model.KindSessionOver.
type Operating interface {
	People
	Acting
	RefusedDevices
	ServerKeyring
	Hooks
	// Acts are what operators did and looked up, newest first: those before one, "" for the newest.
	Acts(ctx context.Context, before string) (model.ActPage, error)
}

// People are found by an operator.
type People interface {
	// Search finds people by how what they sign in with begins, as it is typed or in small letters, or by an id; all of them by "". After is
	// "" or what the page before it has as More.
	Search(ctx context.Context, text, after string) (model.UserPage, error)
	// FindByValue says whose the value of a key is, as an operator pasted it. It is written down. Of model.KindNotFound it is nobody's.
	FindByValue(ctx context.Context, pasted model.Secret) (model.ValueOwner, error)
	// User is one person with their keys and sessions.
	User(ctx context.Context, id string) (model.UserDetail, error)
	// Events are a person's activity.
	Events(ctx context.Context, id string, q model.EventQuery) ([]model.Event, error)
}

// Acting is what an operator does about a person. What was so already is no error, and nothing happened then.
type Acting interface {
	// TurnKeyOff is model.KindNotFound when the key is gone.
	TurnKeyOff(ctx context.Context, userID, keyID string) (model.Switched, error)
	EndSession(ctx context.Context, userID, sessionID string) (model.Switched, error)
	SignOutEverywhere(ctx context.Context, userID string) (model.Switched, error)
	// SwitchUser enables or disables a person. Of model.KindYourself that is the operator, of model.KindLastOperator the last one who is
	// not disabled.
	SwitchUser(ctx context.Context, userID string, on bool) (model.Switched, error)
	// SendReset sends the person a link with which they choose a new password. Until then theirs goes on. It is model.KindBadPassword for
	// a person without a password, and model.KindNoEmail where no email can be sent.
	SendReset(ctx context.Context, userID string) (model.Switched, error)
}

// RefusedDevices are devices that knock: nobody has the values of their keys.
type RefusedDevices interface {
	// Knocks are those that are not ignored, or those that are; first those that tried last.
	Knocks(ctx context.Context, ignored bool) ([]model.Knocked, error)
	// AssignKnock gives a device to a person, who is found by their id or address, as a new key of that name; "" is nobody, and it becomes
	// a server key. A person who is not found is model.KindSessionOver, a knock that is not there model.KindNotFound, and a name or a value
	// that is taken as for AdoptKey.
	AssignKnock(ctx context.Context, knockID, person, name string) (model.Key, error)
	IgnoreKnock(ctx context.Context, knockID string) (model.Switched, error)
}

// ServerKeyring are the keys that belong to no person.
type ServerKeyring interface {
	ServerKeys(ctx context.Context) ([]model.Key, error)
	// CreateServerKey gives the value this once.
	CreateServerKey(ctx context.Context, name string) (model.Key, model.Secret, error)
	TurnServerKeyOff(ctx context.Context, keyID string) (model.Switched, error)
}
