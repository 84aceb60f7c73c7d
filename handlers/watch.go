package handlers

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/model"
)

// watches are the people whose pages wait for changes.
type watches struct {
	mu     sync.Mutex
	people map[string]*watch // by user id
}

// watch is what all waiting pages of a person look at: their keys, which are read once for all of them.
type watch struct {
	pages int          // under the lock of watches
	acts  atomic.Int64 // of the person here, any of which may have ended a session

	mu      sync.Mutex // while the keys are read
	keys    model.Keys
	readAt  time.Time // when reading them began, by the system's clock; the zero time if they never were, or not well
	changes uint64    // how many there had been then
}

func newWatches() *watches { return &watches{people: make(map[string]*watch)} }

func (w *watches) enter(userID string) *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.people[userID]
	if one == nil {
		one = &watch{}
		w.people[userID] = one
	}
	one.pages++
	return one
}

func (w *watches) leave(userID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.people[userID]; one.pages > 1 {
		one.pages--
	} else {
		delete(w.people, userID)
	}
}

// acted has the person's waiting pages look whether their session goes on.
func (w *watches) acted(userID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.people[userID]; one != nil {
		one.acts.Add(1)
	}
}

// read gives the person's keys as they were a moment ago, and never as they were before since: a page that has just been drawn may show
// more. However many pages ask, the keys are read once in pace, and not at all while nothing has changed. Changes is how many there are,
// 0 when that cannot be told.
func (w *watch) read(ctx context.Context, person Person, since time.Time, pace time.Duration, changes uint64) (model.Keys, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	unchanged := changes != 0 && changes == w.changes
	fresh := w.readAt.After(since) && now.Sub(w.readAt) < pace/2 // a tick comes a little early or late
	if !w.readAt.IsZero() && (unchanged || fresh) {
		return w.keys, nil
	}
	keys, err := person.Keys(ctx)
	if err != nil {
		w.readAt = time.Time{}
		return model.Keys{}, err
	}
	w.keys, w.readAt, w.changes = keys, now, changes
	return keys, nil
}

// changes is how many there were, 0 when that cannot be told.
func (h *dashboard) changes() uint64 {
	if h.Changes == nil {
		return 0
	}
	return h.Changes()
}

// keysNow gives the keys that waiting pages look at.
type keysNow func() (model.Keys, error)

func (k keysNow) find(id string) (key model.Key, there bool, err error) {
	keys, err := k()
	i := slices.IndexFunc(keys.List, func(key model.Key) bool { return key.ID == id })
	if err != nil || i < 0 {
		return model.Key{}, false, err
	}
	return keys.List[i], true, nil
}
