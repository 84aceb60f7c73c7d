package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/playwright-community/playwright-go"
)

// Nobody touches a mouse in this file.

func TestTheWholeJourneyGoesByKeyboard(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t)

	page.focuses(page.field("E-mail"))
	page.tabTo(page.link("Create one"))
	page.key("Enter")
	page.focuses(page.field("E-mail"))
	page.types("ana@example.com")
	page.tabTo(page.field("Password"))
	page.types(password)
	page.key("Enter")
	page.sees(page.heading("Devices and keys"))

	page.key("Tab")
	page.focuses(page.link("Skip to content"))
	page.isVisiblyFocused()
	page.key("Enter")
	page.tabTo(page.field("Name of the device or service"))
	page.types("porch-cam")
	page.key("Enter")
	page.focuses(page.heading("Save this key now"))
	page.savesValueByKeyboard()

	page.tabTo(page.toggle("porch-cam"))
	page.key("Space")
	page.isOn("porch-cam", false)
	page.focuses(page.toggle("porch-cam"))
	page.key("Enter")
	page.isOn("porch-cam", true)
	page.focuses(page.toggle("porch-cam"))

	page.key("Shift+Tab")
	page.focuses(page.link("Refresh porch-cam"))
	page.key("Shift+Tab")
	page.focuses(page.link("porch-cam"))
	page.key("Enter")
	page.sees(page.heading("How a device signs in with it"))
	page.tabTo(page.toggle("porch-cam"))
	page.key("Space")
	page.isOn("porch-cam", false)
	page.focuses(page.toggle("porch-cam"))
	page.key("Space")
	page.isOn("porch-cam", true)
	page.visit("/keys")

	page.deletesByKeyboard("porch-cam")
	page.focuses(page.heading("Devices and keys"))
	for _, place := range []string{"Account", "Sessions", "Activity", "Keys"} {
		page.key("Shift+Tab")
		page.focuses(page.link(place))
	}
	page.key("Shift+Tab")
	page.focuses(page.button("Sign out"))
	page.key("Enter")
	page.focuses(page.field("E-mail"))
}

func (p *page) savesValueByKeyboard() {
	p.t.Helper()
	p.key("Tab")
	p.focuses(p.field("Value"))
	p.copiesByKeyboard()
	p.tabTo(p.button("Show"))
	p.key("Space")
	p.must(expect.Locator(p.field("Value")).ToHaveAttribute("type", "text"))
	p.focuses(p.button("Hide"))
	p.tabTo(p.button("Download as .env"))
	p.tabTo(p.field("I have saved it"))
	p.key("Space")
	p.tabTo(p.button("Done"))
	p.key("Enter")
	p.sees(p.heading("Create a key"))
}

func (p *page) copiesByKeyboard() {
	p.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	p.tabTo(p.button("Copy"))
	p.key("Enter")
	p.reads(p.Locator("#copy-status"), "Copied.")
	p.focuses(p.button("Copy"))
}

func (p *page) deletesByKeyboard(name string) {
	p.t.Helper()
	more := p.row(name).GetByLabel("More about " + name)
	p.tabTo(more)
	p.key("Enter")
	p.sees(p.link("Delete…"))
	p.tabTo(p.link("Delete…"))
	p.key("Escape")
	p.lacks(p.link("Delete…"))
	p.focuses(more)

	for _, choice := range []string{"Escape", "Keep it"} {
		p.key("Enter")
		p.tabTo(p.link("Delete…"))
		p.key("Enter")
		p.focuses(p.inDialog("Keep it"))
		p.isVisiblyFocused()
		if choice == "Escape" {
			p.key("Escape")
		} else {
			p.key("Space")
		}
		p.lacks(p.dialog())
		p.focuses(more)
	}

	p.key("Enter")
	p.tabTo(p.link("Delete…"))
	p.key("Enter")
	p.focuses(p.inDialog("Keep it"))
	p.tabTo(p.inDialog("Turn off instead"))
	p.tabTo(p.inDialog("Delete " + name))
	p.key("Enter")
	p.says(name + " was deleted.")
}

func TestTheFocusGoesThroughThePageInReadingOrder(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(6)...)
	page := program.open(t, signedIn(ana))
	want := []string{
		"Skip to content", "Latchkey", "Sign out", "Keys", "Activity", "Sessions", "Account", "Connect a device", "Name of the device or service", "Create key", "Search keys",
	}
	for _, name := range numbered(6) {
		want = append(want, name, "Refresh "+name, name, "More about "+name) // the link, that of a new key, the switch and the menu
	}
	want = append(want, "Which key is this?", "System", "Light", "Dark")
	var got []string
	for range want {
		page.key("Tab")
		page.isVisiblyFocused()
		name, _ := page.evaluate(`() => {
			const e = document.activeElement;
			return (e.ariaLabel || e.labels?.[0]?.innerText || e.innerText).trim();
		}`).(string)
		got = append(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// key presses a key, or keys held together.
func (p *page) key(name string) {
	p.t.Helper()
	p.must(p.Keyboard().Press(name))
}

func (p *page) types(text string) {
	p.t.Helper()
	p.must(p.Keyboard().Type(text))
}

// tabTo presses Tab until the thing has the focus. It is near: nobody tabs through half a page. On the way the focus can
// always be seen.
func (p *page) tabTo(what playwright.Locator) {
	p.t.Helper()
	p.sees(what)
	for range 16 {
		p.key("Tab")
		p.isVisiblyFocused()
		if at, err := what.Evaluate("e => e === document.activeElement", nil); err == nil && at == true {
			return
		}
	}
	p.t.Fatalf("Tab does not get to %v", what)
}

// isVisiblyFocused makes sure that what has the focus is marked, in the window and not under something else.
func (p *page) isVisiblyFocused() {
	p.t.Helper()
	fault, ok := p.evaluate(`() => {
		const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
		const faults = [];
		if (e === document.body) faults.push("nothing has the focus");
		if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) faults.push("there is no outline");
		if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) faults.push("it is outside the window");
		const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
		if (!e.contains(top) && !e.labels?.[0]?.contains(top)) faults.push("it is covered by " + top?.outerHTML);
		return faults.length ? faults.join(", ") + ": " + e.outerHTML : "";
	}`).(string)
	if !ok || strings.TrimSpace(fault) != "" {
		p.t.Error(fault)
	}
}
