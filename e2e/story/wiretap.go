package story

import (
	"bytes"
	"crypto/tls"
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
	"time"

	"latchkey/internal/app/config"
)

// Wiretap stands between the browser and the program and keeps everything that was said.
type Wiretap struct {
	mu        sync.Mutex
	exchanges []exchange
	log       bytes.Buffer // the program's own

	Edit func(head http.Header, body []byte) []byte // changes answers; set before anybody comes
	// Drops are headers that do not get through to the program, as behind a filter or in browsers that do not send them; set before
	// anybody comes.
	Drops []string
}

// exchange is a request and its answer, bodies of requests apart.
type exchange struct {
	What           string // "POST /keys"
	Asked, Answers http.Header
	body           string
}

// StartTapped starts a program that browsers and devices reach through a wiretap, under the host name.
func StartTapped(t *testing.T, host string) (*Program, *Wiretap) {
	t.Helper()
	return startTapped(t, "http", host, (*httptest.Server).Start)
}

// StartTappedTLS is StartTapped by https. Browsers come with AnyCertificate.
func StartTappedTLS(t *testing.T, host string) (*Program, *Wiretap) {
	t.Helper()
	return startTapped(t, "https", host, func(front *httptest.Server) {
		front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*OurAuthority.Certificate(t, host, time.Now().Add(time.Hour))}}
		front.StartTLS()
	})
}

func startTapped(t *testing.T, scheme, host string, start func(*httptest.Server)) (*Program, *Wiretap) {
	t.Helper()
	tap := &Wiretap{}
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	behind := FreeAddress(t)
	program := StartProgram(t, func(cfg *config.Config) {
		cfg.Addr, cfg.PublicURL = behind, scheme+"://"+host+":"+port
		cfg.LogTo, cfg.LogLevel = io.MultiWriter(t.Output(), tap), "debug"
	})
	front.Config.Handler = tap.proxy(&url.URL{Scheme: "http", Host: behind})
	start(front)
	t.Cleanup(front.Close)
	return program, tap
}

// FreeAddress is one that nobody listens on at the moment. The program behind a wiretap cannot choose its own: the wiretap
// must know it, and the program the wiretap's.
func FreeAddress(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	return free.Addr().String()
}

func (tap *Wiretap) proxy(behind *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding") // so that bodies are readable
			for _, name := range tap.Drops {
				r.Out.Header.Del(name)
			}
		},
		ModifyResponse: func(res *http.Response) error {
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") { // goes on until the page is left
				return nil
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			if tap.Edit != nil {
				body = tap.Edit(res.Header, body)
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
func (tap *Wiretap) Write(b []byte) (int, error) {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return tap.log.Write(b)
}

// All gives what was said so far, oldest first.
func (tap *Wiretap) All() []exchange {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return slices.Clone(tap.exchanges)
}

// Holding names the exchanges in which the text occurs, and the log if it does there.
func (tap *Wiretap) Holding(text string) []string {
	var found []string
	for _, x := range tap.All() {
		var all strings.Builder
		all.WriteString(x.What + "\n" + x.body)
		_, _ = x.Asked.WriteSubset(&all, nil), x.Answers.WriteSubset(&all, nil)
		if strings.Contains(all.String(), text) {
			found = append(found, x.What)
		}
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	if strings.Contains(tap.log.String(), text) {
		found = append(found, "the log")
	}
	return found
}
