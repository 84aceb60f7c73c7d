package keys

import (
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// What is asked of a server shows at once that it is on its way, and goes on doing so for as long as it is.

func TestADialogOpensBeforeItsAnswerIsThereAndOnlyOnce(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.UsedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.Open(t, story.SignedIn(ana))
	goOn := page.Hold("**/delete?*")
	page.Press(page.Menu("porch-cam", "Delete…"))
	page.Sees(page.Dialog().GetByRole("heading", playwright.LocatorGetByRoleOptions{Name: "Delete porch-cam?"}))
	page.Must(page.Expect().Locator(page.Dialog()).ToHaveAttribute("aria-busy", "true"))
	goOn()
	page.Focuses(page.InDialog("Cancel"))
	page.Must(page.Expect().Locator(page.Dialog()).Not().ToHaveAttribute("aria-busy", "true"))
	page.Key("Escape")

	goOn = page.Hold("**/delete?*")
	page.Press(page.Menu("heat-pump", "Delete…"))
	page.Sees(page.Dialog())
	page.Key("Escape") // somebody thought better of it
	page.Lacks(page.Dialog())
	_, err := page.ExpectResponse("**/delete?*", func() error {
		goOn()
		return nil
	})
	page.Must(err)
	story.Until(t, "the answer is in its place", func() bool { return page.Evaluate("!!document.querySelector('#dialog form')") == true })
	page.Lacks(page.Dialog())
}

func TestLinksAndPlainFormsShowThatTheyAreOnTheirWay(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := program.UsedKeys(t, ana, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+key.ID))
	// The driver waits for pages that are on their way: what is pressed is looked at in the same breath.
	press := `(selector) => { const e = document.querySelector(selector); e.click(); return (e.ariaBusy + " " + e.textContent).trim(); }`
	if got := page.Evaluate(press, "#recent > p a"); got != "true All activity" {
		t.Errorf("the link says %q", got)
	}
	page.Sees(page.Heading("Activity"))
	page.Visit("/keys/" + key.ID)
	page.Press(page.Link("Delete key…"))
	page.Sees(page.InDialog("Turn off instead"))
	if got := page.Evaluate(press, "#dialog .primary"); got != "true Turning off…" {
		t.Errorf("the button says %q", got)
	}
	page.Says("porch-cam is off. It can’t sign in.")
}

// The toast is over the page, and so its way back may ask for the password like any other.
func TestTheWayBackAsksForThePasswordWhenThatWasLongAgo(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	keys := ana.Keys(t, story.Numbered(20)...)
	program.LogIn(t, client.UserAPIKey(keys[0].Value.Reveal()))
	page := program.Open(t, story.SignedIn(ana), story.Phone)
	for range 2 {
		clock.Advance(20 * time.Minute)
		page.Visit("/keys")
	}
	page.Expects(403)
	page.Must(page.Row("key-01").ScrollIntoViewIfNeeded())
	page.Press(page.Toggle("key-01"))
	back := page.Locator("#undo button")
	page.Must(page.Expect().Locator(back).ToBeInViewport())
	page.Must(back.Focus())
	page.Key("Enter")
	page.Sees(page.Dialog())
	page.Key("Escape")
	page.Lacks(page.Dialog())
	page.Focuses(back)
	page.Key("Enter")
	page.Must(page.Dialog().GetByLabel("Password", playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}).Fill(story.Password))
	page.Key("Enter")
	page.Says("key-01 is on.")
	page.IsOn("key-01", true)
}
