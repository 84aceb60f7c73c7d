package authserver

import "sync"

// maxAfterwards is how many things may be done at a time that no answer waits for.
const maxAfterwards = 16

// afterwards does what no answer waits for.
type afterwards struct {
	slots    chan struct{} // one is taken by each thing that is being done
	draining sync.Mutex
}

func newAfterwards() *afterwards { return &afterwards{slots: make(chan struct{}, maxAfterwards)} }

// do does it on a goroutine of its own. When too much is being done already the caller waits: nothing is left out.
func (a *afterwards) do(it func()) {
	if !a.try(it) {
		it()
	}
}

// try does it on a goroutine of its own, or not at all when too much is being done already.
func (a *afterwards) try(it func()) bool {
	select {
	case a.slots <- struct{}{}:
		go func() {
			defer func() { <-a.slots }()
			it()
		}()
		return true
	default:
		return false
	}
}

// Drain waits until all is written down that answers did not wait for. The store may be closed then, once no request is
// being answered any more.
func (s *Server) Drain() { s.afterwards.drain() }

func (a *afterwards) drain() {
	a.draining.Lock() // two that hold half of the slots each would wait for ever
	defer a.draining.Unlock()
	for range cap(a.slots) {
		a.slots <- struct{}{}
	}
	for range cap(a.slots) {
		<-a.slots
	}
}
