package story

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/app/config"
)

// Gateway stands before a Latchkey that has users and keys, as the way there would: it can be well, broken or gone.
type Gateway struct {
	t     *testing.T
	URL   string
	Seal  *Seal // of a gateway that is reached by TLS, under a name; else nil
	proxy *httputil.ReverseProxy

	mu     sync.Mutex
	fault  Fault
	asked  []asked // every request since the fault began
	server *http.Server
	lines  *lines
}

// asked is a request as a gateway remembers it.
type asked struct{ line, token string } // "METHOD /path"

// Fault answers a request in its own way; pass hands it on to the server behind, which then acts.
type Fault func(w http.ResponseWriter, r *http.Request, pass http.Handler)

// StartWithUpstream starts a program whose keys are at another one, behind a gateway.
func StartWithUpstream(t *testing.T) (*Program, *Gateway) {
	t.Helper()
	g := StartGateway(t, StartProgram(t), nil)
	return StartProgram(t, func(cfg *config.Config) { cfg.Upstream = g.URL }), g
}

// StartGateway opens the way to a program, by TLS if a seal is given.
func StartGateway(t *testing.T, upstream *Program, seal *Seal) *Gateway {
	t.Helper()
	behind, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{t: t, Seal: seal}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ModifyResponse: func(res *http.Response) error { return g.showTheWay(res, upstream.URL) },
		ErrorLog:       log.New(io.Discard, "", 0), // of answers that nobody waits for any more
	}
	g.opens("127.0.0.1:0")
	t.Cleanup(g.Closes)
	return g
}

// showTheWay makes the location name the gateway.
func (g *Gateway) showTheWay(res *http.Response, behind string) error {
	if !strings.HasSuffix(res.Request.URL.Path, "/location") {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(behind), []byte(g.URL))
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// ServeHTTP hands a request on, or has it meet the fault.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	fault := g.fault
	g.asked = append(g.asked, asked{r.Method + " " + r.URL.Path, r.Header.Get("Authorization")})
	g.mu.Unlock()
	if fault == nil {
		g.proxy.ServeHTTP(w, r)
		return
	}
	fault(w, r, g.proxy)
}

// Breaks makes every request meet the fault, and begins to count requests.
func (g *Gateway) Breaks(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault, g.asked = f, nil
}

// Recovers ends the fault, and begins to count requests.
func (g *Gateway) Recovers() { g.Breaks(nil) }

// Count is how often the request was made.
func (g *Gateway) Count(request string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, asked := range g.asked {
		if asked.line == request {
			n++
		}
	}
	return n
}

// opens listens, at the address it had before when there was one.
func (g *Gateway) opens(address string) {
	g.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(g.t.Context(), "tcp", address)
	for began := time.Now(); err != nil && time.Since(began) < Limit/4; time.Sleep(20 * time.Millisecond) { // a connection of another test may have the port for a moment
		listener, err = config.Listen(g.t.Context(), "tcp", address)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	g.lines = &lines{Listener: listener}
	listener = g.lines
	g.URL = "http://" + listener.Addr().String()
	g.server = &http.Server{Handler: g, ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // lives as long as a test
	if g.Seal != nil {
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		g.URL = "https://" + net.JoinHostPort(g.Seal.Name, port)
		listener = tls.NewListener(listener, g.Seal.config())
	}
	server := g.server
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			g.t.Error(err)
		}
	}()
}

// Closes listens no more and hangs up on everybody. When it returns, whoever was at the other ends has noticed.
func (g *Gateway) Closes() {
	g.t.Helper()
	if err := g.lines.hangUp(); err != nil {
		g.t.Error(err)
	}
	if err := g.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		g.t.Error(err)
	}
}

// lines are the connections to a gateway.
type lines struct {
	net.Listener
	mu  sync.Mutex
	all []*line
}

// line is one of them. It is gone when its other end has closed it, or we have.
type line struct {
	*net.TCPConn
	gone chan struct{}
	goes sync.Once
}

// Accept keeps the line that it gives.
func (l *lines) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a connection of type %T", conn)
	}
	one := &line{TCPConn: tcp, gone: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, one)
	return one, nil
}

// hangUp closes our end of every line, and waits until the other ends are closed too.
func (l *lines) hangUp() error {
	_ = l.Close() // twice, when the test ends with nobody listening
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.all {
		_ = one.CloseWrite() // gone already, perhaps
	}
	late := time.After(noticing)
	for _, one := range l.all {
		select {
		case <-one.gone:
		case <-late:
			return errors.New("somebody has not noticed that we hung up")
		}
	}
	l.all = nil
	return nil
}

// noticing is how long it may take a dashboard to see that a line is dead.
const noticing = 20 * time.Second

// Read tells the end.
func (l *line) Read(b []byte) (int, error) {
	n, err := l.TCPConn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		l.goes.Do(func() { close(l.gone) })
	}
	return n, err
}

// Close is the end too.
func (l *line) Close() error {
	l.goes.Do(func() { close(l.gone) })
	return l.TCPConn.Close()
}

// OpensAgain listens at the address it had.
func (g *Gateway) OpensAgain() {
	g.t.Helper()
	_, port, _ := net.SplitHostPort(strings.SplitN(g.URL, "//", 2)[1])
	g.opens("127.0.0.1:" + port)
}

// Only keeps a fault to requests with one of these methods.
func Only(f Fault, methods ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if slices.Contains(methods, r.Method) {
			f(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// FromThenOn is a fault that begins with the first request with the method.
func FromThenOn(method string, f Fault) Fault {
	var begun atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if begun.Load() || r.Method == method {
			begun.Store(true)
			f(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// LosesRequest breaks the connection before anything came of the request.
func LosesRequest(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// LosesAnswer breaks the connection after the server behind has acted.
func LosesAnswer(_ http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// CutsAnswer breaks the connection in the middle of the answer.
func CutsAnswer(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	answer := httptest.NewRecorder()
	pass.ServeHTTP(answer, r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()+1))
	w.WriteHeader(withBody(answer.Code))
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	hangUp(w)
}

// withBody is a status that lets an answer have a body to go wrong in.
func withBody(status int) int {
	if status == http.StatusNoContent {
		return http.StatusOK
	}
	return status
}

// TruncatesAnswer ends half-way through the JSON as if that were all.
func TruncatesAnswer(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	answer := httptest.NewRecorder()
	pass.ServeHTTP(answer, r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
}

// hangUp closes the connection after what was sent so far.
func hangUp(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Says answers in the server's stead. What is no JSON is HTML.
func Says(status int, body string, headers ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html")
		if json.Valid([]byte(body)) {
			w.Header().Set("Content-Type", "application/json")
		}
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Away is a server that a redirect leads to, and how often it was asked.
func Away(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	return server.URL, &asked
}
