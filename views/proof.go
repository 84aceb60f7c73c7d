package views

import (
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// Confirming is how a person can confirm that it is they, and what was wrong with how they tried.
type Confirming struct {
	// Password, Passkey and Providers are the ways that they have.
	Password, Passkey bool
	Providers         []Provider
	// Options are what the browser is given to ask for a passkey, as JSON, and Challenge is what the form sends back with its answer.
	Options, Challenge string
	// Error says what is wrong with the password, PasskeyError with what the passkey answered.
	Error, PasskeyError string
}

// None says that they have no way at all.
func (m Confirming) None() bool { return !m.Password && !m.Passkey && len(m.Providers) == 0 }

// how names the ways, the strongest first: "Use your passkey or enter your password".
func (m Confirming) how() string {
	var ways []string
	if m.Passkey {
		ways = append(ways, "use your passkey")
	}
	for _, provider := range m.Providers {
		ways = append(ways, "confirm with "+provider.Name)
	}
	if m.Password {
		ways = append(ways, "enter your password")
	}
	how := strings.Join(ways[:len(ways)-1], ", ")
	if how != "" {
		how += " or "
	}
	how += ways[len(ways)-1]
	return strings.ToUpper(how[:1]) + how[1:]
}

// Proof is the model of the question before an act whether it is the person.
type Proof struct {
	Page
	Confirming
	// Act is what the act's own button says, To goes on from "Enter your password to", and Action is where its form is sent.
	Act, To, Action string
	// Fields are what the form holds already.
	Fields []Field
	// Within is how long a proof is good for: "30 minutes".
	Within string
	// PasteAgain says that the form held a value, which is not in this one.
	PasteAgain bool
	// Script says that the question is drawn by script, or was the first time.
	Script bool
	// Back is the page for people who change their minds.
	Back string
}

// confirmForms are the forms with which a person confirms that it is they: what they have in common, and what their buttons say.
type confirmForms struct {
	Confirming
	email, action, back  string
	fields               []Field
	script               templ.Attributes
	label, button, doing string
	withPasskey          string
	danger               bool // what follows cannot be undone
}

func (m Proof) forms(script templ.Attributes) confirmForms {
	f := confirmForms{
		Confirming: m.Confirming, email: m.Email, action: m.Action, back: m.Back, fields: m.Fields, script: script,
		label: "Password", button: m.Act, doing: "Checking…", withPasskey: "Use your passkey",
	}
	if m.Script {
		f.fields = append(slices.Clip(f.fields), Field{"script", "1"})
	}
	return f
}

// alone says that a passkey is the only way.
func (f confirmForms) alone() bool { return !f.Password && len(f.Providers) == 0 }

// solid is how the button of a way looks: that of the strongest one stands out.
func (f confirmForms) solid(strongest bool) string {
	switch {
	case f.danger && (strongest || !f.Passkey): // a provider's button confirms alone, so that the password's is the only one that destroys
		return "danger solid"
	case f.danger:
		return "danger"
	case strongest:
		return "primary"
	default:
		return ""
	}
}

// Field is a field of a form that nobody sees.
type Field struct{ Name, Value string }

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
