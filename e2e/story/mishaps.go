package story

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// faults are what went wrong in a browser, in any of its tabs: errors in the console (a violation of the page's policy is
// one), errors in scripts, requests that failed and answers with an error status that the story did not announce.
type faults struct {
	mu        sync.Mutex
	texts     []string
	answers   map[int][]string // by status
	announced map[int]bool
}

// An answer with an error status also makes an error in the console, which says nothing that the answer does not.
// Neither does a request that htmx was waiting for when the page was left: whether that is a fault, the request says.
var answerInConsole = regexp.MustCompile(`^(Failed to load resource: the server responded with a status of [0-9]+|htmx: htmx:error: Failed to fetch)`)

func watch(context playwright.BrowserContext) *faults {
	f := &faults{answers: map[int][]string{}, announced: map[int]bool{}}
	context.OnConsole(func(m playwright.ConsoleMessage) {
		if m.Type() == "error" && !answerInConsole.MatchString(m.Text()) {
			f.Add("console: " + m.Text())
		}
	})
	context.OnWebError(func(e playwright.WebError) { f.Add("script: " + e.Error().Error()) })
	context.OnRequestFailed(func(r playwright.Request) {
		reason := fmt.Sprint(r.Failure())
		if reason == "net::ERR_ABORTED" && (r.Method() == http.MethodGet || r.ResourceType() == "ping") {
			return // the page was left, or searched for something else, before it came; a beacon arrives all the same
		}
		f.Add("request: " + r.Method() + " " + r.URL() + ": " + reason)
	})
	context.OnResponse(func(r playwright.Response) {
		if r.Status() < http.StatusBadRequest {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.answers[r.Status()] = append(f.answers[r.Status()], r.Request().Method()+" "+r.URL())
	})
	return f
}

// Add notes something that went wrong.
func (f *faults) Add(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.texts = append(f.texts, text)
}

// Expects announces answers with these statuses, in any number but at least one each.
func (p *Page) Expects(statuses ...int) {
	p.Faults.mu.Lock()
	defer p.Faults.mu.Unlock()
	for _, status := range statuses {
		p.Faults.announced[status] = true
	}
}

// Forgives takes from the faults so far those that contain the text, for what a story brings about on purpose.
func (p *Page) Forgives(text string) {
	p.Faults.mu.Lock()
	defer p.Faults.mu.Unlock()
	var rest []string
	for _, fault := range p.Faults.texts {
		if !strings.Contains(fault, text) {
			rest = append(rest, fault)
		}
	}
	p.Faults.texts = rest
}

// report tells the test what went wrong.
func (f *faults) report(t *testing.T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.texts {
		t.Error(text)
	}
	for status, requests := range f.answers {
		if !f.announced[status] {
			t.Errorf("unexpected %d: %s", status, strings.Join(requests, ", "))
		}
	}
	for status := range maps.Keys(f.announced) {
		if len(f.answers[status]) == 0 {
			t.Errorf("no answer had the announced status %d", status)
		}
	}
}
