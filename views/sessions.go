package views

import (
	"context"

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

// endLabel is what the button is called that signs it out. Where it is tells sessions of the same name apart.
func (s Session) endLabel(ctx context.Context) string {
	label := t(ctx, "sessions.end-label", "Sign out {session}", "session", s.Name)
	if len(s.Claims) > 0 {
		claims := make([]string, len(s.Claims))
		for i, claim := range s.Claims {
			claims[i] = quoted(ctx, claim)
		}
		label = t(ctx, "sessions.end-label.claims", "{label}, calls itself {claims}", "label", label, "claims", commas(ctx, claims))
	}
	if s.Address != "" {
		label = t(ctx, "sessions.end-label.address", "{label}, from {address}", "label", label, "address", s.Address)
	}
	return label
}

// openedBy says which app has opened it, and what follows from that.
func (s Session) openedBy(ctx context.Context) string {
	if s.From.Name == AnApp {
		return t(ctx, "sessions.from-an-app", "Opened from an app. You’re signed out here when you sign out there.")
	}
	return t(ctx, "sessions.from-app", "Opened from {app}. You’re signed out here when you sign out there.", "app", s.From.Name)
}
