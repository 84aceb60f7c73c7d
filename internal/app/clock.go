package app

import (
	"context"
	"log/slog"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// longOff is for how long a program is switched off as a rule. Who starts it after longer reads that nothing is deleted yet.
const longOff = 24 * time.Hour

// lookAtClock finds out what time has certainly come, and says so in the log when the clock shows another.
func (a *App) lookAtClock(ctx context.Context) store.Look {
	a.looking.Lock()
	defer a.looking.Unlock()
	now := a.now()
	if !a.looked.IsZero() && setBack(now.Round(0).Sub(a.looked.Round(0)), now.Sub(a.looked)) {
		model.FollowClock(now)
	}
	a.looked = now
	look, err := a.store.Look(ctx, now)
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "what time it is cannot be remembered", "cause", err)
	}
	a.clockOff.Store(int64(look.Off))
	if look.New {
		a.tellOfClock(ctx, now, look)
	}
	return look
}

// setBack says whether a clock was set back while so much time has really gone by. Ids are made from it, which never go back by
// themselves.
func setBack(shown, ran time.Duration) bool { return shown < ran-time.Minute }

func (a *App) tellOfClock(ctx context.Context, now time.Time, look store.Look) {
	level, text := slog.LevelWarn, "the clock has gone ahead: what is past by it alone is not deleted until the program has run on with it"
	switch {
	case look.Behind():
		text = "the clock is behind what was believed: is it right?"
	case !look.Running && look.Off < longOff:
		level = slog.LevelInfo
	}
	a.log.Log(ctx, level, text, "clock", now.UTC().Format(time.RFC3339), "off", look.Off.Round(time.Second).String(), "believed_after", look.Wait.Round(time.Minute).String())
}
