package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"latchkey/internal/model"
)

func TestWritesMadeAtOnceShareCommits(t *testing.T) {
	for _, processors := range []int{1, 2} {
		t.Run(fmt.Sprintf("with GOMAXPROCS=%d", processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			const callers, each = 50, 40
			s := openFile(t, newFile(t))
			users := make([]string, callers)
			for i := range users {
				users[i] = mustUser(t, s)
			}
			before := s.Stats()
			var all sync.WaitGroup
			for _, u := range users {
				all.Go(func() {
					for range each {
						if _, err := makeKey(t.Context(), s, u, each); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			wantKeys(t, s, users, each)
			jobs, commits := s.Stats().Writes-before.Writes, s.Stats().Commits-before.Commits
			if average := float64(jobs) / float64(commits); jobs != callers*each || average < 4 {
				t.Errorf("%d writes in %d commits, %.1f each", jobs, commits, average)
			} else {
				t.Logf("%d writes in %d commits, %.1f each", jobs, commits, average)
			}
		})
	}
}

func wantKeys(t *testing.T, s *Store, users []string, each int) {
	t.Helper()
	for _, u := range users {
		keys, err := s.APIKeys(t.Context(), u)
		if err != nil || len(keys) != each {
			t.Errorf("a user has %d keys (%v), %d were acknowledged", len(keys), err, each)
		}
	}
}

func TestABatchIsBounded(t *testing.T) {
	s := openFile(t, newFile(t))
	u := mustUser(t, s)
	before := s.Stats().Commits
	answers := together(t, s, 2*maxBatch+44, func(ctx context.Context, _ int) error {
		_, err := makeKey(ctx, s, u, 1000)
		return err
	})
	for _, err := range answers {
		if err != nil {
			t.Error(err)
		}
	}
	// One more commit is that of the job which held the writer.
	if commits := s.Stats().Commits - before; commits != 4 {
		t.Errorf("%d commits, want 1 + 3", commits)
	}
}

// together holds the writer until n writes are queued, so that they meet in one transaction, and returns their answers.
func together(t *testing.T, s *Store, n int, write func(ctx context.Context, i int) error) []error {
	t.Helper()
	release := hold(t, s)
	answers := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i] = write(t.Context(), i) })
	}
	awaitQueue(s, n)
	if err := release(); err != nil {
		t.Error(err)
	}
	all.Wait()
	return answers
}

// hold makes the writer busy until release is called, which returns the outcome of that.
func hold(t *testing.T, s *Store) (release func() error) {
	t.Helper()
	started, released, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- s.file.writer.do(t.Context(), func(tx) error {
			close(started)
			<-released
			return nil
		})
	}()
	<-started
	return func() error {
		close(released)
		return <-done
	}
}

// awaitQueue returns when n jobs are waiting.
func awaitQueue(s *Store, n int) {
	for queued := 0; queued < n; runtime.Gosched() {
		s.file.writer.mu.Lock()
		queued = len(s.file.writer.queue)
		s.file.writer.mu.Unlock()
	}
}

func TestACallerWhoLeavesTheQueueIsAnsweredAtOnceAndNothingIsWritten(t *testing.T) {
	s := openFile(t, newFile(t))
	u := mustUser(t, s)
	release := hold(t, s)
	ctx, leave := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() {
		_, err := makeKey(ctx, s, u, 20)
		answer <- err
	}()
	awaitQueue(s, 1)
	leave()
	if err := <-answer; !errors.Is(err, context.Canceled) { // while the writer is still held
		t.Errorf("error is %v", err)
	}
	writes := s.Stats().Writes
	if err := release(); err != nil {
		t.Error(err)
	}
	mustUser(t, s) // the queue has been gone through
	if got := s.Stats().Writes - writes; got != 1 {
		t.Errorf("%d writes ran", got)
	}
	wantKeys(t, s, []string{u}, 0)
}

func TestACallerWhoLeavesDuringTheTransactionIsToldTheTruth(t *testing.T) {
	for name, outcome := range map[string]error{"when it succeeds": nil, "when it is refused": model.ErrConflict} {
		t.Run(name, func(t *testing.T) {
			s := openFile(t, newFile(t))
			ctx, leave := context.WithCancel(t.Context())
			err := s.file.writer.do(ctx, func(tx tx) error {
				leave()
				if _, err := tx.exec(insertUser, "u", 0, nil); err != nil {
					return err
				}
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Errorf("error is %v, want %v", err, outcome)
			}
			if saved := hasUser(t, s, "u"); saved != (outcome == nil) {
				t.Errorf("answer %v, and saved is %v", err, saved)
			}
		})
	}
}

func hasUser(t *testing.T, s *Store, id string) bool {
	t.Helper()
	var n int
	if err := s.file.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM users WHERE id = ?", id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func TestAJobWhoseContextEndedInTheQueueIsNotRun(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	unnoticed := &job{ctx: ended, done: make(chan error, 1)} // the caller is still waiting for the answer
	left := &job{ctx: ended, done: make(chan error, 1)}
	left.take()
	stays := &job{ctx: t.Context(), done: make(chan error, 1)}
	if kept := withCaller([]*job{unnoticed, stays, left}); len(kept) != 1 || kept[0] != stays {
		t.Errorf("kept %v", kept)
	}
	if err := <-unnoticed.done; !errors.Is(err, context.Canceled) {
		t.Errorf("answer is %v", err)
	}
	if stays.take() {
		t.Error("the caller could still leave a job that is being run")
	}
}

func TestAJobThatFailsOrPanicsIsUndoneAlone(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return model.ErrConflict },
		"panic": func() error { panic("out of order") },
	} {
		t.Run(name, func(t *testing.T) {
			s := openFile(t, newFile(t))
			before := s.Stats().Commits
			answers := together(t, s, 9, func(ctx context.Context, i int) error {
				return s.file.writer.do(ctx, func(tx tx) error {
					if _, err := tx.exec(insertUser, fmt.Sprint(i), 0, nil); err != nil {
						return err
					}
					if i%3 == 0 {
						return fail()
					}
					return nil
				})
			})
			for i, err := range answers {
				failed := i%3 == 0
				if (err != nil) != failed {
					t.Errorf("job %d: %v", i, err)
				}
				if hasUser(t, s, fmt.Sprint(i)) == failed {
					t.Errorf("job %d was answered %v, and the row says otherwise", i, err)
				}
			}
			if commits := s.Stats().Commits - before; commits != 2 {
				t.Errorf("%d commits, want 1 + 1", commits)
			}
			mustUser(t, s)
		})
	}
}

func TestOnlyABatchInWhichSomethingIsLeftBehindIsRunTwice(t *testing.T) {
	s := openFile(t, newFile(t))
	refused := errors.New("refused")
	user := func(tr tx, id string) error {
		_, err := tr.exec(insertUser, id, 0, nil)
		return err
	}
	for name, tc := range map[string]struct {
		job  func(tx) error
		want error
		runs int
	}{
		"refused at once":          {func(tx) error { return refused }, refused, 1},
		"refused after a look":     {func(tr tx) error { return errors.Join(keyRefusal(tr, "nobody", "", [32]byte{}, 20), refused) }, refused, 1},
		"refused by a statement":   {func(tr tx) error { return tr.execOne(deleteUser, "nobody") }, model.ErrNotFound, 1},
		"refused after a change":   {func(tr tx) error { return errors.Join(user(tr, "half"), refused) }, refused, 2},
		"refused after a returned": {func(tr tx) error { return errors.Join(claim(tr), refused) }, refused, 2},
		"a statement that fails":   {func(tr tx) error { _, err := tr.exec("no statement"); return err }, nil, 1},
		"a statement of the base":  {func(tr tx) error { return errors.Join(user(tr, "twice"), user(tr, "twice")) }, nil, 2},
		"a panic":                  {func(tx) error { panic("x") }, nil, 2},
	} {
		if err := s.CreateGrant(t.Context(), model.DeviceGrant{ID: name, UserCode: name, DeviceCodeHash: sha256.Sum256([]byte(name)), ExpiresAt: fromMillis(9)}, 99); err != nil {
			t.Fatal(err)
		}
		neighbours, runs := 0, 0
		answers := together(t, s, 2, func(ctx context.Context, i int) error {
			return s.file.writer.do(ctx, func(tr tx) error {
				if i == 0 {
					neighbours++
					return user(tr, "neighbour of "+name)
				}
				runs++
				return tc.job(tr)
			})
		})
		if answers[0] != nil || answers[1] == nil || tc.want != nil && !errors.Is(answers[1], tc.want) {
			t.Errorf("%s: %v, and the neighbour: %v", name, answers[1], answers[0])
		}
		if runs != tc.runs { // how often its neighbour is run depends on who was first
			t.Errorf("%s: run %d times, want %d, and its neighbour %d times", name, runs, tc.runs, neighbours)
		}
		if hasUser(t, s, "half") || hasUser(t, s, "twice") || !hasUser(t, s, "neighbour of "+name) {
			t.Errorf("%s: not undone alone", name)
		}
	}
}

// claim changes a row by a statement that gives it back.
func claim(tr tx) error {
	var r grantRow
	return tr.row(claimGrant, []any{"somebody", []byte{1}, "refused after a returned", 0}, r.columns()...)
}

func TestAStatementThatFailsInAJobDoesNotSpoilItsNeighbours(t *testing.T) {
	s := openFile(t, newFile(t))
	answers := together(t, s, 6, func(ctx context.Context, i int) error {
		return s.file.writer.do(ctx, func(tx tx) error {
			_, err := tx.exec(insertUser, fmt.Sprint(i/2), 0, nil) // every id twice
			return err
		})
	})
	succeeded := 0
	for _, err := range answers {
		if err == nil {
			succeeded++
		} else if !strings.Contains(err.Error(), "UNIQUE constraint failed: users.id") {
			t.Error(err)
		}
	}
	if succeeded != 3 {
		t.Errorf("%d succeeded", succeeded)
	}
}

func TestACommitThatFailsFailsItsWholeBatchAndNothingAfterIt(t *testing.T) {
	s := openFile(t, newFile(t))
	u := mustUser(t, s)
	before := s.Stats().Commits
	refuseCommits(t, s, true)
	release := hold(t, s)
	answers := make([]error, 10)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			_, answers[i] = makeKey(t.Context(), s, u, 5) // half of them pass the limit
		})
	}
	awaitQueue(s, len(answers))
	if err := release(); err == nil {
		t.Error("the commit before did not fail")
	}
	all.Wait()
	for _, err := range answers {
		if err == nil || !strings.Contains(err.Error(), "commit: ") || errors.Is(err, model.ErrLimit) {
			t.Errorf("answer is %v", err)
		}
	}
	wantKeys(t, s, []string{u}, 0)
	if commits := s.Stats().Commits - before; commits != 0 {
		t.Errorf("%d commits counted", commits)
	}
	refuseCommits(t, s, false)
	if _, err := makeKey(t.Context(), s, u, 5); err != nil {
		t.Errorf("the writer did not go on: %v", err)
	}
}

// refuseCommits lets the engine fail every COMMIT that has something to commit.
func refuseCommits(t *testing.T, s *Store, refuse bool) {
	t.Helper()
	var hook sqlite.CommitHookFn
	if refuse {
		hook = func() int32 { return 1 }
	}
	err := s.file.writer.conn.Raw(func(conn any) error {
		conn.(sqlite.HookRegisterer).RegisterCommitHook(hook)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnAFullDiskAnswersStayTrueAndWritingResumes(t *testing.T) {
	s := openFile(t, newFile(t))
	var pages int
	if err := s.file.writer.conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	run(t, s.file.writer.conn, fmt.Sprintf("PRAGMA max_page_count = %d", pages+20))
	var mu sync.Mutex
	saved, failed := []string{}, []string{}
	fill := func() {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 50 {
					id, err := makeUser(t.Context(), s)
					mu.Lock()
					if err == nil {
						saved = append(saved, id)
					} else {
						failed = append(failed, id)
						if !strings.Contains(err.Error(), "full") {
							t.Error(err)
						}
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
	}
	fill()
	if len(saved) == 0 || len(failed) == 0 {
		t.Fatalf("%d saved, %d failed: the disk was not full in between", len(saved), len(failed))
	}
	run(t, s.file.writer.conn, fmt.Sprintf("PRAGMA max_page_count = %d", 1<<30))
	refused := len(failed)
	fill()
	if len(failed) != refused {
		t.Errorf("%d writes failed after there was room again", len(failed)-refused)
	}
	for _, id := range saved {
		if !hasUser(t, s, id) {
			t.Fatal("an acknowledged row is missing")
		}
	}
	for _, id := range failed {
		if hasUser(t, s, id) {
			t.Fatal("a refused row is there")
		}
	}
	t.Logf("%d saved, %d refused", len(saved), len(failed))
}

func TestATransactionLeftOpenIsEndedByTheNext(t *testing.T) {
	s := openFile(t, newFile(t))
	run(t, s.file.writer.conn, "BEGIN")
	run(t, s.file.writer.conn, "INSERT INTO users (id, created_at) VALUES ('unanswered', 0)")
	mustUser(t, s)
	if hasUser(t, s, "unanswered") {
		t.Error("what nobody was told of was committed")
	}
}

func TestATransactionThatIsLostInAJobFailsItsWholeBatch(t *testing.T) {
	s := openFile(t, newFile(t))
	answers := together(t, s, 5, func(ctx context.Context, i int) error {
		return s.file.writer.do(ctx, func(tx tx) error {
			if _, err := tx.exec(insertUser, fmt.Sprint(i), 0, nil); err != nil {
				return err
			}
			if i == 2 {
				// What SQLite does by itself on some errors.
				if _, err := tx.exec(rollbackTransaction); err != nil {
					return err
				}
				return fmt.Errorf("disk on fire: %w", model.ErrConflict)
			}
			return nil
		})
	})
	for i, err := range answers {
		if err == nil || !strings.Contains(err.Error(), "transaction lost: ") || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("job %d: %v", i, err)
		}
		if errors.Is(err, model.ErrConflict) {
			t.Errorf("job %d is told of a conflict it may not have had", i)
		}
		if hasUser(t, s, fmt.Sprint(i)) {
			t.Errorf("job %d failed and is there", i)
		}
	}
	mustUser(t, s)
}
