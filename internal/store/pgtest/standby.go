package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby starts a server that follows this one: from now on nothing is acknowledged here that is not there, too. It ends with the test.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	started, err := s.standby()
	if started != nil {
		t.Cleanup(func() {
			if err := started.remove(); err != nil {
				t.Errorf("remove the standby of this test: %v", err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.asAdministrator(func(ctx context.Context, conn *pgx.Conn) error {
		for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		for state := ""; state != "sync"; time.Sleep(10 * time.Millisecond) {
			err := conn.QueryRow(ctx, "SELECT coalesce(max(sync_state), '') FROM pg_stat_replication").Scan(&state)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return &Server{started, t}
}

func (s *server) standby() (*server, error) {
	in, err := workshop()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(in.dir, "s")
	if err != nil {
		return nil, err
	}
	if err := in.giveAway(dir); err != nil {
		return nil, err
	}
	other := &server{dir: dir, settings: s.settings}
	copying := exec.Command(filepath.Join(in.programs, "pg_basebackup"), //nolint:noctx // it copies and ends
		"-D", other.data(), "-h", s.dir, "-p", port, "-U", "latchkey", "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	copying.Dir, copying.Env, copying.SysProcAttr = dir, in.environment(), in.asServer()
	if out, err := copying.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w\n%s", err, out)
	}
	return other, other.run()
}

// Promote makes a standby a server that can be written to, and returns when it is.
func (s *Server) Promote() {
	s.t.Helper()
	s.asAdministrator(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SELECT pg_promote()")
		return err
	})
}
