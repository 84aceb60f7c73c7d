package views

import (
	"context"

	"github.com/a-h/templ"
)

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

// opened says who has opened the browser.
func (a FromApp) opened(ctx context.Context) string {
	if a.Name == AnApp {
		return t(ctx, "handover.opened.some", "Opened from an app")
	}
	return t(ctx, "handover.opened", "Opened from {app}", "app", a.Name)
}

func (a FromApp) back(ctx context.Context) string {
	if a.Name == AnApp {
		return t(ctx, "handover.back.some", "Back to an app")
	}
	return t(ctx, "handover.back", "Back to {app}", "app", a.Name)
}

// text says what there is to do in the app.
func (m AskApp) text(ctx context.Context) string {
	if m.App.Name == AnApp {
		return t(ctx, "handover.ask.some", "To {act}, sign in to the app again and come back.", "act", m.Act)
	}
	return t(ctx, "handover.ask", "To {act}, sign in to {app} again and come back.", "act", m.Act, "app", m.App.Name)
}
