package app

import (
	"context"
	"math/rand/v2"
	"time"

	"latchkey/handlers/websession"
	"latchkey/internal/accounts"
	"latchkey/internal/onboard"
	"latchkey/internal/store"
)

// longest is for how long what people begin is good at most.
var longest = store.Longest{
	AuthSession: accounts.SessionLifetime, WebSession: websession.Life, Grant: onboard.DefaultLifetime,
}

// sweep deletes what has expired by a time that has certainly come. What it leaves undone is done a minute later.
func (a *App) sweep(ctx context.Context) {
	look := a.clock.look(ctx)
	now := a.now()
	// What other nodes have dated is judged by the clock that all share: one that is ahead must not delete it early, nor one that is behind
	// take it for something from the future.
	shared := now.Add(-a.nodes.clockOff())
	if shared.Before(look.By) {
		look.By = shared
	}
	if shared.After(now) {
		now = shared
	}
	if err := a.store.Sweep(ctx, look.By, websession.Idle); err != nil && ctx.Err() == nil {
		a.log.Error("sweep expired sessions", "cause", err)
	}
	if err := a.pairings.SweepBy(ctx, look.By); err != nil && ctx.Err() == nil {
		a.log.Error("sweep expired pairings", "cause", err)
	}
	a.finishReplacements(ctx, look.By)
	a.lookAfterMails(ctx)
	a.lookAfterWebhooks(ctx, now)
	a.certain.Store(look.By.UnixMilli())
	if a.recordExpired != nil {
		if err := a.recordExpired(ctx, look.By); err != nil && ctx.Err() == nil {
			a.log.Error("record that keys expired", "cause", err)
		}
	}
	if look.Behind() {
		return
	}
	if err := a.store.Bound(ctx, now, longest); err != nil && ctx.Err() == nil {
		a.log.Error("bound what a wrong clock has dated", "cause", err)
	}
}

// remind sends reminders that are due by a time that has certainly come, as the last sweep has found: a mail server that is slow keeps
// nothing else waiting.
func (a *App) remind(ctx context.Context) {
	by := a.certain.Load()
	if by == 0 {
		return
	}
	if err := a.reminders.Send(ctx, time.UnixMilli(by)); err != nil && ctx.Err() == nil {
		a.log.Warn("reminders not sent yet", "cause", err)
	}
}

// Sweep does at once what the program does about each minute by itself.
func (a *App) Sweep(ctx context.Context) { a.sweep(ctx) }

// aboutAMinute is the pause between two sweeps. The jitter keeps programs that were started together from sweeping
// together.
func aboutAMinute() time.Duration {
	return 50*time.Second + rand.N(20*time.Second) //nolint:gosec // spreads load, guards nothing
}

// every is a pause that is always the same.
func every(pause time.Duration) func() time.Duration { return func() time.Duration { return pause } }

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
