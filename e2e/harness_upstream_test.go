package e2e

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

	"latchkey/internal/app"
)

// gateway stands before a Latchkey that has users and keys, as the way there would: it can be well, broken or gone.
type gateway struct {
	t     *testing.T
	url   string
	seal  *seal // of a gateway that is reached by TLS, under a name; else nil
	proxy *httputil.ReverseProxy

	mu     sync.Mutex
	fault  fault
	asked  []asked // every request since the fault began
	server *http.Server
	lines  *lines
}

// asked is a request as a gateway remembers it.
type asked struct{ line, token string } // "METHOD /path"

// fault answers a request in its own way; pass hands it on to the server behind, which then acts.
type fault func(w http.ResponseWriter, r *http.Request, pass http.Handler)

// startWithUpstream starts a program whose keys are at another one, behind a gateway.
func startWithUpstream(t *testing.T) (*program, *gateway) {
	t.Helper()
	g := startGateway(t, startProgram(t), nil)
	return startProgram(t, func(cfg *app.Config) { cfg.Upstream = g.url }), g
}

// startGateway opens the way to a program, by TLS if a seal is given.
func startGateway(t *testing.T, upstream *program, seal *seal) *gateway {
	t.Helper()
	behind, err := url.Parse(upstream.url)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, seal: seal}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ModifyResponse: func(res *http.Response) error { return g.showTheWay(res, upstream.url) },
		ErrorLog:       log.New(io.Discard, "", 0), // of answers that nobody waits for any more
	}
	g.opens("127.0.0.1:0")
	t.Cleanup(g.closes)
	return g
}

// showTheWay makes the location name the gateway.
func (g *gateway) showTheWay(res *http.Response, behind string) error {
	if !strings.HasSuffix(res.Request.URL.Path, "/location") {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(behind), []byte(g.url))
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

// breaks makes every request meet the fault, and begins to count requests.
func (g *gateway) breaks(f fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault, g.asked = f, nil
}

func (g *gateway) recovers() { g.breaks(nil) }

// count is how often the request was made.
func (g *gateway) count(request string) int {
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
func (g *gateway) opens(address string) {
	g.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(g.t.Context(), "tcp", address)
	if err != nil {
		g.t.Fatal(err)
	}
	g.lines = &lines{Listener: listener}
	listener = g.lines
	g.url = "http://" + listener.Addr().String()
	g.server = &http.Server{Handler: g, ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // lives as long as a test
	if g.seal != nil {
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		g.url = "https://" + net.JoinHostPort(g.seal.name, port)
		listener = tls.NewListener(listener, g.seal.config())
	}
	server := g.server
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			g.t.Error(err)
		}
	}()
}

// closes listens no more and hangs up on everybody. When it returns, whoever was at the other ends has noticed.
func (g *gateway) closes() {
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

func (g *gateway) opensAgain() {
	g.t.Helper()
	_, port, _ := net.SplitHostPort(strings.SplitN(g.url, "//", 2)[1])
	g.opens("127.0.0.1:" + port)
}

// only keeps a fault to requests with one of these methods.
func only(f fault, methods ...string) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if slices.Contains(methods, r.Method) {
			f(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// fromThenOn is a fault that begins with the first request with the method.
func fromThenOn(method string, f fault) fault {
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

// losesRequest breaks the connection before anything came of the request.
func losesRequest(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// losesAnswer breaks the connection after the server behind has acted.
func losesAnswer(_ http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cutsAnswer breaks the connection in the middle of the answer.
func cutsAnswer(w http.ResponseWriter, r *http.Request, pass http.Handler) {
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

// truncatesAnswer ends half-way through the JSON as if that were all.
func truncatesAnswer(w http.ResponseWriter, r *http.Request, pass http.Handler) {
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

// says answers in the server's stead. What is no JSON is HTML.
func says(status int, body string, headers ...string) fault {
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
