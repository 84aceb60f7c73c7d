package keys

import (
	"sync"
	"testing"

	"latchkey/e2e/story"
)

// clipboard is held by a story while it needs its own text there: the browser has one clipboard for all its contexts.
var clipboard sync.Mutex

// "Copied." is a promise: whoever reads it throws the only copy away.
func TestCopyingTellsTheTruth(t *testing.T) {
	t.Parallel()
	const copied = "Copied."
	const refused = "This browser does not let a page copy. The value is selected: press Ctrl+C, or ⌘C on a Mac."
	program := story.StartProgram(t)
	for email, one := range map[string]struct {
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
			page := program.Open(t, story.SignedIn(program.PersonNamed(t, email)), story.Granting("clipboard-read", "clipboard-write"))
			value := page.CreateKey("porch-cam")
			page.Evaluate(one.browser + "; undefined")

			clipboard.Lock()
			defer clipboard.Unlock()
			page.Press(page.Button("Copy"))
			page.Reads(page.Locator("#copy-status"), one.says)
			if one.says == refused {
				page.Must(page.Expect().Locator(page.Field("Value")).ToHaveAttribute("type", "text"))
				page.Focuses(page.Field("Value"))
				page.Must(page.Keyboard().Press("Control+C"))
			} else {
				page.Must(page.Expect().Locator(page.Field("Value")).ToHaveAttribute("type", "password"))
				page.Focuses(page.Button("Copy"))
			}
			pastes(page, value)
		})
	}
}

// pastes makes sure that the text is on the clipboard, as any program would get it: by pasting it, in another tab.
func pastes(p *story.Page, text string) {
	p.T.Helper()
	tab := p.NewTab("/keys")
	tab.Must(tab.Field("Name of the device or service").Focus())
	tab.Must(tab.Keyboard().Press("Control+V"))
	tab.Must(tab.Expect().Locator(tab.Field("Name of the device or service")).ToHaveValue(text))
	tab.Must(tab.Close())
}
