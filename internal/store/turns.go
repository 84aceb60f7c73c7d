package store

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// turns lets those who write about one user wait here and not at the server, where each would hold a connection of the pool.
type turns struct {
	away     atomic.Int64  // since when the server is, in milliseconds; 0 when it is not
	patience time.Duration // for the server; 0: patience

	mu sync.Mutex
	of map[string]*turn
}

type turn struct {
	free    chan struct{} // holds one token while nobody has the turn
	waiting int           // with the one who has it
}

// wait gives a turn. It fails when that takes long because the database is away: those before each take as long as they may then.
func (w *turns) wait(ctx context.Context, user string) (leave func(), err error) {
	w.mu.Lock()
	t := w.of[user]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		w.of[user] = t
	}
	t.waiting++
	crowded := t.waiting > maxWaiting
	w.mu.Unlock()
	gone := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			delete(w.of, user)
		}
	}
	if crowded {
		gone()
		return nil, errCrowded
	}
	taken := func() { t.free <- struct{}{}; gone() }
	select {
	case <-t.free:
		return taken, nil
	default:
	}
	long := time.NewTicker(cmp.Or(w.patience, patience))
	defer long.Stop()
	for {
		select {
		case <-t.free:
			return taken, nil
		case <-ctx.Done():
			gone()
			return nil, ctx.Err()
		case <-long.C:
			if w.away.Load() == 0 {
				continue
			}
			gone()
			return nil, fmt.Errorf("%w: too many writes to the same account", errAway)
		}
	}
}
