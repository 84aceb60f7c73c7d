package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/store/pgtest"
)

// connect connects to a server until the test ends.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// run runs statements that must succeed.
func run(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// number is what a query answers.
func number(t testing.TB, conn *pgx.Conn, query string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestASchemaIsEmptyAndGoneAfterItsTest(t *testing.T) {
	t.Parallel()
	var names []string
	for range 2 {
		t.Run("a test", func(t *testing.T) {
			conn := connect(t, pgtest.URL(t))
			if n := number(t, conn, "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"); n != 0 {
				t.Errorf("%d tables and indexes in an empty schema", n)
			}
			run(t, conn, "CREATE TABLE people (name TEXT PRIMARY KEY)")
			var name string
			if err := conn.QueryRow(t.Context(), "SELECT current_schema()").Scan(&name); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		})
	}
	conn := connect(t, pgtest.URL(t))
	if n := number(t, conn, "SELECT count(*) FROM pg_namespace WHERE nspname = ANY($1)", names); n != 0 || names[0] == names[1] {
		t.Errorf("%d schemas of %v are left", n, names)
	}
}
