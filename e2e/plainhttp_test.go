package e2e

import (
	"strings"
	"testing"

	"latchkey/client"
)

// A dashboard at home is reached by plain http under a name of the house. Browsers trust such a page less: it has no
// clipboard, and they say less about where its forms come from. All must work there that works elsewhere.
func TestOnPlainHTTPAllWorksThatWorksElsewhere(t *testing.T) {
	t.Parallel()
	program, tap := startTapped(t, "latchkey.test")
	page := program.open(t)
	page.makeAccount("ana@example.com")
	if page.evaluate("window.isSecureContext || 'clipboard' in navigator") != false {
		t.Fatal("the browser takes latchkey.test for a secure place")
	}
	value := page.createKey("porch-cam")
	page.copiesByHand(value)
	if file, text := page.download("Download as .env"); file != "porch-cam.env" || !strings.HasSuffix(text, "API_KEY="+value+"\n") {
		t.Errorf("downloaded %s with\n%s", file, text)
	}
	page.saveKey()
	program.logIn(t, client.UserAPIKey(value))

	bare := program.open(t, noScript)
	bare.fill("E-mail", "ana@example.com")
	bare.fill("Password", password)
	bare.press(bare.button("Sign in"))
	bare.press(bare.toggle("porch-cam"))
	bare.says("porch-cam is off. It can no longer sign in.")
	program.refuses(t, value)
	bare.createKey("heat-pump")
	bare.saveKey()
	bare.press(bare.button("Dark"))
	bare.hasTheme("dark")
	bare.press(bare.button("Sign out"))
	bare.isAt("/login")

	forms := 0
	for _, x := range tap.all() {
		if !strings.HasPrefix(x.what, "POST /api/") && strings.HasPrefix(x.what, "POST ") {
			forms++
			if origin, site := x.asked.Get("Origin"), x.asked.Values("Sec-Fetch-Site"); origin != program.url || site != nil {
				t.Errorf("%s came with Origin %q and Sec-Fetch-Site %q", x.what, origin, site)
			}
		}
	}
	if forms != 7 {
		t.Errorf("%d forms were sent, want 7", forms)
	}
}

// copiesByHand copies where a page may not write to the clipboard by itself.
func (p *page) copiesByHand(value string) {
	p.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	p.press(p.button("Copy"))
	p.reads(p.Locator("#copy-status"), "Copied.")
	p.pastes(value)
}
