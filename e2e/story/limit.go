package story

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Limit is how long a story may take, from when it first starts or asks for something. It is many times what the longest takes
// on a machine of its own, and is there so that a story which waits in vain fails by its name and says for what.
const Limit = time.Minute

// shortOf is how long before the time of the whole package ends its last story does.
const shortOf = 20 * time.Second

// deadlines are those of the stories that go on, by their tests.
var deadlines sync.Map

// deadline is when the story ends at the latest.
func deadline(t *testing.T) time.Time {
	at := time.Now().Add(Limit)
	if whole, ok := t.Deadline(); ok && whole.Add(-shortOf).Before(at) {
		at = whole.Add(-shortOf)
	}
	known, there := deadlines.LoadOrStore(t, at)
	if !there {
		t.Cleanup(func() { deadlines.Delete(t) })
	}
	return known.(time.Time) //nolint:forcetypeassert // nothing else is stored
}

// left is how much of its time the story has, in milliseconds and at least one, as the browser's driver wants it.
func left(t *testing.T) *float64 {
	ms := max(1, float64(time.Until(deadline(t)).Milliseconds()))
	return &ms
}

// Within is a context that ends with the story's time, and says so.
func Within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithDeadlineCause(t.Context(), deadline(t), fmt.Errorf("the story's %v are over", Limit))
	t.Cleanup(cancel)
	return ctx
}

// Until looks again and again, and ends the story when its time is over and what it waits for is not so.
func Until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := deadline(t); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the story's %v are over, and it waits in vain for this: %s", Limit, what)
		}
	}
}

// over says so of an error that came because the story's time was over.
func over(t *testing.T, err error) error {
	if time.Now().Before(deadline(t)) {
		return err
	}
	return fmt.Errorf("the story's %v are over: %w", Limit, err)
}
