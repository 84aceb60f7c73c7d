package devices

import (
	"net/http"
	"testing"

	"latchkey/e2e/story"
)

// The role is given on the command line, and whose key it is that somebody has found is what its value tells.
func TestAnOperatorTurnsAKeyOffAndItsOwnerReadsWhy(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ada, ana := program.PersonNamed(t, "ada@example.org"), program.PersonNamed(t, "ana@example.org")
	value := ana.Keys(t, "porch-cam")[0].Value.Reveal()
	device := func() string { return story.Node(t, "", value, "realmweb.mjs", "device", program.URL) }
	if got := device(); got != ana.Session.UserID() {
		t.Fatalf("the device signs in as %s", got)
	}
	page := program.Open(t, story.SignedIn(ada))
	page.Expects(http.StatusNotFound)
	page.Visit("/running")
	page.Sees(page.Heading("Page not found"))

	program.Orders(t, "user", "make-operator", "ada@example.org")
	page.Visit("/keys")
	page.Press(page.Link("Running"))
	page.Fill("Find a user", value)
	page.Press(page.Button("Search"))
	page.Says("That’s the value of porch-cam, a key of this user.")
	page.Sees(page.Heading("ana@example.org"))
	page.Press(page.Button("Turn off porch-cam"))
	page.Says("porch-cam is off. Its devices were signed out.")
	if got := device(); got != "refused" {
		t.Errorf("the device signs in as %s", got)
	}
	owner := program.Open(t, story.SignedIn(ana), story.At("/activity?kind=keys"))
	owner.Sees(owner.GetByText("Turned off"))
	owner.Sees(owner.GetByText("The administrator").First())

	plain := program.Open(t, story.SignedIn(ada), story.NoScript, story.At("/running"))
	plain.Fill("Find a user", "ana@")
	plain.Press(plain.Button("Search"))
	plain.Press(plain.Link("ana@example.org"))
	plain.Press(plain.Button("Disable account"))
	plain.Says("The account is disabled. Everything was signed out.")
	owner.Visit("/keys")
	owner.IsAt("/login?ended=1&next=%2Fkeys")

	program.Orders(t, "user", "unmake-operator", "ada@example.org")
	plain.Expects(http.StatusNotFound)
	plain.Press(plain.Button("Enable account"))
	plain.Sees(plain.Heading("Page not found"))
}
