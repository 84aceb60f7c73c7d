package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// troublesVariable says how often each trouble of a server comes; 20 times is what a release is held to, and frozen for five seconds half
// as often.
const troublesVariable = "LATCHKEY_TROUBLES"

const (
	// writersOfNode is how many write at once to a server that is in trouble.
	writersOfNode = 16
	// backAfter is within what a node is to serve again once the server answers, and patientlyBack on a machine that does much else.
	backAfter, patientlyBack = time.Second, 15 * time.Second
)

// trouble is what a server may meet under writers.
type trouble struct {
	name string
	come func(s *pgtest.Server) // and be over
	none bool                   // no writer may notice
	rare bool                   // for it takes long
}

func troubles(frozen time.Duration) []trouble {
	return []trouble{
		{name: "restarted fast", none: true, come: func(s *pgtest.Server) { s.StopFast(); s.Start() }},
		{name: "its connections ended", none: true, come: func(s *pgtest.Server) { s.TerminateBackends() }},
		{name: "stopped at once, as by a crash", come: func(s *pgtest.Server) { s.StopImmediately(); s.Start() }},
		{name: "one process killed", come: func(s *pgtest.Server) { s.KillBackend() }},
		{name: "frozen", none: true, rare: true, come: func(s *pgtest.Server) { s.Freeze(); time.Sleep(frozen); s.Thaw() }},
	}
}

// TestNothingAcknowledgedIsLostWhenPostgreSQLIsInTrouble has sixteen writers write while their server restarts, crashes and hangs. What
// was acknowledged must be there, once; who was told that nothing was saved must find nothing; and no more may fail than were committing.
func TestNothingAcknowledgedIsLostWhenPostgreSQLIsInTrouble(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	times, frozen, back := number(t, troublesVariable, 1), 200*time.Millisecond, patientlyBack
	if os.Getenv(troublesVariable) != "" {
		frozen, back = 5*time.Second, backAfter
	}
	server := pgtest.Start(t)
	for _, what := range troubles(frozen) {
		t.Run(what.name, func(t *testing.T) {
			s := connectTo(t, server.URL())
			w := startWriters(t, s)
			n := times
			if what.rare {
				n = max(1, times/2)
			}
			var longest time.Duration
			for range n {
				w.await("key", 20)
				time.Sleep(rand.N(20 * time.Millisecond)) //nolint:gosec // a moment, not a secret
				what.come(server)
				awaitAnswers(t, server)
				began := time.Now()
				w.await("user", 1) // whose writer came after it
				longest = max(longest, time.Since(began))
			}
			w.end()
			if longest > back {
				t.Errorf("the store was back %v after the server", longest)
			}
			most := 0
			if !what.none {
				most = n * int(s.server.pool.Config().MaxConns)
			}
			saved, unsaved := w.settle(t, most)
			l := newLedger()
			l.noteAll(t, w.soFar())
			l.compare(t, s)
			wantSound(t, s)
			figures(t, "PostgreSQL %s: times=%d acknowledged=%d missing=0 doubled=0 failed=%d (told that nobody knows, and found saved %d, not saved %d) back within %v of the server",
				what.name, n, l.acknowledged, saved+unsaved, saved, unsaved, longest.Round(time.Millisecond))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// awaitAnswers waits until the server accepts connections.
func awaitAnswers(t *testing.T, server *pgtest.Server) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := pgx.Connect(t.Context(), server.URL())
		if err == nil {
			_ = conn.Close(t.Context())
			return
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// writers live lives in a store, and remember which of their writes failed.
type writers struct {
	*told
	s        *Store
	enough   atomic.Bool
	all      sync.WaitGroup
	mu       sync.Mutex
	failures []failure
}

type failure struct {
	user string
	err  error
	of   []string // as a ledger has it; none is of a write that leaves nothing to look for
}

func startWriters(t *testing.T, s *Store) *writers {
	t.Helper()
	w := &writers{told: newTold(), s: s}
	for range writersOfNode {
		w.all.Go(func() {
			for !w.enough.Load() {
				l := &lived{Context: context.WithoutCancel(t.Context()), Store: s, tell: w.tell}
				if err := l.live(); err != nil {
					w.mu.Lock()
					w.failures = append(w.failures, failure{l.user, err, l.failing})
					w.mu.Unlock()
				}
			}
		})
	}
	t.Cleanup(w.end)
	return w
}

func (w *writers) end() {
	w.enough.Store(true)
	w.all.Wait()
}

// settle fails the test if more writes failed than may, or one was said not to be saved and was. It says what became of the others.
func (w *writers) settle(t *testing.T, most int) (saved, unsaved int) {
	t.Helper()
	if len(w.failures) > most {
		t.Errorf("%d writes failed, of at most %d that may; the first: %v", len(w.failures), most, w.failures[0].err)
	}
	if err := w.s.server.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range w.failures {
		isThere, known := wasSaved(t, w.s, f)
		switch {
		case !errors.Is(f.err, model.ErrUnclear):
			t.Errorf("a write failed that was not being committed: %v", f.err)
			if known && isThere {
				t.Errorf("%v was said not to be saved, and was", f.of)
			}
		case isThere:
			saved++
		default:
			unsaved++
		}
	}
	return saved, unsaved
}

// wasSaved says whether a write that failed was saved after all.
func wasSaved(t *testing.T, s *Store, f failure) (saved, known bool) {
	t.Helper()
	if len(f.of) == 0 {
		return false, false
	}
	last, isThere := f.of[len(f.of)-1], func(err error) bool {
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			t.Error(err)
		}
		return err == nil
	}
	switch f.of[0] {
	case "user", "left":
		_, err := s.User(t.Context(), f.user)
		return isThere(err) == (f.of[0] == "user"), true
	case "session":
		_, err := s.AuthSession(t.Context(), f.of[2])
		return isThere(err), true
	case "browser", "closed":
		_, err := s.WebSession(t.Context(), browserOf(last))
		return isThere(err) == (f.of[0] == "browser"), true
	case "key", "gone":
		_, err := s.APIKey(t.Context(), f.user, last)
		return isThere(err) == (f.of[0] == "key"), true
	case "off":
		k, err := s.APIKey(t.Context(), f.user, last)
		return isThere(err) && k.Disabled, true
	case "pairing":
		g, err := s.Grant(t.Context(), f.of[2])
		return isThere(err) && string(g.State) == last, true
	default:
		return false, false
	}
}

// TestWhoIsToldThatNothingWasSavedFindsNothing is about writers who give up while their server is away: after a moment of their own, or,
// when it is asked for, after all the patience that the store has.
func TestWhoIsToldThatNothingWasSavedFindsNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const wanted = 100
	away, waits := 300*time.Millisecond, func() time.Duration { return 1 + rand.N(30*time.Millisecond) } //nolint:gosec // a moment, not a secret
	if os.Getenv(troublesVariable) != "" {
		away, waits = patience+time.Second, func() time.Duration { return time.Minute }
	}
	server := pgtest.Start(t)
	s := connectTo(t, server.URL())
	var all sync.WaitGroup
	var enough atomic.Bool
	var saved, refused, unclear atomic.Int64
	end := func() { enough.Store(true); all.Wait() }
	t.Cleanup(end)
	type key struct{ user, id string }
	var mu sync.Mutex
	notSaved := map[key]bool{}
	for range writersOfNode {
		user := mustUser(t, s)
		all.Go(func() {
			for !enough.Load() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), waits())
				id, err := makeKey(ctx, s, user, 1<<30)
				cancel()
				switch {
				case errors.Is(err, model.ErrUnclear):
					unclear.Add(1)
					continue
				case err == nil:
					saved.Add(1)
				default:
					refused.Add(1)
				}
				mu.Lock()
				notSaved[key{user, id}] = err != nil
				mu.Unlock()
			}
		})
	}
	for i := 0; i < 3 || refused.Load() < wanted; i++ {
		awaitSome(t, &saved)
		server.StopImmediately()
		time.Sleep(away)
		server.Start()
	}
	awaitSome(t, &saved)
	end()
	for key, not := range notSaved {
		if _, err := s.APIKey(t.Context(), key.user, key.id); errors.Is(err, model.ErrNotFound) != not {
			t.Errorf("the write was answered that it was not saved: %v; the look for it: %v", not, err)
		}
	}
	figures(t, "PostgreSQL away for %v: told that nothing was saved=%d, of these there=0; not known=%d; acknowledged=%d missing=0",
		away, refused.Load(), unclear.Load(), saved.Load())
}

// awaitSome waits until a count has grown by some.
func awaitSome(t *testing.T, count *atomic.Int64) {
	t.Helper()
	for n, until := count.Load(), time.Now().Add(time.Minute); count.Load() < n+writersOfNode; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("nothing is written any more")
		}
	}
}

// TestNothingAcknowledgedIsLostWhenAStandbyTakesOver kills a server that has a synchronous standby, and makes that the server.
func TestNothingAcknowledgedIsLostWhenAStandbyTakesOver(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	n := number(t, failoversVariable, 1)
	var acknowledged, saved, unsaved int
	var longest time.Duration
	for range n {
		primary := pgtest.Start(t)
		standby := primary.Standby(t)
		s := connectTo(t, bothOf(t, primary, standby))
		w := startWriters(t, s)
		w.await("key", 20)
		time.Sleep(rand.N(20 * time.Millisecond)) //nolint:gosec // a moment, not a secret
		primary.Kill()
		standby.Promote()
		began := time.Now()
		w.await("user", 1)
		longest = max(longest, time.Since(began))
		w.await("user", writersOfNode)
		w.end()
		yes, no := w.settle(t, int(s.server.pool.Config().MaxConns))
		saved, unsaved = saved+yes, unsaved+no
		l := newLedger()
		l.noteAll(t, w.soFar())
		l.compare(t, s)
		wantSound(t, s)
		acknowledged += l.acknowledged
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	figures(t, "PostgreSQL failed over to a synchronous standby: times=%d acknowledged=%d missing=0 doubled=0 failed=%d (told that nobody knows, and found saved %d, not saved %d) back within %v of the standby",
		n, acknowledged, saved+unsaved, saved, unsaved, longest.Round(time.Millisecond))
}

// failoversVariable says how often a standby takes over.
const failoversVariable = "LATCHKEY_FAILOVERS"

// bothOf is a URL of two servers, of which the one is meant that can be written to.
func bothOf(t *testing.T, one, other *pgtest.Server) string {
	t.Helper()
	u, err := url.Parse(one.URL())
	if err != nil {
		t.Fatal(err)
	}
	second, err := url.Parse(other.URL())
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for _, name := range []string{"host", "port"} {
		query.Set(name, query.Get(name)+","+second.Query().Get(name))
	}
	query.Set("target_session_attrs", "read-write")
	u.RawQuery = query.Encode()
	return u.String()
}

// A commit that waits for a standby is there for all to see when its connection is ended. It is not on the standby yet, and nobody may be
// told that it was saved.
func TestWhatIsNotOnTheStandbyYetIsNotSettled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	primary := pgtest.Start(t)
	standby := primary.Standby(t)
	p := pgtest.NewProxy(t, primary.URL())
	s := connectTo(t, p.URL())
	user := mustUser(t, s)
	standby.Freeze()
	created := make(chan error)
	var key string
	go func() {
		var err error
		key, err = makeKey(t.Context(), s, user, 20)
		created <- err
	}()
	awaitStandby(t, primary)
	p.Refuse(true)
	if err := <-created; !errors.Is(err, model.ErrUnclear) {
		t.Fatal(err)
	}
	p.Refuse(false)
	if err := s.Settled(t.Context()); err == nil {
		t.Fatal("it is settled, and is on one server of two")
	}
	standby.Thaw()
	if err := s.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	standby.Promote()
	if _, err := connectTo(t, standby.URL()).APIKey(t.Context(), user, key); err != nil {
		t.Errorf("what was settled is not on the standby: %v", err)
	}
}

// awaitStandby returns when a commit waits for the standby.
func awaitStandby(t *testing.T, primary *pgtest.Server) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), primary.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it only looked
	for n, until := 0, time.Now().Add(time.Minute); n == 0; time.Sleep(5 * time.Millisecond) {
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&n); err != nil || time.Now().After(until) {
			t.Fatalf("no commit waits: %v", err)
		}
	}
}

// An administrator who has had enough of a standby that does not answer may end the waiting of a commit. The server then says that it has
// committed, and warns that the standby has not.
func TestACommitThatDidNotWaitForTheStandbyIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	primary := pgtest.Start(t)
	standby := primary.Standby(t)
	s := connectTo(t, primary.URL())
	user := mustUser(t, s)
	standby.Freeze()
	created := make(chan error)
	var key string
	go func() {
		var err error
		key, err = makeKey(t.Context(), s, user, 20)
		created <- err
	}()
	awaitStandby(t, primary)
	conn, err := pgx.Connect(t.Context(), primary.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it has done what it should
	if _, err := conn.Exec(t.Context(), "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
		t.Fatal(err)
	}
	if err := <-created; !errors.Is(err, model.ErrUnclear) {
		t.Errorf("it was answered with %v", err)
	}
	standby.Thaw()
	if err := s.Settled(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.APIKey(t.Context(), user, key); err != nil {
		t.Errorf("when the standby is back: %v", err)
	}
}
