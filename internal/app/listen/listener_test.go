package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testkit"
)

// patience is how long a test waits for what must come. The server waits for longer: whoever is hung up on within it was so by the listener.
const patience = time.Minute

// smallServer answers "ok" to all but /hold, whose answer waits for the end of the test, within so many connections.
func smallServer(t *testing.T, most int, log *testkit.Log, proxies ...netip.Addr) *Listener {
	t.Helper()
	l, err := New(t.Context(), "127.0.0.1:0", Config{
		Most: most, Trusted: func(a netip.Addr) bool { return slices.Contains(proxies, a) }, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	server := &http.Server{ReadTimeout: 2 * patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/hold" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-held:
			case <-r.Context().Done():
			}
		}
		_, _ = io.WriteString(w, "ok")
	}), ConnState: l.Follow}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) }) // until it is closed
	t.Cleanup(func() {
		close(held)
		_ = server.Close()
		serving.Wait()
	})
	return l
}

// caller is a connection from an address of this machine.
type caller struct {
	net.Conn
	answers *bufio.Reader
}

func callFrom(t *testing.T, from, to string) caller {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return caller{conn, bufio.NewReader(conn)}
}

// send sends the beginning of a request.
func (c caller) send(text string) { _, _ = io.WriteString(c, text) } // that it fails is seen by the answer

// ask asks once, and says whether it was answered. The connection stays.
func (c caller) ask(path string) bool {
	c.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	res, err := http.ReadResponse(c.answers, nil) //nolint:bodyclose // it would be waited for
	if err != nil || res.StatusCode != http.StatusOK {
		return false
	}
	if path == "/hold" {
		return true
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil
}

// askAndWait asks once, and returns when the listener knows that the connection waits: the server says so after the client has the answer.
func (c caller) askAndWait(l *Listener) bool {
	if !c.ask("/") {
		return false
	}
	for end := time.Now().Add(patience); !l.waits(c); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// waits reports whether the caller's connection has been answered and waits for another request.
func (l *Listener) waits(c caller) bool {
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	for _, n := range l.all.networks {
		for e := n.waiting.Front(); e != nil; e = e.Next() {
			if conn := e.Value.(*connection); conn.RemoteAddr().String() == c.LocalAddr().String() { //nolint:forcetypeassert // as in the listener
				return !conn.fresh
			}
		}
	}
	return false
}

// hungUp waits for the end of the connection.
func (c caller) hungUp() bool {
	_, err := c.answers.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestOneAddressThatHoldsConnectionsKeepsNobodyElseOut(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func(caller){
		"idle":               func(c caller) { c.ask("/") },
		"idle, and a letter": func(c caller) { c.ask("/"); c.send("G") },
		"nothing sent":       func(caller) {},
		"half a line":        func(c caller) { c.send("GET / HT") },
		"half the headers":   func(c caller) { c.send("GET / HTTP/1.1\r\nHost: localhost\r\n") },
		"half a body":        func(c caller) { c.send("POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx") },
		"answers unread":     func(c caller) { c.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log testkit.Log
			l := smallServer(t, 120, &log)
			addr := l.Addr().String()
			others := []string{"127.0.0.3", "127.1.0.1", "127.2.0.1"}
			if name != "answers unread" {
				others = append(others, "127.0.0.2") // itself
			}
			for range 200 {
				hold(callFrom(t, "127.0.0.2", addr))
			}
			for _, from := range others {
				for range fewConnections {
					c := callFrom(t, from, addr)
					for range 2 {
						if !c.ask("/") {
							t.Fatalf("%s is not answered", from)
						}
					}
				}
			}
		})
	}
}

func TestASiteThatHoldsConnectionsKeepsNobodyElseOut(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	l := smallServer(t, 120, &log)
	for n := range 200 {
		callFrom(t, fmt.Sprintf("127.0.0.%d", 2+n), l.Addr().String()).send("POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
	}
	for range fewConnections {
		if c := callFrom(t, "127.1.0.1", l.Addr().String()); !c.ask("/") {
			t.Fatal("another site is not answered")
		}
	}
}

func TestWhoeverHasWaitedLongestIsHungUpOnForANewcomerAndNobodyWhoIsAnswered(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	l := smallServer(t, fewConnections, &log)
	addr := l.Addr().String()
	held := callFrom(t, "127.0.0.2", addr)
	if !held.ask("/hold") {
		t.Fatal("it is not held")
	}
	var idle []caller
	for range fewConnections - 1 {
		c := callFrom(t, "127.0.0.2", addr)
		if !c.askAndWait(l) {
			t.Fatal("not answered")
		}
		idle = append(idle, c)
	}
	for n, from := range []string{"127.0.0.2", "127.0.0.3", "127.1.0.1"} { // their own, their neighbour's, a stranger's
		if c := callFrom(t, from, addr); !c.askAndWait(l) {
			t.Fatalf("%s is not answered", from)
		}
		if !idle[n].hungUp() {
			t.Errorf("number %d is not hung up on", n)
		}
	}
	for i, c := range idle[3:] {
		if !c.ask("/") {
			t.Errorf("number %d is hung up on", 3+i)
		}
	}
	if _, err := held.Write([]byte("x")); err != nil {
		t.Error("an answer was cut off")
	}
	if n := l.Count(); n != fewConnections {
		t.Errorf("%d connections are counted", n)
	}
}

func TestNobodyIsLetInWhileAllAreAnswered(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	l := smallServer(t, 4, &log)
	addr := l.Addr().String()
	var held []caller
	for n := range 4 {
		c := callFrom(t, fmt.Sprintf("127.%d.0.1", n), addr)
		if !c.ask("/hold") {
			t.Fatal("it is not held")
		}
		held = append(held, c)
	}
	for range 3 {
		if callFrom(t, "127.9.0.1", addr).ask("/") {
			t.Error("there was a place")
		}
	}
	_ = held[0].Close()
	for end := time.Now().Add(patience); !callFrom(t, "127.9.0.1", addr).ask("/"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no room is made")
		}
	}
	if n := strings.Count(log.String(), "connection limit reached"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
}

func TestAProxyThatIsTrustedHasNoPart(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	l := smallServer(t, 60, &log, netip.MustParseAddr("127.0.0.2"))
	var all []caller
	for range 60 {
		c := callFrom(t, "127.0.0.2", l.Addr().String())
		if !c.askAndWait(l) {
			t.Fatal("not answered")
		}
		all = append(all, c)
	}
	if n := l.Count(); n != 60 {
		t.Errorf("it has %d", n)
	}
	if !callFrom(t, "127.1.0.1", l.Addr().String()).ask("/") {
		t.Error("nobody else is let in")
	}
	if !all[0].hungUp() {
		t.Error("the connection that was idle for longest is not the one that is closed")
	}
}

// TestConnectionsLeaveNothingBehind has many come from everywhere at once.
func TestConnectionsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	l := smallServer(t, 20, &log)
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			for i := range 50 {
				c := callFrom(t, fmt.Sprintf("127.%d.0.%d", n%5, 1+i%9), l.Addr().String())
				c.ask("/")
				if i%2 == 0 {
					_ = c.Close()
				}
			}
		})
	}
	all.Wait()
	l.LetGo(time.Now().Add(time.Hour))
	for end := time.Now().Add(patience); l.Count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are counted", l.Count())
		}
		l.LetGo(time.Now().Add(time.Hour))
	}
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if networks, prefixes, sites := len(l.all.networks), len(l.all.byPrefix), len(l.all.sites); networks+prefixes+sites != 0 {
		t.Errorf("%d networks, %d prefixes and %d sites are left", networks, prefixes, sites)
	}
}

// TestWhatEndsAtOnceWaitsForNobodyWhoHasNotAsked is for programs of tests, each of which would wait for five seconds for a connection that a
// client has made to be on the safe side.
func TestWhatEndsAtOnceWaitsForNobodyWhoHasNotAsked(t *testing.T) {
	t.Parallel()
	for _, atOnce := range []bool{false, true} {
		l := smallServer(t, 10, &testkit.Log{})
		l.atOnce = atOnce
		asks := callFrom(t, "127.0.0.2", l.Addr().String())
		asks.send("GET / HT")
		callFrom(t, "127.0.0.2", l.Addr().String()) // and asks nothing
		idle := callFrom(t, "127.0.0.2", l.Addr().String())
		if !idle.askAndWait(l) { // so that both others have been let in
			t.Fatal("not answered")
		}
		left := l.LetGo(time.Now().Add(time.Hour))
		if want := map[bool]int{false: 2, true: 1}[atOnce]; left != want {
			t.Errorf("at once %v: %d are left, want %d", atOnce, left, want)
		}
		asks.send("TP/1.1\r\nHost: localhost\r\n\r\n")
		if res, err := http.ReadResponse(asks.answers, nil); err != nil || res.StatusCode != http.StatusOK { //nolint:bodyclose // it ends with the connection
			t.Errorf("who was asking is hung up on: %v", err)
		}
	}
}

func TestThereAreFilesLeftBesideAllConnections(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		files      uint64
		each, want int
	}{
		{0, 1, 8192}, {1, 1, 1}, {1, 2, 1}, {256, 1, 128}, {1024, 1, 768}, {1024, 2, 384}, {4096, 1, 3840}, {1 << 15, 2, 8192},
		{1 << 20, 1, 8192}, {1 << 20, 2, 8192}, {1<<64 - 1, 1, 8192},
	} {
		if got := within(tc.files, tc.each); got != tc.want {
			t.Errorf("of %d files, with %d for each: %d", tc.files, tc.each, got)
		}
	}
}

// TestAListenerThatHasDrainedIsClosedWithoutAnError holds for a server that stops, which would say that it cut somebody off.
func TestAListenerThatHasDrainedIsClosedWithoutAnError(t *testing.T) {
	t.Parallel()
	l := smallServer(t, 10, &testkit.Log{})
	l.Drain(t.Context())
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestWhoIsInTheBacklogIsLetInBeforeTheListenerCloses has nobody accept until the listener is told to end.
func TestWhoIsInTheBacklogIsLetInBeforeTheListenerCloses(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	l, err := New(t.Context(), "127.0.0.1:0", Config{Most: 1000, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var waiting []caller
	for range 50 {
		waiting = append(waiting, callFrom(t, "127.0.0.1", l.Addr().String()))
	}
	var draining sync.WaitGroup
	draining.Go(func() { l.Drain(context.WithoutCancel(t.Context())) })
	for range waiting {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Accept(); err != errDrained { //nolint:errorlint // as it is
		t.Errorf("in the end: %v", err)
	}
	draining.Wait()
	for _, c := range waiting {
		if !c.ask("/") {
			t.Error("a connection was reset")
		}
	}
}
