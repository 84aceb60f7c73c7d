package operate

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// batch is what became of the entries of a file, or would.
type batch interface {
	// tally is how many entries there are, and with how many of them nothing can be done.
	tally() (all, bad int)
	write(w io.Writer) error
}

// batchWords are those for what is done: "imported", "import" and "users".
type batchWords struct{ done, do, entries string }

// inOneGo does what a file asks for, all of it or, unless --skip-bad is given, nothing. It rehearses first: a file that is broken at its
// end, or has one entry with which nothing can be done, should be known before half of it is written.
func inOneGo[B batch](c call, words batchWords, send func(dryRun bool) (B, error)) error {
	result, err := send(true)
	if err != nil {
		return err
	}
	all, bad := result.tally()
	refused := bad > 0 && !c.skipBad
	if !c.dryRun && !refused {
		if result, err = send(false); err != nil {
			return err
		}
		all, bad = result.tally()
	}
	if err := c.print(result, result.write); err != nil {
		return err
	}
	instead := fmt.Sprintf("correct the file, or %s the others with --skip-bad", words.do)
	switch {
	case c.dryRun && refused:
		return fmt.Errorf("%d of the %d %s cannot be %s: %s", bad, all, words.entries, words.done, instead)
	case refused:
		return fmt.Errorf("nothing was %s, because %d of the %d %s cannot be: %s", words.done, bad, all, words.entries, instead)
	case bad > 0 && !c.skipBad:
		return fmt.Errorf("%d of the %d %s could no longer be %s, because something changed meanwhile; the others were", bad, all, words.entries, words.done)
	}
	return nil
}

// writers is how many entries are written at the same time, or only read in a rehearsal.
func writers(dryRun bool) int {
	if dryRun {
		return 2 * runtime.GOMAXPROCS(0)
	}
	return importWriters
}

// shareOut has so many workers take the entries of a file that read puts into a channel, until it is at its end. When the context was
// ended it gives the cause, and otherwise what read failed with.
func shareOut[Entry any](ctx context.Context, workers int, work func(), entries chan Entry, read func() error) error {
	var all sync.WaitGroup
	for range workers {
		all.Go(work)
	}
	err := read()
	close(entries)
	all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
