package keys

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
	"latchkey/e2e/story"
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

func weigh(t *testing.T, program *story.Program) *scales {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scales{url: "http://" + listener.Addr().String()}
	behind := strings.TrimPrefix(program.URL, "http://")
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
		program.HTTP.CloseIdleConnections()
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
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log, cfg.Now = log, "json", clock.Now })
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(client.MaxKeys)...)
	clock.Advance(16 * time.Minute) // after which nobody waits for their first use
	scales := weigh(t, program)
	program.URL = scales.url
	cookie := program.Cookie(t, ana)
	withCookie := func(v *story.Visit) {
		v.Context.StorageState = &playwright.OptionalStorageState{Cookies: []playwright.OptionalCookie{
			{Name: cookie.Name, Value: cookie.Value, URL: &program.URL},
		}}
	}

	log.take()
	scales.sent.Store(0)
	page := program.Open(t, withCookie, story.At("/keys")) // with nothing in its cache
	page.Must(page.WaitForLoadState(playwright.PageWaitForLoadStateOptions{State: playwright.LoadStateNetworkidle}))
	page.Sees(page.Row("key-20"))
	first, firstBytes := log.take(), scales.sent.Swap(0)
	t.Logf("first visit: %d bytes in %d requests", firstBytes, len(first))
	if firstBytes > firstVisitBytes || len(first) > firstVisitRequests {
		t.Errorf("want at most %d bytes in %d requests:\n%s", firstVisitBytes, firstVisitRequests, strings.Join(first, ""))
	}

	answer, err := page.Goto(program.URL+"/keys", playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateNetworkidle})
	page.Must(err)
	page.Sees(page.Row("key-20"))
	document, err := answer.Request().Sizes()
	page.Must(err)
	second, secondBytes := log.take(), scales.sent.Swap(0)
	t.Logf("second visit: %d bytes in %d requests, the document has %d", secondBytes, len(second), document.ResponseBodySize)
	if secondBytes > secondVisitBytes || len(second) > secondVisitRequests || document.ResponseBodySize > documentBytes {
		t.Errorf("want at most %d bytes in %d requests, the document %d:\n%s",
			secondVisitBytes, secondVisitRequests, documentBytes, strings.Join(second, ""))
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
