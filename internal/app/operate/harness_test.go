package operate

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// The files of a data directory.
const (
	databaseFile    = "latchkey.db"
	sessionKeysFile = "session-keys"
)

// testConfig is that of a program with data of its own.
func testConfig(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Defaults()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.LogTo = io.Discard
	return cfg
}

// running has the database of a directory and takes commands, as a program does. It ends with the test, or before.
type running struct {
	store *store.Store
	stop  func() error
}

func run(t *testing.T, cfg config.Config) running {
	t.Helper()
	testkit.MakeDir(t, cfg.Data, 0o700)
	at := placeAt(t, cfg)
	st, err := at.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at.Config.Store = st
	listener, err := Listen(t.Context(), cfg.Data, at.Config.Log)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: Handler(at.Config)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // until Shutdown
	}()
	stop := sync.OnceValue(func() error {
		err := server.Shutdown(context.WithoutCancel(t.Context()))
		<-ended
		return errors.Join(err, st.Close())
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return running{st, stop}
}

// theProgram is one that commands of these tests belong to.
func theProgram(t *testing.T) Program {
	given := config.Defaults()
	given.LogTo = io.Discard
	return Program{
		Flags:           given.Flags(),
		Variable:        config.Variable,
		FromEnvironment: func(names ...string) error { return given.FromEnvironment(os.Environ(), names...) },
		Place: func() (Place, error) {
			if _, err := given.Parse(); err != nil {
				return Place{}, err
			}
			return placeAt(t, given), nil
		},
		Database: databaseFile,
		KeyFiles: [2]string{sessionKeysFile, "access-token-key.pem"},
	}
}

// placeAt is the data directory of settings that are right.
func placeAt(t *testing.T, given config.Config) Place {
	t.Helper()
	cfg, err := given.Parse()
	if err != nil {
		t.Fatal(err)
	}
	return Place{
		Dir: cfg.Data,
		Open: func(ctx context.Context) (*store.Store, error) {
			return store.Open(ctx, filepath.Join(cfg.Data, databaseFile))
		},
		Refuse: func(why string) error { return config.Refuse("data", cfg.Data, why) },
		Config: Config{
			PublicURL: cfg.LikelyURL(), Upstream: cfg.Upstream, MinPassword: cfg.MinPassword, Now: cfg.Now,
			Log:       slog.New(slog.NewTextHandler(cfg.LogTo, nil)),
			Receivers: receiver{}, WebhookKeys: func() ([][]byte, error) { return [][]byte{make([]byte, 32)}, nil },
		},
	}
}

// wantsUsage is whether an error is about the command line.
func wantsUsage(err error) bool { return errors.As(err, new(usageError)) }
