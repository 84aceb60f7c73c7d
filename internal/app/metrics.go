package app

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// otherRoute stands for what no route answered. What was asked for instead is for nobody to see, and there is no end of it.
const otherRoute = "other"

// metrics counts what the program does. Its labels are routes, methods and statuses: never a value, a name or an address.
type metrics struct {
	now     func() time.Time
	hashing func() (running, waiting int) // nil with an upstream
	gauges  func() gauges

	inFlight, streams atomic.Int64

	mu       sync.Mutex
	requests map[request]int64
	took     map[string]*histogram // by route
	logIns   map[string]int64      // by outcome
}

// request is what of a request is counted.
type request struct {
	route, method string
	status        int
}

// gauges are read when somebody asks.
type gauges struct {
	ready                                 bool
	connections                           int64
	storeReads, storeWrites, storeCommits int64
}

// bounds are those of the histogram's buckets, in seconds. A page takes one millisecond and a password forty.
var bounds = [...]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

type histogram struct {
	buckets [len(bounds)]int64 // each counts what fits into it and not into the one before
	count   int64
	sum     time.Duration
}

func newMetrics(now func() time.Time) *metrics {
	return &metrics{now: now, requests: map[request]int64{}, took: map[string]*histogram{}, logIns: map[string]int64{}}
}

// withoutMethod is the path of a pattern "METHOD /path", or the pattern if it is that already.
func withoutMethod(pattern string) string { return pattern[strings.LastIndexByte(pattern, ' ')+1:] }

// watch counts what next is asked for. Whoever answers names the route in the request's Pattern, as http.ServeMux does.
func (m *metrics) watch(next http.Handler, routes []string) http.Handler {
	known := map[string]bool{}
	for _, route := range routes {
		known[withoutMethod(route)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := m.now()
		answer := &watchedAnswer{ResponseWriter: w, streams: &m.streams}
		m.inFlight.Add(1)
		defer func() { // also when the handler panics to break the connection off
			m.inFlight.Add(-1)
			route := withoutMethod(r.Pattern)
			if !known[route] {
				route = otherRoute
			}
			m.count(request{route, knownMethod(r.Method), answer.end()}, m.now().Sub(start), answer.goesOn)
		}()
		next.ServeHTTP(answer, r)
	})
}

// knownMethod keeps what people make up out of the labels.
func knownMethod(method string) string {
	if slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		return method
	}
	return "other"
}

// count adds a request. How long a stream was open says nothing about how fast the program is.
func (m *metrics) count(what request, took time.Duration, goesOn bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[what]++
	if goesOn {
		return
	}
	h := m.took[what.route]
	if h == nil {
		h = &histogram{}
		m.took[what.route] = h
	}
	h.count++
	h.sum += took
	if i, _ := slices.BinarySearch(bounds[:], took.Seconds()); i < len(bounds) {
		h.buckets[i]++
	}
}

// countLogIns counts the log-ins of an API by how they ended.
func (m *metrics) countLogIns(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLogIn(r) {
			api.ServeHTTP(w, r)
			return
		}
		answer := &watchedAnswer{ResponseWriter: w, streams: &m.streams}
		api.ServeHTTP(answer, r)
		m.countLogIn(outcomeOf(answer.end()))
	})
}

// countedLogIns is an http.RoundTripper that counts the log-ins which pass it.
type countedLogIns struct {
	http.RoundTripper
	metrics *metrics
}

func (c countedLogIns) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if isLogIn(r) {
		outcome := "unanswered"
		if err == nil {
			outcome = outcomeOf(res.StatusCode)
		}
		c.metrics.countLogIn(outcome)
	}
	return res, err
}

func isLogIn(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/login") && strings.Contains(r.URL.Path, "/auth/providers/")
}

func outcomeOf(status int) string {
	switch status {
	case http.StatusOK:
		return "good"
	case http.StatusUnauthorized:
		return "refused"
	case http.StatusTooManyRequests:
		return "limited"
	case http.StatusServiceUnavailable:
		return "busy"
	default:
		return "failed"
	}
}

func (m *metrics) countLogIn(outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logIns[outcome]++
}

// watchedAnswer is an http.ResponseWriter that remembers how the answer began.
type watchedAnswer struct {
	http.ResponseWriter
	streams *atomic.Int64
	status  int
	goesOn  bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watchedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the first final status.
func (w *watchedAnswer) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedAnswer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

func (w *watchedAnswer) begin(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	w.status = status
	if w.goesOn = strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream"); w.goesOn {
		w.streams.Add(1)
	}
}

// end gives the status of the answer, which is over.
func (w *watchedAnswer) end() int {
	w.begin(http.StatusOK) // what package http sends when nobody has said anything
	if w.goesOn {
		w.streams.Add(-1)
	}
	return w.status
}
