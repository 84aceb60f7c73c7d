package views

import (
	"time"

	"github.com/a-h/templ"
)

// KeyCard is what a key's own page says of the key itself.
type KeyCard struct {
	Key
	// Note is what its owner wants to remember.
	Note string
	// Adopted says that the key's value was not created here.
	Adopted bool
	// TurnedOff is when the key was turned off, zero when it is on or that is not known.
	TurnedOff When
	// SaidYes is when another server said that it turned the key off and nothing besides, zero when that is not known.
	SaidYes When
	// LeakedAt is when its owner reported that its value leaked, zero when they did not.
	LeakedAt When
	// Recent is what was done with the key lately, newest first. Unread says that this could not be read.
	Recent []Happening
	Unread bool
	// Takes is which key this one takes the place of, the zero Takes when of none.
	Takes Takes
}

// KeyPage is the model of a key's own page.
type KeyPage struct {
	Page
	Key            KeyCard
	AppID, BaseURL string
	Handoff        Handoff
}

// used says that the key is known to have been used.
func (k Key) used() bool { return k.Use.Last.Machine != "" }

// ago says that w is drawn as how long ago it was, not as a day.
func (w When) ago() bool { age := w.seen.Sub(w.at); return age < agoUntil && age >= -time.Hour }

// reported says that the device described itself when it signed in.
func (u Use) reported() bool { return u.By != UsedBy{} }

// replaceNow is where a key whose value leaked is replaced by another one.
func replaceNow(id string) templ.SafeURL { return keyPath(id, "replace") + "?finish=now" }
