package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// Leak is the model of the page that tells what came of turning a key off because its value leaked.
type Leak struct {
	Page
	Key KeyCard
	// WasOff says that the key was off already.
	WasOff bool
}

// LeakedOn is the model of the question before a key is turned on whose value leaked.
type LeakedOn struct {
	Page
	Key Key
	// Place is where the switch is.
	Place string
	// Error is what is wrong with what was typed.
	Error string
}

// leakedRow is what the row of a key says whose value leaked, whatever else there would be to say.
var leakedRow = templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
	return write(to, `<span class="by"><strong>`, escapeText(t(ctx, "leak.row", "You said its value leaked")), `</strong></span>`)
})

// turnOnTitle is the question.
func turnOnTitle(k Key) templ.Component {
	return say("leak.turn-on", "Turn {key} on?", with{"key": isolated(k.Title())})
}

// TurnOnTitle is the same for the title of the page.
func TurnOnTitle(ctx context.Context, name string) string {
	return t(ctx, "leak.turn-on", "Turn {key} on?", "key", name)
}
