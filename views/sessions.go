package views

import (
	"strings"

	"github.com/a-h/templ"
)

// Sessions is the model of the page on where a person is signed in.
type Sessions struct {
	Page
	This     Session
	Browsers []Session
	Apps     []Session
	Keys     []KeySessions
	// AppsNote says why apps are not listed, "" when they are.
	AppsNote string
	// More says that there are some which are not listed.
	More bool
	// Fresh marks the answer to an act, which takes the focus along.
	Fresh bool
}

// Session is one place where a person is signed in.
type Session struct {
	ID, Name string
	// From is the app that has opened it, nil when its person signed in.
	From *FromApp
	// Claims are what it says of itself, beside what it is known to be: its name, what it runs on and with.
	Claims  []string
	Address string
	// Seen is when it was last heard of, Opened when it was signed in.
	Seen, Opened When
}

// KeySessions are what devices with one key have opened.
type KeySessions struct {
	KeyID, KeyName string
	List           []Session
}

// others says whether there is anything besides this browser, as far as that is known.
func (m Sessions) others() bool { return m.More || len(m.Browsers)+len(m.Apps)+len(m.Keys) > 0 }

func endPath(id string) templ.SafeURL { return templ.SafeURL("/sessions/" + id + "/end") }

// from tells sessions of the same name apart.
func (s Session) from() string {
	var from strings.Builder
	for i, claim := range s.Claims {
		if i == 0 {
			from.WriteString(", calls itself ")
		} else {
			from.WriteString(", ")
		}
		from.WriteString(quoted(claim))
	}
	if s.Address != "" {
		from.WriteString(", from " + s.Address)
	}
	return from.String()
}

// opened begins to say since when, or goes on.
func (s Session) opened(begins bool) string {
	if begins {
		return "Signed in "
	}
	return "signed in "
}
