package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Environment of a child: the test binary run again as a program that writes.
const (
	childFile   = "LATCHKEY_TEST_CHILD_FILE"   // the database; being set is what makes a child
	childUsers  = "LATCHKEY_TEST_CHILD_USERS"  // users each writer makes before it ends; without it they go on
	childSingle = "LATCHKEY_TEST_CHILD_SINGLE" // one writer, so that each commit is alone
)

// writersOfChild is how many goroutines of a child write at once.
const writersOfChild = 20

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := writeAndTell(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// writeAndTell is the child: it writes, and tells out of every write when it was acknowledged.
func writeAndTell(path string, out io.Writer) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	tell := func(words ...string) { _, _ = io.WriteString(out, strings.Join(words, " ")+"\n") }
	tell("open")
	writers, users := writersOfChild, 1<<30
	if os.Getenv(childSingle) != "" {
		writers = 1
	}
	if n := os.Getenv(childUsers); n != "" {
		if _, err := fmt.Sscan(n, &users); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range users {
				liveOneLife(ctx, s, tell)
			}
		})
	}
	all.Wait()
	return s.Close()
}

// liveOneLife makes a user with four keys, of which one is turned off and one deleted, and a session by each; some users go
// again. A line is told when a write was acknowledged, and before each that takes something away: when the child dies in
// between, or the write fails, both outcomes are right. After a write that fails the rest of that life is left out.
func liveOneLife(ctx context.Context, s *Store, tell func(...string)) {
	u, err := makeUser(ctx, s)
	if err == nil {
		tell("user", u)
		err = useKeys(ctx, s, u, tell)
	}
	if err == nil && u[len(u)-1] > 'a' {
		tell("left?", u)
		if err = s.DeleteUser(ctx, u); err == nil {
			tell("left", u)
		}
	}
	if err != nil {
		tell("failed")
	}
}

func useKeys(ctx context.Context, s *Store, u string, tell func(...string)) error {
	var keys [4]string
	for i := range keys {
		k, err := makeKey(ctx, s, u, 20)
		if err != nil {
			return err
		}
		tell("key", u, k)
		session := AuthSession{ID: NewID(time.Now()), UserID: u, KeyID: k}
		if err := s.CreateAuthSession(ctx, session, &KeyUse{At: time.Now(), Address: session.ID}); err != nil {
			return err
		}
		tell("session", u, session.ID, k)
		keys[i] = k
	}
	tell("off?", u, keys[0])
	if err := s.SetAPIKeyDisabled(ctx, u, keys[0], true); err != nil {
		return err
	}
	tell("off", u, keys[0])
	tell("gone?", u, keys[1])
	if err := s.DeleteAPIKey(ctx, u, keys[1]); err != nil {
		return err
	}
	tell("gone", u, keys[1])
	return nil
}

// child is a test binary at work on a database.
type child struct {
	cmd     *exec.Cmd
	started chan struct{} // closed when it told its first line
	told    bytes.Buffer  // complete once ended is closed
	ended   chan struct{}
	errors  bytes.Buffer // complete once the process has been waited for
}

// startChild runs the test binary again, as the argument of wrap if there is one.
func startChild(t *testing.T, path string, env []string, wrap ...string) *child {
	t.Helper()
	args := append(wrap, os.Args[0], "-test.run=^$")
	c := &child{started: make(chan struct{}), ended: make(chan struct{})}
	c.cmd = exec.CommandContext(t.Context(), args[0], args[1:]...) //nolint:gosec // this very binary
	c.cmd.Env = append(append(os.Environ(), childFile+"="+path), env...)
	c.cmd.Stderr = &c.errors
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go c.listen(out)
	return c
}

func (c *child) listen(out io.Reader) {
	defer close(c.ended)
	block := make([]byte, 64<<10)
	for first := true; ; first = false {
		n, err := out.Read(block)
		c.told.Write(block[:n])
		if first {
			close(c.started)
		}
		if err != nil {
			return
		}
	}
}

// ledger waits for the end of the child and returns what it had been told by the store. A line that was cut short was not
// told to anybody.
func (c *child) ledger(t *testing.T) ledger {
	t.Helper()
	<-c.ended
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if c.errors.Len() > 0 {
		t.Logf("the child said: %s", c.errors.String())
	}
	l := ledger{}
	for line := range strings.Lines(c.told.String()) {
		if strings.HasSuffix(line, "\n") {
			l.note(t, strings.Fields(line))
		}
	}
	return l
}

// state is what is known of a row. The states with a question mark in the child's lines leave two outcomes open.
type state int

const (
	there state = iota
	maybeOff
	off
	maybeGone
	gone
)

// life is what is known of one user.
type life struct {
	user     state
	keys     map[string]state
	sessions map[string]string // to the key each was opened with
}

// ledger is what a child was told, by user.
type ledger map[string]*life

// note enters a line.
func (l ledger) note(t *testing.T, words []string) {
	t.Helper()
	if words[0] == "open" || words[0] == "failed" {
		return
	}
	if words[0] == "user" {
		l[words[1]] = &life{keys: map[string]state{}, sessions: map[string]string{}}
		return
	}
	u := l[words[1]]
	switch words[0] {
	case "key":
		u.keys[words[2]] = there
	case "session":
		u.sessions[words[2]] = words[3]
	case "off?":
		u.keys[words[2]] = maybeOff
	case "off":
		u.keys[words[2]] = off
	case "gone?":
		u.keys[words[2]] = maybeGone
	case "gone":
		u.keys[words[2]] = gone
	case "left?":
		u.user = maybeGone
	case "left":
		u.user = gone
	default:
		t.Fatalf("the child said %q", words)
	}
}

// acknowledged is the number of writes in the ledger.
func (l ledger) acknowledged() (n int) {
	for _, u := range l {
		n += 1 + len(u.keys) + len(u.sessions)
		for _, k := range u.keys {
			if k == off || k == gone {
				n++
			}
		}
		if u.user == gone {
			n++
		}
	}
	return n
}

// compare fails the test for every row that is not as the ledger has it.
func (l ledger) compare(t *testing.T, s *Store) {
	t.Helper()
	for id, u := range l {
		if u.user == maybeGone {
			continue
		}
		_, err := s.Identities(t.Context(), id)
		wantThere(t, "user "+id, u.user, err)
		for key, known := range u.keys {
			if u.user == gone {
				known = gone
			}
			k, err := s.APIKey(t.Context(), id, key)
			wantThere(t, "key "+key, known, err)
			if err == nil && k.Disabled != (known == off) && known != maybeOff && known != maybeGone {
				t.Errorf("key %s: off is %v", key, k.Disabled)
			}
		}
		uses := usesOf(t, s, id)
		for session, key := range u.sessions {
			known := u.keys[key]
			// A key's use is as durable as the session, and stays when turning the key off ends that.
			if use, isThere := uses[key]; isThere && use != session || !isThere && u.user != gone && known < maybeGone {
				t.Errorf("session %s was acknowledged, and the last use of its key is %q", session, use)
			}
			switch {
			case u.user == gone || known == off:
				known = gone
			case known == maybeOff:
				known = maybeGone
			}
			_, err := s.AuthSession(t.Context(), session)
			wantThere(t, "session "+session, known, err)
		}
	}
}

// usesOf returns the session of the last use of each key of a user.
func usesOf(t *testing.T, s *Store, userID string) map[string]string {
	t.Helper()
	_, facts, err := s.KeyFacts(t.Context(), userID)
	if err != nil {
		t.Error(err)
	}
	uses := map[string]string{}
	for _, f := range facts {
		uses[f.KeyID] = f.LastUse.Address
	}
	return uses
}

func wantThere(t *testing.T, what string, known state, err error) {
	t.Helper()
	missing := errors.Is(err, ErrNotFound)
	switch {
	case err != nil && !missing:
		t.Errorf("%s: %v", what, err)
	case known == gone && !missing:
		t.Errorf("%s was acknowledged to be gone and is there", what)
	case known != gone && known != maybeGone && missing:
		t.Errorf("%s was acknowledged and is missing", what)
	}
}
