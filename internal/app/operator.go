package app

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/app/mail"
	"latchkey/internal/app/operate"
	"latchkey/internal/store"
)

// commandSocket serves the commands of operators. A nil one does nothing.
type commandSocket struct {
	listener net.Listener
	server   *http.Server
}

// openCommandSocket is called with the lock of the database held. Without a socket the program runs as well, and commands must
// wait until it is stopped.
func openCommandSocket(ctx context.Context, dir dataDir, handler http.Handler, log *slog.Logger) *commandSocket {
	listener, err := operate.Listen(ctx, dir.path, log)
	if err != nil {
		log.Warn("commands such as latchkey user only work while this server is stopped: the data directory cannot hold a socket", "error", err)
		return nil
	}
	return &commandSocket{listener: listener, server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
}

// start serves until stop is called, which is before the store is closed and its lock given to somebody else: they will make
// a socket of the same name.
func (s *commandSocket) start(log *slog.Logger) (stop func()) {
	if s == nil {
		return func() {}
	}
	ended := serveBeside(s.server, s.listener, func(err error) { log.Error("the command socket failed", "cause", err) })
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil {
			log.Warn("cut off a command that took too long", "time", shutdownTime)
			_ = s.server.Close() // what it would say is known
		}
		<-ended
	}
}

// console is that of this process.
func console(stdout io.Writer) operate.Console {
	c := operate.Console{In: os.Stdin, Out: stdout, Err: os.Stderr}
	if isTerminal(os.Stdin) && isTerminal(os.Stderr) {
		c.Terminal = os.Stdin
	}
	return c
}

// operateOn runs a command of an operator, with the settings of the environment and of its flags.
func operateOn(ctx context.Context, args []string, c operate.Console) error {
	given := config.Defaults()
	given.LogLevel = "warn"
	return operate.Run(ctx, args, c, operate.Program{
		Flags:           given.Flags(),
		Variable:        config.Variable,
		FromEnvironment: func(names ...string) error { return given.FromEnvironment(os.Environ(), names...) },
		Place: func() (operate.Place, error) {
			cfg, err := given.Parse()
			if err != nil {
				return operate.Place{}, err
			}
			log := newLogger(cfg)
			dir := dataDir{path: cfg.Data, log: log}
			if cfg.Database != "" {
				return sharedPlace(cfg, log), nil
			}
			return operate.Place{
				Dir:    dir.path,
				Open:   dir.openDatabase,
				Refuse: func(why string) error { return config.Refuse("data", dir.path, why) },
				Config: operate.Config{
					PublicURL: cfg.LikelyURL(), OnlyHere: onlyHere(cfg.LikelyURL()), Upstream: cfg.Upstream, MinPassword: cfg.MinPassword, Providers: cfg.Providers.Names(), Data: dir.whole(), Now: cfg.Now, Log: log,
					Receivers: receivers(cfg), WebhookKeys: webhookKeys(cfg, dir),
				},
			}, nil
		},
		Database: databaseFile,
		KeyFiles: [2]string{sessionKeysFile, accessKeyFile},
	})
}

// sharedPlace is a database that nodes share. What a command would ask a running program for, it must be given here.
func sharedPlace(cfg config.Settings, log *slog.Logger) operate.Place {
	of := operate.Config{
		PublicURL: cfg.LikelyURL(), Name: cfg.Name, Contact: cfg.Contact, Language: tagOf(cfg.Language), Upstream: cfg.Upstream, MinPassword: cfg.MinPassword, Providers: cfg.Providers.Names(), Data: inPostgreSQL, Now: cfg.Now, Log: log,
	}
	of.Receivers, of.WebhookKeys = receivers(cfg), webhookKeys(cfg, dataDir{path: cfg.Data, log: log})
	if cfg.PublicURL == nil { // that of this machine is nobody's
		of.PublicURL = ""
	}
	of.OnlyHere = onlyHere(of.PublicURL)
	if cfg.Mail != nil {
		of.Mailer = mail.AtOnce(mail.Server(*cfg.Mail), of.PublicURL, cfg.Now)
	}
	return operate.Place{
		Dir: cfg.Data,
		Copy: func(ctx context.Context, path string, o store.CopyOptions) (store.Copied, error) {
			return store.CopyData(ctx, path, cfg.Database, o)
		},
		Connect: func(ctx context.Context, migrate bool) (*store.Store, error) {
			return connectDatabase(ctx, cfg.Database, store.Options{Migrate: migrate, Exact: !migrate})
		},
		Refuse: config.RefuseDatabase,
		Config: of,
	}
}
