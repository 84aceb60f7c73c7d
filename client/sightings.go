package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// aliveFor is how long a session that the server said to be alive is taken for
// alive, so that a server that refuses every other call is not asked without end.
const aliveFor = time.Minute

// maxSightings bounds the sessions that are remembered.
const maxSightings = 4096

// sightings remembers when the server last said of sessions that they are alive.
// It belongs to the Client because programs resume a session for each request.
type sightings struct {
	mu sync.Mutex
	of map[[32]byte]*sighting
}

// sighting is about one session.
type sighting struct {
	asking flight[struct{}]
	last   atomic.Int64 // Unix nanoseconds; 0 is never
}

func (s *sighting) fresh(now time.Time) bool {
	last := s.last.Load()
	return last != 0 && now.Sub(time.Unix(0, last)).Abs() < aliveFor
}

// about returns what is remembered of a session, under the hash of its token.
func (s *sightings) about(token Secret, now time.Time) *sighting {
	hash := sha256.Sum256([]byte(token.Reveal()))
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.of[hash]; known != nil {
		return known
	}
	if s.of == nil || len(s.of) >= maxSightings {
		s.forgetOld(now)
	}
	seen := &sighting{}
	s.of[hash] = seen
	return seen
}

// forgetOld makes room. When that is not enough it forgets all: a server that
// refuses so many sessions in a minute has worse troubles than one more question
// for each. The caller holds the lock.
func (s *sightings) forgetOld(now time.Time) {
	for hash, seen := range s.of {
		if !seen.fresh(now) {
			delete(s.of, hash)
		}
	}
	if s.of == nil || len(s.of) >= maxSightings {
		s.of = make(map[[32]byte]*sighting)
	}
}

// confirm asks the server whether the session is still alive, by renewing the
// access token. However many callers of however many copies of the session ask,
// the server is asked once at a time, and no more for a minute after a yes.
func (s *Session) confirm(ctx context.Context) error {
	seen := s.client.sessions.about(*s.refresh, s.client.now())
	_, err := seen.asking.do(ctx, func(ctx context.Context) (none struct{}, err error) {
		if seen.fresh(s.client.now()) {
			return none, nil
		}
		if err := s.Refresh(ctx); err != nil {
			return none, err
		}
		seen.last.Store(s.client.now().UnixNano())
		return none, nil
	})
	return refreshError(err)
}

// refreshError makes sure that an error of waiting for a shared renewal is an
// *Error too.
func refreshError(err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Op: opRefresh, Method: http.MethodPost, Path: apiRoot + sessionPath, Err: err}
}
