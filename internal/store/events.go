package store

import (
	"context"

	"latchkey/internal/model"
)

// maxFiltered is how many events a filter looks at, beginning at the one that a page begins with. It is written as SQL.
const maxFiltered = "20000"

const (
	insertEvent = `
INSERT INTO events (user_id, id, at, kind, actor, key_id, key_name, detail, address, agent)
VALUES (?1, ?2, ?3, ?4, ?5, ?6,
	CASE WHEN ?7 <> '' OR ?6 = '' THEN ?7 ELSE coalesce((SELECT name FROM api_keys WHERE user_id = ?1 AND id = ?6), '') END,
	?8, ?9, ?10)
ON CONFLICT (user_id, id) DO NOTHING`

	// A filter looks at the newest maxFiltered events alone, so that rare kinds among very many events cost no more than that: what
	// is older is found without a filter. An index by kind would cost every act a write, and one by key another, for lists that
	// people look at now and then. Without a filter, which reaches everything, there is nothing to skip.
	selectEvents = `
SELECT id, at, kind, actor, key_id, key_name, detail, address, agent
FROM events
WHERE user_id = ?1 AND id < ?2
	AND id > CASE WHEN ?3 = '' AND ?4 = '' THEN '' ELSE coalesce((
		SELECT id FROM events WHERE user_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET ` + maxFiltered + `), '') END
	AND (?3 = '' OR instr(?3, ' ' || kind || ' ') > 0) AND (?4 = '' OR key_id = ?4)
ORDER BY id DESC LIMIT ?5`

	deleteEventsOfUser = `DELETE FROM events WHERE user_id = ?`

	sweepEvents = `
DELETE FROM events WHERE (user_id, id) IN (
	SELECT user_id, id FROM events WHERE at <= ? LIMIT ?)`
)

// afterAllIDs sorts behind every id, which are hexadecimal.
const afterAllIDs = "~"

// recordEvents is the part of an act that writes down that it happened: both are saved, or neither. Events that have no id are
// given one here, as they are saved; of a job that is run twice, what the first run wrote is undone.
func recordEvents(t *tx, events []model.Event) error {
	for _, e := range events {
		if e.ID == "" {
			e.ID = model.NewID(e.At)
		}
		_, err := t.exec(insertEvent, e.UserID, e.ID, e.At.UnixMilli(), string(e.Kind), string(e.Actor),
			e.KeyID, e.KeyName, e.Detail, e.Address, e.Agent)
		if err != nil {
			return err
		}
	}
	return nil
}

// RecordEvent writes down something that happened outside of this store.
func (s *Store) RecordEvent(ctx context.Context, e model.Event) error {
	err := s.writer.do(ctx, func(t *tx) error { return recordEvents(t, []model.Event{e}) })
	return doing("record event", err)
}

// Events returns what happened to a user, newest first. It knows nothing of whether there is such a user.
func (s *Store) Events(ctx context.Context, userID string, q model.EventQuery) ([]model.Event, error) {
	before, kinds := q.Before, ""
	if before == "" {
		before = afterAllIDs
	}
	for _, kind := range q.Kinds {
		kinds += " " + string(kind) + " "
	}
	var events []model.Event
	e := model.Event{UserID: userID}
	var at int64
	var kind, actor string
	err := s.rows(ctx, selectEvents, []any{userID, before, kinds, q.KeyID, q.Limit},
		[]any{&e.ID, &at, &kind, &actor, &e.KeyID, &e.KeyName, &e.Detail, &e.Address, &e.Agent},
		func() {
			e.At, e.Kind, e.Actor = fromMillis(at), model.EventKind(kind), model.Actor(actor)
			events = append(events, e)
		})
	if err != nil {
		return nil, doing("list events", err)
	}
	return events, nil
}
