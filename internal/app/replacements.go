package app

import (
	"context"
	"time"
)

// away is for how long the program can have been off without a device having gone unseen that is on: those try twice in an hour. What a
// crash forgets of the time is in it.
const away = 20 * time.Minute

// finishReplacements turns off the old keys of replacements that are due by a time that has certainly come. What it leaves undone is done a
// minute later.
func (a *App) finishReplacements(ctx context.Context, by time.Time) {
	if a.finish == nil {
		return
	}
	if err := a.finish(ctx, by); err != nil && ctx.Err() == nil {
		a.log.Error("finish replacements of keys", "cause", err)
	}
}

// wasAway has old keys be waited for anew when the program was off for long, which ran last at about that time: that nothing was seen of
// them meanwhile tells nothing, also when the clock is believed again.
func (a *App) wasAway(ctx context.Context, ran time.Time) {
	now := a.now()
	if ran.IsZero() || now.Sub(ran).Abs() < away {
		return
	}
	if err := a.store.SilenceToldNothing(ctx, now); err != nil && ctx.Err() == nil {
		a.log.Error("wait for old keys anew", "cause", err)
	}
}
