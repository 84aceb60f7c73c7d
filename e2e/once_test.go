package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

// The value of a key is shown in one answer and is nowhere else, ever.

func TestTheValueIsInOneAnswerAndNowhereElse(t *testing.T) {
	t.Parallel()
	program, tap := startTapped(t, "127.0.0.1")
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.keepsOutOfStorage(value)
	if n := strings.Count(page.html(), value); n != 1 {
		t.Errorf("the page has the value %d times", n)
	}

	other := page.newTab("/keys")
	other.sees(other.row("porch-cam"))
	other.lacksValue(value)
	other.press(other.link("porch-cam"))
	other.sees(other.heading("How a device signs in with it"))
	other.lacksValue(value)

	page.front()
	page.press(page.toggle("porch-cam"))
	page.isOn("porch-cam", false)
	page.saveKey()
	page.lacksValue(value)
	page.keepsOutOfStorage(value)
	page.press(page.toggle("porch-cam"))
	page.isOn("porch-cam", true)
	program.logIn(t, client.UserAPIKey(value))

	if found := tap.holding(value); !slices.Equal(found, []string{"POST /keys"}) {
		t.Error("the value is in", found)
	}
	for _, x := range tap.all() {
		if x.what == "POST /keys" && x.answers.Get("Cache-Control") != "no-store" {
			t.Error("the answer with the value may be stored:", x.answers)
		}
	}
}

func (p *page) html() string {
	p.t.Helper()
	text, err := p.Content()
	p.must(err)
	return text
}

// lacksValue looks through the whole document and what its fields hold.
func (p *page) lacksValue(value string) {
	p.t.Helper()
	fields := p.evaluate(`[...document.querySelectorAll("input")].map(i => i.value).join()`)
	if text, ok := fields.(string); !ok || strings.Contains(p.html()+text, value) {
		p.t.Errorf("%s has the value", p.URL())
	}
	p.lacks(p.heading("Save this key now"))
}

// keepsOutOfStorage looks everywhere where a browser keeps things for later: there is nothing at all but cookies, and those
// do not have the value.
func (p *page) keepsOutOfStorage(value string) {
	p.t.Helper()
	kept := p.evaluate(`async () => JSON.stringify([
		history.state, { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), await caches.keys(),
	])`)
	if kept != "[null,{},{},[],[]]" {
		p.t.Error("the page keeps things in the browser:", kept)
	}
	title, err := p.Title()
	p.must(err)
	cookies, err := p.context.Cookies()
	p.must(err)
	shown := p.URL() + title
	for _, cookie := range cookies {
		shown += cookie.Name + cookie.Value
	}
	if strings.Contains(shown, value) {
		p.t.Error("the value is in the address, the title or a cookie:", shown)
	}
}

func TestTheValueIsGoneAfterAReload(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, signedIn(program.person(t)))
	value := page.createKey("porch-cam")

	page.OnDialog(func(d playwright.Dialog) { _ = d.Accept() })
	_, err := page.Reload()
	page.must(err)
	page.sees(page.row("porch-cam"))
	page.lacksValue(value)
}

// A page of today's htmx keeps no copies of pages for the Back button; if one asks for a page again, it gets one without.
func TestTheValueIsNotInARestoredHistory(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	restored, ok := page.evaluate(`async () => {
		const headers = { "HX-Request": "true", "HX-History-Restore-Request": "true" };
		return await (await fetch("/keys", { headers })).text();
	}`).(string)
	if !ok || !strings.Contains(restored, "<title>") || !strings.Contains(restored, "porch-cam") {
		t.Error("a history restore does not get the whole page:", restored)
	}
	if strings.Contains(restored, value) {
		t.Error("a history restore gets the value")
	}
}

// Chromium keeps no page of ours for the Back button, since every answer says no-store: it says so itself.
func TestTheValueIsGoneAfterBackAndForward(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, in(browserWithBackForwardCache(t)), signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	page.leavesForTheKey("porch-cam")

	_, err := page.GoBack()
	page.must(err)
	page.sees(page.heading("Create a key"))
	page.lacksValue(value)
	why := page.evaluate(`JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons)`)
	if text, ok := why.(string); !ok || !strings.Contains(text, `"response-cache-control-no-store"`) {
		t.Error("the back-forward cache was not on, or kept the page out for another reason:", why)
	}

	_, err = page.GoForward()
	page.must(err)
	page.sees(page.heading("How a device signs in with it"))
	page.lacksValue(value)
}

// Other browsers keep such pages all the same. The value must not wait in one for the next person at the machine.
func TestTheValueIsGoneFromAPageThatTheBrowserKept(t *testing.T) {
	t.Parallel()
	program, tap := startTapped(t, "127.0.0.1")
	tap.edit = func(head http.Header, body []byte) []byte {
		head.Del("Cache-Control")
		return body
	}
	page := program.open(t, in(browserWithBackForwardCache(t)), signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	page.evaluate(`() => {
		addEventListener("pagehide", e => sessionStorage.left = e.persisted + " " + document.querySelector("#value").value + "|" + document.body.outerHTML);
		addEventListener("pageshow", e => sessionStorage.returned = e.persisted);
	}`)
	page.leavesForTheKey("porch-cam")
	left, ok := page.evaluate("sessionStorage.left").(string)
	if !ok || !strings.HasPrefix(left, "true |") || strings.Contains(left, value) {
		t.Errorf("the page was not kept, or not without the value: %.200s", left)
	}

	_, err := page.GoBack()
	page.must(err)
	_, err = page.WaitForFunction(`performance.getEntriesByType("navigation")[0].type === "reload"`, nil)
	page.must(err)
	if page.evaluate("sessionStorage.returned") != "true" {
		t.Error("the browser did not bring back the page it had kept")
	}
	page.sees(page.heading("Create a key"))
	page.lacksValue(value)
}

// leavesForTheKey says that the value is saved and follows a link. "Done" would not do: it loads the page anew in its own
// place, so that the history has no page that ever showed the value.
func (p *page) leavesForTheKey(name string) {
	p.t.Helper()
	p.press(p.field("I have saved it"))
	p.press(p.link(name))
	p.sees(p.heading("How a device signs in with it"))
}

// Without script the value is in the answer to a form, which a browser does not show again without sending the form again.
func TestTheValueIsGoneAfterBackWithoutScript(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, in(browserWithBackForwardCache(t)), noScript, signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	page.saveKey()

	_, err := page.ExpectEvent("requestfailed", func() error {
		// Playwright's own GoBack waits for a page to load, and none does. The answer may be lost with the page that was left.
		_, _ = page.Evaluate("history.back()")
		return nil
	})
	page.must(err)
	page.forgives("POST " + program.url + "/keys: net::ERR_CACHE_MISS")
	page.must(expect.Page(page).ToHaveURL("chrome-error://chromewebdata/")) // the browser's own page, which says so
	page.lacksValue(value)

	_, _ = page.Evaluate("history.forward()")
	page.sees(page.row("porch-cam"))
	page.lacksValue(value)
}
