package store

import (
	"context"
	"time"
)

// sweepBatch is how many rows one job of a sweep removes: few enough that writes queued behind it do not feel it.
const sweepBatch = 200

// eventsKept is how long it is remembered what happened.
const eventsKept = 400 * 24 * time.Hour

// Sweep removes the auth sessions and links that have expired by now, the web sessions that have expired or were not seen for idle,
// and events of more than a year ago.
func (s *Store) Sweep(ctx context.Context, now time.Time, idle time.Duration) error {
	for _, sweep := range []struct {
		text   string
		before time.Time
	}{
		{sweepAuthSessions, now},
		{sweepHeldByEnded, now},
		{sweepHeldByIdle, now.Add(-idle)},
		{sweepEndedWebSessions, now},
		{sweepIdleWebSessions, now.Add(-idle)},
		{sweepLinks, now},
		{sweepEvents, now.Add(-eventsKept)},
	} {
		if err := s.sweep(ctx, sweep.text, sweep.before); err != nil {
			return doing("sweep sessions", err)
		}
	}
	return nil
}

// sweep repeats one statement of a sweep, a job each, until nothing is left for it.
func (s *Store) sweep(ctx context.Context, text string, before time.Time) error {
	for {
		var removed int64
		err := s.writer.do(ctx, func(t *tx) (err error) {
			removed, err = t.exec(text, before.UnixMilli(), sweepBatch)
			return err
		})
		if err != nil || removed < sweepBatch {
			return err
		}
	}
}
