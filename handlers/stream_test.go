package handlers_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/handlers"
)

// arriving is a program that has recorded uses for an hour, a person, and a key that they have just made.
func arriving(t *testing.T, change ...func(*handlers.Deps)) (*program, *browser, person, client.APIKey, string) {
	t.Helper()
	p := newProgram(t, change...).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	return p, b, who, key, value
}

func TestANewKeyWaitsForItsFirstUseAndArrives(t *testing.T) {
	t.Parallel()
	p, b, _, key, value := arriving(t)
	a := b.get("/keys").says(".use", "Waiting for first use Refresh")
	if got, want := a.attr("ul.keys", "data-arrival"), "/keys/arrival?state="+url.QueryEscape(key.ID+"=waiting"); got != want {
		t.Errorf("the list listens to %q, want %q", got, want)
	}
	page := b.get("/keys/"+key.ID).says("#key .use", "Waiting for first use Refresh")
	if got, want := page.attr("#key", "data-arrival"), "/keys/"+key.ID+"/arrival?state=waiting"; got != want {
		t.Errorf("the key's page listens to %q, want %q", got, want)
	}

	p.clock.Advance(7 * time.Minute)
	p.works("porch-cam", value)
	const connected = "Connected 12:07 UTC Linux · realm-web · 127.0.0.1"
	row := b.htmx().get("/keys/"+key.ID+"?place=row").isPart().says("li.key.new .use", connected).lacks("[data-wait]", "#key", "#notice")
	row.says("hx-partial[hx-target='#status']", "porch-cam is connected.")
	card := b.htmx().get("/keys/"+key.ID).isPart().says("#key .use", connected).says("hx-partial[hx-target='#status']", "porch-cam is connected.")
	card.says("hx-partial[hx-target='#recent'] li", "porch-cam")
	b.get("/keys").says(".use", connected).lacks("[data-arrival]", ".new") // without script: by Refresh
	b.get("/keys/"+key.ID).says("#key .use", connected).lacks("[data-arrival]")

	p.clock.Advance(15 * time.Minute)
	b.get("/keys").says(".use", "15 minutes ago Linux · realm-web · 127.0.0.1")
}

func TestAfterTwoMinutesThePageSaysWhatTheServerHasSeen(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t)
	const late = "Nothing has reached this server yet"
	p.clock.Advance(2*time.Minute - time.Second)
	b.get("/keys/" + key.ID).keepsQuiet(late)
	p.clock.Advance(time.Second)
	b.get("/keys").says(".use", late+" · Help").lacks("#keys .listed")
	b.get("/keys/"+key.ID).says("#key", late+". Check three things on the device:").says("#key li", "base URL and the App ID")
	part := b.htmx().get("/keys/"+key.ID+"?place=row").says(".use", late)
	part.says("hx-partial[hx-target='#status']", "Nothing from porch-cam has reached this server yet.")

	p.clock.Advance(13*time.Minute - time.Second)
	b.get("/keys").says(".use", "Waiting for first use")
	p.clock.Advance(time.Second)
	const never = "Never used · created 15 minutes ago"
	if got := b.get("/keys").lacks("[data-arrival]", "[data-wait]").text(".use"); got != never {
		t.Errorf("after a quarter of an hour: %q", got)
	}
	part = b.htmx().get("/keys/" + key.ID + "?place=row").lacks("hx-partial[hx-target='#status']") // no news, and no word of it
	if got := part.text(".use"); got != never {
		t.Errorf("the row says %q", got)
	}
}

func TestASignInThatWasRefusedWhileWaitingIsTold(t *testing.T) {
	t.Parallel()
	p, b, who, key, value := arriving(t)
	b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).says(".use", "turned off before its first use")
	p.clock.Advance(6 * time.Minute)
	if err := p.logsIn("porch-cam", value); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	b.get("/keys").says(".use", "Refused 12:06 UTC while it was off · Help")
	part := b.htmx().get("/keys/" + key.ID + "?place=row")
	part.says("hx-partial[hx-target='#status']", "Refused porch-cam: the key was off.")
	b.get("/keys/"+key.ID).says("#key .use", "Refused 12:06 UTC while it was off").says("#key .notice", "Turned off 6 minutes ago.")

	p.turn(who, key, true)
	b.get("/keys").says(".use", "Waiting for first use Refused 12:06 UTC while it was off")
	p.works("porch-cam", value)
	b.get("/keys").says(".use", "Connected 12:06 UTC")
}

func TestARowOfAKeyThatIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	p, b, who, key, _ := arriving(t)
	if _, err := p.store.DeleteAPIKey(t.Context(), who.id, key.ID); err != nil {
		t.Fatal(err)
	}
	b.htmx().get("/keys/"+key.ID+"?place=row").want(http.StatusNotFound).says("li.gone", "This key was deleted in another place.")
	b.get("/keys/"+key.ID).want(http.StatusNotFound).says("h1", "Key not found")
}

// --- Streams ----------------------------------------------------------------------------------------------------------

// listener is a browser's end of a stream.
type listener struct {
	t      testing.TB
	res    *http.Response
	lines  chan string // closed at the stream's end
	cancel context.CancelFunc
}

// serve has the program answer on a port, with deadlines much shorter than a stream.
func (p *program) serve() *httptest.Server {
	p.t.Helper()
	server := httptest.NewUnstartedServer(p.handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 400*time.Millisecond, 500*time.Millisecond
	server.Start()
	p.t.Cleanup(server.Close)
	return server
}

// listens opens the stream at the path.
func (b *browser) listens(server *httptest.Server, path string, header ...string) *listener {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	u, _ := url.Parse(publicURL)
	for _, cookie := range b.jar.Cookies(u) {
		r.AddCookie(cookie)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "gzip")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := server.Client().Transport.RoundTrip(r) //nolint:bodyclose // whoever reads it does, below
	if err != nil {
		b.t.Fatal(err)
	}
	l := &listener{t: b.t, res: res, lines: make(chan string, 1000), cancel: cancel}
	go func() {
		defer close(l.lines)
		defer func() { _ = res.Body.Close() }()
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			l.lines <- in.Text()
		}
	}()
	return l
}

// hears waits for a line, and for the stream's end if that is "". It hears comments only when it wants one.
func (l *listener) hears(want string) *listener {
	l.t.Helper()
	for {
		select {
		case line, open := <-l.lines:
			aside := line == "" || strings.HasPrefix(line, "id:") || strings.HasPrefix(line, "retry:") || strings.HasPrefix(line, ":")
			if open && (line == "" || aside && line != want) {
				continue
			}
			if line != want {
				l.t.Fatalf("the stream says %q, want %q", line, want)
			}
			return l
		case <-time.After(time.Minute):
			l.t.Fatalf("the stream does not say %q", want)
		}
	}
}

// changes waits for an event that tells of the state.
func (l *listener) changes(state string) *listener {
	l.t.Helper()
	return l.hears("event: changed").hears("data: " + state)
}

// ends waits until the stream says that it is over, and is.
func (l *listener) ends() {
	l.t.Helper()
	l.hears("event: end").hears("data:").hears("")
}

func TestAStreamTellsOfEachChangeAndEndsWhenNothingIsWaitedFor(t *testing.T) {
	t.Parallel()
	p, b, who, key, value := arriving(t)
	second, _ := p.keyWithValue(who, "heat-pump")
	server := p.serve()
	list := b.listens(server, "/keys/arrival?state="+url.QueryEscape(key.ID+"=waiting,"+second.ID+"=waiting"))
	one := b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting")
	wantHeader := map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Encoding": "",
	}
	for name, want := range wantHeader {
		if got := list.res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	p.clock.Advance(2 * time.Minute)
	list.changes(key.ID + "=late," + second.ID + "=late")
	one.changes("late")
	p.turn(who, key, false)
	list.changes(key.ID + "=off," + second.ID + "=late")
	one.changes("off")
	if err := p.logsIn("porch-cam", value); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	one.changes("off-refused-2026-05-02T12:02:00Z")
	list.changes(key.ID + "=off-refused-2026-05-02T12:02:00Z," + second.ID + "=late")
	p.turn(who, key, true)
	one.changes("late-refused-2026-05-02T12:02:00Z")
	list.changes(key.ID + "=late-refused-2026-05-02T12:02:00Z," + second.ID + "=late")
	p.works("porch-cam", value)
	one.changes("").ends()
	list.changes(second.ID + "=late")
	p.clock.Advance(13 * time.Minute)
	list.changes("").ends()
}

func TestAStreamBeginsWithWhatChangedSinceThePage(t *testing.T) {
	t.Parallel()
	p, b, who, key, value := arriving(t)
	server := p.serve()
	p.works("porch-cam", value)
	b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting").changes("").ends()
	b.listens(server, "/keys/arrival?state="+key.ID+"%3Dwaiting").changes("").ends()
	b.listens(server, "/keys/arrival?state=").ends() // nothing waits, nothing is new
	if _, err := p.store.DeleteAPIKey(t.Context(), who.id, key.ID); err != nil {
		t.Fatal(err)
	}
	b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting").changes("gone").ends()
	second, _ := p.keyWithValue(who, "heat-pump") // and by itself, after the connection broke
	back := b.listens(server, "/keys/"+second.ID+"/arrival?state=late", "Last-Event-ID", "waiting")
	p.clock.Advance(2 * time.Minute)
	back.changes("late")
}

func TestAStreamShowsThatItIsAliveAndEndsAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	p, b, who, _, _ := arriving(t, elsewhere)
	server := p.serve()
	p.clock.Advance(10 * time.Minute)
	key, _ := p.keyWithValue(who, "heat-pump") // is waited for longer than the stream lasts
	stream := b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting")
	for range 2 {
		p.clock.Advance(15 * time.Second)
		stream.hears(": ")
	}
	p.upstream.reset()
	p.upstream.breaks("*", refusesConnections) // which passes
	for patience := time.Now().Add(time.Minute); p.upstream.count("*") == 0 && time.Now().Before(patience); time.Sleep(time.Millisecond) {
	}
	p.upstream.heal()
	p.records(noon.Add(-time.Hour))
	p.clock.Advance(2 * time.Minute)
	for line := range stream.lines { // a comment may come first
		if line == "event: changed" {
			break
		}
	}
	stream.hears("data: late")
	p.clock.Advance(15*time.Minute - 150*time.Second)
	for line := range stream.lines {
		if line == "event: end" {
			return
		}
	}
	t.Error("the stream broke off")
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t)
	server := p.serve()
	list, one := b.listens(server, "/keys/arrival?state="+key.ID+"%3Dwaiting"), b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting")
	b.post("/logout", nil).leadsTo("/login")
	list.ends()
	one.ends()
	if res := b.listens(server, "/keys/arrival").res; res.StatusCode != http.StatusNoContent {
		t.Errorf("nobody hears %s", res.Status)
	}
}

// A pairing's stream asks the key service little or nothing: it must notice by itself.
func TestAPairingsStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*program, *browser){
		"signed out": func(_ *program, b *browser) { b.post("/logout", nil).leadsTo("/login") },
		"too old":    func(p *program, _ *browser) { p.clock.Advance(5 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere, func(d *handlers.Deps) { d.StepUp = 12 * time.Hour })
			b, _ := p.signedIn(email)
			for range 29 {
				p.clock.Advance(1430 * time.Second) // 11 hours 31 minutes, and never idle
				b.get("/device").want(http.StatusOK)
			}
			p.clock.Advance(24 * time.Minute)
			o := b.opens(p.pairing("porch-cam"))
			var approval sync.WaitGroup
			defer approval.Wait()
			goOn := make(chan struct{})
			defer close(goOn)
			approving := make(chan struct{})
			p.upstream.breaks(createKey, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				close(approving)
				<-goOn
				return next.RoundTrip(r)
			})
			approval.Go(func() { o.approve("porch-cam") })
			<-approving // before that nobody would wait for anything
			stream := b.listens(p.serve(), o.path+"/arrival?state=asked").changes("approving")
			p.rows.breaks(errors.New("disk slow"))
			p.clock.Advance(15 * time.Second)
			stream.hears(": ") // which passes
			p.rows.breaks(nil)
			p.clock.Advance(15 * time.Second)
			stream.hears(": ")
			end(p, b)
			p.clock.Advance(15 * time.Second)
			stream.ends()
		})
	}
}

func TestAStreamOfAServerThatReportsNothingEndsAtOnce(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t, elsewhere)
	server := p.serve()
	p.upstream.breaks(keyFacts, says(404, ""))
	b.listens(server, "/keys/arrival?state=").ends()
	b.listens(server, "/keys/"+key.ID+"/arrival?state=").ends()
}

// The page before it has not left yet when a page that has more keys begins to wait. Told of what was before it, it would take that for
// news, and a first use that follows for no news.
func TestAPageThatBeginsToWaitIsNotToldWhatWasBeforeIt(t *testing.T) {
	t.Parallel()
	var changes atomic.Uint64
	for name, count := range map[string]func() uint64{"changes are counted": changes.Load, "changes are not counted": nil} {
		t.Run(name, func(t *testing.T) {
			changes.Store(1)
			p, b, who, key, _ := arriving(t, func(d *handlers.Deps) { d.Pace, d.Changes = time.Hour, count })
			server := p.serve()
			b.listens(server, "/keys/arrival?state=").changes(key.ID + "=waiting")
			second, _ := p.keyWithValue(who, "heat-pump")
			changes.Add(1)
			b.listens(server, "/keys/arrival?state="+key.ID+"%3Dwaiting").changes(key.ID + "=waiting," + second.ID + "=waiting")
		})
	}
}

func TestStreamsEndWhenTheProgramStops(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	p, b, _, key, _ := arriving(t, func(d *handlers.Deps) { d.Stop = stop })
	stream := b.listens(p.serve(), "/keys/"+key.ID+"/arrival?state=waiting")
	close(stop)
	stream.hears("") // without a word, so that the browser comes back to the next program
}

func TestAPersonHasEightStreamsAtMostInAllTheirBrowsers(t *testing.T) {
	t.Parallel()
	p, b, who, key, _ := arriving(t)
	server, path := p.serve(), "/keys/"+key.ID+"/arrival?state=waiting"
	second := p.signIn(who)
	var open []*listener
	for range 4 {
		open = append(open, b.listens(server, path), second.listens(server, path))
	}
	for _, browser := range []*browser{b, second, p.signIn(who)} {
		if res := browser.listens(server, path).res; res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("the ninth is answered %s", res.Status)
		}
	}
	bob, _ := p.signedIn("bob@example.com")
	if res := bob.listens(server, "/keys/arrival?state=").res; res.StatusCode != http.StatusOK {
		t.Errorf("somebody else is answered %s", res.Status)
	}
	open[0].cancel()
	for patience := time.Now().Add(time.Minute); time.Now().Before(patience); time.Sleep(20 * time.Millisecond) {
		if second.listens(server, path).res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Error("a stream that was left still counts")
}

func TestAStreamIsOneLineInTheLogAndLeavesTheSessionAsItWas(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t)
	server := p.serve()
	p.logs.Reset()
	stream := b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting")
	p.clock.Advance(2 * time.Minute)
	stream.changes("late").cancel()
	stream.drains()
	var lines []string
	for patience := time.Now().Add(time.Minute); time.Now().Before(patience); time.Sleep(time.Millisecond) {
		if lines = strings.Split(strings.TrimSpace(p.logs.String()), "\n"); strings.Contains(lines[0], `"msg":"request"`) {
			break
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], `"route":"/keys/:id/arrival","status":200`) {
		t.Errorf("the log says\n%s", strings.Join(lines, "\n"))
	}
	p.clock.Advance(28 * time.Minute) // half an hour since somebody asked for a page
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

// drains waits until nothing comes any more.
func (l *listener) drains() {
	for range l.lines { //nolint:revive // only the end counts
	}
}

// Not parallel: it counts the goroutines of the whole process.
func TestNothingIsLeftOfStreamsThatWereClosed(t *testing.T) {
	p, b, _, key, _ := arriving(t)
	server := p.serve()
	b.listens(server, "/keys/arrival?state=").cancel()
	settled := func(most int) int { // waits until there are no more, which there may be for a moment
		server.Client().CloseIdleConnections()
		n := runtime.NumGoroutine()
		for patience := time.Now().Add(time.Minute); n > most && time.Now().Before(patience); time.Sleep(time.Millisecond) {
			n = runtime.NumGoroutine()
		}
		return n
	}
	before := runtime.NumGoroutine()
	for range 50 { // those of the stream above end meanwhile
		time.Sleep(20 * time.Millisecond)
		before = min(before, settled(before))
	}
	for range 10 {
		var open []*listener
		for range 4 {
			open = append(open, b.listens(server, "/keys/"+key.ID+"/arrival?state=waiting"))
		}
		for _, l := range open {
			l.cancel()
			l.drains()
		}
	}
	if after := settled(before); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// The page looks by itself, perhaps just after an act that said something.
func TestThatAKeyStillWaitsIsNoNews(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t)
	for range 2 {
		if diff := cmp.Diff([]string{}, b.htmx().get("/keys/"+key.ID).texts("hx-partial[hx-target='#status']")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		p.clock.Advance(20 * time.Minute)
	}
}

// However many pages of a person wait, their keys are read once in the pace of streams, and not at all while nothing has changed.
func TestAllWaitingPagesOfAPersonShareOneReadAndReadNothingWhileNothingChanges(t *testing.T) {
	t.Parallel()
	var changes atomic.Uint64
	changes.Store(1)
	p, b, _, key, value := arriving(t, func(d *handlers.Deps) {
		d.Pace = 10 * time.Millisecond
		d.Changes = changes.Load
	})
	server := p.serve()
	var lists, ones []*listener
	for range 3 {
		lists = append(lists, b.listens(server, "/keys/arrival?state="+key.ID+"%3Dlate").changes(key.ID+"=waiting"))
		ones = append(ones, b.listens(server, "/keys/"+key.ID+"/arrival?state=late").changes("waiting")) // each has looked
	}
	before := p.store.Stats().Reads
	time.Sleep(200 * time.Millisecond)
	if n := p.store.Stats().Reads - before; n != 0 {
		t.Errorf("%d reads, and nothing had changed", n)
	}

	before = p.store.Stats().Reads
	start := time.Now()
	for range 20 {
		changes.Add(1)
		time.Sleep(10 * time.Millisecond)
	}
	if n, most := p.store.Stats().Reads-before, int64(time.Since(start)/(5*time.Millisecond))+1; n == 0 || n > most {
		t.Errorf("%d reads by six pages in %v, want one in %v at most", n, time.Since(start), 5*time.Millisecond)
	}

	p.works("porch-cam", value)
	changes.Add(1)
	for _, page := range slices.Concat(lists, ones) {
		page.hears("event: changed")
	}
}

// TestAPageThatAsksByItselfIsNoPerson asks for everything that an open page asks for, for half an hour.
func TestAPageThatAsksByItselfIsNoPerson(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t)
	server := p.serve()
	list := b.get("/keys").attr("#key-"+key.ID, "hx-get")
	card := b.get("/keys/"+key.ID).attr("#key", "hx-get")
	p.clock.Advance(14 * time.Minute)
	b.htmx().get(list).want(http.StatusOK)
	b.htmx().get(card).want(http.StatusOK)
	p.clock.Advance(15 * time.Minute)
	for _, path := range []string{"/keys/arrival", "/keys/" + key.ID + "/arrival"} {
		stream := b.listens(server, path+"?state=x")
		stream.cancel()
		stream.drains()
	}
	p.clock.Advance(time.Minute)
	if got := b.htmx().get(list).header.Get("HX-Redirect"); got != "/login?ended=1&next=%2Fkeys%2F"+key.ID {
		t.Errorf("after half an hour the part leads to %q", got)
	}
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

// TestAPersonWhoAsksForTheSameIsOne follows the link that looks once more.
func TestAPersonWhoAsksForTheSameIsOne(t *testing.T) {
	t.Parallel()
	p, b, _, key, _ := arriving(t)
	look := b.get("/keys/"+key.ID).attr("#key .use a.noscript", "href")
	p.clock.Advance(14 * time.Minute)
	b.htmx().get(look).want(http.StatusOK)
	p.clock.Advance(29 * time.Minute)
	b.get("/keys").want(http.StatusOK)
}
