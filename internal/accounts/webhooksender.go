package accounts

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// webhookPauses are how long an event waits before each further try, after the first one at once. Then it is given up.
func webhookPauses() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	}
}

// webhookTryTime is what a try takes at most, with all around it.
const webhookTryTime = 12 * time.Second

// What becomes of a try.
const (
	WebhookArrived = "delivered"
	WebhookFailed  = "failed"   // and is tried again
	WebhookGivenUp = "given_up" // was tried for the last time
)

// WebhookSender sends events to webhooks: to each one by one, and to all at once, so that a slow receiver keeps no other waiting. Several
// nodes may have one: that which has claimed a webhook sends to it. An event counts as sent when the receiver said so, and so a crash before
// that is noted has it sent once more.
type WebhookSender struct {
	Store     *store.Store
	Keys      [][]byte // which seal the secrets, newest first
	Receivers Receivers
	Letters   Letters
	Mailer    Mailer // nil: no emails are sent
	// Now is the clock that all nodes share, Certain a time that has certainly come, zero while there is none.
	Now, Certain func() time.Time
	Counted      func(outcome string) // told of every try
	Log          *slog.Logger

	mu      sync.Mutex
	sending map[string]bool
	all     sync.WaitGroup
}

// Pass begins to send what is to be sent by now, and says whether there are webhooks at all. It does not wait.
func (s *WebhookSender) Pass(ctx context.Context) (some bool, err error) {
	due, some, err := s.Store.DueWebhooks(ctx, s.Now())
	for _, id := range due {
		if s.begin(id) {
			s.all.Go(func() {
				defer s.end(id)
				if err := s.sendAll(ctx, id); err != nil && ctx.Err() == nil {
					s.Log.WarnContext(ctx, "webhook not sent to", "webhook", id, "cause", err)
				}
			})
		}
	}
	return some, err
}

// Wait returns when nothing is being sent any more.
func (s *WebhookSender) Wait() { s.all.Wait() }

func (s *WebhookSender) begin(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sending[id] {
		return false
	}
	if s.sending == nil {
		s.sending = map[string]bool{}
	}
	s.sending[id] = true
	return true
}

func (s *WebhookSender) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sending, id)
}

// sendAll sends what is due to one webhook, until a try fails: the next pass goes on, which keeps tries of a receiver that is down a
// second apart.
func (s *WebhookSender) sendAll(ctx context.Context, id string) error {
	seal, err := newWebhookSeal(s.Keys)
	if err != nil {
		return err
	}
	now := s.Now()
	until := now.Add(store.WebhookBusy)
	if claimed, err := s.Store.ClaimWebhook(ctx, id, now, until); err != nil || !claimed {
		return err
	}
	for {
		next, more, err := s.sendNext(ctx, seal, id, until)
		if err != nil || !more {
			if !next.IsZero() {
				return errors.Join(err, s.Store.ReleaseWebhook(context.WithoutCancel(ctx), id, next))
			}
			return err
		}
		until = next
	}
}

// sendNext sends one event to a webhook that is claimed until a time. It gives until when the webhook is claimed after that, zero when it is
// no longer, and whether to go on.
func (s *WebhookSender) sendNext(ctx context.Context, seal webhookSeal, id string, until time.Time) (claimed time.Time, more bool, err error) {
	q, err := s.Store.NextQueued(ctx, id, s.Now())
	if err != nil {
		if errors.Is(err, model.ErrNotFound) {
			err = nil
		}
		return until, false, err
	}
	w, err := s.Store.Webhook(ctx, id)
	if errors.Is(err, model.ErrNotFound) || err == nil && !w.OffAt.IsZero() {
		return time.Time{}, false, nil
	}
	now := s.Now()
	if err != nil || ctx.Err() != nil || now.Add(webhookTryTime).After(until) {
		return until, false, err
	}
	answer := s.try(ctx, seal, w, q.Event, now)
	if ctx.Err() != nil { // the program ends, which says nothing of the receiver
		return until, false, nil
	}
	saving := context.WithoutCancel(ctx)
	now = s.Now()
	if answer.Problem == "" {
		s.Counted(WebhookArrived)
		next := now.Add(store.WebhookBusy)
		still, err := s.Store.Delivered(saving, id, q.Event, now, until, next)
		if err != nil || !still {
			return time.Time{}, false, err
		}
		return next, true, nil
	}
	return time.Time{}, false, s.failed(saving, w, q, answer, now, until)
}

// try sends an event once.
func (s *WebhookSender) try(ctx context.Context, seal webhookSeal, w model.Webhook, e model.Event, now time.Time) Answer {
	certain := s.Certain()
	if certain.IsZero() {
		certain = now
	}
	d, err := newDelivery(w, e.ID, now, certain, now, bodyOf(e), seal)
	if err != nil {
		return Answer{Problem: errNoSecret.Error()}
	}
	return s.Receivers.Post(ctx, d)
}

// Reseal seals the secrets of all webhooks with the newest session key, so that those before can be taken away one day.
func (s *WebhookSender) Reseal(ctx context.Context) error {
	seal, err := newWebhookSeal(s.Keys)
	if err != nil {
		return err
	}
	hooks, err := s.Store.Webhooks(ctx)
	for _, w := range hooks {
		if _, old, failed := seal.open(w.Sealed, w.ID); failed == nil && old {
			err = errors.Join(err, s.reseal(ctx, seal, w))
		}
	}
	return err
}

func (s *WebhookSender) reseal(ctx context.Context, seal webhookSeal, w model.Webhook) error {
	secret, _, err := seal.open(w.Sealed, w.ID)
	var old []byte
	if before, _, err := seal.open(w.OldSealed, w.ID); err == nil {
		old = seal.seal(before, w.ID)
	}
	if err == nil {
		err = s.Store.ResealWebhook(ctx, w, seal.seal(secret, w.ID), old)
	}
	return err
}

// failed notes a try that failed, and tells operators when that turned the webhook off.
func (s *WebhookSender) failed(ctx context.Context, w model.Webhook, q model.Queued, answer Answer, now, until time.Time) error {
	u := store.Undelivered{Event: q.Event, At: now, Certain: s.Certain(), Claimed: until, Problem: answer.Problem, Gone: answer.Gone}
	if pauses := webhookPauses(); q.Tries < len(pauses) && !answer.Gone {
		u.Next = now.Add(pauses[q.Tries])
		s.Counted(WebhookFailed)
		s.Log.DebugContext(ctx, "webhook delivery failed", "webhook", w.ID, "event", q.Event.ID, "problem", answer.Problem, "tries", q.Tries+1)
	} else {
		s.Counted(WebhookGivenUp)
		s.Log.WarnContext(ctx, "webhook delivery given up", "webhook", w.ID, "event", q.Event.ID, "problem", answer.Problem, "tries", q.Tries+1)
	}
	off, err := s.Store.NotDelivered(ctx, w.ID, u)
	if err != nil || !off {
		return err
	}
	reason := model.WebhookOffFailing
	if answer.Gone {
		reason = model.WebhookOffGone
	}
	s.Log.ErrorContext(ctx, "webhook turned off", "webhook", w.ID, "reason", reason, "problem", answer.Problem)
	s.tell(ctx, w, reason, answer.Problem, now)
	return nil
}

// tell writes to operators that a webhook was turned off. What cannot be sent is on the page and in the log.
func (s *WebhookSender) tell(ctx context.Context, w model.Webhook, reason, problem string, now time.Time) {
	if s.Mailer == nil {
		return
	}
	operators, err := s.Store.OperatorIDs(ctx)
	for _, operator := range operators {
		identities, failed := s.Store.Identities(ctx, operator)
		letters := s.Letters.In(languageOf(identities))
		confirmed := slices.DeleteFunc(identities, func(id model.Identity) bool { return id.Pending })
		for _, to := range addressesOf(confirmed) {
			failed = errors.Join(failed, s.Mailer.Send(ctx, letters.WebhookOff(to, w.Place(), reason, problem, now)))
		}
		err = errors.Join(err, failed)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "operators were not told that a webhook is off", "webhook", w.ID, "cause", err)
	}
}

// WebhookOff tells an operator of a webhook that this server has turned off.
func (l Letters) WebhookOff(to, place, reason, problem string, at time.Time) Email {
	said := l.Language
	why := said.T("email.webhook-off.failing", "nothing has been delivered for 5 days")
	if reason == model.WebhookOffGone {
		why = said.T("email.webhook-off.gone", "the receiver answered 410 Gone")
	}
	m := l.letter(to, said.T("email.webhook-off.subject", "A webhook was turned off"),
		said.T("email.webhook-off.what", "Events are no longer sent to {place}: {why}.", "place", place, "why", why),
		said.T("email.webhook-off.facts", "When: {when}\nLast problem: {problem}", "when", l.when(at), "problem", problem),
		said.T("email.webhook-off.next", "Events that were waiting are discarded, and nothing is sent of what happens until it is turned on again, "+
			"with latchkey webhook on."))
	m.Notice = true
	return m
}
