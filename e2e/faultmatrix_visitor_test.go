package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// visitor is somebody at the dashboard, in a browser or in what stands for one. Things are found by CSS selectors, of which the
// first match counts, and by the text that stands in them. Nothing that is done is waited for; what is looked at next is looked
// at when its time has come.
type visitor interface {
	reportsTo() *testing.T
	visits(path string)
	types(selector, text string)
	presses(selector string)
	// sees waits for an element that has the text and no other.
	sees(selector, text string)
	// shows waits for the first element to have the text and no other.
	shows(selector, text string)
	lacks(text string)
	// holds waits for the field to have the value.
	holds(selector, value string)
	// text is what stands in the first element.
	text(selector string) string
	// leadsTo is where the link with the text leads, "" when there is none.
	leadsTo(selector, text string) string
	// html is the whole page.
	html() string
	// begins forgets which answers there were.
	begins()
	// answered gives the status of the answer to a request, "METHOD /path", and waits a little for it; 0 when there was none.
	answered(line string) int
	// expects says that an answer with the status is no fault.
	expects(status int)
}

// statuses are those of a visitor's answers, by "METHOD /path".
type statuses struct {
	mu  sync.Mutex
	all map[string]int
}

func (s *statuses) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = map[string]int{}
}

func (s *statuses) of(line string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[line]
}

func (s *statuses) add(line string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[line] = status
}

// inBrowser is a visitor with a real browser.
type inBrowser struct {
	*page
	seen *statuses
}

func visitsInBrowser(t *testing.T, p *program, who *person, script bool) visitor {
	t.Helper()
	options := []option{signedIn(who)}
	if !script {
		options = append(options, noScript)
	}
	v := &inBrowser{p.open(t, options...), &statuses{all: map[string]int{}}}
	v.OnResponse(func(r playwright.Response) {
		path, _, _ := strings.Cut(strings.TrimPrefix(r.URL(), p.url), "?")
		v.seen.add(r.Request().Method()+" "+path, r.Status())
	})
	return v
}

// exactly waits longer than the program has patience with a key service that says nothing.
var exactly = playwright.NewPlaywrightAssertions(30_000)

func (v *inBrowser) reportsTo() *testing.T { return v.t }
func (v *inBrowser) visits(path string)    { v.t.Helper(); v.visit(path) }

func (v *inBrowser) first(selector string) playwright.Locator { return v.Locator(selector).First() }

func (v *inBrowser) types(selector, text string) {
	v.t.Helper()
	v.must(v.first(selector).Fill(text, playwright.LocatorFillOptions{Timeout: playwright.Float(patience)}))
}

// presses does not wait for the page that follows, which may take as long as the program has patience.
func (v *inBrowser) presses(selector string) {
	v.t.Helper()
	now := playwright.LocatorClickOptions{NoWaitAfter: playwright.Bool(true), Timeout: playwright.Float(patience)} //nolint:staticcheck // until it is the default
	v.must(v.first(selector).Click(now))
}

func (v *inBrowser) with(selector, text string) playwright.Locator {
	whole := regexp.MustCompile(`^\s*` + regexp.QuoteMeta(text) + `\s*$`)
	return v.Locator(selector).Filter(playwright.LocatorFilterOptions{HasText: whole}).First()
}

func (v *inBrowser) sees(selector, text string) {
	v.t.Helper()
	if err := exactly.Locator(v.with(selector, text)).ToBeVisible(); err != nil {
		v.t.Fatalf("%s with the text %q: %v", selector, text, err)
	}
}

func (v *inBrowser) shows(selector, text string) {
	v.t.Helper()
	if err := exactly.Locator(v.first(selector)).ToHaveText(text); err != nil {
		v.t.Fatalf("%s: %v", selector, err)
	}
}

func (v *inBrowser) lacks(text string) { v.t.Helper(); v.page.lacks(v.GetByText(text)) }

func (v *inBrowser) holds(selector, value string) {
	v.t.Helper()
	v.must(expect.Locator(v.first(selector)).ToHaveValue(value))
}

func (v *inBrowser) text(selector string) string {
	v.t.Helper()
	said, err := v.first(selector).TextContent()
	v.must(err)
	return strings.Join(strings.Fields(said), " ")
}

func (v *inBrowser) leadsTo(selector, text string) string {
	v.t.Helper()
	link := v.with(selector, text)
	if n, err := link.Count(); err != nil || n == 0 {
		return ""
	}
	to, err := link.GetAttribute("href")
	v.must(err)
	return to
}

func (v *inBrowser) html() string {
	v.t.Helper()
	content, err := v.Content()
	v.must(err)
	return content
}

func (v *inBrowser) begins() { v.seen.clear() }

func (v *inBrowser) answered(line string) int {
	for began := time.Now(); time.Since(began) < patience*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if status := v.seen.of(line); status != 0 {
			return status
		}
	}
	return 0
}

func (v *inBrowser) expects(status int) {
	if status >= http.StatusBadRequest {
		v.page.expects(status)
	}
}
