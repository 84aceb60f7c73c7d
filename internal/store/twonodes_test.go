package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// twoNodes are two stores on one database, each with a pool of its own, whose connections are all there: with cold ones, the first that connects
// first may be done before the others begin, and anything holds.
func twoNodes(t *testing.T) [2]*Store {
	t.Helper()
	url := pgtest.URL(t)
	nodes := [2]*Store{connectTo(t, url), connectTo(t, url)}
	for _, s := range nodes {
		warm(t, s)
	}
	return nodes
}

func warm(t testing.TB, s *Store) {
	t.Helper()
	var all []*pgxpool.Conn
	for range s.server.pool.Config().MaxConns {
		conn, err := s.server.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	for _, conn := range all {
		conn.Release()
	}
}

func TestAThousandCreatesOverTwoNodesEndWithTwentyKeys(t *testing.T) {
	for _, before := range []int{0, 19, 20} {
		t.Run(fmt.Sprint(before), func(t *testing.T) {
			nodes := twoNodes(t)
			user := mustUser(t, nodes[0])
			var ledger []string
			for range before {
				id, err := makeKey(t.Context(), nodes[0], user, 20)
				if err != nil {
					t.Fatal(err)
				}
				ledger = append(ledger, id)
			}
			var mu sync.Mutex
			atOnce(t, 1000, func(ctx context.Context, i int) error {
				id, err := makeKey(ctx, nodes[i%2], user, 20)
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					ledger = append(ledger, id)
				}
				return err
			}, model.ErrLimit)
			wantExactly(t, nodes[1], user, ledger)
			if len(ledger) != 20 {
				t.Errorf("%d keys", len(ledger))
			}
		})
	}
}

// wantExactly fails the test unless a user has these keys and no others.
func wantExactly(t *testing.T, s *Store, user string, want []string) {
	t.Helper()
	all, err := s.APIKeys(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range all {
		got = append(got, k.ID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d keys are there, and %d were acknowledged", len(got), len(want))
	}
}

func TestCreatesAndDeletesOverTwoNodesNeverPassTheLimit(t *testing.T) {
	nodes := twoNodes(t)
	user := mustUser(t, nodes[0])
	var mu sync.Mutex
	keys := map[string]bool{}
	atOnce(t, 500, func(ctx context.Context, i int) error {
		here, there := nodes[i%2], nodes[(i+1)%2]
		id, err := makeKey(ctx, here, user, 20)
		if err != nil {
			return err
		}
		all, err := there.APIKeys(ctx, user)
		if err != nil || len(all) > 20 {
			return fmt.Errorf("%d keys, %w", len(all), err)
		}
		if i%3 != 0 {
			_, err = there.DeleteAPIKey(ctx, user, id, model.Event{UserID: user, Kind: model.EventKeyDeleted, KeyID: id, At: time.Now()})
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		keys[id] = true
		return nil
	}, model.ErrLimit)
	wantExactly(t, nodes[0], user, slices.Collect(maps.Keys(keys)))
	if len(keys) == 0 || len(keys) > 20 {
		t.Errorf("%d keys", len(keys))
	}
}

// atOnce calls n times at once, and says how often there was no error. Any but the one that may be fails the test.
func atOnce(t *testing.T, n int, call func(ctx context.Context, i int) error, may error) (good int) {
	t.Helper()
	start := make(chan struct{})
	answers := make(chan error)
	for i := range n {
		go func() {
			<-start
			answers <- call(t.Context(), i)
		}()
	}
	close(start)
	for range n {
		switch err := <-answers; {
		case err == nil:
			good++
		case !errors.Is(err, may):
			t.Error(err)
		}
	}
	return good
}

// createAndTell is a child that creates 500 keys at once, when it is told to, and tells which were acknowledged.
func createAndTell(url, user string, in io.Reader, out io.Writer) error {
	ctx := context.Background()
	s, err := Connect(ctx, model.Secret(url), Options{})
	if err != nil {
		return err
	}
	_, _ = io.WriteString(out, "open\n")
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return err
	}
	var all sync.WaitGroup
	var wrong atomic.Pointer[error]
	for range 500 {
		all.Go(func() {
			id, err := makeKey(ctx, s, user, 20)
			switch {
			case err == nil:
				_, _ = io.WriteString(out, "key "+id+"\n")
			case !errors.Is(err, model.ErrLimit):
				wrong.Store(&err)
			}
		})
	}
	all.Wait()
	if err := wrong.Load(); err != nil {
		return *err
	}
	return s.Close()
}

func TestAThousandCreatesByTwoProcessesEndWithTwentyKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, before := range []int{0, 19, 20} {
		t.Run(fmt.Sprint(before), func(t *testing.T) { thousandCreatesByTwoProcesses(t, before) })
	}
}

// thousandCreatesByTwoProcesses are those of a user who has some keys already.
func thousandCreatesByTwoProcesses(t *testing.T, before int) {
	t.Helper()
	url := pgtest.URL(t)
	s := connectTo(t, url)
	user := mustUser(t, s)
	var ledger []string
	for range before {
		id, err := makeKey(t.Context(), s, user, 20)
		if err != nil {
			t.Fatal(err)
		}
		ledger = append(ledger, id)
	}
	var children [2]*exec.Cmd
	var told [2]*bufio.Reader
	var begin [2]io.Writer
	for i := range children {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$") //nolint:gosec // this very binary
		c.Env, c.Stderr = append(os.Environ(), childURL+"="+url, childUser+"="+user), os.Stderr
		out, outErr := c.StdoutPipe()
		in, inErr := c.StdinPipe()
		if err := errors.Join(outErr, inErr, c.Start()); err != nil {
			t.Fatal(err)
		}
		children[i], told[i], begin[i] = c, bufio.NewReader(out), in
	}
	for i := range children {
		if line, err := told[i].ReadString('\n'); line != "open\n" {
			t.Fatalf("a child said %q: %v", line, err)
		}
	}
	for i := range children {
		_, _ = io.WriteString(begin[i], "now\n")
	}
	for i := range children {
		rest, err := io.ReadAll(told[i])
		if err := errors.Join(err, children[i].Wait()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(rest)) {
			ledger = append(ledger, strings.TrimSpace(strings.TrimPrefix(line, "key ")))
		}
	}
	wantExactly(t, s, user, ledger)
	if len(ledger) != 20 {
		t.Errorf("%d keys", len(ledger))
	}
}

// TestWhatEndedOnOneNodeLetsNobodyInOnTheOther has sixty-four sign in at one node while the other takes away what they sign in with. From
// its answer on no session is there, and none is opened.
func TestWhatEndedOnOneNodeLetsNobodyInOnTheOther(t *testing.T) {
	nodes := twoNodes(t)
	here, there := nodes[0], nodes[1]
	for name, act := range map[string]func(ctx context.Context, id model.Identity, key string) error{
		"the key is turned off": func(ctx context.Context, id model.Identity, key string) error {
			return here.SetAPIKeyDisabled(ctx, id.UserID, key, Turn{Off: true, At: time.Now()})
		},
		"the key is deleted": func(ctx context.Context, id model.Identity, key string) error {
			_, err := here.DeleteAPIKey(ctx, id.UserID, key)
			return err
		},
		"the account is disabled": func(ctx context.Context, id model.Identity, _ string) error {
			return here.DisableUser(ctx, id.UserID, time.Now())
		},
		"the account is deleted": func(ctx context.Context, id model.Identity, _ string) error {
			return here.DeleteUser(ctx, id.UserID)
		},
		"the password is changed": func(ctx context.Context, id model.Identity, _ string) error {
			return here.ChangePassword(ctx, id, "new", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := withPassword(t, here)
			key, err := makeKey(t.Context(), here, id.UserID, 20)
			if err != nil {
				t.Fatal(err)
			}
			if name == "the password is changed" {
				key = "" // sessions that a key opens later are its own
			}
			var ended atomic.Bool
			var sessions [65]string
			some := make(chan struct{}, len(sessions))
			opened := atOnce(t, len(sessions), func(ctx context.Context, i int) error {
				if i == 0 {
					for range 10 {
						<-some
					}
					err := act(ctx, id, key)
					ended.Store(true)
					return err
				}
				now := time.Now()
				a := model.Session{ID: model.NewID(now), UserID: id.UserID, KeyID: key, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
				if key == "" {
					a.Provider, a.IdentityID, a.Generation = id.Provider, id.ID, id.Generation
				}
				sessions[i] = a.ID
				late := ended.Load()
				err := there.CreateAuthSession(ctx, a, nil)
				if err == nil && late {
					t.Error("a session was opened afterwards")
				}
				some <- struct{}{}
				return err
			}, model.ErrNotFound)
			t.Logf("%d opened before", opened-1)
			for _, session := range sessions {
				if _, err := there.AuthSession(t.Context(), session); !errors.Is(err, model.ErrNotFound) {
					t.Errorf("a session is there, or %v", err)
				}
			}
		})
	}
}

// withPassword creates a user who signs in with a password.
func withPassword(t *testing.T, s *Store) model.Identity {
	t.Helper()
	now := time.Now()
	u := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: model.NewID(now), PasswordHash: "old", CreatedAt: now,
	}
	if err := s.CreateUser(t.Context(), u, id); err != nil {
		t.Fatal(err)
	}
	ids, err := s.Identities(t.Context(), u.ID)
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	return ids[0]
}

// A role or a database may have a level of its own, and so may the URL.
func TestLimitsHoldWhateverIsolationTheDatabaseHasByDefault(t *testing.T) {
	s := connect(t, "default_transaction_isolation=repeatable%20read")
	warm(t, s)
	other := connectTo(t, s.server.pool.Config().ConnString())
	warm(t, other)
	nodes := [2]*Store{s, other}
	for range 5 { // one race may pass by luck
		user := mustUser(t, s)
		for range 19 {
			if _, err := makeKey(t.Context(), s, user, 20); err != nil {
				t.Fatal(err)
			}
		}
		atOnce(t, 100, func(ctx context.Context, i int) error {
			_, err := makeKey(ctx, nodes[i%2], user, 20)
			return err
		}, model.ErrLimit)
		if keys, err := s.APIKeys(t.Context(), user); err != nil || len(keys) != 20 {
			t.Errorf("%d keys, %v", len(keys), err)
		}
	}
}

// A write about an account holds its row; the sweep of another node has to see what was written before it deletes the account.
func TestASweepLeavesAnAccountThatIsGivenAKeyAtThatMoment(t *testing.T) {
	nodes := twoNodes(t)
	user := mustUser(t, nodes[0]) // without credentials, and never signed in
	later := time.Now().Add(2 * anonymousGrace)
	k := model.Key{ID: model.NewID(later), UserID: user, Name: "late", CreatedAt: later}
	swept := make(chan error, 1)
	err := nodes[0].write(t.Context(), ofUser(user), func(tx tx) error {
		added, err := tx.exec(insertAPIKey, keyArgs(k, sha256.Sum256([]byte(k.ID)), 20)...)
		if err != nil || added != 1 {
			return fmt.Errorf("%d keys were added, %w", added, err)
		}
		go func() { swept <- nodes[1].Sweep(t.Context(), later, time.Hour) }()
		for waits := false; !waits; { // for the row of the user
			select {
			case err := <-swept: // or for nobody
				swept <- err
				return nil
			default:
			}
			const query = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"
			if err := nodes[0].server.pool.QueryRow(t.Context(), query).Scan(&waits); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-swept; err != nil {
		t.Fatal(err)
	}
	for range 2 { // and from then on
		wantExactly(t, nodes[1], user, []string{k.ID})
		if _, err := nodes[1].User(t.Context(), user); err != nil {
			t.Error(err)
		}
		if err := nodes[1].Sweep(t.Context(), later, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
}

// What is written about an account without its row refers to it all the same.
func TestWhatRefersToAnAccountThatGoesAtThatMomentFindsItGone(t *testing.T) {
	nodes := twoNodes(t)
	now := time.Now()
	u := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: u.ID, CreatedAt: now}
	if err := nodes[0].CreateUser(t.Context(), u, id); err != nil {
		t.Fatal(err)
	}
	linked := make(chan error, 1)
	err := nodes[0].write(t.Context(), ofUser(u.ID), func(tx tx) error {
		if err := tx.execOne(deleteUser, u.ID); err != nil {
			return err
		}
		go func() {
			linked <- nodes[1].CreateLink(t.Context(), model.Link{ID: model.NewID(now), IdentityID: id.ID, Purpose: model.LinkReset, CreatedAt: now, ExpiresAt: now})
		}()
		return awaitLockWait(t.Context(), nodes[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-linked; !errors.Is(err, model.ErrNotFound) {
		t.Error(err)
	}
}

// What happens to a user does not fail because a webhook goes at that moment.
func TestWhatHappensWhileAWebhookIsDeletedIsSaved(t *testing.T) {
	nodes := twoNodes(t)
	now := time.Now()
	w := model.Webhook{ID: model.NewWebhookID(), URL: "https://ops.example.org", Kinds: []model.EventKind{model.EventKeyMade}, Sealed: []byte("sealed")}
	act := model.OperatorAct{ID: model.NewID(now), At: now, Act: model.ActWebhookAdded}
	if err := nodes[0].AddWebhook(t.Context(), w, 1, act); err != nil {
		t.Fatal(err)
	}
	e := model.Event{ID: model.NewID(now), UserID: model.NewID(now), At: now, Kind: model.EventKeyMade, Actor: model.ActorBrowser, Elsewhere: true}
	recorded := make(chan error, 1)
	err := nodes[0].write(t.Context(), ofNobody, func(tx tx) error {
		if err := tx.execOne(deleteWebhook, w.ID); err != nil {
			return err
		}
		go func() { recorded <- nodes[1].RecordEvent(t.Context(), e) }()
		return awaitLockWait(t.Context(), nodes[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-recorded; err != nil {
		t.Error(err)
	}
	if tries := nodes[1].server.conflicts.Load(); tries > 0 { // a second one, while another webhook goes, would be the last
		t.Errorf("it was tried %d times more", tries)
	}
	if page, err := nodes[0].Events(t.Context(), e.UserID, model.EventQuery{Limit: 10}); err != nil || len(page) != 1 {
		t.Errorf("%d events are there, %v", len(page), err)
	}
}

// awaitLockWait returns when a transaction waits for another.
func awaitLockWait(ctx context.Context, s *Store) error {
	for waits := false; !waits; {
		const query = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"
		if err := s.server.pool.QueryRow(ctx, query).Scan(&waits); err != nil {
			return err
		}
	}
	return nil
}

// On one node the second of two who register an address that nobody has confirmed registers it again.
func TestAnAddressThatIsRegisteredTwiceAtOnceIsRegisteredTwice(t *testing.T) {
	nodes := twoNodes(t)
	for range 20 {
		now := time.Now()
		subject := model.NewID(now)
		events := func(id model.Identity) model.Event {
			return model.Event{UserID: id.UserID, At: now, Kind: model.EventAccountMade, Actor: model.ActorApp}
		}
		atOnce(t, 4, func(ctx context.Context, i int) error {
			u := model.User{ID: model.NewID(now), CreatedAt: now}
			id := model.Identity{
				ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: subject, PasswordHash: u.ID, CreatedAt: now,
			}
			_, err := nodes[i%2].RegisterUser(ctx, u, id, false, events)
			return err
		}, nil)
		id, err := nodes[0].IdentityBySubject(t.Context(), model.ProviderEmailPassword, subject)
		if err != nil || id.Generation != 3 {
			t.Errorf("generation %d, %v", id.Generation, err)
		}
	}
}

func TestServerKeysOverTwoNodesEndWithAHundred(t *testing.T) {
	nodes := twoNodes(t)
	atOnce(t, 250, func(ctx context.Context, i int) error {
		now := time.Now()
		k := model.Key{ID: model.NewID(now), UserID: model.NewID(now), Name: fmt.Sprintf("key-%d", i), CreatedAt: now}
		return nodes[i%2].CreateServerKey(ctx, k, sha256.Sum256([]byte(k.ID)), model.MaxServerKeys)
	}, model.ErrLimit)
	_, n, err := nodes[0].CountUsers(t.Context())
	if err != nil || n != model.MaxServerKeys {
		t.Errorf("%d server keys, %v", n, err)
	}
}
