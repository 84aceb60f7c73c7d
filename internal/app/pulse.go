package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/handlers"
)

const (
	// awayAllowed is for how long the database may be away before a node says that it is not healthy. All nodes have the same one: a
	// proxy would otherwise take all of them out at each restart of it, and answer itself what they can only tell better.
	awayAllowed = 15 * time.Second
	// healthLook is how often a node looks whether the database is there, and slowLook how long that may take.
	healthLook, slowLook = time.Second, 2 * time.Second
)

// errSlowDatabase is that the database has not answered for a while.
var errSlowDatabase = errors.New("the database does not answer")

// pulse watches a database that is elsewhere, so that nobody who asks how this is has to wait for it. A nil one watches nothing.
type pulse struct {
	ping func(context.Context) error
	now  func() time.Time

	mu     sync.Mutex
	good   time.Time // when it last answered
	asked  time.Time // when it was asked what it has not answered yet; zero: it has
	failed error     // why it did not answer when it was asked last
}

// newPulse begins with a database that has just answered.
func newPulse(ping func(context.Context) error, now func() time.Time) *pulse {
	return &pulse{ping: ping, now: now, good: now()}
}

// look asks the database for a sign of life.
func (p *pulse) look(ctx context.Context) {
	p.mu.Lock()
	p.asked = p.now()
	p.mu.Unlock()
	err := p.ping(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.failed = time.Time{}, err
	if err == nil {
		p.good = p.now()
	}
}

// away is why requests should go to no node any more: the database has been away for too long.
func (p *pulse) away() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now().Sub(p.good) < awayAllowed {
		return nil
	}
	if p.failed != nil {
		return p.failed
	}
	return errSlowDatabase
}

// down is why the database is not there at this moment.
func (p *pulse) down() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil && !p.asked.IsZero() && p.now().Sub(p.asked) >= slowLook {
		return errSlowDatabase
	}
	return p.failed
}

// healthy says whether requests should be sent to this program at all.
func (a *App) healthy(ctx context.Context) error {
	if a.pulse == nil {
		return a.ready(ctx)
	}
	if a.stopping.Load() {
		return handlers.ErrStopping
	}
	return a.pulse.away()
}

// ready says whether requests could be answered right now.
func (a *App) ready(ctx context.Context) error {
	switch {
	case a.stopping.Load():
		return handlers.ErrStopping
	case a.pulse != nil:
		return a.pulse.down()
	default:
		return a.store.Ping(ctx)
	}
}
