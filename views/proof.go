package views

import (
	"context"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

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
func (m Confirming) how(ctx context.Context) string {
	var ways []string
	if m.Passkey {
		ways = append(ways, t(ctx, "proof.how.passkey", "use your passkey"))
	}
	for _, provider := range m.Providers {
		ways = append(ways, t(ctx, "proof.how.provider", "confirm with {provider}", "provider", provider.Name))
	}
	if m.Password {
		ways = append(ways, t(ctx, "proof.how.password", "enter your password"))
	}
	first, size := utf8.DecodeRuneInString(ways[0])
	ways[0] = string(unicode.ToUpper(first)) + ways[0][size:]
	return anyOf(ctx, ways)
}

// anyOf is a list whose last two are parted by "or".
func anyOf(ctx context.Context, list []string) string {
	return listed(ctx, list, func(all, last string) string { return t(ctx, "list.or", "{all} or {last}", "all", all, "last", last) })
}

// allOf is a list whose last two are parted by "and".
func allOf(ctx context.Context, list []string) string {
	return listed(ctx, list, func(all, last string) string { return t(ctx, "list.and", "{all} and {last}", "all", all, "last", last) })
}

// commas is a list whose parts are all parted alike.
func commas(ctx context.Context, list []string) string {
	return listed(ctx, list, func(all, last string) string { return t(ctx, "list.comma", "{all}, {last}", "all", all, "last", last) })
}

func listed(ctx context.Context, list []string, end func(all, last string) string) string {
	if len(list) == 0 {
		return ""
	}
	all := list[0]
	for i, one := range list[1:] {
		if i == len(list)-2 {
			return end(all, one)
		}
		all = t(ctx, "list.comma", "{all}, {last}", "all", all, "last", one)
	}
	return all
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

func (m Proof) forms(ctx context.Context, script templ.Attributes) confirmForms {
	f := confirmForms{
		Confirming: m.Confirming, email: m.Email, action: m.Action, back: m.Back, fields: m.Fields, script: script,
		label: t(ctx, "label.password", "Password"), button: m.Act, doing: t(ctx, "proof.doing", "Checking…"), withPasskey: t(ctx, "proof.passkey", "Use your passkey"),
	}
	if m.Script {
		f.fields = append(slices.Clip(f.fields), Field{"script", "1"})
	}
	return f
}

// byScript has htmx send a form of the dialog.
func (m Proof) byScript() templ.Attributes {
	return templ.Attributes{"hx-post": m.Action, "hx-target": "#dialog", "hx-disable": "find button:not([type])", "data-proof": true}
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
func Stretch(ctx context.Context, d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return tn(ctx, "stretch.hours", int(d/time.Hour), "{n} hour", "{n} hours")
	case d >= time.Minute:
		return tn(ctx, "stretch.minutes", int((d+time.Minute/2)/time.Minute), "{n} minute", "{n} minutes")
	default:
		return tn(ctx, "stretch.seconds", int((d+time.Second/2)/time.Second), "{n} second", "{n} seconds")
	}
}
