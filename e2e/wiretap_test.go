package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/app/config"
)

// wiretap stands between the browser and the program and keeps everything that was said.
type wiretap struct {
	mu        sync.Mutex
	exchanges []exchange
	log       bytes.Buffer // the program's own

	edit func(head http.Header, body []byte) []byte // changes answers; set before anybody comes
}

// exchange is a request and its answer, bodies of requests apart.
type exchange struct {
	what           string // "POST /keys"
	asked, answers http.Header
	body           string
}

// startTapped starts a program that browsers and devices reach through a wiretap, under the host name.
func startTapped(t *testing.T, host string) (*program, *wiretap) {
	t.Helper()
	tap := &wiretap{}
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	behind := freeAddress(t)
	program := startProgram(t, func(cfg *config.Config) {
		cfg.Addr, cfg.PublicURL = behind, "http://"+host+":"+port
		cfg.LogTo, cfg.LogLevel = io.MultiWriter(t.Output(), tap), "debug"
	})
	front.Config.Handler = tap.proxy(&url.URL{Scheme: "http", Host: behind})
	front.Start()
	t.Cleanup(front.Close)
	return program, tap
}

// freeAddress is one that nobody listens on at the moment. The program behind a wiretap cannot choose its own: the wiretap
// must know it, and the program the wiretap's.
func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	return free.Addr().String()
}

func (tap *wiretap) proxy(behind *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding") // so that bodies are readable
		},
		ModifyResponse: func(res *http.Response) error {
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") { // goes on until the page is left
				return nil
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			if tap.edit != nil {
				body = tap.edit(res.Header, body)
				res.Header.Set("Content-Length", strconv.Itoa(len(body)))
			}
			res.Body = io.NopCloser(bytes.NewReader(body))
			tap.mu.Lock()
			defer tap.mu.Unlock()
			tap.exchanges = append(tap.exchanges, exchange{
				res.Request.Method + " " + res.Request.URL.RequestURI(), res.Request.Header.Clone(), res.Header.Clone(), string(body),
			})
			return nil
		},
	}
}

// Write takes the program's log.
func (tap *wiretap) Write(b []byte) (int, error) {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return tap.log.Write(b)
}

// all gives what was said so far, oldest first.
func (tap *wiretap) all() []exchange {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return slices.Clone(tap.exchanges)
}

// holding names the exchanges in which the text occurs, and the log if it does there.
func (tap *wiretap) holding(text string) []string {
	var found []string
	for _, x := range tap.all() {
		var all strings.Builder
		all.WriteString(x.what + "\n" + x.body)
		_, _ = x.asked.WriteSubset(&all, nil), x.answers.WriteSubset(&all, nil)
		if strings.Contains(all.String(), text) {
			found = append(found, x.what)
		}
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	if strings.Contains(tap.log.String(), text) {
		found = append(found, "the log")
	}
	return found
}
