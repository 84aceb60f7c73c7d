package onboard

import (
	"sync"
	"time"
)

// doubled is how soon after an accepted poll one more is taken for the same: golang.org/x/oauth2 sends each one twice, to find
// out how a server wants the client named. The second waits for the answer to the first, which over a bad network takes a while.
const doubled = 2500 * time.Millisecond

// polls remembers when each grant that is pending or is delivered once more was last asked for, by the hash of its device
// code. A poll is judged by the last one that was accepted, so that a device that was told to slow down is not kept out by having
// asked.
type polls struct {
	now func() time.Time
	gap time.Duration

	mu    sync.Mutex
	last  map[[32]byte]poll
	swept time.Time
}

type poll struct {
	at      time.Time
	doubled bool // has been asked a second time at once
}

// newPolls wants polls an interval apart, less a fifth of it: what was sent in time may have hurried on its way.
func newPolls(now func() time.Time, interval time.Duration) *polls {
	return &polls{now: now, gap: interval - interval/5, last: make(map[[32]byte]poll), swept: now()}
}

// accept says whether the poll comes at its time.
func (p *polls) accept(hash [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now() // under the lock, so that of two polls the later one has the later time
	if now.Sub(p.swept).Abs() >= p.gap {
		p.forget(now)
	}
	last, known := p.last[hash]
	since := now.Sub(last.at)
	switch {
	case !known || since >= p.gap || since < 0:
		p.last[hash] = poll{at: now}
	case since <= doubled && !last.doubled:
		p.last[hash] = poll{at: last.at, doubled: true}
	default:
		return false
	}
	return true
}

// sweep forgets what makes no difference any more. Since grants are looked up before their polls are judged, what is left are
// at most the grants that are pending or were delivered in the last minute.
func (p *polls) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(p.now())
}

// forget is sweep; the caller holds the lock.
func (p *polls) forget(now time.Time) {
	for hash, last := range p.last {
		if since := now.Sub(last.at); since >= p.gap || since < 0 {
			delete(p.last, hash)
		}
	}
	p.swept = now
}
