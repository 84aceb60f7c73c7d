package app

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	echov4 "github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/internal/testkit"
	"latchkey/views"
)

// The load run behind docs/performance.md. It is no test: it asserts nothing about time. It runs when LATCHKEY_LOAD is set,
// with the driver on one core and the server, a program of its own, on the other:
//
//	LATCHKEY_LOAD=1 taskset -c 1 go test -count=1 -timeout 20m -run TestLoad -v ./internal/app
const (
	loadVariable  = "LATCHKEY_LOAD"
	floorVariable = "LATCHKEY_LOAD_FLOOR"
	baseVariable  = "LATCHKEY_LOAD_BASE"
	serverCore    = "0"
	loadRounds    = 5
	loadTime      = 3 * time.Second
	loadUsers     = 300 // who create keys at a time
)

// loadConns are the numbers of connections over which keys are created.
var loadConns = []int{1, 16, 50}

func TestLoad(t *testing.T) {
	if os.Getenv(loadVariable) == "" {
		t.Skip("set " + loadVariable + " to measure")
	}
	if addr := os.Getenv(floorVariable); addr != "" {
		serveFloor(t, addr)
		return
	}
	binary := buildProgram(t)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("binary: %.1f MB", float64(info.Size())/1e6)

	data := filepath.Join(t.TempDir(), "data")
	server := startServer(t, "127.0.0.1:"+freePort(t), binary, "--data", data, "--log-level", "error")
	t.Logf("start on an empty directory: %v to the first answer", server.started)
	t.Logf("memory, idle: %.1f MB", server.memory(t))
	people := newPeople(t, server.addr, len(loadConns)*loadUsers)
	t.Logf("memory after %d passwords: %.1f MB", 2*(len(people.creators)+1), server.memory(t))
	server.stop(t)
	makeOld(t, filepath.Join(data, databaseFile))
	server = startServer(t, server.addr, binary, "--data", data, "--log-level", "error")

	floor := startFloor(t)
	for _, conns := range []int{1, 16} {
		compare(t, conns, []traffic{
			{"Echo + templ, 20 rows from memory", floor, people.page},
			{"keys page", server, people.page},
		})
		t.Logf("memory under list load: %.1f MB", server.memory(t))
		compare(t, conns, []traffic{
			{"authserver: list of 20 keys", server, people.list},
			{"sign in with a key", server, people.signIn},
		})
	}
	for i, conns := range loadConns {
		creators := people.creators[i*loadUsers:][:loadUsers]
		var samples []sample
		for range loadRounds {
			samples = append(samples, people.create(t, server, conns, creators))
		}
		tell(t, conns, []string{"create by many users"}, [][]sample{samples})
	}
	server.stop(t)
	var starts []time.Duration
	for range 8 {
		again := startServer(t, "127.0.0.1:"+freePort(t), binary, "--data", data, "--log-level", "error")
		starts = append(starts, again.started)
		again.stop(t)
	}
	slices.Sort(starts[1:])
	t.Logf("start on existing data: %v to the first answer (median of 7)", starts[4])
}

// TestLoadAgainstAnotherBuild takes turns between the floor and two builds of the program, to see what a change costs:
//
//	LATCHKEY_LOAD_BASE=/path/to/another/latchkey taskset -c 1 go test -count=1 -timeout 30m -run TestLoadAgainst -v ./internal/app
func TestLoadAgainstAnotherBuild(t *testing.T) {
	base := os.Getenv(baseVariable)
	if base == "" {
		t.Skip("set " + baseVariable + " to compare")
	}
	binary := buildProgram(t)
	var pages, signIns []traffic
	var names []string
	var creates []func(conns int) sample
	for _, build := range []struct{ name, binary string }{{"the other build", base}, {"this build", binary}} {
		addr := "127.0.0.1:" + freePort(t)
		server := startServer(t, addr, build.binary, "--data", filepath.Join(t.TempDir(), "data"), "--log-level", "error")
		people := newPeople(t, addr, loadUsers)
		pages = append(pages, traffic{"keys page, " + build.name, server, people.page})
		signIns = append(signIns, traffic{"sign in with a key, " + build.name, server, people.signIn})
		names = append(names, "create by many users, "+build.name)
		creates = append(creates, func(conns int) sample { return people.create(t, server, conns, people.creators) })
	}
	floor := traffic{"Echo + templ, 20 rows from memory", startFloor(t), pages[0].request}
	for _, conns := range loadConns {
		if conns <= 16 {
			compare(t, conns, append([]traffic{floor}, signIns...))
			compare(t, conns, append([]traffic{floor}, pages...))
		}
		samples := make([][]sample, 1+len(creates))
		for range loadRounds {
			until := time.Now().Add(loadTime)
			samples[0] = append(samples[0], drive(t, floor, conns, func(int) bool { return time.Now().Before(until) }))
			for i, create := range creates {
				samples[1+i] = append(samples[1+i], create(conns))
			}
		}
		tell(t, conns, append([]string{floor.name}, names...), samples)
	}
}

// buildProgram builds the program as the image has it.
func buildProgram(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// makeOld makes the keys three years old, last used four minutes ago, as those of most people are: keys that were created a
// moment ago say more.
func makeOld(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now := time.Now().UnixMilli()
	for _, change := range []struct {
		text string
		args []any
	}{
		{"UPDATE api_keys SET id = '65' || substr(id, 3)", nil}, // the first four bytes of an id are seconds
		{`INSERT INTO key_uses (user_id, key_id, first_used_at, last_used_at, address, device_name, platform, platform_version, sdk, sdk_version)
			SELECT user_id, id, ?, ?, '192.168.1.7', 'pi-4', 'linux', '6.1', 'realm-web', '2.0.1' FROM api_keys`, []any{now - 86_400_000, now - 240_000}},
	} {
		if _, err := db.ExecContext(t.Context(), change.text, change.args...); err != nil {
			t.Fatal(err)
		}
	}
}

// server is a program under load, pinned to its core.
type server struct {
	addr    string
	cmd     *exec.Cmd
	started time.Duration
}

func startServer(t *testing.T, addr, binary string, args ...string) *server {
	t.Helper()
	args = append([]string{"-c", serverCore, binary, "--addr", addr}, args...)
	return startPinned(t, addr, exec.CommandContext(t.Context(), "taskset", args...))
}

// startFloor starts what a list page costs at the least on these libraries: Echo, and the page's own component drawn from
// memory. No session, no database, no log, no headers.
func startFloor(t *testing.T) *server {
	t.Helper()
	addr := "127.0.0.1:" + freePort(t)
	cmd := exec.CommandContext(t.Context(), "taskset", "-c", serverCore, os.Args[0], "-test.run", "^TestLoad$", "-test.timeout", "20m")
	cmd.Env = append(os.Environ(), loadVariable+"=1", floorVariable+"="+addr)
	return startPinned(t, addr, cmd)
}

func startPinned(t *testing.T, addr string, cmd *exec.Cmd) *server {
	t.Helper()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{addr: addr, cmd: cmd}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for time.Since(began) < 10*time.Second {
		resp, err := http.Get("http://" + addr + "/healthz") //nolint:gosec // our own address
		if err == nil {
			_ = resp.Body.Close()
			s.started = time.Since(began).Round(100 * time.Microsecond)
			return s
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s does not answer", cmd)
	return nil
}

func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// memory is the proportional set size in MB.
func (s *server) memory(t *testing.T) float64 {
	t.Helper()
	return s.proc(t, "smaps_rollup", func(fields []string) (float64, bool) {
		if fields[0] != "Pss:" {
			return 0, false
		}
		kB, _ := strconv.ParseFloat(fields[1], 64)
		return kB / 1024, true
	})
}

// cpu is the processor time used so far, from the scheduler's own counter.
func (s *server) cpu(t *testing.T) time.Duration {
	t.Helper()
	var total time.Duration
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		content, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(content))[0], 10, 64)
		total += time.Duration(ns)
	}
	return total
}

func (s *server) proc(t *testing.T, file string, find func([]string) (float64, bool)) float64 {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if v, ok := find(strings.Fields(line)); ok {
			return v
		}
	}
	t.Fatalf("nothing found in %s", file)
	return 0
}

// traffic is one kind of request to one server.
type traffic struct {
	name    string
	server  *server
	request func(conn, n int) []byte
}

// sample is what a run of a load gave.
type sample struct {
	rate     float64
	p50, p99 time.Duration
	cpu      time.Duration // of the server, per request
}

// compare runs the loads in turn, so that what the machine does besides falls on all of them, and tells what they gave.
func compare(t *testing.T, conns int, loads []traffic) {
	t.Helper()
	samples := make([][]sample, len(loads))
	var names []string
	for _, l := range loads {
		names = append(names, l.name)
	}
	for round := range loadRounds + 1 {
		for i, l := range loads {
			until := time.Now().Add(loadTime)
			s := drive(t, l, conns, func(int) bool { return time.Now().Before(until) })
			if round > 0 { // the first warms up
				samples[i] = append(samples[i], s)
			}
		}
	}
	tell(t, conns, names, samples)
}

// tell logs medians. The share is that of the first one's rate, round by round.
func tell(t *testing.T, conns int, names []string, samples [][]sample) {
	t.Helper()
	for i, name := range names {
		var shares []float64
		for round, s := range samples[i] {
			shares = append(shares, s.rate/samples[0][round].rate)
		}
		slices.Sort(shares)
		m := median(samples[i])
		t.Logf("%-36s c=%-2d %8.0f/s  p50 %-8v p99 %-8v cpu %-8v share %3.0f %%",
			name, conns, m.rate, m.p50, m.p99, m.cpu, 100*shares[len(shares)/2])
	}
}

func median(samples []sample) sample {
	of := func(value func(sample) float64) float64 {
		var all []float64
		for _, s := range samples {
			all = append(all, value(s))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return sample{
		rate: of(func(s sample) float64 { return s.rate }),
		p50:  time.Duration(of(func(s sample) float64 { return float64(s.p50) })),
		p99:  time.Duration(of(func(s sample) float64 { return float64(s.p99) })),
		cpu:  time.Duration(of(func(s sample) float64 { return float64(s.cpu) })),
	}
}

// drive keeps one request under way on each connection for as long as more says so.
func drive(t *testing.T, l traffic, conns int, more func(n int) bool) sample {
	t.Helper()
	taken := make([][]time.Duration, conns)
	cpu, began := l.server.cpu(t), time.Now()
	var all sync.WaitGroup
	for c := range conns {
		all.Go(func() { taken[c] = driveOne(t, l, c, more) })
	}
	all.Wait()
	elapsed := time.Since(began)
	times := slices.Concat(taken...)
	slices.Sort(times)
	if len(times) == 0 {
		t.Fatalf("%s: no answer", l.name)
	}
	return sample{
		rate: float64(len(times)) / elapsed.Seconds(),
		p50:  times[len(times)/2].Round(10 * time.Microsecond),
		p99:  times[len(times)*99/100].Round(10 * time.Microsecond),
		cpu:  ((l.server.cpu(t) - cpu) / time.Duration(len(times))).Round(time.Microsecond),
	}
}

func driveOne(t *testing.T, l traffic, c int, more func(n int) bool) (taken []time.Duration) {
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.server.addr)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReaderSize(conn, 64<<10)
	for n := 0; more(n); n++ {
		began := time.Now()
		if _, err := conn.Write(l.request(c, n)); err != nil {
			t.Error(err)
			return taken
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Error(err)
			return taken
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode >= 300 {
			t.Errorf("%s: status %d, %v", l.name, resp.StatusCode, err)
			return taken
		}
		taken = append(taken, time.Since(began))
	}
	return taken
}

// people are accounts with what their requests need: one with twenty keys and a browser, and many to create keys.
type people struct {
	host, cookie, refresh, value string
	creators                     []*client.Session
}

func newPeople(t *testing.T, addr string, creators int) *people {
	t.Helper()
	base := "http://" + addr
	c := newClient(t, base)
	p := &people{host: addr}
	owner := p.register(t, c, "owner@example.com")
	p.refresh = owner.RefreshToken().Reveal()
	for i := range client.MaxKeys {
		key, err := owner.APIKeys().Create(t.Context(), "device-key-"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		p.value = key.Value.Reveal()
	}
	b := browser(t)
	post(t, b, base+"/login", url.Values{"email": {"owner@example.com"}, "password": {testkit.Password}})
	at, _ := url.Parse(base)
	for _, cookie := range b.Jar.Cookies(at) {
		p.cookie += cookie.Name + "=" + cookie.Value + "; "
	}
	for i := range creators {
		if i%50 == 0 {
			c = newClientFrom(t, base, i/50)
		}
		p.creators = append(p.creators, p.register(t, c, fmt.Sprintf("creator-%d@example.com", i)))
	}
	return p
}

// newClientFrom has an address of its own: from one, only so many accounts can be created.
func newClientFrom(t *testing.T, base string, n int) *client.Client {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n+1))}}
	c, err := client.New(base, "latchkey-local", client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *people) register(t *testing.T, c *client.Client, email string) *client.Session {
	t.Helper()
	if err := c.Register(t.Context(), email, testkit.Password); err != nil {
		t.Fatal(err)
	}
	session, err := c.Login(t.Context(), client.EmailPassword(email, testkit.Password))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func (p *people) page(int, int) []byte {
	return p.http("GET", "/keys", "Cookie: "+p.cookie, "")
}

func (p *people) list(int, int) []byte {
	return p.http("GET", "/api/client/v2.0/auth/api_keys", "Authorization: Bearer "+p.refresh, "")
}

func (p *people) signIn(int, int) []byte {
	return p.http("POST", "/api/client/v2.0/app/latchkey-local/auth/providers/api-key/login",
		"Content-Type: application/json", `{"key":"`+p.value+`"}`)
}

// create has creators create all the keys they may, and deletes them again: often enough, and they have to wait. Pairs of user and
// key are spread over the connections, so that neighbours in a batch belong to different users.
func (p *people) create(t *testing.T, s *server, conns int, creators []*client.Session) sample {
	t.Helper()
	each := len(creators) * client.MaxKeys / conns
	l := traffic{"create", s, func(conn, n int) []byte {
		i := n*conns + conn
		creator := creators[i%len(creators)]
		return p.http("POST", "/api/client/v2.0/auth/api_keys",
			"Content-Type: application/json\r\nAuthorization: Bearer "+creator.RefreshToken().Reveal(),
			`{"name":"key-`+strconv.Itoa(i/len(creators))+`"}`)
	}}
	took := drive(t, l, conns, func(n int) bool { return n < each })
	p.clear(t, creators)
	return took
}

func (p *people) clear(t *testing.T, all []*client.Session) {
	t.Helper()
	var chunks sync.WaitGroup
	for creators := range slices.Chunk(all, max(1, len(all)/16)) {
		chunks.Go(func() {
			for _, creator := range creators {
				p.clearOne(t, creator)
			}
		})
	}
	chunks.Wait()
}

func (p *people) clearOne(t *testing.T, creator *client.Session) {
	keys, err := creator.APIKeys().FetchAll(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	for _, key := range keys {
		if err := creator.APIKeys().Delete(t.Context(), key.ID); err != nil {
			t.Error(err)
		}
	}
}

func (p *people) http(method, path, header, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s", method, path, p.host, header, len(body), body)
	return b.Bytes()
}

func serveFloor(t *testing.T, addr string) {
	t.Helper()
	now := time.Now()
	m := views.Keys{
		Page:  views.Page{Title: "Devices and keys", Email: "owner@example.com", Here: "/keys"},
		Quota: views.Quota{Used: client.MaxKeys, Limit: client.MaxKeys},
		Form:  views.CreateForm{ID: "floor"},
	}
	for i := range client.MaxKeys {
		m.List = append(m.List, views.Key{
			ID: fmt.Sprintf("%024x", i), Name: "device-key-" + strconv.Itoa(i), On: true, Created: views.NewWhen(now, now),
		})
	}
	e := echov4.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/healthz", func(c echov4.Context) error { return c.NoContent(http.StatusOK) })
	e.GET("/keys", func(c echov4.Context) error {
		b := templ.GetBuffer()
		defer templ.ReleaseBuffer(b)
		if err := views.KeysPage(m).Render(c.Request().Context(), b); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, b.Bytes())
	})
	context.AfterFunc(t.Context(), func() { _ = e.Close() })
	slog.SetDefault(slog.New(slog.DiscardHandler))
	_ = e.Start(addr) // until the driver ends the process
}
