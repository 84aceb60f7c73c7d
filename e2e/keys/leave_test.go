package keys

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
)

const leaving = "Leave without saving the value?"

// A value that is lost is lost for good, so whatever would leave it behind asks first.
func TestLeavingAnUnsavedValueAsksFirst(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for name, way := range map[string]struct {
		leave   func(p *story.Page)
		arrives func(p *story.Page)
	}{
		"by another key": {
			func(p *story.Page) { p.Press(p.Link("Create key")) },
			func(p *story.Page) { p.IsAt("/keys/new") },
		},
		"by a link": {
			func(p *story.Page) { p.Press(p.Link("porch-cam")) },
			func(p *story.Page) { p.Sees(p.Heading("Set up a device")) },
		},
		"by signing out": {
			func(p *story.Page) { p.SignOut() },
			func(p *story.Page) { p.IsAt("/login") },
		},
		"by choosing colours": {
			func(p *story.Page) { p.FromPersonMenu("button", "Dark") },
			func(p *story.Page) { p.Sees(p.Row("porch-cam")); hasTheme(p, "dark") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana := program.PersonNamed(t, strings.ReplaceAll(name, " ", "-")+"@example.com")
			page := program.Open(t, story.SignedIn(ana))
			value := page.CreateKey("porch-cam")

			way.leave(page)
			page.Sees(page.Dialog().GetByText(leaving))
			page.Focuses(page.InDialog("Stay"))
			page.Press(page.InDialog("Stay"))
			page.StillShows(value)

			way.leave(page)
			page.Must(page.Keyboard().Press("Escape"))
			page.StillShows(value)

			way.leave(page)
			page.Press(page.InDialog("Leave, keep the key"))
			way.arrives(page)
			lacksValue(page, value)
			if n := len(ana.List(t)); n != 1 {
				t.Errorf("%d keys, want the one that was to be kept", n)
			}
		})
	}
}

func hasTheme(p *story.Page, theme string) {
	p.T.Helper()
	p.Must(p.Expect().Locator(p.Locator("html")).ToHaveAttribute("data-theme", theme))
}

func TestLeavingCanDeleteTheKeyThatNobodyHolds(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	page.Press(page.Link("porch-cam"))
	page.Press(page.InDialog("Leave and delete it"))
	page.Says("porch-cam was deleted.")
	page.Sees(page.Heading(story.FirstVisit))
	lacksValue(page, value)
	if n := len(ana.List(t)); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	program.Refuses(t, value)
}

func TestLeavingWithTheKeyDeletedGoesWhereThePersonWasGoing(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	page.SignOut()
	page.Press(page.InDialog("Leave and delete it"))
	page.IsAt("/login")
	if n := len(ana.List(t)); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	program.Refuses(t, value)
}

func TestDeletingTheNewKeyFromTheListTakesItsPanelAlong(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	page.Press(page.Menu("porch-cam", "Delete…"))
	page.Press(page.InDialog("Delete porch-cam"))
	page.Says("porch-cam was deleted.")
	page.Lacks(page.Locator("#once"))
	lacksValue(page, value)
	page.Sees(page.Heading(story.FirstVisit))
	page.SignOut() // and nothing asks
	page.IsAt("/login")
}

// The page believes what it has seen.
func TestASavedValueIsLeftWithoutAsking(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for name, save := range map[string]func(p *story.Page){
		"copied": func(p *story.Page) {
			p.Press(p.Button("Copy value"))
			p.Must(p.Expect().Locator(p.Locator("#saved")).ToHaveText(copied))
		},
		"copied with code": func(p *story.Page) {
			p.Press(p.Button("Copy code with the key"))
			p.Reads(p.Locator("#copied"), "✓ Copied")
		},
		"downloaded": func(p *story.Page) { p.Press(p.Button("Download .env")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana := program.PersonNamed(t, strings.ReplaceAll(name, " ", "-")+"@example.com")
			page := program.Open(t, story.SignedIn(ana), story.Granting("clipboard-read", "clipboard-write"))
			page.CreateKey("porch-cam")
			clipboard.Lock()
			save(page)
			clipboard.Unlock()
			page.Press(page.Link("porch-cam"))
			page.IsAt("/keys/" + ana.Find(t, "porch-cam").ID)
		})
	}
}

// What stays on the page asks nothing and takes nothing away.
func TestTheValueStaysWhileThePageIsUsed(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(6)...)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")

	page.Must(page.Keyboard().Press("Escape"))
	page.Must(page.Mouse().Click(5, 5))
	page.StillShows(value)

	page.Press(page.Toggle("key-02"))
	page.IsOn("key-02", false)
	page.Fill("Search keys", "porch")
	page.Lacks(page.Row("key-02"))
	page.Fill("Search keys", "")
	page.Sees(page.Row("key-02"))
	page.Press(page.Menu("key-01", "Delete…"))
	page.Press(page.InDialog("Delete key-01"))
	page.Says("key-01 was deleted.")
	page.StillShows(value)

	page.Press(page.Button("Done")) // not saved
	page.Reads(page.Locator("#saved"), "Not saved yet: copy the value, or download it.")
	page.Focuses(page.Button("Copy value"))
	page.StillShows(value)
	page.SaveKey()
	lacksValue(page, value)
}

// The browser's own question, in its own words, is all there is when a tab is closed or loaded anew.
func TestClosingOrReloadingATabWithAnUnsavedValueAsksFirst(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	for name, act := range map[string]func() error{
		"close":  func() error { return page.Close(playwright.PageCloseOptions{RunBeforeUnload: playwright.Bool(true)}) },
		"reload": func() error { _, err := page.Page.Evaluate("setTimeout(() => location.reload())"); return err },
	} {
		if kind := refusesToLeave(page, act); kind != "beforeunload" {
			t.Errorf("%s: the browser asked %q", name, kind)
		}
		page.StillShows(value)
	}
	page.Press(page.Button("Download .env"))
	page.Must(page.Close(playwright.PageCloseOptions{RunBeforeUnload: playwright.Bool(true)}))
}

// refusesToLeave answers the browser's question with "stay" and gives its kind.
func refusesToLeave(p *story.Page, act func() error) string {
	p.T.Helper()
	asked, err := p.ExpectEvent("dialog", act)
	p.Must(err)
	dialog, ok := asked.(playwright.Dialog)
	if !ok {
		p.T.Fatalf("the event brought %T", asked)
	}
	p.Must(dialog.Dismiss())
	return dialog.Type()
}
