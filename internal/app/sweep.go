package app

import (
	"context"
	"math/rand/v2"
	"time"
)

// aboutAMinute is the pause between two sweeps. The jitter keeps programs that were started together from sweeping
// together.
func aboutAMinute() time.Duration {
	return 50*time.Second + rand.N(20*time.Second) //nolint:gosec // spreads load, guards nothing
}

// repeat does the work after each pause, until the context ends.
func repeat(ctx context.Context, pause func() time.Duration, work func(context.Context)) {
	for {
		timer := time.NewTimer(pause())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			work(ctx)
		}
	}
}
