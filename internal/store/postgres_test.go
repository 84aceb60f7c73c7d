package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// connect opens an empty schema of a real server.
func connect(tb testing.TB, settings ...string) *Store {
	tb.Helper()
	return connectTo(tb, pgtest.URL(tb)+strings.Join(append([]string{""}, settings...), "&"))
}

func connectTo(tb testing.TB, url string) *Store {
	tb.Helper()
	s, err := Connect(tb.Context(), model.Secret(url), Options{Migrate: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func TestNoStatementScansAWholeTableOfPostgreSQL(t *testing.T) {
	s := connect(t)
	conn, err := s.server.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, setting := range []string{"enable_seqscan = off", "plan_cache_mode = force_generic_plan"} {
		if _, err := conn.Exec(t.Context(), "SET "+setting); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for text, rebound := range s.server.texts {
		if strings.Fields(rebound)[0] == beginPostgres || rebound == commitPostgres || rebound == rollbackPostgres || text == endBackend {
			continue
		}
		n++
		name := fmt.Sprintf("statement_%d", n)
		if _, err := conn.Exec(t.Context(), "PREPARE "+name+" AS "+rebound); err != nil {
			t.Fatalf("%s: %v", rebound, err)
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL,", parameters(rebound)), ",")
		if nulls != "" {
			nulls = "(" + nulls + ")"
		}
		rows, err := conn.Query(t.Context(), "EXPLAIN EXECUTE "+name+nulls)
		if err != nil {
			t.Fatalf("%s: %v", rebound, err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", rebound, err)
		}
		for _, step := range plan {
			if strings.Contains(step, "Seq Scan") {
				t.Errorf("%s\n\t%s", strings.Join(strings.Fields(rebound), " "), strings.Join(plan, "\n\t"))
				break
			}
		}
	}
	if want := len(slices.Concat(readStatements(), writeStatements())); n < want/2 {
		t.Errorf("%d statements were looked at", n)
	}
}

// parameters is how many a statement has.
func parameters(rebound string) int {
	n := 0
	for strings.Contains(rebound, fmt.Sprintf("$%d", n+1)) {
		n++
	}
	return n
}

func TestStatementsAreWrittenAsPostgreSQLTakesThem(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1":                        "SELECT 1",
		"a = ? AND b IN (?, ?)":           "a = $1 AND b IN ($2, $3)",
		"a = ?2 AND b = ?1 AND c = ?2":    "a = $2 AND b = $1 AND c = $2",
		"?11, ?1":                         "$11, $1",
		"UPDATE t SET a = ? WHERE b = ? ": "UPDATE t SET a = $1 WHERE b = $2 ",
	} {
		if got := rebind(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}

func TestTextThatPostgreSQLCannotHoldFindsNothing(t *testing.T) {
	s := connect(t)
	for _, text := range []string{"a\x00b", "\xff", "\x00"} {
		if _, err := s.User(t.Context(), text); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%q: %v", text, err)
		}
		e := model.Event{UserID: mustUser(t, s), Kind: model.EventSignedIn, Agent: text, At: time.Now()}
		if err := s.RecordEvent(t.Context(), e); err != nil {
			t.Errorf("%q cannot be written down: %v", text, err)
		}
	}
}

// A hundred who write about one account hold one connection: the other is for everybody else.
func TestOneAccountHoldsOneConnectionOfAPool(t *testing.T) {
	s := connect(t, "pool_max_conns=2")
	busy, other := mustUser(t, s), mustUser(t, s)
	holds, release := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- s.write(t.Context(), ofUser(busy), func(t tx) error {
			if err := t.row(selectUser, []any{busy}, new(int64), new(*int64)); err != nil {
				return err
			}
			close(holds)
			<-release
			return nil
		})
	}()
	<-holds
	for range 100 {
		go func() { _, err := makeKey(t.Context(), s, busy, 200); done <- err }()
	}
	if _, err := makeKey(t.Context(), s, other, 20); err != nil {
		t.Errorf("another account: %v", err)
	}
	close(release)
	for range 101 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestWhoWaitsForATurnIsForgottenAfterwards(t *testing.T) {
	w := turns{of: map[string]*turn{}}
	leave, err := w.wait(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if _, err := w.wait(gone, "ann"); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever is gone gets the turn, or %v", err)
	}
	next := make(chan func())
	go func() { leave, _ := w.wait(t.Context(), "ann"); next <- leave }()
	if other, err := w.wait(t.Context(), "bob"); err != nil {
		t.Error(err)
	} else {
		other()
	}
	leave()
	(<-next)()
	if len(w.of) != 0 {
		t.Errorf("%d are remembered", len(w.of))
	}
}

func TestNoMoreWaitThanMay(t *testing.T) {
	w := turns{of: map[string]*turn{"ann": {free: make(chan struct{}, 1), waiting: maxWaiting}}}
	if _, err := w.wait(t.Context(), "ann"); !errors.Is(err, errCrowded) {
		t.Errorf("one more for an account: %v", err)
	}
	p := postgresEngine{}
	p.waiting.Store(maxWaiting)
	if _, err := p.connect(t.Context(), time.Now()); !errors.Is(err, errCrowded) {
		t.Errorf("one more for a connection: %v", err)
	}
	if n := p.waiting.Load(); n != maxWaiting {
		t.Errorf("%d wait", n)
	}
}

func TestWhatIsRememberedOfBrokenCommitsIsBounded(t *testing.T) {
	var p postgresEngine
	for i := range uint32(2 * maxUnsettled) {
		p.remember(backend{pid: i})
	}
	if len(p.unsettled) != maxUnsettled || p.unsettled[0].pid != maxUnsettled {
		t.Errorf("%d are remembered", len(p.unsettled))
	}
}

func TestAJobThatChangesNothingLeavesNoTransactionOpen(t *testing.T) {
	s := connect(t, "pool_max_conns=1")
	refused := errors.New("refused")
	for name, job := range map[string]func(tx) error{
		"does nothing": func(tx) error { return nil },
		"refuses":      func(tx) error { return refused },
		"looks and refuses": func(t tx) error {
			return errors.Join(t.row(selectUser, []any{"nobody"}, new(int64), new(*int64)), refused)
		},
		"panics":        func(tx) error { panic("x") },
		"is not listed": func(t tx) error { _, err := t.exec("SELECT 2"); return err },
		"fails":         func(t tx) error { _, err := t.exec(insertUser, nil, 0, nil); return err },
		"goes on anyway": func(t tx) error {
			_, _ = t.exec(insertUser, nil, 0, nil)
			_, err := t.exec(insertUser, "late", 0, nil)
			return err
		},
		"goes on after its end": func(t tx) error {
			_, err := t.last(step{text: deleteAllLinks, args: []any{"x"}})
			if err == nil {
				_, err = t.exec(insertUser, "later", 0, nil)
			}
			return err
		},
	} {
		err := s.write(t.Context(), ofUser("somebody"), job)
		if (err == nil) != (name == "does nothing") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := makeUser(t.Context(), s); err != nil {
			t.Errorf("after a job that %s: %v", name, err)
		}
	}
	for _, id := range []string{"late", "later"} {
		if _, err := s.User(t.Context(), id); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s is there: %v", id, err)
		}
	}
}
