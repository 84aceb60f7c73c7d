package store

import (
	"context"
	"time"

	"latchkey/internal/model"
)

// sweepBatch is how many rows one job of a sweep removes: few enough that writes queued behind it do not feel it.
const sweepBatch = 200

// eventsKept is how long it is remembered what happened.
const eventsKept = 400 * 24 * time.Hour

// formsKept is how long it is remembered that a form was used: the longest for which a page with one is any good.
const formsKept = 24 * time.Hour

const sweepForms = `
DELETE FROM forms WHERE (user_id, id) IN (
	SELECT user_id, id FROM forms WHERE used_at <= ? LIMIT ?)`

// Bounding what a clock has dated that was ahead. None is written twice: the new end is within the bound.
const (
	boundAuthSessions = `
UPDATE auth_sessions SET expires_at = ?1 WHERE id IN (SELECT id FROM auth_sessions WHERE expires_at > ?2 LIMIT ?3)`

	boundWebSessions = `
UPDATE web_sessions SET expires_at = ?1 WHERE id_hash IN (SELECT id_hash FROM web_sessions WHERE expires_at > ?2 LIMIT ?3)`

	// boundLinks has a link end that is not good yet, or it would be when its time comes.
	boundLinks = `
UPDATE account_links SET expires_at = ?1 WHERE id IN (
	SELECT id FROM account_links WHERE expires_at > ?2 AND created_at > ?2 LIMIT ?3)`

	boundGrants = `
UPDATE device_grants SET expires_at = ?1 WHERE id IN (SELECT id FROM device_grants WHERE expires_at > ?2 LIMIT ?3)`
)

// Longest is how long from now on anything may last at most.
type Longest struct{ AuthSession, WebSession, Grant time.Duration }

// Bound has nothing last for longer than it would have if it had begun now, and links from the future end: what a clock dated that was
// ahead would last for as long as that was, too. It is for when the clock is not behind.
func (s *Store) Bound(ctx context.Context, now time.Time, most Longest) error {
	for more := true; more; { // all in one job: hardly ever is there anything
		err := s.write(ctx, ofNobody, func(t tx) error {
			more = false
			for _, bound := range []struct {
				text string
				life time.Duration
			}{
				{boundAuthSessions, most.AuthSession},
				{boundWebSessions, most.WebSession},
				{boundLinks, 0},
				{boundHandovers, 0},
				{boundGrants, most.Grant},
				{boundReplacements, 0},
				{boundChallenges, model.ChallengeLifetime},
				{boundQueued, webhookPause},
				{boundOldSecrets, model.WebhookOverlap},
			} {
				end := now.Add(bound.life)
				changed, err := t.exec(bound.text, end.UnixMilli(), end.Add(model.MaxAhead).UnixMilli(), sweepBatch)
				if err != nil {
					return err
				}
				more = more || changed == sweepBatch
			}
			return nil
		})
		if err != nil {
			return doing("bound what is from the future", err)
		}
	}
	return doing("bound what is from the future", s.boundRecording(ctx, now))
}

// boundRecording has uses recorded from now on at the latest: a file that was created by a clock that was ahead would know nothing of the
// use of keys until then.
func (s *Store) boundRecording(ctx context.Context, now time.Time) error {
	if !model.FromFuture(s.RecordingSince(), now) {
		return nil
	}
	err := s.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(boundRecordingSince, now.UnixMilli(), now.Add(model.MaxAhead).UnixMilli())
		return err
	})
	if err == nil {
		s.recordingSince.Store(now.UnixMilli())
	}
	return err
}

// Sweep removes the auth sessions and links that have expired by now, the web sessions that have expired or were not seen for idle,
// events of more than a year ago, devices that were refused two weeks ago, accounts without credentials whose sessions are over, and tries
// of all nodes that are past.
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
		{sweepChallenges, now},
		{sweepTickets, now},
		{sweepHandovers, now},
		{sweepForms, now.Add(-formsKept)},
		{sweepEvents, now.Add(-eventsKept)},
		{sweepRepeats, now.Add(-eventsKept)},
		{sweepActs, now.Add(-eventsKept)},
		{sweepKnocks, now.Add(-knocksKept)},
		{postponeAnonymous, now},
		{sweepAnonymousEvents, now},
		{sweepAnonymous, now},
		{forgetAnonymous, now},
	} {
		var err error
		switch {
		case s.server != nil && sweep.text == sweepAnonymousEvents:
			err = s.sweepAnonymousBesideOthers(ctx, now)
		case s.server != nil && sweep.text == sweepAnonymous: // done with that
		default:
			err = s.sweep(ctx, sweep.text, sweep.before)
		}
		if err != nil {
			return doing("sweep sessions", err)
		}
	}
	if s.server != nil {
		return doing("sweep tries", s.sweep(ctx, sweepTries, now))
	}
	return nil
}

// sweep repeats one statement of a sweep, a job each, until nothing is left for it.
func (s *Store) sweep(ctx context.Context, text string, before time.Time) error {
	for {
		var removed int64
		err := s.write(ctx, ofNobody, func(t tx) (err error) {
			removed, err = t.exec(text, before.UnixMilli(), sweepBatch)
			return err
		})
		if err != nil || removed < sweepBatch {
			return err
		}
	}
}
