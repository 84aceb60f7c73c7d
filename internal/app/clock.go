package app

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// longOff is for how long a program is switched off as a rule. Who starts it after longer reads that nothing is deleted yet.
const longOff = 24 * time.Hour

// clock is that of the machine, and what is believed of it.
type clock struct {
	store    *store.Store
	now      func() time.Time
	log      *slog.Logger
	warnings *warnings

	mu       sync.Mutex
	looked   time.Time    // when the program last looked
	switched bool         // it is off by no more than the program is switched off as a rule, since it started
	off      atomic.Int64 // how far, as a time.Duration
}

// look finds out what time has certainly come, and warns the operator when the clock shows another.
func (c *clock) look(ctx context.Context) store.Look {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.looked.IsZero() && setBack(now.Round(0).Sub(c.looked.Round(0)), now.Sub(c.looked)) {
		model.FollowClock(now)
	}
	c.looked = now
	look, err := c.store.Look(ctx, now)
	if err != nil && ctx.Err() == nil {
		c.log.ErrorContext(ctx, "the time cannot be saved", "cause", err)
	}
	c.off.Store(int64(look.Off))
	c.tell(ctx, now, look)
	return look
}

// setBack says whether a clock was set back while so much time has really gone by. Ids are created from it, which never go back by
// themselves.
func setBack(shown, ran time.Duration) bool { return shown < ran-time.Minute }

func (c *clock) tell(ctx context.Context, now time.Time, look store.Look) {
	c.switched = 0 < look.Off && look.Off < longOff && (!look.Running || c.switched && !look.New)
	switch {
	case look.Off == 0:
		c.warnings.settle(warnClock, "the clock agrees with the expected time again")
		return
	case look.New:
		c.warnings.settle(warnClock, "the clock was set again") // what was said of it is not so any more
	}
	text := "the clock jumped ahead: what has expired by it alone is kept until the program has run on for a while"
	if look.Behind() {
		text = "the clock is behind the expected time: is it right?"
	}
	how := []any{
		"clock", now.UTC().Format(time.RFC3339), "off", look.Off.Round(time.Second).String(), "believed_after", look.Wait.Round(time.Minute).String(),
	}
	switch {
	case !c.switched:
		c.warnings.raise(warnClock, text, how...)
	case look.New:
		c.log.InfoContext(ctx, text, how...)
	}
}
