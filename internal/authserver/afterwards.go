package authserver

import "sync"

// What no answer waits for: how many things may be done at a time, and how many more may wait for their turn. The latter are as
// many as the tries of passwords that everybody together has in a minute, so that guessing alone does not fill the queue.
const (
	maxAfterwards        = 16
	maxAfterwardsWaiting = everyoneTries
)

// afterwards does what no answer waits for.
type afterwards struct {
	mu      sync.Mutex
	idle    sync.Cond // of mu: nothing is being done
	busy    int       // goroutines
	waiting []func()  // oldest first; while any wait, all goroutines are busy
}

func newAfterwards() *afterwards {
	a := &afterwards{}
	a.idle.L = &a.mu
	return a
}

// do does it, sooner or later, while the caller goes on. Only when too much is waiting already the caller does it: nothing is left
// out.
func (a *afterwards) do(it func()) {
	if !a.try(it) {
		it()
	}
}

// try does it while the caller goes on, or not at all when too much is waiting already.
func (a *afterwards) try(it func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.busy < maxAfterwards:
		a.busy++
		go a.work(it)
	case len(a.waiting) < maxAfterwardsWaiting:
		a.waiting = append(a.waiting, it)
	default:
		return false
	}
	return true
}

// work does it and then what waits, until nothing does.
func (a *afterwards) work(it func()) {
	for it != nil {
		it()
		it = a.next()
	}
}

// next is what has waited longest. When nothing waits it is nil, and the goroutine that asks is not busy any more.
func (a *afterwards) next() func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) > 0 {
		it := a.waiting[0]
		a.waiting[0] = nil // or it would be kept for as long as those behind it
		a.waiting = a.waiting[1:]
		return it
	}
	a.busy--
	if a.busy == 0 {
		a.idle.Broadcast()
	}
	return nil
}

// Drain waits until all is written down that answers did not wait for. The store may be closed then, once no request is
// being answered any more.
func (s *Server) Drain() { s.afterwards.drain() }

func (a *afterwards) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.busy > 0 {
		a.idle.Wait()
	}
}
