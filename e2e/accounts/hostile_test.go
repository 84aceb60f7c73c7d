package accounts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// corpus reads the texts of a file that the tests of the pages use too: one on each line, quoted as Go quotes it, and after it how
// often it is repeated unless that is once. With a heading it gives those below that alone.
func corpus(t *testing.T, name, heading string) []string {
	t.Helper()
	content, err := os.ReadFile(story.Path("handlers", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if heading != "" {
		_, text, _ = strings.Cut(text, "\n# "+heading+"\n")
		text, _, _ = strings.Cut(text, "\n\n")
	}
	var texts []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `"`) {
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatal(err)
		}
		one, _ := strconv.Unquote(quoted) // QuotedPrefix has read it
		times, err := strconv.Atoi(strings.TrimSpace(line[len(quoted):]))
		if err != nil {
			times = 1
		}
		texts = append(texts, strings.Repeat(one, times))
	}
	return texts
}

// staysHarmless has every dialog that opens fail the test. What a page's policy forbids is in the console, and fails it too.
func staysHarmless(p *story.Page) {
	p.OnDialog(func(d playwright.Dialog) {
		p.Faults.Add("dialog: " + d.Message())
		_ = d.Dismiss() // it may be gone with its page
	})
}

// foreign finds what no page of ours has, unless a text has become it.
const foreign = `[...document.querySelectorAll('body img, body script, iframe, object, embed, base, body style, body link, body meta, math, marquee, video, audio, b, i, x, [style]')]
	.concat([...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => a.name.startsWith('on') || a.name.startsWith('hx-on') || /^\s*(javascript|data|vbscript):/i.test(a.value) && ['href', 'src', 'action', 'formaction'].includes(a.name))))
	.map((e) => e.outerHTML.slice(0, 200))`

func hasNothingForeign(p *story.Page, where string) {
	p.T.Helper()
	if found := p.Evaluate(foreign).([]any); len(found) > 0 {
		p.T.Errorf("%s has %q", where, found)
	}
}

// A browser reads a page as no parser in a test does.
func TestAPageFullOfHostileNamesIsAPageOfText(t *testing.T) {
	t.Parallel()
	names := corpus(t, "names.txt", "")
	upstream, tap := story.StartTapped(t, "127.0.0.1")
	ana := upstream.Person(t)
	made := ana.Keys(t, "key-01")[0]
	var keys, facts []map[string]any
	for i, name := range names {
		id := fmt.Sprintf("69cc8d00%016x", i+1)
		keys = append(keys, map[string]any{"_id": id, "name": name, "disabled": i%2 == 0})
		facts = append(facts, map[string]any{"_id": id, "first_used_at": "2026-05-01T00:00:00Z", "last_use": map[string]any{
			"at": "2026-05-01T00:00:00Z", "address": name, "device_name": name, "platform": name, "platform_version": name, "sdk": name, "sdk_version": name,
		}})
	}
	keys[0]["_id"], facts[0]["_id"] = made.ID, made.ID // the one whose page is there
	list, _ := json.Marshal(keys)
	known, _ := json.Marshal(map[string]any{"recording_since": "2026-01-01T00:00:00Z", "keys": facts})
	first, _ := json.Marshal(keys[0])
	tap.Edit = func(_ http.Header, body []byte) []byte {
		switch {
		case bytes.HasPrefix(body, []byte(`[{"_id"`)):
			return list
		case bytes.HasPrefix(body, []byte(`{"recording_since"`)):
			return known
		case bytes.HasPrefix(body, []byte(`{"_id"`)):
			return first
		}
		return body
	}
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Upstream = upstream.URL })
	for _, options := range [][]story.Option{{story.SignedIn(ana)}, {story.SignedIn(ana), story.NoScript}} {
		page := program.Open(t, options...)
		staysHarmless(page)
		page.Visit("/keys")
		page.Must(page.Expect().Locator(page.Locator("#keys ul > li")).ToHaveCount(len(names)))
		hasNothingForeign(page, "the list")
		drawn, err := page.Locator("#keys .name").AllTextContents()
		page.Must(err)
		for _, name := range names { // in an order of the page's own
			if utf8.ValidString(name) && !strings.ContainsAny(name, "\x00\r") && !slices.Contains(drawn, name) {
				t.Errorf("%.60q is not drawn as it is", name)
			}
		}
		page.Visit("/keys?q=" + url.QueryEscape("script"))
		hasNothingForeign(page, "a search")
		page.Visit("/keys/" + made.ID)
		hasNothingForeign(page, "a key's page")
	}
}

// What a device says of itself stands on the page that asks whether to connect it, and in the account's history.
func TestHostileDevicesAreText(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	cookie := program.Cookie(t, ana)
	page := program.Open(t)
	staysHarmless(page)
	page.SignIn(cookie)
	for _, name := range corpus(t, "names.txt", "ways out of an attribute, an element or a comment")[:8] {
		g := program.Grant(t, name)
		page.Visit("/device?user_code=" + g.UserCode)
		at := program.Send(t, http.MethodPost, "/device", url.Values{"code": {g.UserCode}}, cookie).Header.Get("Location")
		page.Visit(at)
		page.Sees(page.Heading("Connect this device?"))
		hasNothingForeign(page, "the question")
		page.Must(page.Expect().Locator(page.Locator(".claim bdi")).ToContainText(strings.TrimSpace(name)))
		program.Send(t, http.MethodPost, at+"/deny", nil, cookie)
	}
	for _, agent := range corpus(t, "names.txt", "elements that run or load something")[:5] {
		header := http.Header{"User-Agent": {agent}}
		program.SendForm(t, http.MethodPost, "/login", url.Values{"email": {ana.Email}, "password": {story.Password}}, header)
	}
	for _, path := range []string{"/keys", "/activity", "/sessions"} {
		page.Visit(path)
		hasNothingForeign(page, path)
	}
	page.Sees(page.Heading("Sessions"))
}

// The address that the browser shows in the end is what counts, not the text that it was sent.
func TestABrowserThatSignsInEndsOnAPageOfOurs(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	nexts := corpus(t, "nexts.txt", "the hardest, which real browsers are given too")
	if len(nexts) < 40 {
		t.Errorf("only %d", len(nexts))
	}
	pages := []*story.Page{program.Open(t, story.At("/login")), program.Open(t, story.NoScript, story.At("/login"))}
	for _, page := range pages {
		staysHarmless(page)
	}
	for i, next := range nexts {
		page := pages[i%len(pages)]
		page.Must(page.Context.ClearCookies())
		page.Visit("/login?" + url.Values{"next": {next}}.Encode())
		page.Fill("Email", ana.Email)
		page.Fill("Password", story.Password)
		page.Press(page.Button("Sign in"))
		page.Sees(page.Heading(story.FirstVisit))
		if got := page.URL(); got != program.URL+"/keys" {
			t.Errorf("%q: the browser is at %s", next, got)
		}
	}
}
