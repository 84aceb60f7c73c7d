package faults

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
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
	// answered gives the status of the answer to a request, "METHOD /path", and waits for it.
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
	*story.Page
	seen *statuses
}

func visitsInBrowser(t *testing.T, p *story.Program, who *story.Person, script bool) visitor {
	t.Helper()
	options := []story.Option{story.SignedIn(who)}
	if !script {
		options = append(options, story.NoScript)
	}
	v := &inBrowser{p.Open(t, options...), &statuses{all: map[string]int{}}}
	v.OnResponse(func(r playwright.Response) {
		path, _, _ := strings.Cut(strings.TrimPrefix(r.URL(), p.URL), "?")
		v.seen.add(r.Request().Method()+" "+path, r.Status())
	})
	return v
}

func (v *inBrowser) reportsTo() *testing.T { return v.T }
func (v *inBrowser) visits(path string)    { v.T.Helper(); v.Visit(path) }

func (v *inBrowser) first(selector string) playwright.Locator { return v.Locator(selector).First() }

func (v *inBrowser) types(selector, text string) {
	v.T.Helper()
	v.Must(v.first(selector).Fill(text, playwright.LocatorFillOptions{Timeout: v.Left()}))
}

// presses does not wait for the page that follows, which may take as long as the program has patience.
func (v *inBrowser) presses(selector string) {
	v.T.Helper()
	now := playwright.LocatorClickOptions{NoWaitAfter: playwright.Bool(true), Timeout: v.Left()} //nolint:staticcheck // until it is the default
	v.Must(v.first(selector).Click(now))
}

func (v *inBrowser) with(selector, text string) playwright.Locator {
	whole := regexp.MustCompile(`^\s*` + regexp.QuoteMeta(text) + `\s*$`)
	return v.Locator(selector).Filter(playwright.LocatorFilterOptions{HasText: whole}).First()
}

func (v *inBrowser) sees(selector, text string) {
	v.T.Helper()
	if err := v.Expect().Locator(v.with(selector, text)).ToBeVisible(); err != nil {
		v.T.Fatalf("%s with the text %q: %v", selector, text, err)
	}
}

func (v *inBrowser) shows(selector, text string) {
	v.T.Helper()
	if err := v.Expect().Locator(v.first(selector)).ToHaveText(text); err != nil {
		v.T.Fatalf("%s: %v", selector, err)
	}
}

func (v *inBrowser) lacks(text string) { v.T.Helper(); v.Page.Lacks(v.GetByText(text)) }

func (v *inBrowser) holds(selector, value string) {
	v.T.Helper()
	v.Must(v.Expect().Locator(v.first(selector)).ToHaveValue(value))
}

func (v *inBrowser) text(selector string) string {
	v.T.Helper()
	said, err := v.first(selector).TextContent()
	v.Must(err)
	return strings.Join(strings.Fields(said), " ")
}

func (v *inBrowser) leadsTo(selector, text string) string {
	v.T.Helper()
	link := v.with(selector, text)
	if n, err := link.Count(); err != nil || n == 0 {
		return ""
	}
	to, err := link.GetAttribute("href")
	v.Must(err)
	return to
}

func (v *inBrowser) html() string {
	v.T.Helper()
	content, err := v.Content()
	v.Must(err)
	return content
}

func (v *inBrowser) begins() { v.seen.clear() }

func (v *inBrowser) answered(line string) int {
	v.T.Helper()
	status := 0
	story.Until(v.T, "an answer to "+line, func() bool {
		status = v.seen.of(line)
		return status != 0
	})
	return status
}

func (v *inBrowser) expects(status int) {
	if status >= http.StatusBadRequest {
		v.Page.Expects(status)
	}
}
