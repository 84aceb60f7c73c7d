package authserver

import (
	"net/http"
	"sync"
	"time"
)

// What one account or one address may do that costs others something: room in the database or in the queue of mails.
const (
	// Keys made and turned on: more than anybody does by hand, and as many as a script that sets up all keys of an account, several times
	// over. What is turned off or deleted was made or turned on before, and nobody must ever have to wait for it.
	actsAtOnce = 300
	actPause   = time.Second

	// Accounts made from an address, behind which there may be a school.
	registrationsAtOnce = 100
	registrationPause   = time.Hour / registrationsAtOnce

	// Notices by mail about one account.
	noticesAtOnce = 20
	noticePause   = time.Hour / noticesAtOnce

	// maxCounted bounds the memory. Those who come when it is full share one count.
	maxCounted = 20_000

	quotaSweep = time.Minute
)

// Quota allows everybody so much at once, and one more after each pause. It is kept in memory, like Limits.
type Quota struct {
	atOnce int
	pause  time.Duration

	mu    sync.Mutex
	time  stopwatch
	until map[string]time.Duration // buckets
}

func newQuota(now func() time.Time, atOnce int, pause time.Duration) *Quota {
	return &Quota{atOnce: atOnce, pause: pause, time: startStopwatch(now, quotaSweep), until: map[string]time.Duration{}}
}

// NewNotices counts notices by mail by who gets them.
func NewNotices(now func() time.Time) *Quota { return newQuota(now, noticesAtOnce, noticePause) }

// Take counts something that somebody does, or says how long to wait, which counts for nothing.
func (q *Quota) Take(who string) (wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, sweep := q.time.read()
	if sweep {
		forgetFull(q.until, now)
	}
	if _, known := q.until[who]; !known && len(q.until) >= maxCounted {
		who = ""
	}
	return addAll([]count{bucket{q.until, who, q.atOnce, q.pause}}, now)
}

// acting counts a key that is made or turned on. Each is written down and kept for long.
func (s *Server) acting(who principal) error {
	return tooMany(s.acts.Take(who.userID))
}

// registering counts an account that somebody wants to make, before its password takes time and memory.
func (s *Server) registering(r *http.Request) error {
	o, _ := s.origin(r)
	return tooMany(s.registrations.Take(network(o.Address)))
}
