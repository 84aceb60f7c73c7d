package keys

import (
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

// A dashboard at home is reached by plain http under a name of the house. Browsers trust such a page less: it has no
// clipboard, and they say less about where its forms come from. All must work there that works elsewhere.
func TestOnPlainHTTPAllWorksThatWorksElsewhere(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "latchkey.test")
	page := program.Open(t)
	page.MakeAccount("ana@example.com")
	if page.Evaluate("window.isSecureContext || 'clipboard' in navigator") != false {
		t.Fatal("the browser takes latchkey.test for a secure place")
	}
	value := page.CreateKey("porch-cam")
	copiesByHand(page, value)
	if file, text := download(page, "Download .env"); file != "porch-cam.env" || !strings.HasSuffix(text, "API_KEY="+value+"\n") {
		t.Errorf("downloaded %s with\n%s", file, text)
	}
	page.SaveKey()
	program.LogIn(t, client.UserAPIKey(value))

	bare := program.Open(t, story.NoScript)
	bare.Fill("Email", "ana@example.com")
	bare.Fill("Password", story.Password)
	bare.Press(bare.Button("Sign in"))
	bare.Press(bare.Toggle("porch-cam"))
	bare.Says("porch-cam is off. It can’t sign in.")
	program.Refuses(t, value)
	bare.CreateKey("heat-pump")
	bare.SaveKey()
	bare.FromPersonMenu("button", "Dark")
	hasTheme(bare, "dark")
	bare.SignOut()
	bare.IsAt("/login")

	comesFromOurPages(t, program, tap, 9)
}

// Safari before 16.4 sends no Sec-Fetch-Site on https either, and filters take away what they do not know.
func TestABrowserWithoutSecFetchSiteDoesAllOnHTTPS(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTappedTLS(t, "latchkey.test")
	tap.Drops = []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User"}
	page := program.Open(t, story.AnyCertificate)
	page.MakeAccount("ana@example.com")
	page.CreateKey("porch-cam")
	page.SaveKey()
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")

	bare := program.Open(t, story.NoScript, story.AnyCertificate, story.At("/reset?token=secret&tokenId=1")) // of a mail's link
	bare.Visit("/login")
	bare.Fill("Email", "ana@example.com")
	bare.Fill("Password", story.Password)
	bare.Press(bare.Button("Sign in"))
	bare.CreateKey("heat-pump")
	bare.SaveKey()
	bare.FromPersonMenu("button", "Dark")
	hasTheme(bare, "dark")
	bare.SignOut()
	bare.IsAt("/login")
	comesFromOurPages(t, program, tap, 9)
	for _, x := range tap.All() {
		if strings.Contains(x.Asked.Get("Referer"), "secret") {
			t.Errorf("%s says which link led there: %s", x.What, x.Asked.Get("Referer"))
		}
	}
}

// comesFromOurPages checks what the program was told of where each form came from.
func comesFromOurPages(t *testing.T, program *story.Program, tap *story.Wiretap, want int) {
	t.Helper()
	forms := 0
	for _, x := range tap.All() {
		if !strings.HasPrefix(x.What, "POST /api/") && strings.HasPrefix(x.What, "POST ") {
			if !strings.HasPrefix(x.What, "POST /login/passkey/options") { // which script sends, if the page is open for long enough
				forms++
			}
			if origin, site := x.Asked.Get("Origin"), x.Asked.Values("Sec-Fetch-Site"); origin != program.URL || site != nil {
				t.Errorf("%s came with Origin %q and Sec-Fetch-Site %q", x.What, origin, site)
			}
		}
	}
	if forms != want {
		t.Errorf("%d forms were sent, want %d", forms, want)
	}
}

// copiesByHand copies where a page may not write to the clipboard by itself.
func copiesByHand(p *story.Page, value string) {
	p.T.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	p.Press(p.Button("Copy value"))
	p.Must(p.Expect().Locator(p.Locator("#saved")).ToHaveText(copied))
	pastes(p, value)
}
