package views

import (
	"context"

	"github.com/a-h/templ"
)

// WhichKey is the model of the page that identifies a key by its value. The value itself is no part of it.
type WhichKey struct {
	Page
	// Keys are the person's, with their fingerprints; none when these are not known, and Uses says why.
	Keys []Key
	Uses Knowledge
	// Some says that others have none yet.
	Some bool
	// Error is what is wrong with what was sent, Verdict what came of a sign-in.
	Error   string
	Verdict *Verdict
	// Embedded says that the accounts are this program's own, which try a value without signing in when it is the person's.
	Embedded bool
}

// Verdict is what came of a sign-in with a value.
type Verdict struct {
	Works       bool
	Title, Text string
	// ID is of the key to look at, Link what leads there; "" for none.
	ID, Link string
	// Leaked says that its owner has reported that its value leaked.
	Leaked bool
}

func (m WhichKey) whyNoLook(ctx context.Context) string {
	switch m.Uses {
	case NotReported:
		return t(ctx, "whichkey.not-reported",
			"This server doesn’t report the fingerprints of keys, so the value can’t be compared here. You can still try signing in with it.")
	case NotKnown:
		return t(ctx, "whichkey.not-known", "The fingerprints of your keys can’t be read right now. You can still try signing in with the value.")
	default:
		return t(ctx, "whichkey.no-keys", "You have no keys yet, so it isn’t one of yours.")
	}
}

// leakPath is where it is reported that the value of a key leaked, "" when it was.
func leakPath(k Key) string {
	if k.Leaked && !k.On {
		return ""
	}
	return string(keyPath(k.ID, "leaked"))
}

// leakAction is where the leak of the key of a verdict is reported. Without one there is no button that sends it.
func leakAction(v *Verdict) templ.SafeURL {
	if v == nil || v.ID == "" {
		return "/keys/which"
	}
	return keyPath(v.ID, "leaked")
}

// stateCode is the state for the script, which has its own sentence for each.
func (k Key) stateCode() string {
	switch {
	case k.expired():
		return "Expired"
	case k.On:
		return "On"
	default:
		return "Off"
	}
}
