package views

import "github.com/a-h/templ"

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
var leakedRow = templ.Raw(`<span class="by"><strong>You said its value leaked</strong></span>`)
