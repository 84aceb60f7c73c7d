package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// restartsVariable says how often the program is restarted under load; 50 times is for before a release.
const restartsVariable = "LATCHKEY_RESTARTS"

// drainTime is that of the programs below. It is much longer than the time between two readiness checks,
// also on a machine that is busy.
const drainTime = 600 * time.Millisecond

// process is the program as people run it, which is stopped by a signal and started again on the same data.
type process struct {
	t      *testing.T
	binary string
	addr   string
	args   []string
	env    []string
	cmd    *exec.Cmd
	log    bytes.Buffer
}

func startProcess(t *testing.T, addr, publicURL string) *process {
	t.Helper()
	p := &process{t: t, binary: buildProgram(t), addr: addr, args: []string{"--addr", addr, "--data", t.TempDir(), "--public-url", publicURL,
		"--trusted-proxies", "127.0.0.0/8", "--drain-time", drainTime.String(), "--log-level", "warn"}}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// kill ends it without a word.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// start comes back when the program listens.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.CommandContext(context.WithoutCancel(p.t.Context()), p.binary, p.args...)
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), p.env...), &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for patience := time.Now().Add(time.Minute); !listens(p.addr); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(patience) {
			p.t.Fatalf("it does not start: %s", p.log.String())
		}
	}
}

// stop sends SIGTERM and says how long the end took.
func (p *process) stop() time.Duration {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("it did not end well: %v\n%s", err, p.log.String())
	}
	return time.Since(began)
}

// patient sends on what it can, and holds back the rest: while the program does not say that it is ready, and again when nothing
// of a request has been sent, or when it may be sent twice.
type patient struct {
	base    http.RoundTripper
	readyAt atomic.Int64 // when the program was last asked and said so
}

// askForReadiness asks until the context ends.
func (p *patient) askForReadiness(ctx context.Context, addr string) {
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	repeat(ctx, func() time.Duration { return 10 * time.Millisecond }, func(ctx context.Context) {
		asked := time.Now()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+healthPath, nil)
		if err != nil {
			return
		}
		res, err := fresh.Do(req)
		if err != nil {
			return
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			p.readyAt.Store(asked.UnixNano())
		}
	})
}

func (p *patient) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := bodyOf(req)
	if err != nil {
		return nil, err
	}
	for ; ; time.Sleep(time.Millisecond) {
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		if time.Since(time.Unix(0, p.readyAt.Load())) > drainTime/2 {
			continue
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		res, err := p.base.RoundTrip(req)
		var op *net.OpError
		neverSent := errors.As(err, &op) && op.Op == "dial"
		if err == nil || !neverSent && req.Method != http.MethodGet {
			return res, err
		}
	}
}

func bodyOf(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	return io.ReadAll(req.Body)
}

// behindPatience is a reverse proxy in front of the program that will be at addr, and a client of it.
func behindPatience(t *testing.T, addr string) (string, *http.Client) {
	t.Helper()
	p := &patient{base: &http.Transport{MaxIdleConnsPerHost: 64}}
	ctx, stop := context.WithCancel(t.Context())
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		p.askForReadiness(ctx, addr)
	}()
	to := &url.URL{Scheme: "http", Host: addr}
	server := httptest.NewServer(&httputil.ReverseProxy{Transport: p, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(func() {
		stop()
		<-asking
		server.Close()
	})
	return server.URL, server.Client()
}

func restarts(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return times(t, restartsVariable, 1)
	}
	return times(t, restartsVariable, 3)
}

// times is what the environment asks for, or else what does for every day.
func times(t *testing.T, variable string, ordinary int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return ordinary
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNoRequestIsLostWhenTheProgramIsRestarted(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]func(*testing.T, string) (string, *http.Client){
		"behind a proxy that asks for readiness": behindPatience, "behind HAProxy": behindHAProxy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:" + freePort(t)
			base, through := behind(t, addr)
			restartUnderLoad(t, startProcess(t, addr, base), startCrowd(t, base, through))
		})
	}
}

func restartUnderLoad(t *testing.T, program *process, crowd *crowd) {
	t.Helper()
	n := restarts(t)
	var longestStop, longestStart time.Duration
	for i := range n {
		crowd.goesOn(50)
		stream := crowd.openStream()
		stopped := program.stop()
		if stopped > drainTime+5*time.Second { // a stream that is not let go of takes ten seconds
			t.Errorf("restart %d: it took %v to stop", i, stopped)
		}
		stream()
		began := time.Now()
		program.start()
		longestStop, longestStart = max(longestStop, stopped), max(longestStart, time.Since(began))
	}
	crowd.goesOn(50)
	crowd.stop()
	t.Logf("torture: %s: %d restarts, %d requests, %d failed; at most %v to stop, %v of it to drain, %v to start, and %v for a request", filepath.Base(t.Name()), n, crowd.done.Load(), crowd.failed.Load(),
		longestStop.Round(time.Millisecond), drainTime, longestStart.Round(time.Millisecond), time.Duration(crowd.longest.Load()).Round(time.Millisecond))
}

// behindHAProxy runs the recipe of docs/proxies.md, and gives a client that finds the host of the recipe there.
func behindHAProxy(t *testing.T, addr string) (string, *http.Client) {
	t.Helper()
	f := proxies[1].start(t, addr)
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64, TLSClientConfig: &tls.Config{RootCAs: f.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, f.https)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return "https://" + proxiedHost, &http.Client{Transport: transport}
}
