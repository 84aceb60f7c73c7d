package keys

import (
	"testing"

	"latchkey/e2e/story"
)

// Whoever comes next to a screen finds the colours that suit it, and nothing that is somebody's.
func TestSigningOutLeavesNothingOfAPersonInTheBrowser(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t)
	page.MakeAccount("ana@example.com")
	page.FromPersonMenu("button", "Dark")
	page.Evaluate("localStorage.setItem('latchkey-system', 'windows')")
	page.Evaluate("caches.open('kept')")
	page.SignOut()
	page.IsAt("/login")
	hasTheme(page, "dark")
	if kept := page.Evaluate("localStorage.length"); kept != 0 {
		t.Errorf("%v things are kept", kept)
	}
	if kept := page.Evaluate("caches.has('kept')"); kept != false {
		t.Error("a cache is kept")
	}
}
