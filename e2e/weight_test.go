package e2e

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/internal/app/config"
)

// What a page may weigh, in bytes over the wire.
const (
	firstVisitBytes, firstVisitRequests   = 30_000, 5
	secondVisitBytes, secondVisitRequests = 6_000, 1
	documentBytes                         = 5_000
	swapBytes                             = 1_500
)

// scales stand between a browser and a program, and count every byte that the program sends, headers included.
type scales struct {
	url  string
	sent atomic.Int64
}

func weigh(t *testing.T, program *program) *scales {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scales{url: "http://" + listener.Addr().String()}
	behind := strings.TrimPrefix(program.url, "http://")
	var relays sync.WaitGroup
	relays.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // closed
			}
			relays.Go(func() { s.relay(t, near, behind) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		program.http.CloseIdleConnections()
		relays.Wait()
	})
	return s
}

// relay carries one connection until the browser or the test ends it.
func (s *scales) relay(t *testing.T, near net.Conn, address string) {
	var dialer net.Dialer
	far, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(io.MultiWriter(near, s), far)
	_ = near.Close()
}

func (s *scales) Write(b []byte) (int, error) {
	s.sent.Add(int64(len(b)))
	return len(b), nil
}

// requests are the lines of a program's log that tell of one.
type requests struct {
	mu    sync.Mutex
	lines []string
}

func (r *requests) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"msg":"request"`) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, string(line))
	}
	return len(line), nil
}

// take gives the requests since the last time.
func (r *requests) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

func TestTheKeysPageWeighsLittle(t *testing.T) {
	log := &requests{}
	clock := ownClock(t)
	program := startProgram(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log, cfg.Now = log, "json", clock.now })
	ana := program.person(t)
	ana.keys(t, numbered(client.MaxKeys)...)
	clock.advance(16 * time.Minute) // after which nobody waits for their first use
	scales := weigh(t, program)
	program.url = scales.url
	cookie := program.cookie(t, ana)
	withCookie := func(v *visit) {
		v.context.StorageState = &playwright.OptionalStorageState{Cookies: []playwright.OptionalCookie{
			{Name: cookie.Name, Value: cookie.Value, URL: &program.url},
		}}
	}

	log.take()
	scales.sent.Store(0)
	page := program.open(t, withCookie, at("/keys")) // with nothing in its cache
	page.must(page.WaitForLoadState(playwright.PageWaitForLoadStateOptions{State: playwright.LoadStateNetworkidle}))
	page.sees(page.row("key-20"))
	first, firstBytes := log.take(), scales.sent.Swap(0)
	t.Logf("first visit: %d bytes in %d requests", firstBytes, len(first))
	if firstBytes > firstVisitBytes || len(first) > firstVisitRequests {
		t.Errorf("want at most %d bytes in %d requests:\n%s", firstVisitBytes, firstVisitRequests, strings.Join(first, ""))
	}

	answer, err := page.Goto(program.url+"/keys", playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateNetworkidle})
	page.must(err)
	page.sees(page.row("key-20"))
	document, err := answer.Request().Sizes()
	page.must(err)
	second, secondBytes := log.take(), scales.sent.Swap(0)
	t.Logf("second visit: %d bytes in %d requests, the document has %d", secondBytes, len(second), document.ResponseBodySize)
	if secondBytes > secondVisitBytes || len(second) > secondVisitRequests || document.ResponseBodySize > documentBytes {
		t.Errorf("want at most %d bytes in %d requests, the document %d:\n%s",
			secondVisitBytes, secondVisitRequests, documentBytes, strings.Join(second, ""))
	}
}

func TestARowThatIsSwappedWeighsLittle(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	made := ana.keys(t, strings.Repeat("x", client.MaxNameLength))[0]
	page := program.open(t, signedIn(ana))
	answer, err := page.ExpectResponse(program.url+"/keys/"+made.ID+"/turn-off", func() error {
		page.press(page.toggle(made.Name))
		return nil
	})
	page.must(err)
	page.says(made.Name + " is off. It can no longer sign in.")
	sizes, err := answer.Request().Sizes()
	page.must(err)
	t.Logf("a row with the longest name: %d bytes", sizes.ResponseBodySize)
	if answer.Status() != http.StatusOK || sizes.ResponseBodySize > swapBytes || sizes.ResponseBodySize == 0 {
		t.Errorf("%d with %d bytes, want at most %d", answer.Status(), sizes.ResponseBodySize, swapBytes)
	}
}
