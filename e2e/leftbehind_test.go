package e2e

import "testing"

// Whoever comes next to a screen finds the colours that suit it, and nothing that is somebody's.
func TestSigningOutLeavesNothingOfAPersonInTheBrowser(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t)
	page.makeAccount("ana@example.com")
	page.press(page.button("Dark"))
	page.evaluate("localStorage.setItem('latchkey-system', 'windows')")
	page.evaluate("caches.open('kept')")
	page.press(page.button("Sign out"))
	page.isAt("/login")
	page.hasTheme("dark")
	if kept := page.evaluate("localStorage.length"); kept != 0 {
		t.Errorf("%v things are kept", kept)
	}
	if kept := page.evaluate("caches.has('kept')"); kept != false {
		t.Error("a cache is kept")
	}
}
