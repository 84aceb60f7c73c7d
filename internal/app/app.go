// Package app is the program: its configuration, its parts and how they meet, its start and its end.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/app/listen"
	"latchkey/internal/app/operate"
	"latchkey/internal/idtokens"
	"latchkey/internal/limits"
	"latchkey/internal/onboard"
	"latchkey/internal/openid"
	"latchkey/internal/store"
	"latchkey/views"
)

// App is the program, wired and listening.
type App struct {
	url      string
	hosts    hosts
	reach    string // who can open url, where that needs saying
	data     string // where it is and what is in it
	warnings *warnings
	listener *listen.Listener
	server   *http.Server
	store    *store.Store
	shared   *limits.Shared // where several nodes count together, nil when there is one
	pairings *onboard.Service
	admin    *admin         // nil when nobody asked for it
	commands *commandSocket // nil when there can be none
	nodes    *nodes         // nil when this is alone
	pulse    *pulse         // nil when the database is in this process
	mails    mailing
	issuers  *idtokens.Tokens  // nil when nobody signs in with a token
	openID   *openid.Providers // nil when nobody signs in at another provider
	drain    func()            // waits for what is recorded after answers
	finish   func(ctx context.Context, by time.Time) error
	quiet    time.Duration // how long nobody asks anything more on a connection that is hung up on when the program stops
	draining time.Duration // how long the program says that it is stopping before it takes no more requests
	stopping atomic.Bool   // it says so
	stop     chan struct{} // closed when the program is stopping
	letGo    func()        // closes it
	now      func() time.Time
	clock    *clock
	log      *slog.Logger

	certain       atomic.Int64                                  // a time that has certainly come, in milliseconds, as of the last sweep; 0: none yet
	recordExpired func(ctx context.Context, by time.Time) error // nil when no keys are let in here
	reminders     *accounts.Reminders                           // nil when no emails are sent
	webhooks      *accounts.WebhookSender
}

// New builds the whole program, top to bottom. The listener comes first: a taken port is an error before anything is
// touched, and the address that port 0 stands for is known to all that follows.
func New(ctx context.Context, given config.Config) (_ *App, err error) {
	cfg, err := given.Parse()
	if err != nil {
		return nil, err
	}
	a := &App{draining: cfg.DrainTime, quiet: quietTime, stop: make(chan struct{}), now: cfg.Now, log: newLogger(cfg)}
	a.letGo = sync.OnceFunc(func() { close(a.stop) })
	if cfg.StopAtOnce {
		a.quiet = 0
	}
	defer func() {
		if err != nil {
			a.release()
		}
	}()
	a.warnings = newWarnings(cfg.Now, a.log)
	a.warnOfUnknown(cfg)
	a.warnOfOpenDatabase(cfg)

	if a.listener, err = a.listen(ctx, cfg); err != nil {
		return nil, err
	}
	var chosen bool
	a.url, chosen = cfg.URL(a.listener.Addr())
	a.reach = whoReaches(a.url, chosen, cfg, a.listener.Addr())
	a.hosts = newHosts(a.url, cfg.PublicURL != nil, cfg.AlsoHosts, a.listener.Addr(), a.log)
	a.hosts.from = handlers.ClientAddress(cfg.TrustedProxies)
	if a.admin, err = a.newAdmin(ctx, cfg.Admin); err != nil {
		return nil, err
	}

	dir := noDataDir(a.log)
	if cfg.NeedsData() {
		if dir, err = openDataDir(cfg.Data, a.log); err != nil {
			return nil, err
		}
	}
	a.tellOfUnusual(dir, cfg)
	// The store comes before the secrets: its lock keeps a second program from making them at the same time.
	if a.store, err = a.openStore(ctx, cfg, &dir); err != nil {
		return nil, err
	}
	if tries := a.store.Tries(); tries != nil {
		a.shared = limits.Share(tries, a.log)
	}
	a.clock = &clock{store: a.store, now: cfg.Now, log: a.log, warnings: a.warnings}
	ran := a.store.Believed()
	a.clock.look(ctx) // before anything is dated
	a.wasAway(ctx, ran)
	if a.data, err = a.describe(ctx, cfg, dir); err != nil {
		return nil, err
	}
	ring, access, err := loadKeys(cfg, dir)
	if err != nil {
		return nil, err
	}
	if err := a.enter(ctx, cfg, ring, access); err != nil {
		return nil, err
	}
	a.mails = a.connectMail(cfg)
	a.reminders = a.mails.reminders(a.store, a.letters(cfg), cfg.Upstream != nil, a.log)
	a.webhooks = a.newWebhookSender(cfg, ring)
	keys, err := a.connectKeys(cfg, ring, access)
	if err != nil {
		return nil, err
	}
	a.finish = keys.finish
	a.drain = func() { keys.drain(); a.mails.drain(); a.shared.Drain() }
	a.pairings = onboard.New(onboard.Config{
		ClientID: cfg.AppID, Lifetime: cfg.PairingTime, Grants: a.store, Now: cfg.Now, Shared: a.shared,
	})

	here := cfg.Upstream == nil
	elsewhere, err := a.passkeysElsewhere(ctx)
	if err != nil {
		return nil, err
	}
	number, _ := build()
	dashboard := handlers.New(handlers.Deps{
		Service:        keys.service,
		Operators:      operators(keys.service),
		Exchange:       keys.tokens,
		Here:           here,
		ConfirmEmail:   here && a.mails.box != nil,
		SendsLinks:     !here || a.mails.box != nil, // another server has to be asked
		SendsReminders: a.mails.box != nil,
		MailStuck:      func() bool { return here && a.mails.stuck() },
		Pace:           keys.pace,
		Streams:        mostStreams(a.listener.Most(), a.store.Alone()),
		Changes:        keys.changes,
		Events:         a.store,
		StepUp:         cfg.StepUp,
		Pairings:       a.pairings,
		WebSessions:    a.store,
		SessionKeys:    ring.sealing,
		PublicURL:      a.url,
		Instance:       instanceAt(a.url),
		Language:       cfg.Language,
		Site:           views.Site{Name: cfg.Name, Contact: cfg.Contact, Version: number},
		DeviceURL:      a.hosts.deviceURL,
		AppID:          cfg.AppID,
		BaseURL:        keys.baseURL,
		Registration:   cfg.Registration && cfg.Passwords,
		PasswordsOff:   !cfg.Passwords,
		OwnersAdopt:    here && cfg.OwnersAdopt,
		MinPassword:    cfg.MinPassword,
		TrustedProxies: cfg.TrustedProxies,
		Ready:          a.healthy,
		Stop:           a.stop,
		Now:            cfg.Now,
		Log:            a.log,

		PasskeysElsewhere: elsewhere,
	})
	a.server = newServer(a.edge(cfg, divide(keys.api, dashboard, a.hosts.nothingThere())), a.log)
	a.server.Handler = a.admin.watch(a.server.Handler, slices.Concat(keys.routes, handlers.Routes(dashboard)))
	a.server.ConnState = a.listener.Follow
	a.server.RegisterOnShutdown(a.letGo)
	if cfg.Database != "" {
		return a, nil // commands reach the database themselves
	}
	a.commands = openCommandSocket(ctx, dir, operate.Handler(operate.Config{
		Store: a.store, PublicURL: a.url, OnlyHere: onlyHere(a.url), Name: cfg.Name, Contact: cfg.Contact, Language: tagOf(cfg.Language), Upstream: cfg.Upstream, MinPassword: cfg.MinPassword, Providers: cfg.Providers.Names(),
		Receivers: a.webhooks.Receivers, WebhookKeys: func() ([][]byte, error) { return ring.hooks, nil },
		Mailer: a.mails.mailer(), Data: dir.whole(), Warnings: a.warnings.forOperator, MailStuck: a.mails.stuck, Now: cfg.Now, Log: a.log,
	}), a.log)
	return a, nil
}

// URL is how browsers and devices reach the program: scheme and host, without a slash at the end.
func (a *App) URL() string { return a.url }

// Reach says who can open the URL, when others than the operator expects can or cannot; "" otherwise.
func (a *App) Reach() string { return a.reach }

// Data says where the program's data is, whether it was just created, and how many accounts are in it.
func (a *App) Data() string { return a.data }

// Run serves until the context ends, lets requests in flight finish, and closes everything. It is called once, also for a
// program that should stop at once.
func (a *App) Run(ctx context.Context) error {
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() { repeat(background, aboutAMinute, a.sweep) })
	beside.Go(func() { a.sendWebhooks(background) })
	if a.reminders != nil {
		beside.Go(func() { repeat(background, aboutAMinute, a.remind) })
	}
	if a.issuers != nil || a.openID != nil {
		beside.Go(func() { a.lookAtIssuers(background); repeat(background, aboutAMinute, a.lookAtIssuers) })
	}
	if a.nodes != nil {
		beside.Go(func() { repeat(background, every(store.NodeBeat), a.nodes.beat) })
		beside.Go(func() { repeat(background, every(healthLook), a.pulse.look) })
	}
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a.listener) }()
	stopAdmin, stopCommands := a.admin.start(a.log), a.commands.start(a.log)

	var err error
	select {
	case err = <-served: // the listener broke: nobody has told the server to stop
		err = errors.Join(err, a.server.Close())
	case <-ctx.Done():
		err = a.shutdown(context.WithoutCancel(ctx))
	}
	stopBackground()
	beside.Wait()
	stopAdmin()
	stopCommands()
	a.drain()
	a.nodes.leave(ctx)
	return errors.Join(err, a.store.Close())
}

// release lets go of what New took before it failed.
func (a *App) release() {
	a.nodes.leave(context.Background())
	if a.store != nil {
		_ = a.store.Close() // the error that is on its way matters more
	}
	if a.listener != nil {
		_ = a.listener.Close()
	}
	a.admin.release()
}
