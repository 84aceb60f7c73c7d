package keys

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// What a page may weigh, in bytes over the wire.
const (
	firstVisitBytes, firstVisitRequests   = 29_000, 5
	secondVisitBytes, secondVisitRequests = 6_000, 1
	documentBytes                         = 5_200
	swapBytes                             = 1_500
)

// scales weigh what Chromium gets over the wire for a tab, headers included.
type scales struct {
	mu       sync.Mutex
	requests map[string]*fetched // by Chromium's id
}

// fetched is something that a tab asked for, or took out of its cache.
type fetched struct {
	url           string
	bytes         float64
	cached, ended bool
}

// weigh puts a tab on scales. What it has asked for before is not counted.
func weigh(page *story.Page) *scales {
	page.T.Helper()
	s := &scales{requests: map[string]*fetched{}}
	session, err := page.Context.NewCDPSession(page.Page)
	page.Must(err)
	on := func(event string, note func(r *fetched, about map[string]any)) {
		session.On(event, func(about map[string]any) {
			id, _ := about["requestId"].(string)
			s.mu.Lock()
			defer s.mu.Unlock()
			r := s.requests[id]
			if r == nil {
				r = &fetched{}
				s.requests[id] = r
			}
			note(r, about)
		})
	}
	on("Network.requestWillBeSent", func(r *fetched, about map[string]any) {
		sent, _ := about["request"].(map[string]any)
		r.url, _ = sent["url"].(string)
		if redirected, ok := about["redirectResponse"].(map[string]any); ok {
			r.url += ", redirected"
			r.bytes += number(redirected["encodedDataLength"])
		}
	})
	on("Network.requestServedFromCache", func(r *fetched, _ map[string]any) { r.cached = true })
	on("Network.responseReceived", func(r *fetched, about map[string]any) {
		response, _ := about["response"].(map[string]any)
		if fromDisk, _ := response["fromDiskCache"].(bool); fromDisk {
			r.cached = true
		}
	})
	on("Network.loadingFinished", func(r *fetched, about map[string]any) {
		r.bytes += number(about["encodedDataLength"])
		r.ended = true
	})
	on("Network.loadingFailed", func(r *fetched, _ map[string]any) { r.url, r.ended = r.url+", failed", true })
	_, err = session.Send("Network.enable", nil)
	page.Must(err)
	return s
}

// number is one of a message that came as JSON.
func number(n any) float64 {
	switch n := n.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	}
	return 0
}

// take waits until everything that was asked for is there, and gives what it weighs and what it was, without what was in the cache.
func (s *scales) take(t *testing.T) (bytes int, requests []string) {
	t.Helper()
	all := func(so func(*fetched) bool) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range s.requests {
			if !so(r) {
				return false
			}
		}
		return len(s.requests) > 0
	}
	story.Until(t, "all that the page asks for is there", func() bool { return all(func(r *fetched) bool { return r.ended }) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.requests {
		if delete(s.requests, id); !r.cached {
			bytes += int(r.bytes)
			requests = append(requests, fmt.Sprintf("%s: %.0f", r.url, r.bytes))
		}
	}
	return bytes, requests
}

// TestTheKeysPageWeighsLittle holds for as many keys as there may be, each of which was used.
func TestTheKeysPageWeighsLittle(t *testing.T) {
	t.Parallel()
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	program.UsedKeys(t, ana, story.Numbered(client.MaxKeys)...)
	clock.Advance(16 * time.Minute)                                    // after which nothing is new
	page := program.Open(t, story.SignedIn(ana), story.At("/healthz")) // which puts nothing into the cache
	scales := weigh(page)
	visit := func() playwright.Response {
		t.Helper()
		answer, err := page.Goto(program.URL+"/keys", playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateNetworkidle})
		page.Must(err)
		page.Sees(page.Row("key-20"))
		return answer
	}

	visit()
	firstBytes, first := scales.take(t)
	t.Logf("first visit: %d bytes in %d requests", firstBytes, len(first))
	if firstBytes > firstVisitBytes || len(first) > firstVisitRequests {
		t.Errorf("want at most %d bytes in %d requests:\n%s", firstVisitBytes, firstVisitRequests, strings.Join(first, "\n"))
	}

	document, err := visit().Request().Sizes()
	page.Must(err)
	secondBytes, second := scales.take(t)
	t.Logf("second visit: %d bytes in %d requests, the document has %d", secondBytes, len(second), document.ResponseBodySize)
	if secondBytes > secondVisitBytes || len(second) > secondVisitRequests || document.ResponseBodySize > documentBytes {
		t.Errorf("want at most %d bytes in %d requests, the document %d:\n%s",
			secondVisitBytes, secondVisitRequests, documentBytes, strings.Join(second, "\n"))
	}
}

func TestARowThatIsSwappedWeighsLittle(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, strings.Repeat("x", client.MaxNameLength))[0]
	page := program.Open(t, story.SignedIn(ana))
	answer, err := page.ExpectResponse(program.URL+"/keys/"+made.ID+"/turn-off", func() error {
		page.Press(page.Toggle(made.Name))
		return nil
	})
	page.Must(err)
	page.Says(made.Name + " is off. It can’t sign in.")
	sizes, err := answer.Request().Sizes()
	page.Must(err)
	t.Logf("a row with the longest name: %d bytes", sizes.ResponseBodySize)
	if answer.Status() != http.StatusOK || sizes.ResponseBodySize > swapBytes || sizes.ResponseBodySize == 0 {
		t.Errorf("%d with %d bytes, want at most %d", answer.Status(), sizes.ResponseBodySize, swapBytes)
	}
}
