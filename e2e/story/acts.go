package story

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// What several stories do.

// MakeAccount goes from the log-in page, which the printed address leads to, to the keys page.
func (p *Page) MakeAccount(email string) {
	p.T.Helper()
	p.Sees(p.Heading("Sign in"))
	p.Press(p.Link("Create an account"))
	p.Sees(p.Heading("Create your account"))
	p.Fill("Email", email)
	p.Fill("Password", Password)
	p.Press(p.Button("Create account"))
	p.Sees(p.Heading("Keys"))
}

// SignsInAgain is what follows when the log-in page has come between.
func (p *Page) SignsInAgain() {
	p.T.Helper()
	p.Fill("Email", "ana@example.com")
	p.Fill("Password", Password)
	p.Press(p.Button("Sign in"))
	p.Sees(p.PersonMenu())
}

// PersonMenu is what opens the menu in the header of somebody who is signed in.
func (p *Page) PersonMenu() playwright.Locator { return p.Locator(".me summary") }

// IsSignedInAs waits until the header says so.
func (p *Page) IsSignedInAs(email string) {
	p.T.Helper()
	p.Must(p.Expect().Locator(p.PersonMenu()).ToContainText("Menu of " + email))
}

// FromPersonMenu opens the menu in the header and presses what has the role and name in it.
func (p *Page) FromPersonMenu(role playwright.AriaRole, name string) {
	p.T.Helper()
	p.Press(p.PersonMenu())
	p.Press(p.Locator(".me").GetByRole(role, playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)}))
}

// SignOut signs out by the menu in the header.
func (p *Page) SignOut() {
	p.T.Helper()
	p.FromPersonMenu("button", "Sign out")
}

// StillShows makes sure that the panel is there with the value and that nothing lies over it.
func (p *Page) StillShows(value string) {
	p.T.Helper()
	p.Lacks(p.Dialog())
	p.Reads(p.Locator("#value"), value)
}

// KeyID is the id of a key in the list.
func (p *Page) KeyID(name string) string {
	p.T.Helper()
	address, err := p.Row(name).GetByRole("link", playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)}).GetAttribute("href")
	p.Must(err)
	return strings.TrimPrefix(address, "/keys/")
}

// DeletesUsed deletes a key that was used lately, whose name has to be typed for that.
func (p *Page) DeletesUsed(name string) {
	p.T.Helper()
	p.Press(p.Menu(name, "Delete…"))
	p.Fill("Type "+name+" to delete it", name)
	p.Press(p.Button("Delete " + name))
}

// Key presses a key, or keys held together.
func (p *Page) Key(name string) {
	p.T.Helper()
	p.Must(p.Keyboard().Press(name))
}

// ConnectThis is the question that a code leads to.
const ConnectThis = "Connect this device?"

// EnterCode types a code on the page for codes, and waits for what the code leads to.
func (p *Page) EnterCode(code string) {
	p.T.Helper()
	p.Fill("Code on the device", code)
	p.Press(p.Button("Continue"))
	p.Sees(p.Heading(ConnectThis))
}

// FirstVisit is the heading in place of the list where there are no keys.
const FirstVisit = "Give your first device a key"

// AllInUse is what stands where there is no room for another key.
const AllInUse = "All 20 keys are in use"

// TurnsOff turns off the key of that name without a browser, as somebody in another place would.
func (who *Person) TurnsOff(t *testing.T, name string) {
	t.Helper()
	if err := who.Session.APIKeys().Disable(Within(t), who.Find(t, name).ID); err != nil {
		t.Fatal(err)
	}
}

// TriesToSignIn fills in the form for signing in.
func (p *Page) TriesToSignIn(email, with string) {
	p.T.Helper()
	p.Visit("/login")
	p.Fill("Email", email)
	p.Fill("Password", with)
	p.Press(p.Button("Sign in"))
}

// Hold keeps requests to the address waiting until release is called.
func (p *Page) Hold(address string) (release func()) {
	p.T.Helper()
	released := make(chan struct{})
	p.Must(p.Route(address, func(r playwright.Route) {
		go func() {
			<-released
			_ = r.Continue() // a page that has gone waits for nothing
		}()
	}))
	return func() { close(released) }
}
