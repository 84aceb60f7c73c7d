package handlers

import (
	"context"
	"time"

	"latchkey/internal/model"
)

// Service is whatever has the accounts and their keys: package accounts in this process, or package upstream, which asks another
// server. Every refusal is a *model.Error.
type Service interface {
	PasskeySignIns
	OtherProviders
	Handovers
	// Register creates an account.
	Register(ctx context.Context, from model.Origin, email string, password model.Secret) error
	// Named is the address of the account that a person means by what they typed: where nobody can tell an address from another, the
	// capitals in it must not decide. It is what SignIn wants. Where there is no such account it is what was typed, and costs the same.
	Named(ctx context.Context, typed string) (string, error)
	// SignIn opens a session.
	SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error)
	// As is how somebody who is signed in reaches what is theirs. It asks nothing and nobody: the account is from the row of a web
	// session that was read in this request.
	As(a model.Account, from model.Origin) Person
	// SendLink sends a link by email, and says the same whoever has an account.
	SendLink(ctx context.Context, from model.Origin, purpose, email string) error
	// LinkOwner is with which email the account is signed in to that a link is of, "" when that is not known, and says whether it never
	// had a password. It leaves the link good.
	LinkOwner(ctx context.Context, link model.GivenLink) (email string, first bool, err error)
	// UseLink does what a link is for, and says with which email the account is signed in to that it was of, in its exact letters: "" when
	// that is not known. The password is the new one of model.LinkReset.
	UseLink(ctx context.Context, from model.Origin, link model.GivenLink, password model.Secret) (email string, err error)
}

// Handovers are links with which apps open the dashboard for their own people. Some services do not offer them.
type Handovers interface {
	// Handover is what a link would open. It leaves the link good; model.KindBadLink is that it is not.
	Handover(ctx context.Context, ticket model.Secret) (model.Handover, error)
	// UseHandover opens a session that ends with the app's, and uses the link up.
	UseHandover(ctx context.Context, from model.Origin, ticket model.Secret) (model.Account, model.Handed, error)
}

// PasskeySignIns are how somebody signs in with a passkey. Some services do not offer it.
type PasskeySignIns interface {
	// PasskeyOptions are what navigator.credentials.get is given, as JSON, and the challenge that SignInWithPasskey wants back. It is good
	// for model.ChallengeLifetime, and once.
	PasskeyOptions(ctx context.Context, from model.Origin) (options []byte, challenge string, err error)
	// SignInWithPasskey opens a session with what the browser answered to the options: the JSON of a PublicKeyCredential. One that does not
	// fit is model.KindBadPasskey, whatever is wrong with it.
	SignInWithPasskey(ctx context.Context, from model.Origin, challenge string, answer []byte) (model.Account, error)
}

// Person is somebody who is signed in.
type Person interface {
	Connecting
	Keys
	Labels
	Expiry
	Languages
	Values
	Replacements
	Sessions
	Proving
	Self
	Passkeys
	AddingPasskeys
}

// Keys are a person's keys.
type Keys interface {
	// Keys are all of them, with their usage as far as it is known.
	Keys(ctx context.Context) (model.Keys, error)
	// Key is one of them, with its usage.
	Key(ctx context.Context, id string) (model.Key, error)
	// CreateKey creates a key once and never again, whatever comes of it: a second try would create a second key. What it answers
	// holds what can be said then, also beside an error.
	CreateKey(ctx context.Context, k model.NewKey) (model.Created, error)
	// AdoptKey creates a key with a value that a device has already, as the person pasted it. Beside model.KindOwnValue it gives the key of
	// theirs that has the value. Some services do not offer it.
	AdoptKey(ctx context.Context, name string, pasted model.Secret) (model.Key, error)
	// TurnKey turns a key on or off and gives it as it is afterwards, which somebody else may have changed back. Beside an error with
	// the outcome FoundUndone it gives the key too. One whose value leaked is turned on by its name, which the origin has: see
	// model.KindLeaked.
	TurnKey(ctx context.Context, id string, on bool) (model.Key, error)
	// DeleteKey deletes a key and gives it as it was. Beside an error whose outcome is not NotDone it gives the key too.
	DeleteKey(ctx context.Context, id string) (model.Key, error)
}

// Labels are what a person writes on the cards of their keys.
type Labels interface {
	// LabelKey changes the label of a key and the note on it, and gives the key as it is afterwards. Its name stays, and nothing of it is an
	// event. A label or a note that is too long is model.KindBadLabel.
	LabelKey(ctx context.Context, id, label, note string) (model.Key, error)
}

// Expiry is from when on keys sign nothing in.
type Expiry interface {
	// SetExpiry has a key expire at a time, by the second, or never when that is zero, and gives the key as it is afterwards. What has the
	// key work for longer than it would have is model.KindConfirm unless the person confirmed their password a moment ago, which the origin
	// says; which of the two it is nobody can know before. A time that has come is model.KindExpiryPast, one after model.LatestExpiry
	// model.KindExpiryFar; CreateKey says so too. Where the key is another server's it says the same, and the key only reminds:
	// see model.Key.OnlyReminds. One of which that server says when it expires is model.KindNotOffered.
	SetExpiry(ctx context.Context, id string, at time.Time) (model.Key, error)
}

// Languages are in what people read.
type Languages interface {
	// KeepLanguage remembers that the person chose the language of Origin by hand.
	KeepLanguage(ctx context.Context) error
}

// Values are what a person says of the values of their keys.
type Values interface {
	// MarkSaved remembers how the value of a key was saved, once. A key whose value was never shown on a page that asks is not found.
	MarkSaved(ctx context.Context, id string, how model.SavedHow) error
	// ReportLeak turns a key off, as TurnKey does, and remembers for good that its value leaked. Said again it changes nothing.
	ReportLeak(ctx context.Context, id string) (model.Leak, error)
}

// Replacements are keys that take the place of others. How far one has come is with the old key.
type Replacements interface {
	// ReplaceKey creates a key that takes the place of another, once and never again, as CreateKey does. The old key goes on until the
	// replacement is finished as it is asked for; of one that is off already that can only be now. model.KindReplacing is that another
	// replacement of it is not over yet, and model.KindNoReplacement that it cannot be replaced like that. Some services do not offer
	// model.FinishOnEvidence.
	ReplaceKey(ctx context.Context, oldID string, how model.Replacing) (model.Created, error)
	// EndReplacement undoes a replacement and gives the old key as it is afterwards, which is turned on again if the replacement has
	// turned it off: that is model.KindConfirm unless the person confirmed their password a moment ago, which the origin says. The new key
	// stays as it is. A key that is not being replaced stays as it is as well.
	EndReplacement(ctx context.Context, oldID string) (model.Key, error)
}

// Sessions are where a person is signed in besides the dashboard. They are there while the web session is.
type Sessions interface {
	// Sessions are those of apps and of keys, of browsers too if the service knows them. Some services have no such list.
	Sessions(ctx context.Context) (model.Sessions, error)
	EndSession(ctx context.Context, id string) error
	// EndOthers ends all sessions but this one.
	EndOthers(ctx context.Context) error
	// SignOut ends this session after the web session that held it, by which it was written down. One that has ended already, with the
	// web session or before, is no error.
	SignOut(ctx context.Context) error
}

// Proving is how a person shows, while they are signed in, that it is they.
type Proving interface {
	// Proofs are the ways that they have.
	Proofs(ctx context.Context) (model.Proofs, error)
	CheckPassword(ctx context.Context, password model.Secret) error
	// ProofOptions are what navigator.credentials.get is given for CheckPasskey, as JSON: the passkeys of the person, and a challenge.
	ProofOptions(ctx context.Context) (options []byte, challenge string, err error)
	// CheckPasskey checks what the browser answered to them, as SignInWithPasskey does.
	CheckPasskey(ctx context.Context, challenge string, answer []byte) error
}

// Self is what a person does about their account.
type Self interface {
	// ChangePassword ends all other sessions.
	ChangePassword(ctx context.Context, current, replacement model.Secret) error
	DeleteAccount(ctx context.Context) error
	// Ways are how the person signs in, keys aside, in the order in which they began to. Some services do not tell.
	Ways(ctx context.Context) ([]model.Way, error)
	// RemoveWay removes one that may be removed, ends what it has opened, and gives it as it was. Some services do not offer it.
	RemoveWay(ctx context.Context, id string) (model.Way, error)
	// TryValue signs in with a value once, and says whose key it is and, if it can, which; a value that does not work is
	// model.KindWrongValue. With a key of the person's own it leaves no trace, but for the use that another server takes it for.
	TryValue(ctx context.Context, value model.Secret) (model.Key, error)
}

// Passkeys are those of a person. Some services have none.
type Passkeys interface {
	// Passkeys are all of them, in the order in which they were added: those too that work at another host alone.
	Passkeys(ctx context.Context) ([]model.Passkey, error)
	// RenamePasskey calls one something else, and gives it as it is afterwards. A name that it cannot have is model.KindBadLabel.
	RenamePasskey(ctx context.Context, id, name string) (model.Passkey, error)
	// RemovePasskey removes one, ends the sessions that it opened, and gives it as it was. The last way in stays: model.KindLastWay.
	RemovePasskey(ctx context.Context, id string) (model.Passkey, error)
	// RemovePassword has the password sign nobody in any more, and ends all other sessions. It takes two passkeys, or one and an address to
	// which a link for a new password can be sent: model.KindFewPasskeys otherwise. A person without a password is model.KindNotFound.
	RemovePassword(ctx context.Context) error
}

// AddingPasskeys is how a person gets a passkey, in two steps.
type AddingPasskeys interface {
	// NewPasskeyOptions are what navigator.credentials.create is given, as JSON, and the challenge that AddPasskey wants back.
	NewPasskeyOptions(ctx context.Context) (options []byte, challenge string, err error)
	// AddPasskey keeps what the browser answered to them, which is the JSON of a PublicKeyCredential. model.KindPasskeyTaken is that it is
	// kept already, model.KindPasskeyLimit that the person has model.MaxPasskeys.
	AddPasskey(ctx context.Context, challenge, name string, answer []byte) (model.Passkey, error)
}
