// Package pgtest gives tests a real PostgreSQL: an empty schema on a server that the test process starts once (URL), a server of
// a test's own that may be stopped, killed and frozen (Start), and a proxy that loses requests and answers (NewProxy). It takes
// the programs of the machine, and installs them where that takes no question.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// variable names a server that tests use in place of one that they start. The role of its URL must be allowed to create schemas.
const variable = "LATCHKEY_TEST_POSTGRES"

// errNone is why tests are skipped, and fail in CI.
var errNone = errors.New("no PostgreSQL here: install it (Debian: postgresql) or set " + variable)

// patience bounds what has to come about soon. Recovering from a crash takes longest, on a busy machine.
const patience = time.Minute

// URL is a postgres:// URL whose search_path is an empty schema of the test's own. The schema is dropped when the test ends, so
// whatever used it must have disconnected by then. The server is the one that LATCHKEY_TEST_POSTGRES names, or else one that is
// started once for all tests of the process. All schemas are in one database, and so is whatever belongs to no schema: advisory
// locks, for one.
func URL(t testing.TB) string {
	t.Helper()
	on, err := shared()
	skipOrFail(t, err)
	schema := "test_" + strings.ToLower(rand.Text())
	if err := on.exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := on.exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Errorf("drop the schema of this test, which nothing may use by now: %v", err)
		}
	})
	u, err := url.Parse(on.url)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String()
}

// skipOrFail ends a test that has no server: it is skipped where there is no PostgreSQL, except in CI, which would prove nothing.
func skipOrFail(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNone) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// schemas is the server on which URL creates schemas, over one connection: tests have the others.
type schemas struct {
	url string

	mu   sync.Mutex
	conn *pgx.Conn
}

// shared starts the server of this process.
var shared = sync.OnceValues(func() (*schemas, error) {
	at := os.Getenv(variable)
	if at == "" {
		started, err := start()
		if err != nil {
			return nil, err
		}
		at = started.url()
	}
	return &schemas{url: at}, nil
})

// exec runs a statement, again when the connection has broken since the last one. It does not wait for a flush of its own: a
// schema that a crash of the server forgets is nobody's by then. It waits a while for locks, then says that somebody has one.
func (s *schemas) exec(statement string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.conn == nil || s.conn.IsClosed() || s.conn.Ping(ctx) != nil {
		conn, err := pgx.Connect(ctx, s.url)
		if err != nil {
			return err
		}
		s.conn = conn
		if _, err := conn.Exec(ctx, "SET synchronous_commit = off; SET lock_timeout = '10s'; SET client_min_messages = warning"); err != nil {
			return err
		}
	}
	_, err := s.conn.Exec(ctx, statement)
	return err
}
