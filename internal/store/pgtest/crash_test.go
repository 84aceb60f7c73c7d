package pgtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey/internal/store/pgtest"
)

// soon bounds the wait for what comes about by itself.
const soon = 30 * time.Second

func TestWhatWasCommittedIsThereHoweverAServerEnds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server five times")
	}
	s := pgtest.Start(t, "max_connections=17")
	if n := number(t, connect(t, s.URL()), "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'"); n != 17 {
		t.Errorf("%d connections, the setting says 17", n)
	}
	run(t, connect(t, s.URL()), "CREATE TABLE ends (how TEXT)")
	ends := []struct {
		how string
		end func()
	}{
		{"fast", s.StopFast},
		{"immediately", s.StopImmediately},
		{"killed", s.Kill},
		{"killed when frozen", func() { s.Freeze(); s.Kill() }},
	}
	for i, by := range ends {
		conn := connect(t, s.URL())
		run(t, conn, "INSERT INTO ends VALUES ('"+by.how+"')")
		by.end()
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
			t.Errorf("%s: a connection is still there", by.how)
		}
		if conn, err := pgx.Connect(t.Context(), s.URL()); err == nil {
			t.Errorf("%s: it still accepts connections", by.how)
			_ = conn.Close(t.Context())
		}
		s.Start()
		if n := number(t, connect(t, s.URL()), "SELECT count(*) FROM ends"); n != i+1 {
			t.Errorf("%s: %d rows after %d commits", by.how, n, i+1)
		}
	}
}

func TestAFrozenServerAnswersWhenItIsThawed(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	conn := connect(t, s.URL())
	s.Freeze()
	answers := make(chan error, 2)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT 1")
		answers <- err
	}()
	go func() {
		another, err := pgx.Connect(t.Context(), s.URL())
		if err == nil {
			err = another.Close(t.Context())
		}
		answers <- err
	}()
	select {
	case err := <-answers:
		t.Errorf("it answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.Thaw()
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestAnAdministratorEndsConnectionsAndNotTheServer(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	idle := connect(t, s.URL())
	began := number(t, idle, "SELECT extract(epoch FROM pg_postmaster_start_time())::bigint")
	ended := sleepOn(t, connect(t, s.URL()), idle)
	s.TerminateBackends()
	if told := new(pgconn.PgError); !errors.As(<-ended, &told) || told.Code != "57P01" {
		t.Errorf("the connection at work was told %v", told)
	}
	if _, err := idle.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the other connection is still there")
	}
	if n := number(t, connect(t, s.URL()), "SELECT extract(epoch FROM pg_postmaster_start_time())::bigint"); n != began {
		t.Error("the server has been started again")
	}
}

// sleepOn lets a statement sleep on one connection, and returns when it does so, as another sees. What ends it comes from the
// channel.
func sleepOn(t *testing.T, conn, another *pgx.Conn) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT pg_sleep(600)")
		ended <- err
	}()
	for began := time.Now(); number(t, another, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0; {
		if time.Since(began) > soon {
			t.Fatal("no statement sleeps")
		}
	}
	return ended
}

func TestAServerRecoversWhenAProcessOfAConnectionIsKilled(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	idle, busy := connect(t, s.URL()), connect(t, s.URL())
	run(t, idle, "CREATE TABLE people (name TEXT)")
	ended := sleepOn(t, busy, idle)
	s.KillBackend()
	var told *pgconn.PgError
	if err := <-ended; err == nil || errors.As(err, &told) {
		t.Errorf("the connection at work was ended with %v, not killed", err)
	}
	for began := time.Now(); ; {
		conn, err := pgx.Connect(t.Context(), s.URL())
		if err == nil {
			if n := number(t, conn, "SELECT count(*) FROM people"); n != 0 {
				t.Errorf("%d people", n)
			}
			_ = conn.Close(t.Context())
			break
		}
		if time.Since(began) > soon {
			t.Fatalf("it has not recovered: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := idle.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the other connection is still there")
	}
}

// asChild has this test binary do no more than TestMainOfChild.
const asChild = "LATCHKEY_PGTEST_CHILD"

func TestMainOfChild(t *testing.T) {
	if os.Getenv(asChild) == "" {
		t.Skip("is for a process that another test kills")
	}
	s, stdin := pgtest.Start(t), bufio.NewScanner(os.Stdin)
	fmt.Println(asChild, s.URL())
	stdin.Scan()
	s.Freeze() // it has to end nevertheless
	fmt.Println(asChild, "frozen")
	stdin.Scan()
}

func TestNoServerIsLeftWhenTestsAreKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts another process of these tests")
	}
	pgtest.URL(t) // or the test is skipped
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMainOfChild$", "-test.v")
	child.Env = append(os.Environ(), asChild+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close() //nolint:errcheck // the child is dead
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	says := func() string {
		t.Helper()
		for lines.Scan() {
			if said, ok := strings.CutPrefix(lines.Text(), asChild+" "); ok {
				return said
			}
		}
		t.Fatal("the child has ended")
		return ""
	}
	at, err := url.Parse(says())
	if err != nil {
		t.Fatal(err)
	}
	conn, ended := connect(t, at.String()), make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT pg_sleep(600)")
		ended <- err
	}()
	_, _ = io.WriteString(stdin, "freeze\n")
	says()
	_ = child.Process.Kill()
	_ = child.Wait()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("its server has answered")
		}
	case <-time.After(soon):
		t.Error("its server is still there")
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(at.Query().Get("host")); errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Since(began) > soon {
			t.Fatal("its files are still there")
		}
	}
}
