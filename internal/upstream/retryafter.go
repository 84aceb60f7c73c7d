package upstream

import (
	"errors"
	"sync"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// maxWaits bounds how many people's waits are remembered. Beyond that the other server has to say it again.
const maxWaits = 10_000

// retryAfter remembers which clients the other server asked to wait, and until when. A person who presses "Try again" too early is
// answered from here: asking would only make the wait longer. It is kept in memory, since a wait is five minutes at most.
type retryAfter struct {
	now   func() time.Time
	mu    sync.Mutex
	until map[string]wait // by user id
}

// wait is for how long to leave the other server alone, from when on.
type wait struct {
	from time.Time
	long time.Duration
}

// left is how much of it is to come. Before it has begun it is nothing: the clock was set back since.
func (w wait) left(now time.Time) time.Duration {
	if since := now.Sub(w.from); since >= 0 {
		return max(0, w.long-since)
	}
	return 0
}

func newRetryAfter(now func() time.Time) *retryAfter {
	return &retryAfter{now: now, until: make(map[string]wait)}
}

// check says that it is too early for the person's next call, nil when it is not.
func (r *retryAfter) check(userID string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, waiting := r.until[userID]
	if !waiting {
		return nil
	}
	if wait := until.left(r.now()); wait > 0 {
		return &model.Error{Kind: model.KindBusy, Doing: "the upstream asked for a pause", Wait: wait, Elsewhere: true}
	}
	delete(r.until, userID)
	return nil
}

// remember keeps the wait that an answer asks for.
func (r *retryAfter) remember(userID string, err error) {
	var said *client.Error
	if !client.IsLimited(err) || !errors.As(err, &said) || said.RetryAfter == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if len(r.until) >= maxWaits {
		r.forget(now)
	}
	r.until[userID] = wait{now, said.RetryAfter}
}

// forget makes room: the waits that are over go, or all when that is not enough. The caller holds the lock.
func (r *retryAfter) forget(now time.Time) {
	for userID, until := range r.until {
		if until.left(now) == 0 {
			delete(r.until, userID)
		}
	}
	if len(r.until) >= maxWaits {
		clear(r.until)
	}
}

// patiently makes a call about a person's keys, unless the other server wants to be left alone.
func patiently[T any](p *Person, call func() (T, error)) (answer T, err error) {
	if err := p.s.retryAfter.check(p.account.UserID); err != nil {
		return answer, err
	}
	answer, err = call()
	p.s.retryAfter.remember(p.account.UserID, err)
	return answer, err
}
