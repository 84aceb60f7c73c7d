package accounts

import (
	"context"
	"slices"
	"sync"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

// claim names the account and the client that a password is hashed for.
type claim struct {
	account string // the email, as it was typed
	from    model.Origin
}

// hashQueue lets as many hash at once as there are cores, in the order in which they come, and lets so many more wait.
//
// Its places are shared out. Right passwords are not counted by any limit, so that one person with a few accounts could hold all
// places for ever. Nobody is held back while there is room. When there is none, a newcomer takes the place of the waiting request that
// shares its account, network, site and provider with the most others. A request that is alone there is never turned away for one that
// is not.
type hashQueue struct {
	cores, places int // the latter waiting or running

	mu      sync.Mutex
	running int
	waiting []*hashing // oldest first
	holders map[string]*holder
}

// holder is an account or a part of the network, and how many places it has.
type holder struct {
	name           string
	weight, places int
}

// The weights say how much each place more that a holder has counts against it: one person signs in with one or two devices at a
// time, and of an office, a campus or a provider's customers there may be twice as many each.
const (
	accountWeight  = 8
	networkWeight  = 4
	siteWeight     = 2
	providerWeight = 1
)

// hashing is a place in the queue.
type hashing struct {
	of   [4]*holder
	turn chan error // gets one word: nil when it is its turn, or that it has lost its place
}

func newHashQueue(cores int) *hashQueue {
	return &hashQueue{cores: cores, places: cores * (1 + waitingPerCore), holders: map[string]*holder{}}
}

// enter waits for a core, unless there is no place to wait in. A client that no longer waits for the answer gives the place back at
// once.
func (q *hashQueue) enter(ctx context.Context, c claim) (leave func(), err error) {
	h := q.queueUp(c)
	select {
	case err = <-h.turn:
	case <-ctx.Done():
		err = q.giveUp(h, ctx.Err())
	case <-c.from.Gone:
		err = q.giveUp(h, context.Canceled)
	}
	if err != nil {
		return nil, err
	}
	return func() { q.leave(h) }, nil
}

// queueUp takes a place, from another request if need be.
func (q *hashQueue) queueUp(c claim) *hashing {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := &hashing{turn: make(chan error, 1), of: [4]*holder{
		q.holder("account "+digest(canonical(c.account)), accountWeight),
		q.holder("network "+limits.Network(c.from.Address), networkWeight),
		q.holder("site "+limits.Site(c.from.Address), siteWeight),
		q.holder("provider "+limits.Provider(c.from.Address), providerWeight),
	}}
	q.waiting = append(q.waiting, h)
	switch {
	case q.running < q.cores:
		q.running++
		q.next()
	case q.running+len(q.waiting) > q.places:
		most := q.waiting[len(q.waiting)-1]
		for _, other := range slices.Backward(q.waiting) { // of equals the one that came last
			if other.beside() > most.beside() {
				most = other
			}
		}
		q.remove(most)
		most.turn <- refuse(model.KindBusy)
	}
	return h
}

// holder counts one place more for it.
func (q *hashQueue) holder(name string, weight int) *holder {
	h, ok := q.holders[name]
	if !ok {
		h = &holder{name: name, weight: weight}
		q.holders[name] = h
	}
	h.places++
	return h
}

// beside says how much there is beside a place.
func (h *hashing) beside() (most int) {
	for _, of := range h.of {
		most = max(most, of.weight*(of.places-1))
	}
	return most
}

// next gives a free core to the request that has waited longest, or says that none needs it.
func (q *hashQueue) next() {
	if len(q.waiting) == 0 {
		q.running--
		return
	}
	h := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	h.turn <- nil
}

// giveUp gives back the place of a request whose client has left. Its turn may have come meanwhile.
func (q *hashQueue) giveUp(h *hashing, why error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case err := <-h.turn:
		if err != nil {
			return err
		}
		q.release(h)
		q.next()
	default:
		q.remove(h)
	}
	return &model.Error{Kind: model.KindBusy, Err: why}
}

// leave gives back the place and the core of a request that is done.
func (q *hashQueue) leave(h *hashing) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.release(h)
	q.next()
}

// remove takes a waiting request out of the queue.
func (q *hashQueue) remove(h *hashing) {
	i := slices.Index(q.waiting, h)
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.release(h)
}

// release counts one place less for every holder of it.
func (q *hashQueue) release(h *hashing) {
	for _, of := range h.of {
		if of.places--; of.places == 0 {
			delete(q.holders, of.name)
		}
	}
}

// held says how many are being hashed, and how many wait.
func (q *hashQueue) held() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, len(q.waiting)
}
