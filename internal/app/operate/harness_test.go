package operate

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/store"
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
	makeDir(t, cfg.Data, 0o700)
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
		Flags:    given.Flags(),
		Variable: config.Variable,
		Heed:     func(names ...string) error { return given.Heed(os.Environ(), names...) },
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
			Log: slog.New(slog.NewTextHandler(cfg.LogTo, nil)),
		},
	}
}

// wantsUsage is whether an error is about the command line.
func wantsUsage(err error) bool { return errors.As(err, new(usageError)) }

func wantSentence(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than one line", err)
	}
}

// keptLog is a log that can be read while it is written.
type keptLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *keptLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *keptLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func makeDir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(path, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
