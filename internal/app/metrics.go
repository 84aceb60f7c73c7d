package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	victoria "github.com/VictoriaMetrics/metrics"

	"latchkey/internal/app/operate"
	"latchkey/internal/store"
)

// otherRoute stands for what no route answered. What was asked for instead is for nobody to see, and there is no end of it.
const otherRoute = "other"

// metrics counts what the program does. Its labels are routes, methods and statuses: never a value, a name or an address.
type metrics struct {
	now     func() time.Time
	hashing func() (running, waiting int) // nil with an upstream
	knocks  func() knockCounts            // nil with an upstream
	gauges  func() gauges
	warned  func() []operate.Warning

	inFlight, streams atomic.Int64

	mu       sync.Mutex
	set      *victoria.Set // of this program: a test runs several
	requests map[request]*victoria.Counter
	took     map[string]*victoria.PrometheusHistogram // by route
	signIns  map[string]*victoria.Counter             // by outcome

	exchanges map[exchange]*victoria.Counter
}

// request is what of a request is counted.
type request struct {
	route, method string
	status        int
}

// gauges are read when somebody asks.
type gauges struct {
	ready                                 bool
	mails                                 bool // are sent at all
	mailsWaiting                          int
	mailsFailing                          time.Duration // since when none has got through
	connections                           int64
	clockOff                              float64          // seconds
	pool                                  *store.PoolStats // nil when the database is in this process
	webhooks                              *webhookCounts
	clockOffset                           float64 // seconds that the clock is ahead of the database's
	storeReads, storeWrites, storeCommits uint64
}

// knockCounts are about devices that were refused because nobody has the value of their key.
type knockCounts struct {
	total uint64
	open  int64 // -1 while that cannot be read
}

// bounds are those of the histogram's buckets, in seconds. A page takes one millisecond and a password forty.
var bounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// helps are the help texts of the metrics. The library leaves them empty.
var helps = strings.NewReplacer(
	"# HELP latchkey_http_requests_total\n", "# HELP latchkey_http_requests_total HTTP requests answered.\n",
	"# HELP latchkey_http_request_duration_seconds\n", "# HELP latchkey_http_request_duration_seconds Request duration in seconds, event streams excluded.\n",
	"# HELP latchkey_log_ins_total\n", "# HELP latchkey_log_ins_total Sign-ins, by outcome.\n",
	"# HELP latchkey_token_exchanges_total\n", "# HELP latchkey_token_exchanges_total Tokens for other services that were asked for, by audience and outcome.\n",
	"# HELP latchkey_webhook_tries_total\n", "# HELP latchkey_webhook_tries_total Tries to deliver an event to a webhook, by outcome.\n",
	"# HELP latchkey_webhook_events_waiting\n", "# HELP latchkey_webhook_events_waiting Events waiting to be delivered to webhooks.\n",
	"# HELP latchkey_webhooks_failing\n", "# HELP latchkey_webhooks_failing Webhooks to which the last try failed.\n",
	"# HELP latchkey_webhooks_off\n", "# HELP latchkey_webhooks_off Webhooks that are off.\n",
	"# HELP latchkey_warnings_total\n", "# HELP latchkey_warnings_total How often each warning occurred; the log has the details.\n",
	"# HELP latchkey_warnings_active\n", "# HELP latchkey_warnings_active Whether each warning still applies, as far as known.\n",
	"# HELP latchkey_mails_waiting\n", "# HELP latchkey_mails_waiting Emails waiting for the mail server.\n",
	"# HELP latchkey_mail_failing_seconds\n", "# HELP latchkey_mail_failing_seconds Seconds since email delivery started to fail; 0 if the last email was delivered.\n",
	"# HELP latchkey_ready\n", "# HELP latchkey_ready Whether this server is ready for requests.\n",
	"# HELP latchkey_http_requests_in_flight\n", "# HELP latchkey_http_requests_in_flight HTTP requests being answered.\n",
	"# HELP latchkey_streams_open\n", "# HELP latchkey_streams_open Open event streams of pages.\n",
	"# HELP latchkey_connections_open\n", "# HELP latchkey_connections_open Connections to the public listener.\n",
	"# HELP latchkey_clock_off_seconds\n", "# HELP latchkey_clock_off_seconds How far the clock is ahead of the expected time, in seconds; while it is not 0, expired data is kept.\n",
	"# HELP latchkey_password_hashes_running\n", "# HELP latchkey_password_hashes_running Passwords being hashed.\n",
	"# HELP latchkey_password_hashes_waiting\n", "# HELP latchkey_password_hashes_waiting Passwords waiting to be hashed.\n",
	"# HELP latchkey_knocks_total\n", "# HELP latchkey_knocks_total Sign-ins refused because nobody has the value of the key, remembered or not.\n",
	"# HELP latchkey_knocks_open\n", "# HELP latchkey_knocks_open Refused devices that are listed by latchkey knock list.\n",
	"# HELP latchkey_clock_offset_seconds\n", "# HELP latchkey_clock_offset_seconds How far the clock of this node is ahead of that of the database, in seconds.\n",
	"# HELP latchkey_database_up\n", "# HELP latchkey_database_up Whether the database is reachable, as far as known.\n",
	"# HELP latchkey_database_retries_total\n", "# HELP latchkey_database_retries_total Transactions retried, because of a conflict or because a connection broke before anything was saved.\n",
	"# HELP latchkey_database_unclear_total\n", "# HELP latchkey_database_unclear_total Transactions that may or may not have been saved: the answer to their commit was lost.\n",
	"# HELP latchkey_database_connections_open\n", "# HELP latchkey_database_connections_open Connections to the database.\n",
	"# HELP latchkey_database_connections_in_use\n", "# HELP latchkey_database_connections_in_use Connections to the database in use.\n",
	"# HELP latchkey_database_connections_max\n", "# HELP latchkey_database_connections_max Maximum number of connections to the database.\n",
	"# HELP latchkey_database_waiting\n", "# HELP latchkey_database_waiting Reads and writes waiting for a connection to the database.\n",
	"# HELP latchkey_store_reads_total\n", "# HELP latchkey_store_reads_total Read statements run.\n",
	"# HELP latchkey_store_writes_total\n", "# HELP latchkey_store_writes_total Write jobs run.\n",
	"# HELP latchkey_store_commits_total\n", "# HELP latchkey_store_commits_total Transactions committed.\n",
)

func newMetrics(now func() time.Time) *metrics {
	victoria.ExposeMetadata(true) // of the whole process, and wanted by every program in it
	return &metrics{
		now: now, set: victoria.NewSet(), requests: map[request]*victoria.Counter{},
		took: map[string]*victoria.PrometheusHistogram{}, signIns: map[string]*victoria.Counter{}, exchanges: map[exchange]*victoria.Counter{},
	}
}

// write tells everything that is counted, and what is so at this moment.
func (m *metrics) write(w io.Writer) error {
	var text bytes.Buffer
	m.set.WritePrometheus(&text)
	m.writeGauges(&text)
	victoria.WriteProcessMetrics(&text)
	_, err := helps.WriteString(w, declaredOnce(text.String()))
	return err
}

// declaredOnce has each metric say once what it is: the library says it for each line that is written by itself, which strict readers of
// the format refuse.
func declaredOnce(text string) string {
	var out strings.Builder
	said := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "# ") {
			if said[line] {
				continue
			}
			said[line] = true
		}
		out.WriteString(line)
	}
	return out.String()
}

func (m *metrics) writeGauges(w io.Writer) {
	g := m.gauges()
	ready := 0.
	if g.ready {
		ready = 1
	}
	victoria.WriteGaugeFloat64(w, "latchkey_ready", ready)
	victoria.WriteGaugeFloat64(w, "latchkey_http_requests_in_flight", float64(m.inFlight.Load()))
	victoria.WriteGaugeFloat64(w, "latchkey_streams_open", float64(m.streams.Load()))
	victoria.WriteGaugeFloat64(w, "latchkey_connections_open", float64(g.connections))
	victoria.WriteGaugeFloat64(w, "latchkey_clock_off_seconds", g.clockOff)
	if m.hashing != nil {
		running, waiting := m.hashing()
		victoria.WriteGaugeFloat64(w, "latchkey_password_hashes_running", float64(running))
		victoria.WriteGaugeFloat64(w, "latchkey_password_hashes_waiting", float64(waiting))
	}
	if m.knocks != nil {
		k := m.knocks()
		victoria.WriteCounterUint64(w, "latchkey_knocks_total", k.total)
		if k.open >= 0 {
			victoria.WriteGaugeFloat64(w, "latchkey_knocks_open", float64(k.open))
		}
	}
	if g.mails {
		victoria.WriteGaugeFloat64(w, "latchkey_mails_waiting", float64(g.mailsWaiting))
		victoria.WriteGaugeFloat64(w, "latchkey_mail_failing_seconds", g.mailsFailing.Seconds())
	}
	if g.pool != nil {
		writePool(w, *g.pool)
		victoria.WriteGaugeFloat64(w, "latchkey_clock_offset_seconds", g.clockOffset)
	}
	g.webhooks.write(w)
	warned := m.warned()
	for _, one := range warned {
		victoria.WriteCounterUint64(w, fmt.Sprintf(`latchkey_warnings_total{kind=%q}`, one.Kind), one.Times)
	}
	for _, one := range warned {
		active := 0.
		if one.Active() {
			active = 1
		}
		victoria.WriteGaugeFloat64(w, fmt.Sprintf(`latchkey_warnings_active{kind=%q}`, one.Kind), active)
	}
	victoria.WriteCounterUint64(w, "latchkey_store_reads_total", g.storeReads)
	victoria.WriteCounterUint64(w, "latchkey_store_writes_total", g.storeWrites)
	victoria.WriteCounterUint64(w, "latchkey_store_commits_total", g.storeCommits)
}

// writePool tells how this node gets on with the database that several share.
func writePool(w io.Writer, p store.PoolStats) {
	up := 0.
	if p.Up {
		up = 1
	}
	victoria.WriteGaugeFloat64(w, "latchkey_database_up", up)
	victoria.WriteCounterUint64(w, `latchkey_database_retries_total{why="conflict"}`, uint64(p.Conflicts))    //nolint:gosec // G115: it only grows
	victoria.WriteCounterUint64(w, `latchkey_database_retries_total{why="connection"}`, uint64(p.Reconnects)) //nolint:gosec // G115: it only grows
	victoria.WriteCounterUint64(w, "latchkey_database_unclear_total", uint64(p.Unclear))                      //nolint:gosec // G115: it only grows
	victoria.WriteGaugeFloat64(w, "latchkey_database_connections_open", float64(p.Connections))
	victoria.WriteGaugeFloat64(w, "latchkey_database_connections_in_use", float64(p.InUse))
	victoria.WriteGaugeFloat64(w, "latchkey_database_connections_max", float64(p.Most))
	victoria.WriteGaugeFloat64(w, "latchkey_database_waiting", float64(p.WaitingForAny))
}

// withoutMethod is the path of a pattern "METHOD /path", or the pattern if it is that already.
func withoutMethod(pattern string) string { return pattern[strings.LastIndexByte(pattern, ' ')+1:] }

// watch counts what next is asked for. The handler names the route in the request's Pattern, as http.ServeMux does.
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
	answered := m.requests[what]
	if answered == nil {
		answered = m.set.NewCounter(fmt.Sprintf(`latchkey_http_requests_total{route=%q,method=%q,status="%d"}`, what.route, what.method, what.status))
		m.requests[what] = answered
	}
	answered.Inc()
	if goesOn {
		return
	}
	times := m.took[what.route]
	if times == nil {
		times = m.set.NewPrometheusHistogramExt(fmt.Sprintf(`latchkey_http_request_duration_seconds{route=%q}`, what.route), bounds)
		m.took[what.route] = times
	}
	times.Update(took.Seconds())
}

// countSignIns counts the sign-ins of an API by how they ended.
func (m *metrics) countSignIns(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isSignIn(r) {
			api.ServeHTTP(w, r)
			return
		}
		answer := &watchedAnswer{ResponseWriter: w, streams: &m.streams}
		api.ServeHTTP(answer, r)
		m.countSignIn(outcomeOf(answer.end()))
	})
}

// countedSignIns is an http.RoundTripper that counts the sign-ins which pass it.
type countedSignIns struct {
	http.RoundTripper
	metrics *metrics
}

func (c countedSignIns) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if isSignIn(r) {
		outcome := "unanswered"
		if err == nil {
			outcome = outcomeOf(res.StatusCode)
		}
		c.metrics.countSignIn(outcome)
	}
	return res, err
}

func isSignIn(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/login") && strings.Contains(r.URL.Path, "/auth/providers/") &&
		(r.URL.RawQuery == "" || r.URL.Query().Get("link") != "true")
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

func (m *metrics) countSignIn(outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ended := m.signIns[outcome]
	if ended == nil {
		ended = m.set.NewCounter(fmt.Sprintf(`latchkey_log_ins_total{outcome=%q}`, outcome))
		m.signIns[outcome] = ended
	}
	ended.Inc()
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
