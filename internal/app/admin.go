package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof" //nolint:gosec // G108: what it registers by itself is on a mux that nobody serves
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/app/listen"
	"latchkey/internal/model"
)

// admin is the listener for operators, with readiness, metrics and profiles.
// Nothing of it is on the public listener. A nil admin does nothing.
type admin struct {
	listener *listen.Listener
	server   *http.Server
	metrics  *metrics
}

// adminConnections are enough for a few who measure and a few who look.
const adminConnections = 64

// newAdmin listens, when there is an address.
func (a *App) newAdmin(ctx context.Context, at *config.Admin) (*admin, error) {
	if at == nil {
		return nil, nil
	}
	listener, err := listenAt(ctx, "admin-addr", at.Addr, listen.Config{Most: adminConnections, Log: a.log})
	if err != nil {
		return nil, err
	}
	m := newMetrics(a.now)
	m.gauges, m.warned = a.gauges, a.warnings.all
	names := hosts{name: at.Host, addresses: true, log: a.log}
	d := &admin{listener: listener, metrics: m, server: newServer(names.only(a.fromNoPage(a.adminMux(m))), a.log)}
	d.server.ConnState = listener.Follow
	d.server.WriteTimeout = 2 * time.Minute // a profile takes as long as it is told to
	return d, nil
}

// readyPath is what anything may ask that decides where requests go.
const readyPath = "/readyz"

// fromNoPage refuses what a page of another site has the operator's browser ask for: it could read nothing, but have a profile of two
// minutes made, over and over. Browsers that do not say whose page it is name its origin, for whatever else than an image.
func (a *App) fromNoPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
		ours := site == "none" || site == "same-origin"
		if site == "" {
			ours = origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host // with a proxy of the operator's before it
		}
		if !ours && r.URL.Path != readyPath {
			a.log.Info("refused a cross-site request at the admin listener", "status", http.StatusForbidden, "site", legibleHost(site), "origin", legibleHost(origin), "from", r.RemoteAddr)
			http.Error(w, "cross-site requests are refused here", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// adminMux has no profile of the command line: a flag may hold a password.
func (a *App) adminMux(m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+readyPath, a.readiness)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = m.write(w) // the client has gone
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

func (a *App) readiness(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text := "ready\n"
	if err := a.ready(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = "not ready\n"
	}
	for _, trouble := range a.issuers.Troubles() { // which keeps no request from being answered
		text += trouble.String() + "\n"
	}
	for _, trouble := range a.openID.Troubles() {
		text += trouble + "\n"
	}
	_, _ = io.WriteString(w, text) // the client has gone
}

// gauges are what is so at the moment of asking.
func (a *App) gauges() gauges {
	g := gauges{connections: int64(a.listener.Count()), ready: a.ready(context.Background()) == nil}
	g.clockOff = time.Duration(a.clock.off.Load()).Seconds()
	g.pool, g.clockOffset = a.store.Pool(), a.nodes.clockOff().Seconds()
	if box := a.mails.box; box != nil {
		g.mails, g.mailsWaiting = true, box.Waiting()
		if since, _ := box.Trouble(); !since.IsZero() {
			g.mailsFailing = max(0, a.now().Sub(since))
		}
	}
	g.webhooks = a.webhookCounts()
	stats := a.store.Stats()
	g.storeReads, g.storeWrites, g.storeCommits = uint64(stats.Reads), uint64(stats.Writes), uint64(stats.Commits) //nolint:gosec // G115: they only grow
	return g
}

// watch counts what the public listener is asked for. routes are those that a metric may name.
func (d *admin) watch(next http.Handler, routes []string) http.Handler {
	if d == nil {
		return next
	}
	return d.metrics.watch(next, routes)
}

// countSignIns counts the sign-ins through the client API.
func (d *admin) countSignIns(api http.Handler) http.Handler {
	if d == nil {
		return api
	}
	return d.metrics.countSignIns(api)
}

// countSignIn counts one through the dashboard's form, by how it ended.
func (d *admin) countSignIn(err error) {
	if d == nil {
		return
	}
	outcome := "failed"
	switch {
	case err == nil:
		outcome = "good"
	case model.Is(err, model.KindWrongPassword), model.Is(err, model.KindDisabled), model.Is(err, model.KindUnconfirmed),
		model.Is(err, model.KindWrongToken), model.Is(err, model.KindBadLink):
		outcome = "refused"
	case model.Is(err, model.KindTooManyTries):
		outcome = "limited"
	case model.Is(err, model.KindBusy), model.Is(err, model.KindStorageDown):
		outcome = "busy"
	}
	d.metrics.countSignIn(outcome)
}

// countSignInsAt counts those that the dashboard makes at an upstream.
func (d *admin) countSignInsAt(upstream *http.Client) *http.Client {
	if d != nil {
		upstream.Transport = countedSignIns{upstream.Transport, d.metrics}
	}
	return upstream
}

// measure says where the queue for hashing passwords is, and who counts refused devices.
func (d *admin) measure(rules *accounts.Accounts) {
	if d == nil {
		return
	}
	d.metrics.hashing = rules.Hashing
	d.metrics.knocks = func() knockCounts {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		open, err := rules.OpenKnocks(ctx)
		if err != nil {
			open = -1
		}
		return knockCounts{rules.KnocksHeard(), open}
	}
}

// start serves until stop is called, which is after everything else: until then somebody may want to look.
func (d *admin) start(log *slog.Logger) (stop func()) {
	if d == nil {
		return func() {}
	}
	ended := serveBeside(d.server, d.listener, func(err error) { log.Error("the admin listener failed", "cause", err) })
	return func() {
		_ = d.server.Close() // what it still says is of no use to anybody
		<-ended
	}
}

// serveBeside serves on a goroutine of its own until the server is closed, and closes the channel then.
func serveBeside(server *http.Server, listener net.Listener, broke func(error)) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			broke(err)
		}
	}()
	return done
}

func (d *admin) release() {
	if d != nil {
		_ = d.listener.Close() // the error that is on its way matters more
	}
}
