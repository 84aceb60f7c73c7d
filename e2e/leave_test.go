package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

const leaving = "You have not saved this key’s value"

// A value that is lost is lost for good, so whatever would leave it behind asks first.
func TestLeavingAnUnsavedValueAsksFirst(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	for name, way := range map[string]struct {
		leave   func(p *page)
		arrives func(p *page)
	}{
		"by a link": {
			func(p *page) { p.press(p.link("porch-cam")) },
			func(p *page) { p.sees(p.heading("How a device signs in with it")) },
		},
		"by signing out": {
			func(p *page) { p.press(p.button("Sign out")) },
			func(p *page) { p.isAt("/login") },
		},
		"by choosing colours": {
			func(p *page) { p.press(p.button("Dark")) },
			func(p *page) { p.sees(p.heading("Create a key")); p.hasTheme("dark") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana := program.personNamed(t, strings.ReplaceAll(name, " ", "-")+"@example.com")
			page := program.open(t, signedIn(ana))
			value := page.createKey("porch-cam")

			way.leave(page)
			page.sees(page.dialog().GetByText(leaving))
			page.focuses(page.inDialog("Stay"))
			page.press(page.inDialog("Stay"))
			page.stillShows(value)

			way.leave(page)
			page.must(page.Keyboard().Press("Escape"))
			page.stillShows(value)

			way.leave(page)
			page.press(page.inDialog("Leave and keep it"))
			way.arrives(page)
			page.lacksValue(value)
			if n := len(ana.list(t)); n != 1 {
				t.Errorf("%d keys, want the one that was to be kept", n)
			}
		})
	}
}

func (p *page) hasTheme(theme string) {
	p.t.Helper()
	p.must(expect.Locator(p.Locator("html")).ToHaveAttribute("data-theme", theme))
}

// stillShows makes sure that the panel is there with the value and that nothing lies over it.
func (p *page) stillShows(value string) {
	p.t.Helper()
	p.lacks(p.dialog())
	p.sees(p.heading("Save this key now"))
	p.must(expect.Locator(p.field("Value")).ToHaveValue(value))
}

func TestLeavingCanDeleteTheKeyThatNobodyHolds(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.press(page.link("porch-cam"))
	page.press(page.inDialog("Leave and delete the key"))
	page.says("porch-cam was deleted.")
	page.sees(page.heading("No keys yet"))
	page.lacksValue(value)
	if n := len(ana.list(t)); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	program.refuses(t, value)
}

func TestLeavingWithTheKeyDeletedGoesWhereThePersonWasGoing(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.press(page.button("Sign out"))
	page.press(page.inDialog("Leave and delete the key"))
	page.isAt("/login")
	if n := len(ana.list(t)); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	program.refuses(t, value)
}

func TestDeletingTheNewKeyFromTheListTakesItsPanelAlong(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	page.press(page.menu("porch-cam", "Delete…"))
	page.press(page.inDialog("Delete porch-cam"))
	page.says("porch-cam was deleted.")
	page.lacks(page.heading("Save this key now"))
	page.lacksValue(value)
	page.sees(page.heading("Create a key"))
	page.press(page.button("Sign out")) // and nothing asks
	page.isAt("/login")
}

func TestASavedValueIsLeftWithoutAsking(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, signedIn(program.person(t)))
	page.createKey("porch-cam")
	page.press(page.field("I have saved it"))
	page.press(page.link("porch-cam"))
	page.sees(page.heading("How a device signs in with it"))
}

// What stays on the page asks nothing and takes nothing away.
func TestTheValueStaysWhileThePageIsUsed(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(6)...)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")

	page.must(page.Keyboard().Press("Escape"))
	page.must(page.Mouse().Click(5, 5))
	page.stillShows(value)

	page.press(page.toggle("key-02"))
	page.isOn("key-02", false)
	page.fill("Search keys", "porch")
	page.lacks(page.row("key-02"))
	page.fill("Search keys", "")
	page.sees(page.row("key-02"))
	page.press(page.menu("key-01", "Delete…"))
	page.press(page.inDialog("Delete key-01"))
	page.says("key-01 was deleted.")
	page.stillShows(value)

	page.press(page.button("Done")) // not ticked
	page.focuses(page.field("I have saved it"))
	page.stillShows(value)
	page.saveKey()
	page.lacksValue(value)
}

// The browser's own question, in its own words, is all there is when a tab is closed or loaded anew.
func TestClosingOrReloadingATabWithAnUnsavedValueAsksFirst(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	for name, act := range map[string]func() error{
		"close":  func() error { return page.Close(playwright.PageCloseOptions{RunBeforeUnload: playwright.Bool(true)}) },
		"reload": func() error { _, err := page.Evaluate("setTimeout(() => location.reload())"); return err },
	} {
		if kind := page.refusesToLeave(act); kind != "beforeunload" {
			t.Errorf("%s: the browser asked %q", name, kind)
		}
		page.stillShows(value)
	}
	page.press(page.field("I have saved it"))
	page.must(page.Close(playwright.PageCloseOptions{RunBeforeUnload: playwright.Bool(true)}))
}

// refusesToLeave answers the browser's question with "stay" and gives its kind.
func (p *page) refusesToLeave(act func() error) string {
	p.t.Helper()
	asked, err := p.ExpectEvent("dialog", act)
	p.must(err)
	dialog, ok := asked.(playwright.Dialog)
	if !ok {
		p.t.Fatalf("the event brought %T", asked)
	}
	p.must(dialog.Dismiss())
	return dialog.Type()
}
