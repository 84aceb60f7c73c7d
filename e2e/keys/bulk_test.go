package keys

import (
	"net/http"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// On a phone's screen, with a keyboard: whatever has the focus is seen above the bar, which stays at the bottom.
func TestTwentyKeysAreSelectedAndTurnedOffByKeyboard(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(20)...)
	page := program.Open(t, story.PhoneOf(390, 600), story.SignedIn(ana))
	tabTo(page, page.Button("Select"))
	page.Key("Enter")
	page.IsAt("/keys?select=1")
	tabTo(page, page.Field("key-20"))
	for range 6 { // far enough for the page to scroll
		page.Key("Space")
		page.Key("Enter") // which sends nothing
		page.Key("Tab")
		isVisiblyFocused(page)
	}
	page.Focuses(page.Field("key-14"))
	page.Sees(page.GetByText("6 selected"))
	page.Must(page.Expect().Locator(page.Button("Delete 6 keys…")).ToBeInViewport())
	page.Must(page.Locator("#select-all").Focus())
	page.Key("Enter")
	page.Sees(page.GetByText("20 selected"))
	page.Focuses(page.Link("Select all"))
	tabTo(page, page.Button("Turn off"))
	page.Key("Enter")
	page.Says("Turned off 20 of 20.")
	page.Focuses(page.Button("Turn off"))
	page.Sees(page.GetByText("0 selected"))
	for _, key := range ana.List(t) {
		if !key.Disabled {
			t.Errorf("%s is on", key.Name)
		}
	}
	page.Key("Enter")
	page.Sees(page.GetByText("Select at least one key."))
	page.Expects(http.StatusUnprocessableEntity)
}

// The question for the password, and the one before a deletion, come in a dialog over what is selected.
func TestWhatIsSelectedIsKeptThroughTheQuestions(t *testing.T) {
	t.Parallel()
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(6)...)
	program.UsedKeys(t, ana, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	clock.Advance(20 * time.Minute)
	page.Visit("/keys")
	clock.Advance(11 * time.Minute)
	page.Expects(http.StatusForbidden)
	page.Visit("/keys?select=1")
	page.Press(page.Field("key-02"))
	page.Press(page.Field("porch-cam"))
	page.Press(page.Button("Delete 2 keys…"))
	page.Focuses(page.InDialog("Cancel"))
	page.Must(page.Expect().Locator(page.InDialog("Delete 2 keys")).ToHaveAttribute("aria-disabled", "true"))
	page.Press(page.InDialog("Turn off instead"))
	page.Says("Turned off 2 of 2.")
	page.Lacks(page.Dialog())

	page.Press(page.Field("key-02"))
	page.Press(page.Field("porch-cam"))
	page.Press(page.Button("Turn on"))
	page.Focuses(page.Field("Password"))
	page.Key("Escape")
	page.Focuses(page.Button("Turn on"))
	page.Sees(page.GetByText("2 selected"))
	page.Key("Enter")
	page.Fill("Password", story.Password)
	page.Key("Enter")
	page.Says("Turned on 2 of 2.")
	page.IsAt("/keys?select=1")
	if ana.Find(t, "key-02").Disabled || ana.Find(t, "porch-cam").Disabled {
		t.Error("one of them is off")
	}
}

func TestWithoutScriptAReloadShowsTheListAndActsNoMore(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(7)...)
	ana.TurnsOff(t, "key-03")
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	_, err := page.Field("Sort").SelectOption(playwright.SelectOptionValues{Values: &[]string{"name"}})
	page.Must(err)
	page.Press(page.Button("Select"))
	page.IsAt("/keys?q=&sort=name&show=&select=1")
	page.Press(page.Field("key-01"))
	page.Press(page.Field("key-03"))
	ana.Deletes(t, "key-07")
	page.Press(page.Field("key-07"))
	page.Key("Enter") // which sends nothing
	sendsTo(page, "/keys/bulk", page.Button("Turn off"), http.StatusSeeOther)
	page.IsAt("/keys?select=1&sort=name")
	page.Says("Turned off 1 of 3.")
	page.Reads(page.Role("group", "Results"), "Turned off 1 of 3.key-01 Turned offkey-03 Was off alreadyA key Was deleted already, in another place")
	page.Must(ana.Session.APIKeys().Enable(t.Context(), ana.Find(t, "key-01").ID))
	_, err = page.Reload()
	page.Must(err)
	page.IsAt("/keys?select=1&sort=name")
	page.Lacks(page.Role("group", "Results"))
	if ana.Find(t, "key-01").Disabled {
		t.Error("the reload turned it off again")
	}
	page.Press(page.Field("key-01"))
	page.Press(page.Button("Delete…"))
	page.Sees(page.Heading("Delete key-01?"))
	page.Press(page.Link("Cancel"))
	page.Must(page.Expect().Locator(page.Field("key-01")).ToBeChecked())
	page.Press(page.Button("Delete…"))
	page.Press(page.Button("Delete key-01"))
	page.Says("Deleted 1 of 1.")
	page.Lacks(page.Field("key-01"))
}
