package keys

import (
	"fmt"
	"regexp"
	"sync"
	"testing"

	"latchkey/e2e/story"
)

// clipboard is held by a story while it needs its own text there: the browser has one clipboard for all its contexts.
var clipboard sync.Mutex

// copied is a promise: whoever reads it throws the only copy away.
var copied = regexp.MustCompile(`^✓ Copied at \d\d?:\d\d( [AP]M)? ·$`)

func TestCopyingTellsTheTruth(t *testing.T) {
	t.Parallel()
	refused := regexp.MustCompile(`^This browser doesn’t let a page copy. The value is selected: press Ctrl\+C, or ⌘C on a Mac.$`)
	program := story.StartProgram(t)
	for email, one := range map[string]struct {
		browser string // what the browser does to the page, as script
		says    *regexp.Regexp
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
			page.Press(page.Button("Copy value"))
			told := page.Locator("#saved")
			page.Must(page.Expect().Locator(told).ToHaveText(one.says))
			if one.says == refused {
				isMasked(page, false)
				page.Must(page.Keyboard().Press("Control+C"))
				page.Must(page.Expect().Locator(told).ToHaveText(copied)) // by hand, which the page sees
			} else {
				isMasked(page, true)
				page.Focuses(page.Button("Copy value"))
			}
			pastes(page, value)
		})
	}
}

// isMasked waits until the value is drawn as dots, and not read out, or as it is.
func isMasked(p *story.Page, masked bool) {
	p.T.Helper()
	security := map[bool]string{true: "disc", false: "none"}
	p.Must(p.Expect().Locator(p.Locator("#value")).ToHaveCSS("-webkit-text-security", security[masked]))
	p.Must(p.Expect().Locator(p.Locator("#value")).ToHaveAttribute("aria-hidden", fmt.Sprint(masked)))
}

// pastes makes sure that the text is on the clipboard, as any program would get it: by pasting it, in another tab.
func pastes(p *story.Page, text string) {
	p.T.Helper()
	tab := p.NewTab("/keys/new")
	tab.Must(tab.Field("Name").Focus())
	tab.Must(tab.Keyboard().Press("Control+V"))
	tab.Must(tab.Expect().Locator(tab.Field("Name")).ToHaveValue(text))
	tab.Must(tab.Close())
}
