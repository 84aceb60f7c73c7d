package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"latchkey/internal/model"
)

const (
	// WebhookBusy is for how long a node has a webhook to itself without a word: longer than a try takes.
	WebhookBusy = 30 * time.Second
	// webhookFullRows is how many events wait for a webhook at most, apart from those of about a minute. Below webhookRoomRows there is room again.
	webhookFullRows, webhookRoomRows = 20_000, 15_000
	// webhookPause is the longest pause between tries of an event, and webhookGap between two tries that fail if it is one failure that
	// goes on. The latter is written as SQL, in milliseconds.
	webhookPause = 14 * time.Hour
	webhookGap   = "86400000"
	// webhookOffAfter is for how long nothing gets through before a webhook is turned off.
	webhookOffAfter = 5 * 24 * time.Hour
)

const (
	// webhookColumns are the columns of a webhook in the order of webhookRow.
	webhookColumns = `w.id, w.url, w.kinds, w.created_at, w.secret, w.old_secret, w.old_until, w.off_at, w.off_reason, w.delivered_at, w.failed_at,
	w.failing_since, w.problem, w.failed, w.full_at`

	selectWebhook = `SELECT ` + webhookColumns + `, 0 FROM webhooks AS w WHERE w.id = ?`

	selectWebhooks = `
SELECT ` + webhookColumns + `, (SELECT count(*) FROM webhook_outbox AS o WHERE o.webhook_id = w.id)
FROM webhooks AS w WHERE w.id > ? ORDER BY w.id`

	// insertWebhook counts while inserting. That no two callers find room for the last one is what the lock is for.
	insertWebhook = `
INSERT INTO webhooks (id, url, kinds, secret, created_at)
SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM webhooks WHERE id > '') < ?6
ON CONFLICT DO NOTHING`

	selectWebhookRefusal = `SELECT (SELECT count(*) FROM webhooks WHERE url = ?), (SELECT count(*) FROM webhooks WHERE id > '')`

	deleteWebhook = `DELETE FROM webhooks WHERE id = ?`

	rotateWebhook = `UPDATE webhooks SET old_secret = ?4, old_until = ?3, secret = ?2 WHERE id = ?1 AND secret = ?5`

	// resealWebhook changes how the secrets are sealed, unless they are others by now.
	resealWebhook = `UPDATE webhooks SET secret = ?2, old_secret = ?3 WHERE id = ?1 AND secret = ?4`

	turnWebhookOff = `
UPDATE webhooks SET off_at = ?2, off_reason = ?3, busy_until = NULL, full_at = NULL WHERE id = ?1 AND off_at IS NULL AND (CAST(?4 AS BIGINT) = 0 OR failing_since <= ?4)`

	// turnWebhookOn begins anew.
	turnWebhookOn = `
UPDATE webhooks SET off_at = NULL, off_reason = '', failing_since = NULL, problem = '', full_at = NULL WHERE id = ? AND off_at IS NOT NULL`

	// selectDueWebhooks says of all webhooks whether there is something to send that nobody is sending. A node that has one until a time
	// further away than there is has had a clock that was ahead.
	selectDueWebhooks = `
SELECT w.id, CASE WHEN w.off_at IS NULL AND (w.busy_until IS NULL OR w.busy_until <= ?1 OR w.busy_until > ?2)
	AND EXISTS (SELECT 1 FROM webhook_outbox AS o WHERE o.webhook_id = w.id AND o.next_at <= ?1) THEN 1 ELSE 0 END
FROM webhooks AS w WHERE w.id > ''`

	claimWebhook = `
UPDATE webhooks SET busy_until = ?3 WHERE id = ?1 AND off_at IS NULL AND (busy_until IS NULL OR busy_until <= ?2 OR busy_until > ?4)`

	releaseWebhook = `UPDATE webhooks SET busy_until = NULL WHERE id = ? AND busy_until = ?`

	selectDueQueued = `
SELECT user_id FROM webhook_outbox WHERE webhook_id = ? AND next_at <= ? ORDER BY next_at, event_id LIMIT 1`

	// selectHeadOfUser is the oldest event of a user that waits, whenever it is to be sent: those behind it wait for it.
	selectHeadOfUser = `
SELECT o.event_id, o.next_at, o.tries, coalesce(e.at, 0), coalesce(e.kind, ''), coalesce(e.actor, ''), coalesce(e.key_id, ''), coalesce(e.key_name, '')
FROM webhook_outbox AS o LEFT JOIN events AS e ON e.user_id = o.user_id AND e.id = o.event_id
WHERE o.user_id = ? AND o.webhook_id = ? ORDER BY o.event_id LIMIT 1`

	postponeUser = `UPDATE webhook_outbox SET next_at = ?4 WHERE user_id = ?1 AND webhook_id = ?2 AND next_at <= ?3`

	retryQueued = `UPDATE webhook_outbox SET next_at = ?4, tries = tries + 1 WHERE user_id = ?1 AND webhook_id = ?2 AND event_id = ?3`

	deleteQueued = `DELETE FROM webhook_outbox WHERE user_id = ? AND webhook_id = ? AND event_id = ?`

	deleteQueuedOfUser = `DELETE FROM webhook_outbox WHERE user_id = ?`

	deleteQueuedOfWebhook = `DELETE FROM webhook_outbox WHERE webhook_id = ?`

	webhookDelivered = `
UPDATE webhooks SET delivered_at = ?2, failing_since = NULL, problem = '', busy_until = ?4 WHERE id = ?1 AND busy_until = ?3`

	// webhookFailed has a failure begin anew when nothing was tried for long, as while the program was off, or when it began in the future.
	webhookFailed = `
UPDATE webhooks SET failed_at = ?2, problem = ?4, failed = failed + ?5, busy_until = NULL,
	failing_since = CASE WHEN failing_since <= ?2 AND failed_at > CAST(?2 AS BIGINT) - ` + webhookGap + ` THEN failing_since ELSE ?2 END
WHERE id = ?1 AND busy_until = ?3 AND off_at IS NULL`

	webhookFull = `UPDATE webhooks SET full_at = ? WHERE id = ? AND full_at IS NULL AND off_at IS NULL`

	webhookRoom = `UPDATE webhooks SET full_at = NULL WHERE id = ?`

	sweepQueued = `
DELETE FROM webhook_outbox WHERE (user_id, webhook_id, event_id) IN (
	SELECT o.user_id, o.webhook_id, o.event_id FROM webhook_outbox AS o WHERE o.webhook_id = ? LIMIT ?)`

	boundQueued = `
UPDATE webhook_outbox SET next_at = ?1 WHERE (user_id, webhook_id, event_id) IN (
	SELECT o.user_id, o.webhook_id, o.event_id FROM webhooks AS w CROSS JOIN webhook_outbox AS o
	WHERE w.id > '' AND o.webhook_id = w.id AND o.next_at > ?2 LIMIT ?3)`

	boundOldSecrets = `
UPDATE webhooks SET old_until = ?1 WHERE id IN (SELECT id FROM webhooks WHERE id > '' AND old_until > ?2 LIMIT ?3)`

	// insertCommandAct remembers what was done on the command line, where operators have no names.
	insertCommandAct = `
INSERT INTO operator_acts (id, at, operator_id, act, user_id, key_id, detail, address, agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// selectOperators are operators who are not disabled.
var selectOperators = `
SELECT p.user_id FROM operators AS p WHERE p.user_id > ? AND ` + operates("p.user_id") + ` ORDER BY p.user_id LIMIT ?`

// maxOperators is how many operators are written to.
const maxOperators = 50

// OperatorIDs are the operators who are not disabled, up to a number.
func (s *Store) OperatorIDs(ctx context.Context) ([]string, error) {
	var id string
	ids, err := list(ctx, s, 0, selectOperators, []any{"", maxOperators}, []any{&id}, func() string { return id })
	return ids, doing("list operators", err)
}

// webhookRow is a row on its way to a model.Webhook.
type webhookRow struct {
	model.Webhook
	kinds                                                    string
	created                                                  int64
	oldUntil, offAt, deliveredAt, failedAt, failingSince, at sql.NullInt64
}

func (r *webhookRow) columns() []any {
	return []any{
		&r.ID, &r.URL, &r.kinds, &r.created, &r.Sealed, &r.OldSealed, &r.oldUntil, &r.offAt, &r.OffReason, &r.deliveredAt, &r.failedAt,
		&r.failingSince, &r.Problem, &r.Failed, &r.at, &r.Waiting,
	}
}

func (r *webhookRow) get() model.Webhook {
	w := r.Webhook
	w.Kinds = nil
	for _, kind := range strings.Fields(r.kinds) {
		w.Kinds = append(w.Kinds, model.EventKind(kind))
	}
	w.CreatedAt, w.OldUntil, w.OffAt = fromMillis(r.created), fromNullMillis(r.oldUntil), fromNullMillis(r.offAt)
	w.DeliveredAt, w.FailedAt = fromNullMillis(r.deliveredAt), fromNullMillis(r.failedAt)
	w.FailingSince, w.FullAt = fromNullMillis(r.failingSince), fromNullMillis(r.at)
	r.Sealed, r.OldSealed = nil, nil
	return w
}

// Webhooks are all webhooks, in the order of their ids.
func (s *Store) Webhooks(ctx context.Context) ([]model.Webhook, error) {
	var r webhookRow
	hooks, err := list(ctx, s, 0, selectWebhooks, []any{""}, r.columns(), r.get)
	return hooks, doing("list webhooks", err)
}

// Webhook is one webhook, without how many events wait for it.
func (s *Store) Webhook(ctx context.Context, id string) (model.Webhook, error) {
	var r webhookRow
	if err := s.row(ctx, selectWebhook, []any{id}, r.columns()...); err != nil {
		return model.Webhook{}, doing("find webhook", err)
	}
	return r.get(), nil
}

// AddWebhook adds a webhook. It answers ErrConflict when there is one with its address, and ErrLimit when there are limit of them already.
// What the operator did is remembered with it, here and below.
func (s *Store) AddWebhook(ctx context.Context, w model.Webhook, limit int, by model.OperatorAct) error {
	kinds := ""
	for _, kind := range w.Kinds {
		kinds += " " + string(kind) + " "
	}
	return doing("add webhook", s.write(ctx, ofWebhooks, func(t tx) error {
		added, err := t.exec(insertWebhook, w.ID, w.URL, kinds, w.Sealed, w.CreatedAt.UnixMilli(), limit)
		if err != nil {
			return err
		}
		if added == 0 {
			var same, all int
			if err := t.row(selectWebhookRefusal, []any{w.URL}, &same, &all); err != nil {
				return err
			}
			if same == 0 && all >= limit {
				return model.ErrLimit
			}
			return model.ErrConflict
		}
		return recordOperator(t, by)
	}))
}

// DeleteWebhook removes a webhook and what waits for it, or answers ErrNotFound.
func (s *Store) DeleteWebhook(ctx context.Context, id string, by model.OperatorAct) error {
	return doing("delete webhook", s.write(ctx, ofNobody, func(t tx) error {
		if err := t.execOne(deleteWebhook, id); err != nil {
			return err
		}
		return recordOperator(t, by)
	}))
}

// RotateWebhook gives a webhook another secret. The one that it has signs too until a time, as it is given, nil for none. It answers
// ErrConflict when the webhook has another secret by now, or is gone.
func (s *Store) RotateWebhook(ctx context.Context, w model.Webhook, secret, old []byte, until time.Time, by model.OperatorAct) error {
	return doing("rotate webhook", s.write(ctx, ofNobody, func(t tx) error {
		err := t.execOne(rotateWebhook, w.ID, secret, nullMillis(until), old, w.Sealed)
		if errors.Is(err, model.ErrNotFound) {
			return model.ErrConflict
		}
		if err != nil {
			return err
		}
		return recordOperator(t, by)
	}))
}

// ResealWebhook stores the same secrets as before, sealed otherwise.
func (s *Store) ResealWebhook(ctx context.Context, w model.Webhook, secret, old []byte) error {
	return doing("seal webhook", s.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(resealWebhook, w.ID, secret, old, w.Sealed)
		return err
	}))
}

// TurnWebhook turns a webhook off for a reason, or on with none, and says whether it was not so already. It answers ErrNotFound when it is
// gone. Nothing waits for one that was turned on.
func (s *Store) TurnWebhook(ctx context.Context, id string, on bool, reason string, by model.OperatorAct) (changed bool, err error) {
	err = s.write(ctx, ofNobody, func(t tx) error {
		text, args := turnWebhookOff, []any{id, by.At.UnixMilli(), reason, 0}
		if on {
			text, args = turnWebhookOn, []any{id}
		}
		n, err := t.exec(text, args...)
		if changed = n > 0; err != nil {
			return err
		}
		if !changed {
			var r webhookRow
			return t.row(selectWebhook, []any{id}, r.columns()...)
		}
		if on {
			if _, err := t.exec(deleteQueuedOfWebhook, id); err != nil {
				return err
			}
		}
		return recordOperator(t, by)
	})
	return changed, doing("turn webhook", err)
}

// recordOperator remembers what an operator did, who has no name on the command line.
func recordOperator(t tx, by model.OperatorAct) error {
	if by.OperatorID != "" {
		return recordAct(t, by)
	}
	_, err := t.exec(insertCommandAct, actArgs(by)...)
	return err
}

// DueWebhooks are those for which there is something to send now that nobody is sending. Any says that there are webhooks at all.
func (s *Store) DueWebhooks(ctx context.Context, now time.Time) (due []string, anyThere bool, err error) {
	var id string
	var is int
	all, err := list(ctx, s, 0, selectDueWebhooks, []any{now.UnixMilli(), tooBusy(now)}, []any{&id, &is}, func() string {
		if is == 1 {
			return id
		}
		return ""
	})
	for _, id := range all {
		if id != "" {
			due = append(due, id)
		}
	}
	return due, len(all) > 0, doing("find due webhooks", err)
}

// tooBusy is a time until which nobody has a webhook to themselves.
func tooBusy(now time.Time) int64 { return now.Add(WebhookBusy + model.MaxAhead).UnixMilli() }

// ClaimWebhook gives a webhook to one caller alone until a time, by which that one is known; false is that another caller has it, or
// that it is off or gone.
func (s *Store) ClaimWebhook(ctx context.Context, id string, now, until time.Time) (claimed bool, err error) {
	err = s.write(ctx, ofNobody, func(t tx) error {
		n, err := t.exec(claimWebhook, id, now.UnixMilli(), until.UnixMilli(), tooBusy(now))
		claimed = n > 0
		return err
	})
	return claimed, doing("claim webhook", err)
}

// ReleaseWebhook gives a webhook back that was claimed until a time.
func (s *Store) ReleaseWebhook(ctx context.Context, id string, until time.Time) error {
	return doing("release webhook", s.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(releaseWebhook, id, until.UnixMilli())
		return err
	}))
}

// NextQueued is the event that is to be sent to a webhook next, or ErrNotFound when there is none by now. Those of one user come in the
// order in which they happened: one that is to be tried again later keeps those behind it waiting. Only who has claimed the webhook asks.
func (s *Store) NextQueued(ctx context.Context, id string, now time.Time) (q model.Queued, err error) {
	for {
		var user string
		if err := s.row(ctx, selectDueQueued, []any{id, now.UnixMilli()}, &user); err != nil {
			return q, doing("find what to send", err)
		}
		e := model.Event{UserID: user}
		var at, next int64
		err := s.row(ctx, selectHeadOfUser, []any{user, id}, &e.ID, &next, &q.Tries, &at, &e.Kind, &e.Actor, &e.KeyID, &e.KeyName)
		switch {
		case errors.Is(err, model.ErrNotFound): // deleted meanwhile
			continue
		case err != nil:
			return q, doing("find what to send", err)
		case e.Kind == "": // the event is gone
			err = s.write(ctx, ofNobody, func(t tx) error {
				_, err := t.exec(deleteQueued, user, id, e.ID)
				return err
			})
		case next > now.UnixMilli():
			err = s.write(ctx, ofNobody, func(t tx) error {
				_, err := t.exec(postponeUser, user, id, now.UnixMilli(), next)
				return err
			})
		default:
			q.Event, q.Event.At = e, fromMillis(at)
			return q, nil
		}
		if err != nil {
			return q, doing("put off what to send", err)
		}
	}
}

// Delivered remembers that an event has arrived, and keeps the webhook claimed until another time. False is that it is not claimed until
// then any more.
func (s *Store) Delivered(ctx context.Context, id string, e model.Event, now, claimed, until time.Time) (still bool, err error) {
	err = s.write(ctx, ofNobody, func(t tx) error {
		n, err := t.exec(webhookDelivered, id, now.UnixMilli(), claimed.UnixMilli(), until.UnixMilli())
		if still = n > 0; err != nil {
			return err
		}
		_, err = t.exec(deleteQueued, e.UserID, id, e.ID)
		return err
	})
	return still, doing("note a delivery", err)
}

// Undelivered is a try that failed.
type Undelivered struct {
	Event   model.Event
	At      time.Time // of the try
	Certain time.Time // a time that has certainly come
	Claimed time.Time // until when the webhook was claimed, which it is no longer after that
	Problem string
	Next    time.Time // when to try again; zero: never
	Gone    bool      // the receiver wants nothing more
}

// NotDelivered remembers a try that failed, and says whether it turned the webhook off: because the receiver wants nothing more, or
// since nothing has got through for too long.
func (s *Store) NotDelivered(ctx context.Context, id string, u Undelivered) (off bool, err error) {
	err = s.write(ctx, ofNobody, func(t tx) error {
		off = false
		lost := 0
		if u.Next.IsZero() {
			lost = 1
		}
		n, err := t.exec(webhookFailed, id, u.At.UnixMilli(), u.Claimed.UnixMilli(), u.Problem, lost)
		if err != nil || n == 0 { // turned off or deleted, or another has it
			return err
		}
		reason, failing := model.WebhookOffFailing, u.Certain.Add(-webhookOffAfter).UnixMilli()
		if u.Gone {
			reason, failing = model.WebhookOffGone, 0
		}
		if n, err = t.exec(turnWebhookOff, id, u.At.UnixMilli(), reason, failing); err != nil {
			return err
		}
		off = n > 0
		if u.Next.IsZero() {
			_, err = t.exec(deleteQueued, u.Event.UserID, id, u.Event.ID)
		} else {
			_, err = t.exec(retryQueued, u.Event.UserID, id, u.Event.ID, u.Next.UnixMilli())
		}
		return err
	})
	return off, doing("note a failed delivery", err)
}

// LookAfterWebhooks keeps what waits within bounds: nothing more is queued for a webhook for which very much waits, until there is room,
// and nothing waits for one that is off. It gives the webhooks for which that has begun now, and those for which it has ended.
func (s *Store) LookAfterWebhooks(ctx context.Context, now time.Time) (full, room []model.Webhook, err error) {
	hooks, err := s.Webhooks(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range hooks {
		switch {
		case !w.OffAt.IsZero() && w.Waiting > 0:
			err = s.sweepWebhook(ctx, w.ID)
		case w.OffAt.IsZero() && w.FullAt.IsZero() && w.Waiting >= webhookFullRows:
			err = s.write(ctx, ofNobody, func(t tx) error {
				_, err := t.exec(webhookFull, now.UnixMilli(), w.ID)
				return err
			})
			full = append(full, w)
		case !w.FullAt.IsZero() && w.Waiting < webhookRoomRows:
			err = s.write(ctx, ofNobody, func(t tx) error {
				_, err := t.exec(webhookRoom, w.ID)
				return err
			})
			room = append(room, w)
		}
		if err != nil {
			return full, room, doing("look after webhooks", err)
		}
	}
	return full, room, nil
}

// sweepWebhook deletes what waits for a webhook, unless it is on again.
func (s *Store) sweepWebhook(ctx context.Context, id string) error {
	for {
		var removed int64
		err := s.write(ctx, ofNobody, func(t tx) error {
			var r webhookRow
			err := t.row(selectWebhook, []any{id}, r.columns()...)
			if errors.Is(err, model.ErrNotFound) || err == nil && !r.offAt.Valid {
				return nil
			}
			if err == nil {
				removed, err = t.exec(sweepQueued, id, sweepBatch)
			}
			return err
		})
		if err != nil || removed < sweepBatch {
			return err
		}
	}
}
