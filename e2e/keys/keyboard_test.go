package keys

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
)

// Nobody touches a mouse in this file.

func TestTheWholeJourneyGoesByKeyboard(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t)

	page.Focuses(page.Field("Email"))
	tabTo(page, page.Link("Create an account"))
	page.Key("Enter")
	page.Focuses(page.Field("Email"))
	types(page, "ana@example.com")
	tabTo(page, page.Field("Password"))
	types(page, story.Password)
	page.Key("Enter")
	page.Sees(page.Heading("Keys"))

	page.Focuses(page.Field("Label")) // what comes next
	types(page, "porch-cam")
	page.Key("Enter")
	page.Focuses(page.Locator("#once-title"))
	savesValueByKeyboard(page)

	tabTo(page, page.Toggle("porch-cam"))
	page.Key("Space")
	page.IsOn("porch-cam", false)
	page.Focuses(page.Toggle("porch-cam"))
	page.Key("Enter")
	page.IsOn("porch-cam", true)
	page.Focuses(page.Toggle("porch-cam"))

	page.Key("Shift+Tab")
	page.Focuses(page.Link("porch-cam"))
	page.Key("Enter")
	page.Sees(page.Heading("Set up a device"))
	tabTo(page, page.Toggle("porch-cam"))
	page.Key("Space")
	page.IsOn("porch-cam", false)
	page.Focuses(page.Toggle("porch-cam"))
	page.Key("Space")
	page.IsOn("porch-cam", true)
	page.Visit("/keys")

	deletesByKeyboard(page, "porch-cam")
	page.Focuses(page.Heading("Keys"))
	page.Key("Shift+Tab")
	page.Focuses(page.PersonMenu())
	for _, place := range []string{"Account", "Activity", "Keys"} {
		page.Key("Shift+Tab")
		page.Focuses(page.Link(place))
	}
	tabTo(page, page.PersonMenu())
	page.Key("Enter")
	page.Key("ArrowUp") // to the end of the menu
	page.Focuses(page.Button("Sign out"))
	page.Key("Enter")
	page.Focuses(page.Field("Email"))
}

func savesValueByKeyboard(p *story.Page) {
	p.T.Helper()
	tabTo(p, p.Button("Show"))
	p.Key("Space")
	isMasked(p, false)
	p.Focuses(p.Button("Hide"))
	copiesByKeyboard(p)
	tabTo(p, p.Button("Download .env"))
	tabTo(p, p.Button("Done"))
	p.Key("Enter")
	p.Lacks(p.Locator("#once"))
}

func copiesByKeyboard(p *story.Page) {
	p.T.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	tabTo(p, p.Button("Copy value"))
	p.Key("Enter")
	p.Must(p.Expect().Locator(p.Locator("#saved")).ToHaveText(copied))
	p.Focuses(p.Button("Copy value"))
}

func deletesByKeyboard(p *story.Page, name string) {
	p.T.Helper()
	more := p.Row(name).GetByLabel("More about " + name)
	tabTo(p, more)
	p.Key("Enter")
	p.Sees(p.Link("Delete…"))
	tabTo(p, p.Link("Delete…"))
	p.Key("Escape")
	p.Lacks(p.Link("Delete…"))
	p.Focuses(more)

	for _, choice := range []string{"Escape", "Cancel"} {
		p.Key("Enter")
		tabTo(p, p.Link("Delete…"))
		p.Key("Enter")
		p.Focuses(p.InDialog("Cancel"))
		isVisiblyFocused(p)
		if choice == "Escape" {
			p.Key("Escape")
		} else {
			p.Key("Space")
		}
		p.Lacks(p.Dialog())
		p.Focuses(more)
	}

	p.Key("Enter")
	tabTo(p, p.Link("Delete…"))
	p.Key("Enter")
	p.Focuses(p.InDialog("Cancel"))
	tabTo(p, p.InDialog("Delete "+name))
	p.Key("Enter")
	p.Says(name + " was deleted.")
}

func TestTheFocusGoesThroughThePageInReadingOrder(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(6)...)
	page := program.Open(t, story.SignedIn(ana))
	want := []string{
		"Skip to content", "Latchkey", "Keys", "Activity", "Account", "Menu of " + ana.Email, "Create key", "Connect a device",
		"Search keys", "Sort", "Select", "All 6", "On 6", "Off 0", "Unused 6",
	}
	names := story.Numbered(6)
	for _, name := range slices.Backward(names) { // the newest first
		want = append(want, name, name+" can sign in", "More about "+name) // the link, the switch and the menu
	}
	want = append(want, "Identify it", "Help")
	var got []string
	for range want {
		page.Key("Tab")
		isVisiblyFocused(page)
		name, _ := page.Evaluate(`() => {
			const e = document.activeElement;
			return (e.ariaLabel || e.labels?.[0]?.innerText || e.innerText).trim().split("\n")[0];
		}`).(string)
		got = append(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func types(p *story.Page, text string) {
	p.T.Helper()
	p.Must(p.Keyboard().Type(text))
}

// tabTo presses Tab until the thing has the focus. It is near: nobody tabs through half a page. On the way the focus can
// always be seen.
func tabTo(p *story.Page, what playwright.Locator) {
	p.T.Helper()
	p.Sees(what)
	for range 20 {
		p.Key("Tab")
		isVisiblyFocused(p)
		if at, err := what.Evaluate("e => e === document.activeElement", nil); err == nil && at == true {
			return
		}
	}
	p.T.Fatalf("Tab does not get to %v", what)
}

// isVisiblyFocused makes sure that what has the focus is marked, in the window and not under something else.
func isVisiblyFocused(p *story.Page) {
	p.T.Helper()
	fault, ok := p.Evaluate(`() => {
		const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
		const faults = [];
		if (e === document.body) faults.push("nothing has the focus");
		const outlined = s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
		if (!outlined(style) && !outlined(getComputedStyle(e, "::after"))) faults.push("there is no outline"); // a row's is around the row
		if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) faults.push("it is outside the window");
		const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
		if (!e.contains(top) && !e.labels?.[0]?.contains(top)) faults.push("it is covered by " + top?.outerHTML);
		return faults.length ? faults.join(", ") + ": " + e.outerHTML : "";
	}`).(string)
	if !ok || strings.TrimSpace(fault) != "" {
		p.T.Error(fault)
	}
}
