package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

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
		if rebound == beginPostgres || rebound == commitPostgres || rebound == rollbackPostgres || text == endBackend {
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

// through is a store whose server is behind a proxy that counts and cuts.
func through(t *testing.T) (*Store, *pgtest.Proxy) {
	t.Helper()
	p := pgtest.NewProxy(t, pgtest.URL(t))
	return connectTo(t, p.URL()+"&pool_max_conns=1"), p // so that its statements are prepared
}

func TestHowManyMessagesAnActSendsToTheServer(t *testing.T) {
	s, p := through(t)
	u := mustUser(t, s)
	create := func(name string) [32]byte {
		t.Helper()
		now := time.Now()
		k := model.Key{ID: model.NewID(now), UserID: u, Name: name, CreatedAt: now}
		hash := sha256.Sum256([]byte(name))
		event := model.Event{UserID: u, At: now, Kind: model.EventKeyMade, KeyID: k.ID, KeyName: name}
		if err := s.CreateAPIKeyOnce(t.Context(), k, hash, 20, "form "+name, event); err != nil {
			t.Fatal(err)
		}
		return hash
	}
	w := model.WebSession{IDHash: [32]byte{1}, UserID: u, CreatedAt: time.Now(), LastSeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	if err := s.CreateWebSession(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	page := func() {
		t.Helper()
		_, err := s.WebSession(t.Context(), w.IDHash)
		_, keysErr := s.Keys(t.Context(), u)
		if err := errors.Join(err, keysErr); err != nil {
			t.Fatal(err)
		}
	}
	use := func(hash [32]byte) {
		t.Helper()
		if err := signIn(t.Context(), s, hash); err != nil {
			t.Fatal(err)
		}
	}
	hash := create("first")
	use(hash) // the first use of a key is found out by a second run
	use(hash)
	page()
	for _, act := range []struct {
		name string
		do   func()
		want int
	}{
		{"create a key, with its form and event", func() { create("second") }, 1},
		{"sign in with a key", func() { use(hash) }, 2},
		{"read what the keys page shows", page, 2},
	} {
		p.Reset()
		act.do()
		if got := p.Messages(); got != act.want {
			t.Errorf("to %s takes %d messages, want %d", act.name, got, act.want)
		}
	}
}

func TestWhatBecomesOfAWriteWhoseConnectionBreaks(t *testing.T) {
	createKey := func(ctx context.Context, s *Store, u string) error { _, err := makeKey(ctx, s, u, 20); return err }
	// An act whose commit goes by itself.
	turnOff := func(ctx context.Context, s *Store, u string) error { return s.DisableUser(ctx, u, time.Now()) }
	for name, act := range map[string]struct {
		do   func(context.Context, *Store, string) error
		done func(*Store, string) bool
	}{
		"in one message": {createKey, func(s *Store, u string) bool {
			keys, err := s.APIKeys(context.Background(), u)
			return err == nil && len(keys) == 1
		}},
		"in several": {turnOff, func(s *Store, u string) bool {
			user, err := s.User(context.Background(), u)
			return err == nil && !user.DisabledAt.IsZero()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := through(t)
			for how, cut := range map[string]struct {
				cut  func(int)
				done bool
			}{
				"its answer is lost":  {p.CutAtCommit, true},
				"its request is lost": {p.CutBeforeCommit, false},
			} {
				u := mustUser(t, s)
				cut.cut(1)
				if err := act.do(t.Context(), s, u); !errors.Is(err, model.ErrUnclear) {
					t.Errorf("when %s: %v", how, err)
				}
				if err := s.Settled(t.Context()); err != nil {
					t.Errorf("when %s: %v", how, err)
				}
				if done := act.done(s, u); done != cut.done {
					t.Errorf("when %s it is done: %v", how, done)
				}
			}
			if stats := s.Pool(); stats.Unclear != 2 || len(s.server.unsettled) != 0 {
				t.Errorf("%+v, %d unsettled", stats, len(s.server.unsettled))
			}
		})
	}
}

func TestADatabaseThatComesBackSoonIsWaitedFor(t *testing.T) {
	s, p := through(t)
	u := mustUser(t, s)
	for name, do := range map[string]func() error{
		"a read":  func() error { _, err := s.User(t.Context(), u); return err },
		"a write": func() error { _, err := makeKey(t.Context(), s, u, 20); return err },
	} {
		p.Refuse(true)
		done := make(chan error)
		go func() { done <- do() }()
		for s.Pool().Up { // until it has been missed
			time.Sleep(time.Millisecond)
		}
		p.Refuse(false)
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !s.Pool().Up || s.Away() != 0 {
			t.Errorf("after %s it counts as away", name)
		}
	}
}

func TestWhoeverLeavesDoesNotWaitForADatabaseThatIsAway(t *testing.T) {
	s, p := through(t)
	p.Refuse(true)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := makeKey(ctx, s, "somebody", 20); done <- err }()
	for s.Pool().Up {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Each of those before takes as long as it may while the database is away: the last of fifty would be told after minutes.

// A server that has become a standby, or is kept from writing because its disk is full, keeps its connections.
func TestAConnectionThatCannotWriteIsNotKept(t *testing.T) {
	s := connect(t, "pool_max_conns=2")
	user := mustUser(t, s)
	warm(t, s)
	var all []*pgxpool.Conn
	for range 2 {
		conn, err := s.server.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "SET default_transaction_read_only = on"); err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	for _, conn := range all {
		conn.Release()
	}
	if _, err := makeKey(t.Context(), s, user, 20); err != nil {
		t.Error(err)
	}
	if n := s.server.reconnects.Load(); n < 1 || n > 2 {
		t.Errorf("tried again %d times", n)
	}
}

// Each of those before takes as long as it may while the database is away: the last of fifty would be told after minutes.
func TestNobodyWaitsLongForATurnWhileTheDatabaseIsAway(t *testing.T) {
	w := turns{of: map[string]*turn{}, patience: 5 * time.Millisecond}
	leave, err := w.wait(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error)
	go func() {
		_, err := w.wait(t.Context(), "ann")
		told <- err
	}()
	select {
	case err := <-told:
		t.Fatalf("who waits while it is there: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	w.away.Store(1)
	if err := <-told; !errors.Is(err, errAway) {
		t.Errorf("who waits while it is away: %v", err)
	}
	leave()
	if len(w.of) != 0 {
		t.Errorf("%d are remembered", len(w.of))
	}
}

// What a server says is in its own language; how grave it is, it says in English as well.
func TestWhatAServerSaysIsUnderstoodInWhateverLanguage(t *testing.T) {
	panicked := &pgconn.PgError{Severity: "PANIK", SeverityUnlocalized: "PANIC", Code: "XX000"}
	if meaningOf(panicked) != isLost {
		t.Error("a server that panics in German keeps its connections")
	}
	ended := &pgconn.PgError{Severity: "致命错误", SeverityUnlocalized: "FATAL", Code: "57P01"}
	if !onlyBeforeCommit(ended) {
		t.Error("who is shut out in Chinese may have committed")
	}
	s := connect(t, "pool_max_conns=1")
	conn, err := s.server.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	said := func(severity, english string) error {
		return unlessWarned(conn, func() error {
			s.server.pool.Config().ConnConfig.OnNotice(conn.Conn().PgConn(), &pgconn.Notice{Severity: severity, SeverityUnlocalized: english})
			return nil
		})
	}
	if err := said("WARNUNG", "WARNING"); err == nil {
		t.Error("a warning in German is not heard")
	}
	if err := said("HINWEIS", "NOTICE"); err != nil {
		t.Error(err)
	}
}

func TestOfSeveralServersTheOneThatCanBeWrittenToIsMeant(t *testing.T) {
	for url, want := range map[string]bool{
		"postgres://latchkey@a/latchkey?sslmode=disable":                                 false,
		"postgres://latchkey@a/latchkey":                                                 false, // with and without TLS
		"postgres://latchkey@a,b/latchkey?sslmode=disable":                               true,
		"postgres://latchkey@a:1,a:2/latchkey?sslmode=disable":                           true,
		"postgres://latchkey@a,b/latchkey?sslmode=disable&target_session_attrs=any":      true,
		"postgres://latchkey@a,b/latchkey?sslmode=disable&target_session_attrs=primary":  true,
		"postgres://latchkey@a/latchkey?sslmode=disable&target_session_attrs=read-write": true,
	} {
		cfg, err := postgresConfig(model.Secret(url))
		if err != nil || (cfg.ConnConfig.ValidateConnect != nil) != want {
			t.Errorf("%s: %v, %v", url, cfg.ConnConfig.ValidateConnect != nil, err)
		}
	}
}
