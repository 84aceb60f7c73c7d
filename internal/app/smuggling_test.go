package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/app/config"
)

// stowaway is what an attacker wants taken for a request of its own, past a proxy that would not let it through as it is: a proxy
// replaces what it says about where it comes from.
const stowaway = "GET /hidden HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-For: " + forged + "\r\n\r\n"

const forged = "203.0.113.66"

// after is a request of its own behind a message that holds no other. Where the message was refused, nobody may read on.
const after = "GET /after HTTP/1.1\r\nHost: HOST\r\n\r\n"

// malformed are messages that are not HTTP/1.1, or that two programs may read in two ways. HOST stands for the right host.
// LENGTH is the length of stowaway as it is sent.
var malformed = map[string]string{
	// Two lengths
	"a length and chunks":                       post1("Content-Length: LENGTH+5", "Transfer-Encoding: chunked") + "0\r\n\r\n" + stowaway,
	"chunks and a length":                       post1("Transfer-Encoding: chunked", "Content-Length: 4") + "1\r\nx\r\n0\r\n\r\n" + stowaway,
	"a length of nothing and chunks":            post1("Content-Length: 0", "Transfer-Encoding: chunked") + "0\r\n\r\n" + stowaway,
	"two lengths":                               post1("Content-Length: LENGTH", "Content-Length: 0") + stowaway,
	"two lengths, the other way":                post1("Content-Length: 0", "Content-Length: LENGTH") + stowaway,
	"two lengths in one line":                   post1("Content-Length: 0, LENGTH") + stowaway,
	"a signed length":                           post1("Content-Length: +0") + stowaway,
	"a length below zero":                       post1("Content-Length: -1") + stowaway,
	"a length in hexadecimal":                   post1("Content-Length: 0x0") + stowaway,
	"a length with a fraction":                  post1("Content-Length: 0.0") + stowaway,
	"a length with an exponent":                 post1("Content-Length: 0e1") + stowaway,
	"a length with underscores":                 post1("Content-Length: 0_0") + stowaway,
	"a length in quotes":                        post1(`Content-Length: "0"`) + stowaway,
	"an empty length":                           post1("Content-Length: ") + stowaway,
	"a length of two words":                     post1("Content-Length: 0 0") + stowaway,
	"a length beyond 64 bits":                   post1("Content-Length: 18446744073709551616") + stowaway,
	"a length after a vertical tab":             post1("Content-Length: \v0") + stowaway,
	"a length before a null":                    post1("Content-Length: 0\x00") + stowaway,
	"a length in other digits":                  post1("Content-Length: ٠") + stowaway,
	"a length with a space before the colon":    post1("Content-Length : LENGTH") + stowaway,
	"a length with a tab before the colon":      post1("Content-Length\t: LENGTH") + stowaway,
	"a length with a null in its name":          post1("Content\x00-Length: LENGTH") + stowaway,
	"chunks said twice in one line":             post1("Transfer-Encoding: chunked, chunked") + "0\r\n\r\n" + stowaway,
	"chunks said twice":                         post1("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n" + stowaway,
	"chunks, then identity":                     post1("Transfer-Encoding: chunked, identity") + "0\r\n\r\n" + stowaway,
	"chunks or identity":                        post1("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + "0\r\n\r\n" + stowaway,
	"identity and a length":                     post1("Transfer-Encoding: identity", "Content-Length: LENGTH") + stowaway,
	"an encoding that is none":                  post1("Transfer-Encoding: xchunked", "Content-Length: LENGTH") + stowaway,
	"an encoding in quotes":                     post1(`Transfer-Encoding: "chunked"`, "Content-Length: LENGTH") + stowaway,
	"an encoding and chunks":                    post1("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n" + stowaway,
	"no encoding":                               post1("Transfer-Encoding: ", "Content-Length: LENGTH") + stowaway,
	"an encoding behind a tab":                  post1("Transfer-Encoding:\tchunked", "Content-Length: LENGTH+5") + "0\r\n\r\n" + stowaway,
	"an encoding behind a vertical tab":         post1("Transfer-Encoding: \vchunked", "Content-Length: LENGTH") + stowaway,
	"an encoding before a null":                 post1("Transfer-Encoding: chunked\x00", "Content-Length: LENGTH") + stowaway,
	"an encoding behind a comma":                post1("Transfer-Encoding: ,chunked", "Content-Length: LENGTH+5") + "0\r\n\r\n" + stowaway,
	"an encoding with a semicolon":              post1("Transfer-Encoding: chunked;q=1", "Content-Length: LENGTH") + stowaway,
	"an encoding with a space before the colon": post1("Transfer-Encoding : chunked", "Content-Length: LENGTH+5") + "0\r\n\r\n" + stowaway,
	"an encoding on a line of its own":          post1("Transfer-Encoding:\r\n chunked", "Content-Length: LENGTH+5") + "0\r\n\r\n" + stowaway,
	"an encoding of HTTP/1.0":                   strings.Replace(post1("Transfer-Encoding: chunked", "Content-Length: LENGTH+5"), "/1.1", "/1.0", 1) + "0\r\n\r\n" + stowaway,

	// Chunks that are none
	"a chunk of no digits":                  chunks("zz\r\n"),
	"a chunk of a sign":                     chunks("+0\r\n\r\n"),
	"a chunk below zero":                    chunks("-1\r\n\r\n"),
	"a chunk in C":                          chunks("0x0\r\n\r\n"),
	"a chunk that wraps around":             chunks("10000000000000000\r\n\r\n"),
	"a chunk of very many zeros":            chunks(strings.Repeat("0", 5000) + "\r\n\r\n"),
	"a chunk longer than it says":           chunks("1\r\nxyz\r\n0\r\n\r\n"),
	"a chunk that ends with a bare newline": chunks("1\r\nx\n0\r\n\r\n"),
	"a chunk's length with a bare return":   chunks("1\rx\r\n0\r\n\r\n"),
	"a chunk behind a space":                chunks(" 0\r\n\r\n"),
	"an extension with a bare newline":      chunks("0;x\ny\r\n\r\n"),
	"an extension with a bare return":       chunks("0;x\ry\r\n\r\n"),
	"an extension without end":              chunks("1;" + strings.Repeat("x", 20000) + "\r\nx\r\n0\r\n\r\n"),
	"a trailer that is a length":            chunks("0\r\nContent-Length: LENGTH\r\n\r\n"),
	"a trailer with a space":                chunks("0\r\nX : y\r\n\r\n"),
	"a trailer without end":                 chunks("0\r\nX: " + strings.Repeat("x", 20000) + "\r\n\r\n"),

	// Lines that are none
	"a folded header":                    get1("X: y\r\n z"),
	"a folded header with a tab":         get1("X: y\r\n\tz"),
	"a length that is folded away":       get1("X: y\r\n Content-Length: 99"),
	"a header without colon":             get1("X"),
	"a header without name":              get1(": x"),
	"a header with a space in its name":  get1("X Y: z"),
	"a header with a bare return":        get1("X: y\rTransfer-Encoding: chunked"),
	"a header with a null":               get1("X: y\x00z"),
	"a header name that is no ASCII":     get1("X\xff: y"),
	"a header with an escape in it":      get1("X: \x1b[31m"),
	"a request line with a bare return":  "GET /login HTTP/1.1\rHost: HOST\r\n\r\n",
	"a request line with a null":         "GET /login\x00 HTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a request line of four words":       "GET /login x HTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a request line of two words":        "GET /login\r\nHost: HOST\r\n\r\n",
	"a request line with a tab":          "GET\t/login\tHTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a path with a byte that is no text": "GET /\xff\xfe HTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a path with half an escape":         "GET /%zz HTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a version with an escape":           "GET /login HTTP/1.1\x00\r\nHost: HOST\r\n\r\n",
	"a version of two digits":            "GET /login HTTP/1.10\r\nHost: HOST\r\n\r\n",
	"a version that never was":           "GET /login HTTP/3.0\r\nHost: HOST\r\n\r\n",
	"a version in small letters":         "GET /login http/1.1\r\nHost: HOST\r\n\r\n",
	"the beginning of HTTP/2":            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"the beginning of TLS":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	"nothing but nulls":                  strings.Repeat("\x00", 100) + "\r\n\r\n",

	// Hosts
	"two hosts":                       "GET /login HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
	"two hosts, the other way":        "GET /login HTTP/1.1\r\nHost: evil.example\r\nHost: HOST\r\n\r\n",
	"no host":                         "GET /login HTTP/1.1\r\nX: y\r\n\r\n",
	"a host with a space":             "GET /login HTTP/1.1\r\nHost: HOST evil.example\r\n\r\n",
	"a host with a path":              "GET /login HTTP/1.1\r\nHost: HOST/evil\r\n\r\n",
	"a host with a null":              "GET /login HTTP/1.1\r\nHost: HOST\x00evil\r\n\r\n",
	"a host with a space before it":   "GET /login HTTP/1.1\r\nHost : HOST\r\n\r\n",
	"a whole URL, and another host":   "GET http://evil.example/login HTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a whole URL of us, another host": "GET http://HOST/login HTTP/1.1\r\nHost: evil.example\r\n\r\n",

	// Too much
	"a request line of 70 KB":  "GET /" + strings.Repeat("x", 70<<10) + " HTTP/1.1\r\nHost: HOST\r\n\r\n",
	"a header of 70 KB":        get1("X: " + strings.Repeat("x", 70<<10)),
	"a header name of 70 KB":   get1(strings.Repeat("X", 70<<10) + ": x"),
	"four thousand headers":    get1(strings.TrimSuffix(strings.Repeat("X-Much: of it\r\n", 4000), "\r\n")),
	"a body that never begins": post1("Content-Length: 99999999999") + stowaway,
}

func get1(header string) string {
	return "GET /login HTTP/1.1\r\nHost: HOST\r\n" + header + "\r\n\r\n"
}

func post1(headers ...string) string {
	return "POST /theme HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

func chunks(body string) string { return post1("Transfer-Encoding: chunked") + body + stowaway }

// fill writes out HOST and LENGTH.
func fill(message, host string) string {
	if !strings.Contains(message, stowaway) {
		message += after
	}
	message = strings.ReplaceAll(message, "HOST", host)
	length := len(strings.ReplaceAll(stowaway, "HOST", host))
	message = strings.ReplaceAll(message, "LENGTH+5", fmt.Sprint(length+5))
	return strings.ReplaceAll(message, "LENGTH", fmt.Sprint(length))
}

// witness notes what reaches the program, and says in each answer what it is the answer to.
type witness struct {
	mu      sync.Mutex
	reached []string
	proxied bool // what a proxy took for a request, and has put its own words into, is one
}

func (w *witness) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == healthPath { // which HAProxy asks for by itself
			next.ServeHTTP(rw, r)
			return
		}
		let := w.proxied && slices.Contains([]string{"/hidden", "/after"}, r.URL.Path) && !slices.Contains(r.Header["X-Forwarded-For"], forged)
		if !let {
			w.mu.Lock()
			w.reached = append(w.reached, r.URL.Path)
			w.mu.Unlock()
		}
		rw.Header().Set("X-Answers", r.URL.Path)
		next.ServeHTTP(rw, r)
	})
}

// since gives what has reached the program since it was asked before.
func (w *witness) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	reached := w.reached
	w.reached = nil
	return reached
}

// witnessed is a program that takes note. It loses patience soon: some of the messages never end.
func witnessed(t *testing.T, cfg config.Config) (running, *witness) {
	t.Helper()
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{}
	a.server.Handler = w.watch(a.server.Handler)
	a.server.ReadHeaderTimeout, a.server.ReadTimeout = 500*time.Millisecond, time.Second
	return serveUntilTheEnd(t, a), w
}

func TestNoSecondRequestIsReadOutOfAMessageThatIsNone(t *testing.T) {
	t.Parallel()
	if len(malformed) < 60 {
		t.Fatalf("only %d messages", len(malformed))
	}
	a, w := witnessed(t, testConfig(t))
	addr := a.listener.Addr().String()
	for name, message := range malformed {
		conn, ok := dial(t, addr).(halfCloser)
		if !ok {
			t.Fatal("no connection of TCP")
		}
		sendMalformed(t, name, conn, fill(message, addr), w)
		_ = conn.Close()
	}
}

// sendMalformed sends the message. Either the program has had nothing and the answer is a refusal, or it has had one request. In
// the end the connection is closed.
func sendMalformed(t *testing.T, name string, conn halfCloser, message string, w *witness) {
	t.Helper()
	w.since()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		_, _ = io.WriteString(conn, message) // it may stop listening before it has heard all
		_ = conn.CloseWrite()
	}()
	answers, err := answersUntil(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: the connection stays open", name)
	}
	reached := w.since()
	own := slices.DeleteFunc(slices.Clone(reached), func(path string) bool { return path == "/after" })
	if len(own) > 1 || slices.Contains(own, "/hidden") || len(reached) > len(own) && len(own) == 0 {
		t.Errorf("%s: these reached the program: %q", name, reached)
	}
	if !w.proxied && len(reached) == 0 && len(answers) > 0 && (len(answers) > 1 || answers[0].Status < 400) {
		t.Errorf("%s: nothing reached the program, and the answers are %v", name, answers)
	}
}

// halfCloser is a connection that can say that it has said all.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// answersUntil gives the answers that come until the connection ends, and why it did.
func answersUntil(conn net.Conn) ([]answer, error) {
	end := &endOf{Conn: conn}
	return answersOf(end, http.MethodGet), end.why
}

// endOf remembers the error that ended a connection.
type endOf struct {
	net.Conn
	why error
}

func (e *endOf) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if err != nil {
		e.why = err
	}
	return n, err
}

func TestNoSecondRequestGetsThroughAProxy(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.PublicURL, cfg.TrustedProxies = "https://"+proxiedHost, "127.0.0.0/8"
			a, w := witnessed(t, cfg)
			w.proxied = true
			gate := p.start(t, a.listener.Addr().String())
			for name, message := range malformed {
				conn := gate.dial(t)
				sendMalformed(t, name, conn, fill(message, proxiedHost), w)
				_ = conn.Close()
				// The next client must get what it asked for: on a connection to the program that an attacker has put out of step, they
				// get the answer to something else.
				for i := range 2 {
					gate.asks(t, name, fmt.Sprintf("/next-%d", i))
				}
			}
		})
	}
}

// asks makes sure that somebody else is answered what they asked.
func (f gateway) asks(t *testing.T, after, path string) {
	t.Helper()
	conn := f.dial(t)
	defer func() { _ = conn.Close() }()
	got := say(t, conn, "GET "+path+" HTTP/1.1\r\nHost: "+proxiedHost+"\r\nConnection: close\r\n\r\n")
	if len(got) != 1 || got[0].Header.Get("X-Answers") != path {
		t.Errorf("after %q, %s got %v", after, path, got)
	}
}

// dial is a connection with TLS, as the proxy takes them.
func (f gateway) dial(t *testing.T) *tls.Conn {
	t.Helper()
	conn := tls.Client(dial(t, f.https), &tls.Config{RootCAs: f.roots, ServerName: proxiedHost, NextProtos: []string{"http/1.1"}})
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return conn
}
