package views

import "github.com/a-h/templ"

// AnApp is what an app is called of which nothing is known.
const AnApp = "an app"

// FromApp is the app that has opened a browser.
type FromApp struct {
	// Name is the host to which it wants its person back, or AnApp.
	Name string
	// ReturnTo is where that is, "" when nowhere. The operator has allowed it.
	ReturnTo string
}

// returnTo is also the address of an app on a phone, of whatever scheme.
func (a FromApp) returnTo() templ.SafeURL { return templ.SafeURL(a.ReturnTo) }

// Handover is the model of the question whether to sign in as the person of an app.
type Handover struct {
	Page
	// Ticket is what the form sends back.
	Ticket string
	// App and For are who asks, and as whom the person would go on.
	App, For string
	// Other is who is signed in with this browser, "" when that is nobody else.
	Other string
	// Bad says that the link is good no more.
	Bad bool
}

// AskApp is the model of the page for a person who can confirm that it is they only in the app.
type AskApp struct {
	Page
	App FromApp
	// Act goes on from "To", Back is the page for people who change their minds.
	Act, Back string
}

// capital begins a sentence with a name. That of a host stays as it is.
func capital(name string) string {
	if name == AnApp {
		return "An app"
	}
	return name
}

// theApp names the app within a sentence, after it was said that there is one.
func (a FromApp) theApp() string {
	if a.Name == AnApp {
		return "the app"
	}
	return a.Name
}
