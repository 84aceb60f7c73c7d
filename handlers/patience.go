package handlers

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/client"
)

// maxWaits bounds how many people's waits are remembered. Beyond that the key service has to say it again.
const maxWaits = 10_000

// patience remembers for whom the key service asked to be left alone, and until when. Whoever presses "Try again" too early is
// answered from here: asking would only make the wait longer. It is kept in memory, since a wait is five minutes at most.
//
// A nil patience remembers nothing. The embedded server has one: asking it costs nothing, and what it makes wait for is making keys.
// Whoever does too much of that, with a session that is not theirs, must not keep the owner from turning them off.
type patience struct {
	now   func() time.Time
	mu    sync.Mutex
	until map[string]time.Time // by user id
}

func newPatience(now func() time.Time) *patience {
	return &patience{now: now, until: make(map[string]time.Time)}
}

// tooEarlyError stands in place of what the key service would answer.
type tooEarlyError struct{ wait time.Duration }

func (e tooEarlyError) Error() string {
	return "the key service asked to be left alone for another " + wholeSeconds(e.wait) + " s"
}

// check says that it is too early for the person's next call, nil when it is not.
func (p *patience) check(userID string) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	until, waiting := p.until[userID]
	if !waiting {
		return nil
	}
	if wait := until.Sub(p.now()); wait > 0 {
		return tooEarlyError{wait}
	}
	delete(p.until, userID)
	return nil
}

// heed remembers the wait that an answer asks for.
func (p *patience) heed(userID string, err error) {
	var failed *client.Error
	if p == nil || !client.IsLimited(err) || !errors.As(err, &failed) || failed.RetryAfter == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if len(p.until) >= maxWaits {
		p.forget(now)
	}
	p.until[userID] = now.Add(failed.RetryAfter)
}

// forget makes room: the waits that are over go, or all when that is not enough. The caller holds the lock.
func (p *patience) forget(now time.Time) {
	for userID, until := range p.until {
		if !until.After(now) {
			delete(p.until, userID)
		}
	}
	if len(p.until) >= maxWaits {
		clear(p.until)
	}
}

// patientKeys are a person's keys at the key service, which is asked for nothing while it wants to be left alone.
type patientKeys struct {
	keys     *client.APIKeys
	patience *patience
	userID   string
}

func patiently[T any](p patientKeys, call func() (T, error)) (answer T, err error) {
	if err := p.patience.check(p.userID); err != nil {
		return answer, err
	}
	answer, err = call()
	p.patience.heed(p.userID, err)
	return answer, err
}

// act is patiently for calls that answer nothing.
func (p patientKeys) act(call func() error) error {
	_, err := patiently(p, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// The calls are those of client.APIKeys.

func (p patientKeys) Create(ctx context.Context, name string) (client.CreatedKey, error) {
	return patiently(p, func() (client.CreatedKey, error) { return p.keys.Create(ctx, name) })
}

func (p patientKeys) Fetch(ctx context.Context, id string) (client.APIKey, error) {
	return patiently(p, func() (client.APIKey, error) { return p.keys.Fetch(ctx, id) })
}

func (p patientKeys) FetchAll(ctx context.Context) ([]client.APIKey, error) {
	return patiently(p, func() ([]client.APIKey, error) { return p.keys.FetchAll(ctx) })
}

func (p patientKeys) Facts(ctx context.Context) (client.KeyFacts, error) {
	return patiently(p, func() (client.KeyFacts, error) { return p.keys.Facts(ctx) })
}

func (p patientKeys) Enable(ctx context.Context, id string) error {
	return p.act(func() error { return p.keys.Enable(ctx, id) })
}

func (p patientKeys) Disable(ctx context.Context, id string) error {
	return p.act(func() error { return p.keys.Disable(ctx, id) })
}

func (p patientKeys) Delete(ctx context.Context, id string) error {
	return p.act(func() error { return p.keys.Delete(ctx, id) })
}
