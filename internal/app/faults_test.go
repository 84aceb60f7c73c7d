package app

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// front stands before an upstream, which it can make look broken.
type front struct {
	url   string
	fault atomic.Pointer[http.HandlerFunc]
}

// startFront starts an upstream that is reached through a front.
func startFront(t *testing.T) *front {
	t.Helper()
	f := &front{}
	server := httptest.NewUnstartedServer(nil)
	f.url = "http://" + server.Listener.Addr().String()
	cfg := testConfig(t)
	cfg.PublicURL = f.url
	behind := &url.URL{Scheme: "http", Host: run(t, cfg).listener.Addr().String()}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host
	}}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.fault.Load(); fault != nil {
			(*fault)(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	return f
}

func (f *front) breaks(fault http.HandlerFunc) { f.fault.Store(&fault) }

// drips says it is JSON and sends a byte a second for as long as anybody listens.
func drips(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for ticks := time.NewTicker(time.Second); ; {
		_, _ = io.WriteString(w, "[")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ticks.C:
		case <-r.Context().Done():
			ticks.Stop()
			return
		}
	}
}

// floods sends ten megabytes of something that begins like a list.
func floods(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "[")
	spaces := bytes.Repeat([]byte(" "), 64<<10)
	for range 160 {
		if _, err := w.Write(spaces); err != nil {
			return
		}
	}
}

func isSilent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Not parallel: goroutines and memory are those of the whole process.
func TestABrokenUpstreamLeavesNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the program's patience to end")
	}
	faults := map[string]struct {
		fault  http.HandlerFunc
		status int
	}{
		"it hangs up":       {hangsUp, http.StatusBadGateway},
		"it is silent":      {isSilent, http.StatusGatewayTimeout},
		"it drips":          {drips, http.StatusGatewayTimeout},
		"it sends too much": {floods, http.StatusBadGateway},
	}
	upstreams, programs, people := map[string]*front{}, map[string]running{}, map[string]*http.Client{}
	for name := range faults {
		cfg := testConfig(t)
		upstreams[name] = startFront(t)
		cfg.Upstream = upstreams[name].url
		programs[name], people[name] = run(t, cfg), browser(t)
		defer people[name].CloseIdleConnections()
		if page := post(t, people[name], programs[name].URL()+"/register", account); page.Status != http.StatusOK {
			t.Fatal(page.Status, page.Body)
		}
	}
	base := runtime.NumGoroutine()
	t.Run("broken", func(t *testing.T) { // all at the same time: each waits for as long as a person would
		for name, tc := range faults {
			upstreams[name].breaks(tc.fault)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				started := time.Now()
				if page := get(t, people[name], programs[name].URL()+"/keys"); page.Status != tc.status || !strings.Contains(page.Body, "We couldn’t read your keys.") {
					t.Error(page.Status, page.Body)
				}
				if took := time.Since(started); took > 10*time.Second+slack {
					t.Errorf("a person waited %v", took)
				}
			})
		}
	})
	for name := range faults {
		upstreams[name].fault.Store(nil)
		if page := get(t, people[name], programs[name].URL()+"/keys"); page.Status != http.StatusOK || !strings.Contains(page.Body, `action="/keys"`) {
			t.Errorf("%s: afterwards: %d %s", name, page.Status, page.Body)
		}
	}
	awaitGoroutines(t, base+5*len(faults)) // connections that are kept
}

// slack is how much longer everything may take on a machine with other work.
const slack = 10 * time.Second

// awaitGoroutines gives goroutines a minute to end.
func awaitGoroutines(t *testing.T, most int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > most; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d at most:\n%s", runtime.NumGoroutine(), most, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// Not parallel: memory is that of the whole process.
func TestATenMegabyteAnswerIsNeverHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory, of which the race detector takes as much again")
	}
	upstream := startFront(t)
	cfg := testConfig(t)
	cfg.Upstream = upstream.url
	a := run(t, cfg)
	ana := browser(t)
	defer ana.CloseIdleConnections()
	post(t, ana, a.URL()+"/register", account)
	get(t, ana, a.URL()+"/keys")

	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // what is used once stays, and is counted
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	upstream.breaks(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/key_facts") {
			http.NotFound(w, r)
			return
		}
		floods(w, r)
	})
	page := get(t, ana, a.URL()+"/keys")
	runtime.ReadMemStats(&after)
	if page.Status != http.StatusBadGateway {
		t.Errorf("status %d", page.Status)
	}
	grown := after.HeapAlloc - before.HeapAlloc
	t.Logf("a list of ten megabytes took %d kB, all that is thrown away again included", grown>>10)
	if grown > 5<<20 {
		t.Errorf("ten megabytes took %d bytes of memory", grown)
	}
}
