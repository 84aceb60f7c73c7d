package e2e

import (
	"sync"
	"testing"
)

// clipboard is held by a story while it needs its own text there: the browser has one clipboard for all its contexts.
var clipboard sync.Mutex

// "Copied." is a promise: whoever reads it throws the only copy away.
func TestCopyingTellsTheTruth(t *testing.T) {
	t.Parallel()
	const copied = "Copied."
	const refused = "This browser does not let a page copy. The value is selected: press Ctrl+C, or ⌘C on a Mac."
	program := startProgram(t)
	for email, story := range map[string]struct {
		browser string // what the browser does to the page, as script
		says    string
	}{
		"permitted@example.com": {"", copied},
		"old-command@example.com": {
			`navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"))`, copied,
		},
		"nothing@example.com": {
			`Object.defineProperty(navigator, "clipboard", { value: undefined }); document.execCommand = () => false`, refused,
		},
		"lying-command@example.com": {
			`Object.defineProperty(navigator, "clipboard", { value: undefined }); document.execCommand = () => true`, refused,
		},
	} {
		t.Run(email, func(t *testing.T) {
			t.Parallel()
			page := program.open(t, signedIn(program.personNamed(t, email)), granting("clipboard-read", "clipboard-write"))
			value := page.createKey("porch-cam")
			page.evaluate(story.browser + "; undefined")

			clipboard.Lock()
			defer clipboard.Unlock()
			page.press(page.button("Copy"))
			page.reads(page.Locator("#copy-status"), story.says)
			if story.says == refused {
				page.must(expect.Locator(page.field("Value")).ToHaveAttribute("type", "text"))
				page.focuses(page.field("Value"))
				page.must(page.Keyboard().Press("Control+C"))
			} else {
				page.must(expect.Locator(page.field("Value")).ToHaveAttribute("type", "password"))
				page.focuses(page.button("Copy"))
			}
			page.pastes(value)
		})
	}
}

// pastes makes sure that the text is on the clipboard, as any program would get it: by pasting it, in another tab.
func (p *page) pastes(text string) {
	p.t.Helper()
	tab := p.newTab("/keys")
	tab.must(tab.field("Name of the device or service").Focus())
	tab.must(tab.Keyboard().Press("Control+V"))
	tab.must(expect.Locator(tab.field("Name of the device or service")).ToHaveValue(text))
	tab.must(tab.Close())
}
