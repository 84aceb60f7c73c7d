package keys

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

// The value of a key is shown in one answer and is nowhere else, ever.

func TestTheValueIsInOneAnswerAndNowhereElse(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	keepsOutOfStorage(page, value)
	if n := strings.Count(htmlOf(page), value); n != 1 {
		t.Errorf("the page has the value %d times", n)
	}

	other := page.NewTab("/keys")
	other.Sees(other.Row("porch-cam"))
	lacksValue(other, value)
	other.Press(other.Link("porch-cam"))
	other.Sees(other.Heading("Set up a device"))
	lacksValue(other, value)

	page.Front()
	page.Press(page.Toggle("porch-cam"))
	page.IsOn("porch-cam", false)
	page.SaveKey()
	lacksValue(page, value)
	keepsOutOfStorage(page, value)
	page.Press(page.Toggle("porch-cam"))
	page.IsOn("porch-cam", true)
	program.LogIn(t, client.UserAPIKey(value))

	if found := tap.Holding(value); !slices.Equal(found, []string{"POST /keys"}) {
		t.Error("the value is in", found)
	}
	for _, x := range tap.All() {
		if x.What == "POST /keys" && x.Answers.Get("Cache-Control") != "no-store" {
			t.Error("the answer with the value may be stored:", x.Answers)
		}
	}
}

func htmlOf(p *story.Page) string {
	p.T.Helper()
	text, err := p.Content()
	p.Must(err)
	return text
}

// lacksValue looks through the whole document and what its fields hold.
func lacksValue(p *story.Page, value string) {
	p.T.Helper()
	fields := p.Evaluate(`[...document.querySelectorAll("input")].map(i => i.value).join()`)
	if text, ok := fields.(string); !ok || strings.Contains(htmlOf(p)+text, value) {
		p.T.Errorf("%s has the value", p.URL())
	}
	p.Lacks(p.Locator("#once"))
}

// keepsOutOfStorage looks everywhere where a browser keeps things for later: there is nothing at all but cookies, and those
// do not have the value.
func keepsOutOfStorage(p *story.Page, value string) {
	p.T.Helper()
	kept := p.Evaluate(`async () => JSON.stringify([
		history.state, { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), await caches.keys(),
	])`)
	if kept != "[null,{},{},[],[]]" {
		p.T.Error("the page keeps things in the browser:", kept)
	}
	title, err := p.Title()
	p.Must(err)
	cookies, err := p.Context.Cookies()
	p.Must(err)
	shown := p.URL() + title
	for _, cookie := range cookies {
		shown += cookie.Name + cookie.Value
	}
	if strings.Contains(shown, value) {
		p.T.Error("the value is in the address, the title or a cookie:", shown)
	}
}

func TestTheValueIsGoneAfterAReload(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")

	page.OnDialog(func(d playwright.Dialog) { _ = d.Accept() })
	_, err := page.Reload()
	page.Must(err)
	page.Sees(page.Row("porch-cam"))
	lacksValue(page, value)
}

// A page of today's htmx keeps no copies of pages for the Back button; if one asks for a page again, it gets one without.
func TestTheValueIsNotInARestoredHistory(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	restored, ok := page.Evaluate(`async () => {
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
	program := story.StartProgram(t)
	page := program.Open(t, story.In(story.BrowserWithBackForwardCache(t)), story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	leavesForTheKey(page, "porch-cam")

	_, err := page.GoBack()
	page.Must(err)
	page.Sees(page.Link("Create key"))
	lacksValue(page, value)
	why := page.Evaluate(`JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons)`)
	if text, ok := why.(string); !ok || !strings.Contains(text, `"response-cache-control-no-store"`) {
		t.Error("the back-forward cache was not on, or kept the page out for another reason:", why)
	}

	_, err = page.GoForward()
	page.Must(err)
	page.Sees(page.Heading("Set up a device"))
	lacksValue(page, value)
}

// Other browsers keep such pages all the same. The value must not wait in one for the next person at the machine.
func TestTheValueIsGoneFromAPageThatTheBrowserKept(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	tap.Edit = func(head http.Header, body []byte) []byte {
		head.Del("Cache-Control")
		return body
	}
	page := program.Open(t, story.In(story.BrowserWithBackForwardCache(t)), story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	page.Evaluate(`() => {
		addEventListener("pagehide", e => sessionStorage.left = e.persisted + " " + document.querySelector("#value").textContent + "|" + document.body.outerHTML);
		addEventListener("pageshow", e => sessionStorage.returned = e.persisted);
	}`)
	leavesForTheKey(page, "porch-cam")
	left, ok := page.Evaluate("sessionStorage.left").(string)
	if !ok || !strings.HasPrefix(left, "true |") || strings.Contains(left, value) {
		t.Errorf("the page was not kept, or not without the value: %.200s", left)
	}

	_, err := page.GoBack()
	page.Must(err)
	_, err = page.WaitForFunction(`performance.getEntriesByType("navigation")[0].type === "reload"`, nil)
	page.Must(err)
	if page.Evaluate("sessionStorage.returned") != "true" {
		t.Error("the browser did not bring back the page it had kept")
	}
	page.Sees(page.Link("Create key"))
	lacksValue(page, value)
}

// leavesForTheKey saves the value and follows a link. "Done" would not do: it loads the page anew in its own
// place, so that the history has no page that ever showed the value.
func leavesForTheKey(p *story.Page, name string) {
	p.T.Helper()
	p.Press(p.Button("Download .env"))
	p.Press(p.Link(name))
	p.Sees(p.Heading("Set up a device"))
}

// Without script the value is in the answer to a form, which a browser does not show again without sending the form again.
func TestTheValueIsGoneAfterBackWithoutScript(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.In(story.BrowserWithBackForwardCache(t)), story.NoScript, story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	page.SaveKey()

	_, err := page.ExpectEvent("requestfailed", func() error {
		// Playwright's own GoBack waits for a page to load, and none does. The answer may be lost with the page that was left.
		_, _ = page.Page.Evaluate("history.back()")
		return nil
	})
	page.Must(err)
	page.Forgives("POST " + program.URL + "/keys: net::ERR_CACHE_MISS")
	page.Must(page.Expect().Page(page.Page).ToHaveURL("chrome-error://chromewebdata/")) // the browser's own page, which says so
	lacksValue(page, value)

	_, _ = page.Page.Evaluate("history.forward()")
	page.Sees(page.Row("porch-cam"))
	lacksValue(page, value)
}
