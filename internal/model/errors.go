package model

import (
	"errors"
	"fmt"
	"time"
)

// The refusals of whatever keeps things. They come wrapped with what was being done; match them with errors.Is.
var (
	// ErrNotFound means that there is no such row, that it belongs to somebody else, or that it is not in the state asked for.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that a name or a code is taken, or that another writer changed the row first.
	ErrConflict = errors.New("conflict")
	// ErrLimit means that there are as many rows of that kind as allowed.
	ErrLimit = errors.New("limit reached")
	// ErrRepeated means that the form with which an act was asked for has done its one act already.
	ErrRepeated = errors.New("the form was already used")
	// ErrTaken means that there is a key with that value already, whosever it is.
	ErrTaken = errors.New("there is a key with that value")
	// ErrReplacing means that another replacement of the key is not over yet.
	ErrReplacing = errors.New("another replacement is not over")
	// ErrOff means that the key is off, and so nothing can be waited for.
	ErrOff = errors.New("the key is off")
	// ErrNoOperator means that somebody acts as an operator who is none, or none any more.
	ErrNoOperator = errors.New("not an operator")
	// ErrLastOperator means that no operator would be left.
	ErrLastOperator = errors.New("the last operator")
	// ErrUnclear means that nobody knows whether the act was saved: the answer to its commit got lost. It is never tried again.
	ErrUnclear = errors.New("not known whether it was saved")
)

// Kind says what went wrong, in as few kinds as there are different things to tell or to do about it.
type Kind int

// The kinds of errors. Those from KindUnreachable on come from a service elsewhere alone.
const (
	KindInternal Kind = iota // a bug; every error that is no Error is of this kind

	KindSessionOver   // the session has ended, or its user has gone
	KindForbidden     // this kind of session may not do that
	KindNotFound      // there is no such key, session or account, or it is somebody else's
	KindWrongPassword // or no such account: which of the two is not told
	KindWrongValue    // no key has the value, or its key is off: which of the two is not told
	KindWrongToken    // it is not signed as it must be, or is for somebody else, or its time has passed: which is not told
	KindNoIssuer      // whether a token is right cannot be known: the keys of its issuer cannot be fetched
	KindDisabled      // the account is
	KindUnconfirmed   // the address is
	KindBadName       // no key can be called that; Reason says why
	KindBadLabel      // no key can have that on its card; Reason says why
	KindNameTaken     // another key of the person's has the name
	KindKeyLimit      // the person has as many keys as allowed
	KindBadValue      // no key can have that value; Reason says why
	KindOwnValue      // a key of the person's has the value; KeyID says which
	KindValueTaken    // a key of somebody else's has the value
	KindIdentityTaken // what somebody wants to link is of an account that is in use
	KindIdentityLimit // the person has another of its kind, or as many as allowed
	KindFormUsed      // the form has created its key already
	KindReplacing     // a key that takes the place of this one waits for it already
	KindNoReplacement // the key cannot be replaced like that; Reason says why
	KindBadEmail      // no account can be called that
	KindEmailTaken    // another account is
	KindBadPassword   // no account can have that as its new password; Reason says why
	KindRegistrationClosed
	KindNoAnonymous // sign-in without credentials is off
	KindBadReturn   // the operator lets no app lead people back to it
	KindBadLink     // the link was used, has expired or never was one
	KindNoEmail     // none is sent from here
	KindTooManyTries
	KindTooManyEmails
	KindTooManyAccounts
	KindTooManyActs
	KindBusy         // too much is being done at once
	KindStorageDown  // nothing can be read or saved
	KindUnclear      // whether it was saved is not known; Outcome says so too
	KindLeaked       // to turn on a key whose value leaked takes its name
	KindExpiryPast   // no key can be given a day that is over as its last
	KindExpiryFar    // nor one that is further away than model.LatestExpiry
	KindConfirm      // the act takes a person who confirmed their password a moment ago
	KindYourself     // an operator is not disabled by themselves
	KindLastOperator // nor is the last one who is left

	KindBadPasskey   // the answer of a passkey does not fit, or nobody has the passkey: which is not told
	KindPasskeyTaken // the passkey is registered already
	KindPasskeyLimit // the person has as many passkeys as allowed
	KindLastWay      // the person would have no way to sign in any more
	KindFewPasskeys  // to go without a password takes two passkeys, or one and an address to which a link can be sent

	KindCannotTell   // the provider does not say that the person has just signed in there
	KindSomebodyElse // the provider says that it is not the person who is signed in here

	KindUnreachable   // nobody listens: nothing was sent
	KindInsecure      // its certificate is not to be trusted: nothing was sent
	KindMisconfigured // it says that it is at another host, where nothing is sent
	KindTimedOut
	KindBrokeOff
	KindBadAnswer // it gave an answer that cannot be used
	KindRefuses   // it signs nobody in or up
	KindNotOffered
)

// Error is what a service answers when it does not do what it was asked for.
type Error struct {
	Kind Kind
	// Doing is what was being done, for the log.
	Doing string
	// Reason says why, for the caller. It is a sentence without a full stop.
	Reason string
	// Wait is for how long not to ask again; 0 when that is not known.
	Wait time.Duration
	// Outcome says what became of an act.
	Outcome Outcome
	// Elsewhere says that another server refused, and not this one.
	Elsewhere bool
	// Reference names the entry in the log of the service that refused, "" when it gave none.
	Reference string
	// UserID and KeyID are whom and what it is about, for the log.
	UserID, KeyID string
	// Err is the cause, for the log.
	Err error
}

// Outcome says what became of an act that was answered with an error.
type Outcome int

// What can have become of it.
const (
	NotDone     Outcome = iota // for certain
	FoundUndone                // its answer got lost, and a look afterwards found that it was not done
	Unclear                    // its answer got lost, and nobody knows
)

func (e *Error) Error() string {
	text := e.Doing
	if text == "" {
		text = fmt.Sprintf("refused (%d)", e.Kind)
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error, KindInternal when it is no Error. Of nil there is none: ask first.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}

// Is says whether an error is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// OutcomeOf says what became of an act.
func OutcomeOf(err error) Outcome {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Outcome
	}
	return NotDone
}
