package views

import (
	"context"
	"strings"

	"github.com/a-h/templ"
)

// Leaving is the model of the page that sends a browser to another provider.
type Leaving struct {
	Page
	Provider, Address string
}

// SameAddress is the model of the question for the password of an account with the address that another provider says is the person's.
type SameAddress struct {
	Page
	Provider, Address string
	Action, Next      string
	Error             string
	// Mail says that the password can be replaced by a link in an email.
	Mail bool
}

// going is what a button says while the browser goes there.
func (p Provider) going(ctx context.Context) string {
	return t(ctx, "openid.going", "Going to {provider}…", "provider", p.Name)
}

// signInPath is where a browser is sent to the provider from, to sign in.
func (p Provider) signInPath() templ.SafeURL { return templ.SafeURL("/login/with/" + p.ID) }

// connectPath is the same for a person who is signed in and wants to sign in with it from then on.
func (p Provider) connectPath() templ.SafeURL {
	return templ.SafeURL("/account/openid/" + p.ID + "/connect")
}

// proofPath is the same for a person who is to show that it is they.
func (p Provider) proofPath() string { return "/confirm/with/" + p.ID }

// elsewhere are the names of the providers that the person is connected to, at which signing out here changes nothing.
func (m Account) elsewhere() (names []string) {
	for _, way := range m.Ways {
		if way.OpenID {
			names = append(names, way.Kind)
		}
	}
	return names
}

// trouble is the notice about it, whose first sentence says what happened.
func (m SignIn) trouble() *Notice {
	what, todo, _ := strings.Cut(m.Trouble, ". ")
	return &Notice{Bad: true, Title: what + ".", Text: todo, Contact: m.Site.Contact}
}
