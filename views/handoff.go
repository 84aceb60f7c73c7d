package views

import (
	"net/url"

	"github.com/a-h/templ"
)

// Handoff is what turns a key's value into a device that works.
type Handoff struct {
	Snippets []Snippet
	// EnvFile is the name of the file to download, which some snippets name too.
	EnvFile string
	// Local says whether what the programs name can be reached by this computer alone.
	Local Local
}

// Snippet is a program, or a file for one, that signs in with a key: Before, Value and After together. None of them holds the
// key's value.
type Snippet struct {
	// ID names the snippet, Label is the system, For says which versions, Note where the key comes from.
	ID, Label, For, Note, Language string
	// More is for systems that few use: they are shown when a person asks for more.
	More bool
	// Value is how the program gets the key. Literal is what the script writes there instead when a person asks for the value
	// itself: a format with one %s, or "".
	Before, Value, After, Literal string
}

// env is the file to download, without the value: the script adds it, so that it stands in the page once.
func (h Handoff) env() string {
	for _, s := range h.Snippets {
		if s.ID == "env" {
			return s.Before
		}
	}
	return ""
}

// atHome is the way to one of our own addresses from a page of ours, by whatever name the browser reached it.
func atHome(address string) templ.SafeURL {
	u, err := url.Parse(address)
	if err != nil {
		return "/"
	}
	return templ.URL((&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String())
}
