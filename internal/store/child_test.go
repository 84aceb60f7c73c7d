package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/model"
)

// Environment of a child: the test binary run again as a program that writes.
const (
	childFile   = "LATCHKEY_TEST_CHILD_FILE"   // the database; being set is what makes a child
	childUsers  = "LATCHKEY_TEST_CHILD_USERS"  // users each writer makes before it ends; without it they go on
	childSingle = "LATCHKEY_TEST_CHILD_SINGLE" // one writer, so that each commit is alone
	childPinned = "LATCHKEY_TEST_CHILD_PINNED" // one thread for all flushes, since strace counts the calls of each by itself
	childBackup = "LATCHKEY_TEST_CHILD_BACKUP" // where to put a backup, in the end
	childCopy   = "LATCHKEY_TEST_CHILD_COPY"   // the URL of what to copy the database to, in place of writing

	childURL  = "LATCHKEY_TEST_CHILD_URL"  // a database of PostgreSQL: being set is what makes a child that creates keys in it
	childUser = "LATCHKEY_TEST_CHILD_USER" // of this user
)

// writersOfChild is how many goroutines of a child write at once.
const writersOfChild = 50

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		if err := createAndTell(url, os.Getenv(childUser), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv(childFile); path != "" {
		work := writeAndTell
		if os.Getenv(childCopy) != "" {
			work = copyAndTell
		}
		if err := work(path, os.Stdout); err != nil {
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
	runtime.LockOSThread() // what opening flushes is counted apart from what writing does
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	tell := func(words ...string) { _, _ = io.WriteString(out, strings.Join(words, " ")+"\n") }
	tell("open")
	if os.Getenv(childPinned) != "" {
		if err := s.pinWriter(ctx); err != nil {
			return err
		}
	}
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
	if path := os.Getenv(childBackup); path != "" {
		if err := s.Backup(ctx, path); err != nil {
			return err
		}
	}
	return s.Close()
}

// copyAndTell is the child that copies.
func copyAndTell(path string, out io.Writer) error {
	_, err := CopyData(context.Background(), path, model.Secret(os.Getenv(childCopy)), CopyOptions{})
	_, _ = io.WriteString(out, "copied\n")
	return err
}

// pinWriter keeps the writer's goroutine on one thread from here on.
func (s *Store) pinWriter(ctx context.Context) error {
	return s.file.writer.do(ctx, func(tx) error {
		runtime.LockOSThread()
		return nil
	})
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

// ledger waits for the end of the child and returns what it had been told by the store.
func (c *child) ledger(t *testing.T) *ledger {
	t.Helper()
	<-c.ended
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if c.errors.Len() > 0 {
		t.Logf("the child said: %s", c.errors.String())
	}
	l := newLedger()
	l.noteAll(t, c.told.String())
	return l
}
