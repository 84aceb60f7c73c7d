package accounts

import (
	"context"
	"sync"
	"time"
)

// What no answer waits for: how many things may be done at a time, and how many more may wait for their turn. The latter are as
// many as the tries of passwords that everybody together has in a minute, so that guessing alone does not fill the queue.
const (
	maxBackground        = 16
	maxBackgroundWaiting = everyoneTries
)

// laterTimeout bounds how long writing down may take what no answer waits for.
const laterTimeout = 2 * time.Second

// background does what no answer waits for.
type background struct {
	mu      sync.Mutex
	idle    sync.Cond // of mu: nothing is being done
	busy    int       // goroutines
	waiting []func()  // oldest first; while any wait, all goroutines are busy
}

func newBackground() *background {
	b := &background{}
	b.idle.L = &b.mu
	return b
}

// do does it, sooner or later, while the caller goes on. Only when too much is waiting already the caller does it: nothing is left
// out.
func (b *background) do(it func()) {
	if !b.try(it) {
		it()
	}
}

// try does it while the caller goes on, or not at all when too much is waiting already.
func (b *background) try(it func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.busy < maxBackground:
		b.busy++
		go b.work(it)
	case len(b.waiting) < maxBackgroundWaiting:
		b.waiting = append(b.waiting, it)
	default:
		return false
	}
	return true
}

// work does it and then what waits, until nothing does.
func (b *background) work(it func()) {
	for it != nil {
		it()
		it = b.next()
	}
}

// next is what has waited longest. When nothing waits it is nil, and the goroutine that asks is not busy any more.
func (b *background) next() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 {
		it := b.waiting[0]
		b.waiting[0] = nil // or it would be kept for as long as those behind it
		b.waiting = b.waiting[1:]
		return it
	}
	b.busy--
	if b.busy == 0 {
		b.idle.Broadcast()
	}
	return nil
}

// Drain waits until all is recorded that answers did not wait for. The store may be closed then, once no request is
// being answered any more.
func (a *Accounts) Drain() {
	a.background.drain()
	a.cfg.Shared.Drain()
}

// later does what no answer waits for. Nor does it matter whether the client waits for the answer. The log says failed, if it does.
func (a *Accounts) later(ctx context.Context, failed, userID string, do func(context.Context) error) {
	ctx = context.WithoutCancel(ctx)
	a.background.do(func() {
		ctx, cancel := context.WithTimeout(ctx, laterTimeout)
		defer cancel()
		if err := do(ctx); err != nil {
			a.cfg.Log.WarnContext(ctx, failed, "user", userID, "reason", err)
		}
	})
}

func (b *background) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.busy > 0 {
		b.idle.Wait()
	}
}
