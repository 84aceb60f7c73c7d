package views

import "cmp"

// Card is what a form asks about a key besides its name.
type Card struct {
	Label, LabelError string
	Note, NoteError   string
}

// fine says that nothing is wrong with it.
func (c Card) fine() bool { return c.LabelError == "" && c.NoteError == "" }

// Title is what its owner knows the key by.
func (k Key) Title() string { return cmp.Or(k.Label, k.Name) }

// title is that of the panel's key.
func (o Once) title() string { return cmp.Or(o.Label, o.Name) }

// RenameKey is the model of the form that changes what a key is called.
type RenameKey struct {
	Page
	Card
	ID, Name string
}

// NameHint is what is said of a name while it is typed.
type NameHint struct {
	Taken bool   // by another key of the person's
	Made  string // what the key will be called: for the label alone, or when no key can have the name that was typed
}
