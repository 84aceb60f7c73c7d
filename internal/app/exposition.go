package app

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
)

// exposition is text in the format that Prometheus reads (version 0.0.4).
type exposition struct{ bytes.Buffer }

func (e *exposition) say(format string, args ...any) { fmt.Fprintf(&e.Buffer, format, args...) }

// family begins a metric.
func (e *exposition) family(name, kind, help string) {
	e.say("# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// one is a metric without labels.
func (e *exposition) one(name, kind, help string, value int64) {
	e.family(name, kind, help)
	e.say("%s %d\n", name, value)
}

// write tells everything that is counted.
func (m *metrics) write(w io.Writer) error {
	var e exposition
	m.writeRequests(&e)
	m.writeGauges(&e)
	_, err := e.WriteTo(w)
	return err
}

func (m *metrics) writeRequests(e *exposition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.family("latchkey_http_requests_total", "counter", "Requests that were answered.")
	byRoute := func(a, b request) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status))
	}
	for _, r := range slices.SortedFunc(maps.Keys(m.requests), byRoute) {
		e.say("latchkey_http_requests_total{route=%q,method=%q,status=\"%d\"} %d\n", r.route, r.method, r.status, m.requests[r])
	}
	e.family("latchkey_http_request_duration_seconds", "histogram", "How long answers took, but for those that go on.")
	for _, route := range slices.Sorted(maps.Keys(m.took)) {
		m.took[route].write(e, route)
	}
	e.family("latchkey_log_ins_total", "counter", "Log-ins, by how they ended.")
	for _, outcome := range slices.Sorted(maps.Keys(m.logIns)) {
		e.say("latchkey_log_ins_total{outcome=%q} %d\n", outcome, m.logIns[outcome])
	}
}

func (h *histogram) write(e *exposition, route string) {
	const name = "latchkey_http_request_duration_seconds"
	var sum int64
	for i, bound := range bounds {
		sum += h.buckets[i]
		e.say("%s_bucket{route=%q,le=\"%s\"} %d\n", name, route, strconv.FormatFloat(bound, 'g', -1, 64), sum)
	}
	e.say("%s_bucket{route=%q,le=\"+Inf\"} %d\n", name, route, h.count)
	e.say("%s_sum{route=%q} %g\n%s_count{route=%q} %d\n", name, route, h.sum.Seconds(), name, route, h.count)
}

func (m *metrics) writeGauges(e *exposition) {
	g := m.gauges()
	ready := int64(0)
	if g.ready {
		ready = 1
	}
	e.one("latchkey_ready", "gauge", "Whether requests should be sent here.", ready)
	e.one("latchkey_http_requests_in_flight", "gauge", "Requests being answered.", m.inFlight.Load())
	e.one("latchkey_streams_open", "gauge", "Answers that go on, to pages that are told of changes.", m.streams.Load())
	e.one("latchkey_connections_open", "gauge", "Connections to the public listener.", g.connections)
	if m.hashing != nil {
		running, waiting := m.hashing()
		e.one("latchkey_password_hashes_running", "gauge", "Passwords being hashed.", int64(running))
		e.one("latchkey_password_hashes_waiting", "gauge", "Passwords that wait for a core.", int64(waiting))
	}
	e.one("latchkey_store_reads_total", "counter", "Statements that read.", g.storeReads)
	e.one("latchkey_store_writes_total", "counter", "Jobs that the writer of the database ran.", g.storeWrites)
	e.one("latchkey_store_commits_total", "counter", "Transactions that were committed.", g.storeCommits)
	e.one("go_goroutines", "gauge", "Goroutines.", int64(runtime.NumGoroutine()))
}
