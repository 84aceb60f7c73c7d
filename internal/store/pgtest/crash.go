package pgtest

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Server is a server that belongs to one test, which may end it in many ways. Its methods are called one after the other; what
// does not come about ends the test.
type Server struct {
	*server
	t testing.TB
}

// Start starts a server that belongs to this test alone, for tests that stop, kill or freeze it. Settings are like
// "max_connections=50". It ends with the test.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	started, err := start(settings...)
	skipOrFail(t, err)
	s := &Server{started, t}
	t.Cleanup(func() {
		if err := started.remove(); err != nil {
			t.Errorf("remove the server of this test: %v", err)
		}
	})
	return s
}

// URL is a postgres:// URL of the server's only database.
func (s *Server) URL() string { return s.url() }

// Start starts the server again after it was stopped or killed, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.must(s.run())
}

// StopFast stops the server as an operator does: transactions are rolled back, clients are told, and what is in memory is written.
func (s *Server) StopFast() {
	s.t.Helper()
	s.must(s.stop(syscall.SIGINT))
}

// StopImmediately stops the server without writing what is in memory: it recovers when it starts.
func (s *Server) StopImmediately() {
	s.t.Helper()
	s.must(s.stop(syscall.SIGQUIT))
}

// Kill kills the postmaster with SIGKILL, and returns when its children have noticed and are gone.
func (s *Server) Kill() {
	s.t.Helper()
	s.must(s.stop(syscall.SIGKILL))
}

// Freeze halts all processes of the server: connections stay, and nothing answers.
func (s *Server) Freeze() {
	s.t.Helper()
	s.must(s.freeze())
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() {
	s.t.Helper()
	s.must(s.thaw())
}

// TerminateBackends ends all connections as an administrator does, and returns when they have ended.
func (s *Server) TerminateBackends() {
	s.t.Helper()
	s.asAdministrator(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
		return err
	})
}

// KillBackend kills the process of one connection, one that is at work if there is one, and returns when the server has noticed:
// it ends all other connections and recovers, until when it accepts none.
func (s *Server) KillBackend() {
	s.t.Helper()
	s.asAdministrator(func(ctx context.Context, conn *pgx.Conn) error {
		var pid int
		if err := conn.QueryRow(ctx, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
			ORDER BY state <> 'idle' DESC, backend_start LIMIT 1`).Scan(&pid); err != nil {
			return err
		}
		if err := kill(pid); err != nil {
			return err
		}
		if _, err := conn.WaitForNotification(ctx); err != nil && ctx.Err() == nil {
			return nil // it was ended with the others
		}
		return errors.New("the server has not noticed that a process was killed")
	})
}

// asAdministrator does something over a connection of its own.
func (s *Server) asAdministrator(do func(ctx context.Context, conn *pgx.Conn) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url())
	s.must(err)
	defer conn.Close(ctx) //nolint:errcheck // it may be what was ended
	s.must(do(ctx, conn))
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
