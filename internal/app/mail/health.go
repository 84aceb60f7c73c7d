package mail

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// stuckAfter is when failing delivery is no hiccup any more: servers that greylist, restart or are busy accept emails
	// within it.
	stuckAfter = time.Hour
	// shortRest and longRest are for how long a server that has just failed is left alone, at first and when it goes on failing: the
	// emails that wait share the answer in place of each knocking.
	shortRest, longRest = 10 * time.Second, time.Minute
	// lookAgain is how long a server that fails is not asked how it is, when no email asks it.
	lookAgain = 5 * time.Minute
	// refusalsInARow are how many emails a server refuses, one after another, before it counts as one that takes none: one address, or
	// two, may be mistyped.
	refusalsInARow = 3
)

// health is what is known of a mail server by what became of the emails.
type health struct {
	now   func() time.Time
	probe func(context.Context) error // a connection without an email; nil: there is none

	mu       sync.Mutex
	since    time.Time // of the first failure that no success came after; zero: there is none
	refusals int       // of single emails since then, without anything else
	down     bool      // the server itself failed since then
	reason   string    // of the last failure
	last     time.Time // when it was tried last
	rest     time.Duration
	until    time.Time // when it is tried again
	failure  error     // what it is meanwhile
}

// resting is why a server is not asked right now, nil when it is.
func (h *health) resting() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil && h.now().Before(h.until) {
		return fmt.Errorf("%w; waiting before the next attempt", h.failure)
	}
	return nil
}

// learn takes in how an email, or a question, ended.
func (h *health) learn(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = h.now()
	if err == nil {
		h.since, h.refusals, h.down, h.reason = time.Time{}, 0, false, ""
		h.rest, h.until, h.failure = 0, time.Time{}, nil
		return
	}
	if errors.Is(err, context.Canceled) {
		return // we have stopped, and not the server
	}
	if h.since.IsZero() {
		h.since = h.last
	}
	h.reason = err.Error()
	var refused errRefusedMail
	if errors.As(err, &refused) && refused.ofOne {
		h.refusals++
		return
	}
	h.down = true
	h.rest = min(max(2*h.rest, shortRest), longRest)
	h.until, h.failure = h.last.Add(h.rest), err
}

func (h *health) trouble() (since time.Time, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.counts() {
		return time.Time{}, ""
	}
	return h.since, h.reason
}

func (h *health) stuck() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts() && h.now().Sub(h.since) >= stuckAfter
}

// counts says whether what failed says something about the server, and not about one address.
func (h *health) counts() bool { return h.down || h.refusals >= refusalsInARow }

func (h *health) look(ctx context.Context) {
	h.mu.Lock()
	due := h.probe != nil && h.down && h.now().Sub(h.last) >= lookAgain
	h.mu.Unlock()
	if due {
		h.learn(h.probe(ctx))
	}
}
