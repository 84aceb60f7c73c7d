package views

import (
	"net/url"

	"github.com/a-h/templ"
)

// Room is the model of the page on which several keys are deleted at once, to make room for new ones.
type Room struct {
	Page
	Quota Quota
	// Proposed are the keys to consider, the best candidate first, and Others those besides that were not used lately. Uses is what is known
	// of the use of all of them.
	Proposed []Candidate
	Others   []Key
	Uses     Knowledge
	// Return is the page of a pairing that needs the room, "" when none does.
	Return string
	// Results say what became of those that were to be deleted.
	Results []Result
	Error   string
	// Failure says why the keys could not be read.
	Failure *Notice
}

// All are the keys to choose from.
func (m Room) All() []Key {
	all := make([]Key, 0, len(m.Proposed)+len(m.Others))
	for _, c := range m.Proposed {
		all = append(all, c.Key)
	}
	return append(all, m.Others...)
}

// Onward is where making room leads, with the pairing that needs it.
func Onward(path, back string) templ.SafeURL {
	if back != "" {
		path += "?return=" + url.QueryEscape(back)
	}
	return templ.SafeURL(path)
}

// Candidate is a key that may be deleted to make room, with what speaks for that.
type Candidate struct {
	Key
	Why Why
	At  When
	// By is the name of the key that took its place.
	By string
}

// Why is what speaks for deleting a key.
type Why int

// What can speak for it, the strongest first.
const (
	Replaced      Why = iota + 1 // by another key, then
	NeverSaved                   // nobody has its value, and it was never used
	NotSavedAlone                // nobody has its value; whether it was used is not known
	NeverUsed                    // since its creation, then
	NoUseSeen                    // since use is recorded
	OffSince                     // then
	ExpiredThen
	LastUsed // then, which was long ago
)
