package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/internal/model"
)

const (
	// lockTries locks rows in the order of their keys, and makes those that are missing: so two transactions never wait for each other.
	// The time is that of the last lock, which no other transaction that had any of these rows has seen yet.
	lockTries = `
WITH locked AS (
	INSERT INTO tries (key, state, until)
	SELECT key, '', 0 FROM unnest(CAST(? AS BYTEA[])) AS key ORDER BY key
	ON CONFLICT (key) DO UPDATE SET key = excluded.key
	RETURNING key, state, clock_timestamp() AS at)
SELECT array_agg(state ORDER BY key), CAST(floor(extract(epoch FROM max(at)) * 1000) AS BIGINT) FROM locked`

	saveTries = `
UPDATE tries SET state = changed.state, until = changed.until
FROM unnest(CAST(? AS BYTEA[]), CAST(? AS BYTEA[]), CAST(? AS BIGINT[])) AS changed (key, state, until)
WHERE tries.key = changed.key`

	// sweepTries goes by the server's clock, unless the sweep's own is behind, and leaves what a try has locked to the next sweep.
	sweepTries = `
DELETE FROM tries WHERE key IN (
	SELECT key FROM tries WHERE until <= least(CAST(? AS BIGINT), CAST(extract(epoch FROM now()) * 1000 AS BIGINT))
	ORDER BY until LIMIT ? FOR UPDATE SKIP LOCKED)`
)

// Tries keeps what several nodes count together. It is not logged: a crash of the server forgives, as a restart does with one node.
type Tries struct{ store *Store }

// Tries are those that all nodes count together; nil when there is one node.
func (s *Store) Tries() *Tries {
	if s.server == nil {
		return nil
	}
	return &Tries{s}
}

// errNothingToSave ends a transaction in which nothing was changed.
var errNothingToSave = errors.New("nothing is to be saved")

// Change is that of limits.Keeper. It takes two messages: one that locks, and one that saves or lets go.
func (k *Tries) Change(
	ctx context.Context, keys [][16]byte, decide func(now time.Time, states [][]byte) (changed [][]byte, until []time.Time),
) error {
	named := make([][]byte, len(keys))
	for i := range keys {
		named[i] = keys[i][:]
	}
	err := k.store.write(ctx, ofNobody, func(t tx) error {
		var states [][]byte
		var now int64
		if err := t.row(lockTries, []any{named}, &states, &now); err != nil {
			return err
		}
		changed, until := decide(time.UnixMilli(now), states)
		var saved, as [][]byte
		var past []int64
		for i, state := range changed {
			if state != nil {
				saved, as, past = append(saved, named[i]), append(as, state), append(past, until[i].UnixMilli())
			}
		}
		if len(saved) == 0 {
			return errNothingToSave
		}
		return t.later(saveTries, saved, as, past)
	})
	switch {
	case err == nil, errors.Is(err, errNothingToSave):
		return nil
	case errors.Is(err, model.ErrUnclear): // for the count alone: what it is about was not done
		return fmt.Errorf("count a try: %w: %v", errAway, err) //nolint:errorlint // the caller must not take it for an act of its own
	default:
		return doing("count a try", err)
	}
}
