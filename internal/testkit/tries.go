package testkit

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Tries keeps shared counts for the nodes of a test, as the database does for those of an operator: one change at a time, by one clock.
type Tries struct {
	Now func() time.Time

	mu     sync.Mutex
	states map[[16]byte][]byte
	until  map[[16]byte]time.Time
	fails  error
	asked  int
}

// Break has every change fail with the error, until it is nil.
func (k *Tries) Break(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails = err
}

// Asked is how many changes were asked for.
func (k *Tries) Asked() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked
}

// Len is how many states are not past.
func (k *Tries) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, until := range k.until {
		if until.After(k.Now()) {
			n++
		}
	}
	return n
}

// Change is that of limits.Keeper. It asks twice, as a database may, and the second time counts.
func (k *Tries) Change(
	ctx context.Context, keys [][16]byte, decide func(now time.Time, states [][]byte) ([][]byte, []time.Time),
) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case k.fails != nil:
		return k.fails
	case len(keys) == 0:
		return errors.New("there are no keys")
	}
	for i := range keys[1:] {
		if bytes.Compare(keys[i][:], keys[i+1][:]) >= 0 {
			return errors.New("the keys are not in order: two nodes would wait for each other")
		}
	}
	now := k.Now()
	decide(now, make([][]byte, len(keys)))
	states := make([][]byte, len(keys))
	for i, key := range keys {
		states[i] = slices.Clone(k.states[key])
	}
	changed, until := decide(now, states)
	if k.states == nil {
		k.states, k.until = map[[16]byte][]byte{}, map[[16]byte]time.Time{}
	}
	for i, state := range changed {
		if state != nil {
			k.states[keys[i]], k.until[keys[i]] = slices.Clone(state), until[i]
		}
	}
	return nil
}

// Spoil replaces every state by another.
func (k *Tries) Spoil(by func(state []byte) []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, state := range k.states {
		k.states[key] = by(state)
	}
}
