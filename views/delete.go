package views

import (
	"strings"

	"github.com/a-h/templ"
)

// Delete is the model of the one confirmation.
type Delete struct {
	Page
	Key Key
	// InUse says that the key is on and was used lately: then its name has to be typed.
	InUse bool
	// Error is what is wrong with what was typed.
	Error string
	// Place is PlaceRow when the confirmation is drawn over the list, which the answer then draws again.
	Place string
	// Return is the pairing's page that needs the key gone, "" when none does. Turning the key off would not help it.
	Return string
}

// back is where a person goes who changes their mind.
func (m Delete) back() templ.SafeURL {
	if m.Return != "" {
		return templ.SafeURL(m.Return)
	}
	return keyPath(m.Key.ID)
}

// instead says whether turning the key off would do as well. Of a key that nothing has used there is nothing to try out first.
func (m Delete) instead() bool { return m.Key.works() && m.Return == "" && !m.Key.neverUsed() }

// neverUsed says that nothing has used the key, as far back as there is anything to know.
func (k Key) neverUsed() bool {
	return k.Use.Known == Known && !k.used() && k.Use.Since.Machine == ""
}

// deleteTitle is the question, which a dialog shows before the rest of it has come.
func deleteTitle(name string) string { return "Delete " + name + "?" }

// outline has the key that is in use stand behind the way that can be gone back.
func (m Delete) outline() string {
	if m.InUse && m.instead() {
		return "danger"
	}
	return "danger solid"
}

// by is what used the key last, in words of ours, behind "used 4 minutes ago".
func (u Use) by() string {
	switch u.Summary {
	case "":
		return ""
	case u.From:
		return " from " + u.From
	default:
		return " by " + strings.ReplaceAll(u.Summary, " · ", ", ")
	}
}

// lost is what is gone with the key.
func (k Key) lost() string {
	switch {
	case k.neverUsed():
		return "This can’t be undone."
	case k.EndsAtOnce:
		return "Its devices are signed out and can’t sign in again. This can’t be undone."
	default:
		return "Its devices can’t sign in with it again. This can’t be undone."
	}
}
