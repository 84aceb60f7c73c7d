package views

import (
	"context"
	"net/url"
	"strconv"

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

// said is how much room there is.
func (m Room) said(ctx context.Context) string {
	used, limit := strconv.Itoa(m.Quota.Used), strconv.Itoa(m.Quota.Limit)
	if m.Quota.Full() {
		return t(ctx, "room.full", "You have {used} of {limit} keys. Keys that are off count too. Delete one to make room:", "used", used, "limit", limit)
	}
	return t(ctx, "room.left", "You have {used} of {limit} keys. There is room for another one.", "used", used, "limit", limit)
}

// noneProposed is said in place of proposals.
func noneProposed(u Knowledge) templ.Component {
	switch u {
	case NotReported:
		return say("room.none.not-reported", "No key stands out: the key service doesn’t report when keys were used.", nil)
	case NotKnown:
		return say("room.none.not-known", "No key stands out: when they were used is not known right now.", nil)
	default:
		return say("room.none", "No key stands out: all were used, created or turned off lately. "+
			"Delete one that nothing needs any more, or ask the administrator of this server for a second account. Don’t let two devices share a key.", nil)
	}
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

// why says what speaks for deleting the key.
func (c Candidate) why() templ.Component {
	on := with{"day": dateOf(c.At)}
	switch c.Why {
	case Replaced:
		return say("room.replaced", "Replaced by {key} on {day}", with{"key": c.By, "day": dateOf(c.At)})
	case NeverSaved:
		return say("room.never-saved", "Nobody saved its value, and it was never used", nil)
	case NotSavedAlone:
		if c.Use.Known == NotReported {
			return say("room.not-saved.not-reported", "Nobody saved its value. The key service doesn’t report whether it was used", nil)
		}
		return say("room.not-saved.not-known", "Nobody saved its value. Whether it was used is not known right now", nil)
	case NeverUsed:
		return say("room.never-used", "Never used since {day}", on)
	case NoUseSeen:
		return say("key.no-use-seen", "No use seen since {day}", on)
	case OffSince:
		return say("room.off-since", "Off since {day}", on)
	case ExpiredThen:
		return say("room.expired", "Expired {day}", on)
	default:
		return say("keys.row.last-used", "Last used {when}", with{"when": when(c.At)})
	}
}
