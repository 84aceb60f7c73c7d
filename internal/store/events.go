package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/internal/model"
)

const (
	// maxFiltered is how many events a filter looks at, beginning at the one that a page begins with.
	maxFiltered = 20_000
	// filterStep is how many of them it looks at before others who filter have their turn: a millisecond's work.
	filterStep = 2000
)

// What strangers bring about on an account without end, guesses of a password above all, is bounded in rows.
const (
	// repeatTime is how long the same from the same address is one row. Ten minutes tell a person still when it was.
	repeatTime = 10 * time.Minute
	// strangersDay and strangersRows are how many rows strangers bring about in a day: more than a person reads, and in two weeks too
	// few to push what the owner did out of the newest maxFiltered. The latter is written as SQL.
	strangersDay  = 24 * time.Hour
	strangersRows = "24"
	// busyRows is how many events of any kind an account has in a day, as SQL, before what anyone with its password can do without end
	// is counted so too: more than a person brings about, and within a year few enough for the disk.
	busyRows = "500"
)

const (
	// insertEvent asks for the user while inserting: nothing is written about one who is deleted meanwhile. ?11 says that users are
	// elsewhere.
	insertEvent = `
INSERT INTO events (user_id, id, at, kind, actor, key_id, key_name, detail, address, agent)
SELECT ?1, ?2, ?3, ?4, ?5, ?6,
	CASE WHEN ?7 <> '' OR ?6 = '' THEN ?7 ELSE coalesce((SELECT name FROM api_keys WHERE user_id = ?1 AND id = ?6), '') END,
	?8, ?9, ?10
WHERE ?11 OR EXISTS (SELECT 1 FROM users WHERE id = ?1)
ON CONFLICT (user_id, id) DO NOTHING`

	// countRepeat counts an event with an earlier one that it repeats, unless it is recorded already. What is near in time is so
	// on either side: a clock that was ahead once must not have all that follows counted with what happened then.
	countRepeat = `
UPDATE event_repeats SET again = again + 1, last_at = CASE WHEN last_at > ?2 THEN last_at ELSE ?2 END
WHERE user_id = ?1 AND (at, event_id) = (
	SELECT r.at, r.event_id FROM event_repeats AS r JOIN events AS e ON e.user_id = r.user_id AND e.id = r.event_id
	WHERE r.user_id = ?1 AND r.at > CAST(?2 AS BIGINT) - ?8 AND r.at < CAST(?2 AS BIGINT) + ?8 AND e.kind = ?4 AND e.detail = ?5 AND e.key_id = ?6 AND e.address = ?7
		AND NOT EXISTS (SELECT 1 FROM events WHERE user_id = ?1 AND id = ?3)
	ORDER BY r.at DESC LIMIT 1)`

	// selectFullDay finds a row when strangers brought about all that they may in a day.
	selectFullDay = `
SELECT 1 FROM event_repeats WHERE user_id = ?1 AND at > CAST(?2 AS BIGINT) - ?3 AND at < CAST(?2 AS BIGINT) + ?3 ORDER BY at DESC LIMIT 1 OFFSET ` + strangersRows + ` - 1`

	// selectBusyDay finds a row when an account has very many events that are younger than an id.
	selectBusyDay = `SELECT 1 FROM events WHERE user_id = ?1 AND id > ?2 ORDER BY id DESC LIMIT 1 OFFSET ` + busyRows + ` - 1`

	insertRepeat = `
INSERT INTO event_repeats (user_id, at, event_id, again, last_at)
SELECT user_id, at, id, 0, at FROM events WHERE user_id = ? AND id = ?`

	// A filter looks at the newest maxFiltered events alone, so that rare kinds among very many events cost no more than that: what
	// is older is found without a filter. An index by kind would cost every act a write, and one by key another, for lists that
	// people look at now and then. Without a filter, which reaches everything, there is nothing to skip.
	selectEvents = `
SELECT e.id, e.at, e.kind, e.actor, e.key_id, e.key_name, e.detail, e.address, e.agent, coalesce(r.again, 0), r.last_at
FROM events AS e LEFT JOIN event_repeats AS r ON r.user_id = e.user_id AND r.at = e.at AND r.event_id = e.id
WHERE e.user_id = ?1 AND e.id < ?2 AND e.id > ?6
	AND (?3 = '' OR replace(?3, ' ' || e.kind || ' ', '') <> ?3) AND (?4 = '' OR e.key_id = ?4)
ORDER BY e.id DESC LIMIT ?5`

	// selectEventBehind finds where so many events end.
	selectEventBehind = `SELECT id FROM events WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ?`

	deleteEventsOfUser = `DELETE FROM events WHERE user_id = ?`

	deleteRepeatsOfUser = `DELETE FROM event_repeats WHERE user_id = ?`

	sweepEvents = `
DELETE FROM events WHERE (user_id, id) IN (
	SELECT user_id, id FROM events WHERE at <= ? LIMIT ?)`

	sweepRepeats = `
DELETE FROM event_repeats WHERE (user_id, at, event_id) IN (
	SELECT user_id, at, event_id FROM event_repeats WHERE at <= ? LIMIT ?)`
)

// afterAllIDs sorts behind every id, which are hexadecimal.
const afterAllIDs = "g"

// recordEvents is the part of an act that records that it happened: both are saved, or neither. Events that have no id are
// given one here, as they are saved; of a job that is run twice, what the first run wrote is undone. Nothing is written about a user
// who is gone.
func recordEvents(t tx, events []model.Event) error {
	for _, e := range events {
		if e.By != nil {
			if err := recordAct(t, *e.By); err != nil {
				return err
			}
		}
		if e.ID == "" {
			e.ID = model.NewID(e.At)
		}
		often, err := happensOften(t, e)
		if err != nil {
			return err
		}
		if often {
			err = recordRepeat(t, e)
		} else {
			err = t.later(insertEvent, eventArgs(e)...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eventStep records an event that does not happen often, as the part of an act.
func eventStep(e model.Event) step {
	if e.ID == "" {
		e.ID = model.NewID(e.At)
	}
	return step{text: insertEvent, args: eventArgs(e)}
}

func eventArgs(e model.Event) []any {
	return []any{
		e.UserID, e.ID, e.At.UnixMilli(), string(e.Kind), string(e.Actor),
		e.KeyID, e.KeyName, e.Detail, e.Address, e.Agent, e.Elsewhere,
	}
}

// happensOften says whether an event is counted where it repeats itself.
func happensOften(t tx, e model.Event) (bool, error) {
	if !e.ByPassword() || e.ByStranger() {
		return e.ByStranger(), nil
	}
	dayBefore := model.TimeOfID(e.At.Add(-strangersDay))
	err := t.row(selectBusyDay, []any{e.UserID, dayBefore}, new(int))
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// insertOne writes an event down, unless there is one with its id, or its user is gone.
func insertOne(t tx, e model.Event) (written bool, err error) {
	n, err := t.exec(insertEvent, eventArgs(e)...)
	return n > 0, err
}

// recordRepeat records what a stranger brought about. The same from the same address is one row for a while; when the day has as
// many rows as it may, it is counted with the same of the day, or with that of all addresses which found the day full, whose row names
// none of them.
func recordRepeat(t tx, e model.Event) error {
	at := e.At.UnixMilli()
	count := func(address string, within time.Duration) (bool, error) {
		n, err := t.exec(countRepeat, e.UserID, at, e.ID, string(e.Kind), e.Detail, e.KeyID, address, within.Milliseconds())
		return n > 0, err
	}
	if counted, err := count(e.Address, repeatTime); counted || err != nil {
		return err
	}
	switch err := t.row(selectFullDay, []any{e.UserID, at, strangersDay.Milliseconds()}, new(int)); {
	case err == nil:
		for _, address := range []string{e.Address, ""} {
			if counted, err := count(address, strangersDay); counted || err != nil {
				return err
			}
		}
		e.Address, e.Agent = "", ""
	case !errors.Is(err, model.ErrNotFound):
		return err
	}
	written, err := insertOne(t, e)
	if err != nil || !written {
		return err
	}
	_, err = t.exec(insertRepeat, e.UserID, e.ID)
	return err
}

// RecordEvent records something that happened outside of this store.
func (s *Store) RecordEvent(ctx context.Context, e model.Event) error {
	err := s.write(ctx, ofUser(e.UserID), func(t tx) error { return recordEvents(t, []model.Event{e}) })
	return doing("record event", err)
}

// Events returns what happened to a user, newest first. It knows nothing of whether there is such a user.
func (s *Store) Events(ctx context.Context, userID string, q model.EventQuery) (events []model.Event, err error) {
	if q.Before == "" {
		q.Before = afterAllIDs
	}
	if len(q.Kinds) == 0 && q.KeyID == "" {
		events, err = s.eventsBetween(ctx, userID, "", q)
	} else {
		events, err = s.filteredEvents(ctx, userID, q)
	}
	if err != nil {
		return nil, doing("list events", err)
	}
	return events, nil
}

// filteredEvents goes through many rows to find a few. It does so step by step, a turn for each: of all who filter at once only some
// read, so that the connections are there for those whose reads take microseconds.
func (s *Store) filteredEvents(ctx context.Context, userID string, q model.EventQuery) (found []model.Event, err error) {
	for range maxFiltered / filterStep {
		step, end, err := s.filterOnce(ctx, userID, q)
		if err != nil {
			return nil, err
		}
		found = append(found, step...)
		if q.Limit -= len(step); q.Limit <= 0 || end == "" {
			break
		}
		q.Before = end + afterAllIDs // that one too
	}
	return found, nil
}

// filterOnce looks at filterStep events and says where those behind them begin, "" when there are none.
func (s *Store) filterOnce(ctx context.Context, userID string, q model.EventQuery) (found []model.Event, end string, err error) {
	select {
	case s.filtering <- struct{}{}:
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	defer func() { <-s.filtering }()
	err = s.row(ctx, selectEventBehind, []any{userID, q.Before, filterStep}, &end)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, "", err
	}
	found, err = s.eventsBetween(ctx, userID, end, q)
	return found, end, err
}

// eventsBetween are the events before q.Before and after another.
func (s *Store) eventsBetween(ctx context.Context, userID, after string, q model.EventQuery) ([]model.Event, error) {
	kinds := ""
	for _, kind := range q.Kinds {
		kinds += " " + string(kind) + " "
	}
	e := model.Event{UserID: userID}
	var at int64
	var kind, actor string
	var last sql.NullInt64
	return list(ctx, s, 0, selectEvents, []any{userID, q.Before, kinds, q.KeyID, q.Limit, after},
		[]any{&e.ID, &at, &kind, &actor, &e.KeyID, &e.KeyName, &e.Detail, &e.Address, &e.Agent, &e.Again, &last},
		func() model.Event {
			e.At, e.Kind, e.Actor = fromMillis(at), model.EventKind(kind), model.Actor(actor)
			e.LastAt = time.Time{}
			if e.Again > 0 {
				e.LastAt = fromNullMillis(last)
			}
			return e
		})
}
