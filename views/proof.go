package views

import (
	"time"

	"github.com/a-h/templ"
)

// Proof is the model of the question for the password before an act.
type Proof struct {
	Page
	// Password, Passkey and Providers are the ways in which the person can confirm that it is they.
	Password, Passkey bool
	Providers         []Provider
	// Act is what the act's own button says, To goes on from "Enter your password to", and Action is where its form is sent.
	Act, To, Action string
	// Fields are what the form holds already.
	Fields []Field
	// Within is how long a proof is good for: "30 minutes".
	Within string
	// Error says what is wrong with the password.
	Error string
	// PasteAgain says that the form held a value, which is not in this one.
	PasteAgain bool
	// Script says that the question is drawn by script, or was the first time.
	Script bool
	// Back is the page for people who change their minds.
	Back string
}

// Field is a field of a form that nobody sees.
type Field struct{ Name, Value string }

func (m Proof) action() templ.SafeURL { return templ.SafeURL(m.Action) }

// Stretch is a time as people say it: "30 minutes", "2 hours".
func Stretch(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return plural(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return plural(int((d+time.Minute/2)/time.Minute), "minute")
	default:
		return plural(int((d+time.Second/2)/time.Second), "second")
	}
}
