package authserver

import (
	"context"
	"net/http"
	"time"

	"latchkey/internal/model"
)

// laterTimeout bounds how long writing down may take what no answer waits for.
const laterTimeout = 2 * time.Second

// recordFailure writes down that somebody tried to get into an account and was refused.
func (s *Server) recordFailure(r *http.Request, userID, reason string) {
	happened := s.event(r, model.EventSignInFailed, principal{userID: userID})
	happened.Actor, happened.Detail = model.ActorUnknown, reason
	happened.ID = model.NewID(happened.At) // now: what is written later is still listed in the order in which it happened
	s.later(r, "failed log-in not written down", userID, func(ctx context.Context) error { return s.store.RecordEvent(ctx, happened) })
}

// later does what no answer waits for. Nor does it matter whether the client waits for the answer. The log says failed, if it does.
func (s *Server) later(r *http.Request, failed, userID string, do func(context.Context) error) {
	ctx := context.WithoutCancel(r.Context())
	s.afterwards.do(func() {
		ctx, cancel := context.WithTimeout(ctx, laterTimeout)
		defer cancel()
		if err := do(ctx); err != nil {
			s.cfg.Log.WarnContext(ctx, failed, "user", userID, "reason", err)
		}
	})
}
