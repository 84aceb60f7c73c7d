package testkit

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Outcomes counts the answers of calls made at once, by kind of error.
type Outcomes map[error]int

// AtOnce runs call n times at once, each in a goroutine of its own, and sorts the answers into the kinds given. Any other
// answer fails the test.
func AtOnce(t testing.TB, n int, call func(ctx context.Context, i int) error, kinds ...error) Outcomes {
	t.Helper()
	ctx := t.Context()
	answers := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			answers[i] = call(ctx, i)
		})
	}
	close(start)
	all.Wait()
	counts := Outcomes{}
	for _, err := range answers {
		counts[kindOf(t, err, kinds)]++
	}
	return counts
}

func kindOf(t testing.TB, err error, kinds []error) error {
	t.Helper()
	if err == nil {
		return nil
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	t.Fatalf("unexpected answer: %v", err)
	return nil
}
