package pgtest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey/internal/store/pgtest"
)

// commits are the ways in which pgx may send a COMMIT.
func commits() map[string]func(t *testing.T, conn *pgx.Conn) error {
	return map[string]func(t *testing.T, conn *pgx.Conn) error{
		"by itself": func(t *testing.T, conn *pgx.Conn) error {
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "INSERT INTO people VALUES ($1)", "ada"); err != nil {
				t.Fatal(err)
			}
			return tx.Commit(t.Context())
		},
		"prepared, in one message with others": func(t *testing.T, conn *pgx.Conn) error {
			var batch pgx.Batch
			batch.Queue("BEGIN")
			batch.Queue("INSERT INTO people VALUES ($1)", "ada")
			batch.Queue("commit")
			return conn.SendBatch(t.Context(), &batch).Close()
		},
		"in the text of others": func(t *testing.T, conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), "BEGIN; INSERT INTO people VALUES ('ada'); COMMIT")
			return err
		},
	}
}

func TestAnAnswerOrARequestIsLostAtACommit(t *testing.T) {
	t.Parallel()
	cuts := []struct {
		name string
		arm  func(*pgtest.Proxy, int)
		rows int
	}{
		{"answer", (*pgtest.Proxy).CutAtCommit, 1},
		{"request", (*pgtest.Proxy).CutBeforeCommit, 0},
	}
	for way, commit := range commits() {
		for _, cut := range cuts {
			t.Run(cut.name+" "+way, func(t *testing.T) {
				t.Parallel()
				url := pgtest.URL(t)
				direct := connect(t, url)
				run(t, direct, "CREATE TABLE people (name TEXT)")
				p := pgtest.NewProxy(t, url)
				warm := connect(t, p.URL())
				if err := commit(t, warm); err != nil { // prepares, and is not cut
					t.Fatal(err)
				}
				cut.arm(p, 1)
				run(t, warm, "TRUNCATE people")
				if err := commit(t, warm); err == nil {
					t.Error("the client got an answer")
				}
				if !warm.IsClosed() {
					t.Error("the connection is still there")
				}
				if n := number(t, direct, "SELECT count(*) FROM people"); n != cut.rows {
					t.Errorf("%d rows, not %d", n, cut.rows)
				}
				if err := commit(t, connect(t, p.URL())); err != nil {
					t.Errorf("the next commit: %v", err)
				}
			})
		}
	}
}

func TestAnAnswerThatIsLostTakesNoneOfBefore(t *testing.T) {
	t.Parallel()
	p := pgtest.NewProxy(t, pgtest.URL(t))
	p.CutAtCommit(1)
	sent := connect(t, p.URL()).PgConn().StartPipeline(t.Context())
	for _, statement := range []string{"BEGIN", "COMMIT"} { // each in a message of its own, sent without waiting
		sent.SendQueryParams(statement, nil, nil, nil, nil)
		if err := sent.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	answer := func() error {
		result, err := sent.GetResults()
		if reader, ok := result.(*pgconn.ResultReader); ok && err == nil {
			_, err = reader.Close()
		}
		return err
	}
	if err := errors.Join(answer(), answer()); err != nil { // of the statement, and of Sync
		t.Errorf("the answer to BEGIN: %v", err)
	}
	if err := answer(); err == nil {
		t.Error("COMMIT was answered")
	}
}

func TestAProxyRefusesUntilItIsToldOtherwise(t *testing.T) {
	t.Parallel()
	p := pgtest.NewProxy(t, pgtest.URL(t))
	conn := connect(t, p.URL())
	p.Refuse(true)
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a connection is still there")
	}
	if _, err := pgx.Connect(t.Context(), p.URL()); err == nil {
		t.Error("a connection was accepted")
	}
	p.Refuse(false)
	run(t, connect(t, p.URL()), "SELECT 1")
}

func TestAProxyCountsWhatIsSentAtOnceOnce(t *testing.T) {
	t.Parallel()
	p := pgtest.NewProxy(t, pgtest.URL(t))
	conn := connect(t, p.URL())
	for _, step := range []struct {
		name string
		want int
		do   func() error
	}{
		{"nothing", 0, func() error { return nil }},
		{"a simple query", 1, func() error {
			_, err := conn.Exec(t.Context(), "CREATE TABLE people (name TEXT)")
			return err
		}},
		{"a statement that is prepared, and run", 2, func() error {
			_, err := conn.Exec(t.Context(), "INSERT INTO people VALUES ($1)", "ada")
			return err
		}},
		{"a statement that was prepared", 1, func() error {
			_, err := conn.Exec(t.Context(), "INSERT INTO people VALUES ($1)", "bob")
			return err
		}},
		{"a statement that fails", 1, func() error {
			if _, err := conn.Exec(t.Context(), "SELECT 1/0"); err == nil {
				return errors.New("it does not fail")
			}
			return nil
		}},
		{"a copy", 2, func() error { // one asks for the columns
			n, err := conn.CopyFrom(t.Context(), pgx.Identifier{"people"}, []string{"name"}, pgx.CopyFromRows([][]any{{"cid"}, {"dan"}}))
			if n != 2 {
				t.Errorf("%d rows were copied", n)
			}
			return err
		}},
		{"a transaction that is sent at once", 1, func() error {
			_, err := conn.Exec(t.Context(), "BEGIN; DELETE FROM people; COMMIT")
			return err
		}},
		{"a transaction, statement by statement", 3, func() error {
			return pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), "INSERT INTO people VALUES ($1)", "eve")
				return err
			})
		}},
	} {
		p.Reset()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if n := p.Messages(); n != step.want {
			t.Errorf("%s: %d messages, not %d", step.name, n, step.want)
		}
	}
}

func TestAStatementIsCancelledThroughAProxy(t *testing.T) {
	t.Parallel()
	p := pgtest.NewProxy(t, pgtest.URL(t))
	conn := connect(t, p.URL())
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT pg_sleep(600)")
		ended <- err
	}()
	for { // a request that comes before the statement cancels nothing
		if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if told := new(pgconn.PgError); !errors.As(err, &told) || told.Code != "57014" {
				t.Errorf("it ended with %v", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
