package model

import "time"

// Card is what is known of a key besides what the protocol of App Services has room for, wherever the key is. Its owner alone sees it.
type Card struct {
	Label, Note string    // as the owner calls the key, and what they want to remember
	SavedAt     time.Time // when the value was said to be saved; zero when nobody did
	SavedHow    SavedHow
	LeakedAt    time.Time // when the owner reported that the value leaked; zero when it did not
}

// SavedHow is how the value of a new key was saved, as far as the page could see. "" means that this is not known: the value was shown by
// a program of the release before, or never on a page.
type SavedHow string

// How a value is saved.
const (
	NotSaved           SavedHow = "shown" // nobody did so far, and the page that showed it would have told
	SavedByCopying     SavedHow = "copied"
	SavedByDownloading SavedHow = "downloaded"
	SavedInManager     SavedHow = "manager" // a password manager's
	SavedBySaying      SavedHow = "ticked"  // without script: the person says so
)

// Leak is what came of reporting that the value of a key leaked.
type Leak struct {
	Key       Key  // as it is afterwards
	WasOff    bool // already, so that turning it off ended nothing
	NotMarked bool // the key is off, but that its value leaked could not be saved
}

// IsAnswer says that it is one of the ways in which a value is saved.
func (how SavedHow) IsAnswer() bool {
	return how == SavedByCopying || how == SavedByDownloading || how == SavedInManager || how == SavedBySaying
}

// NewKey is what a person wants a key to be.
type NewKey struct {
	Name        string
	Label, Note string
	ExpiresAt   time.Time // zero: never
}

// CalledKey is a key to be created that has no more than a name.
func CalledKey(name string) NewKey { return NewKey{Name: name} }

// KeptCard is what is kept here of a key at another server, which has no room for it.
type KeptCard struct {
	Card
	Fingerprint string    // of the value, if it was here once: see FingerprintOf
	ExpiresAt   time.Time // when it should end; zero: never. That server does not know
	Email       string    // of the owner, whom nobody else here could remind
	ListedAt    time.Time // when the key was last in a complete list
	Name        string    // as the key is called there, for reminders
	Replaced    Replacement
}
