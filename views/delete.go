package views

import (
	"context"
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

// deleteQuestion is the question, which a dialog shows before the rest of it has come.
func deleteQuestion(ctx context.Context, name string) string {
	return t(ctx, "delete.title", "Delete {name}?", "name", name)
}

// outline has the key that is in use stand behind the way that can be gone back.
func (m Delete) outline() string {
	if m.InUse && m.instead() {
		return "danger"
	}
	return "danger solid"
}

// lastDeed is what is known of how the key was used last, for a person who is about to delete it.
func (k Key) lastDeed() templ.Component {
	last := when(k.Use.Last)
	switch {
	case k.used() && k.Use.Summary == "":
		return say("delete.used", "<strong>Last used {when}</strong>.", with{"when": last})
	case k.used() && k.Use.Summary == k.Use.From:
		return say("delete.used-from", "<strong>Last used {when}</strong> from {address}.", with{"when": last, "address": k.Use.From})
	case k.used():
		return say("delete.used-by", "<strong>Last used {when}</strong> by {device}.",
			with{"when": last, "device": strings.ReplaceAll(k.Use.Summary, " · ", ", ")})
	case k.Use.Known != Known:
		return say("delete.created", "<strong>Created {when}</strong>.", with{"when": when(k.Created)})
	case k.Use.Since.Machine != "":
		return say("delete.no-use-seen", "<strong>No use seen since {day}</strong>.", with{"day": dateOf(k.Use.Since)})
	default:
		return say("delete.never-used", "<strong>Never used</strong>.", nil)
	}
}

// lost is what is gone with the key.
func (k Key) lost(ctx context.Context) string {
	switch {
	case k.neverUsed():
		return t(ctx, "delete.final", "This can’t be undone.")
	case k.EndsAtOnce:
		return t(ctx, "delete.signs-out", "Its devices are signed out and can’t sign in again. This can’t be undone.")
	default:
		return t(ctx, "delete.keeps-out", "Its devices can’t sign in with it again. This can’t be undone.")
	}
}
