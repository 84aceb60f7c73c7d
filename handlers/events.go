package handlers

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/onboard"
)

// Event is one thing that happened to an account.
type Event struct {
	ID             string // newer ones sort behind older ones
	At             time.Time
	Kind, Actor    string // see the constants below
	KeyID, KeyName string // the key it is about, and what that was called then
	Detail         string // a reason, or the name of a device
	Address, Agent string // where it came from, and what the program there called itself
}

// EventQuery says which events are wanted, newest first.
type EventQuery struct {
	Before string   // the id of an event: only older ones; "": from the newest on
	Kinds  []string // none: all
	KeyID  string   // "": about whatever
	Limit  int
}

// Events keeps what happened to accounts. The embedded server writes down by itself, with each act, what is done through it; the
// dashboard adds what it alone knows.
type Events interface {
	RecordEvent(ctx context.Context, userID string, e Event) error
	Events(ctx context.Context, userID string, q EventQuery) ([]Event, error)
}

// Origin is which browser a call is made for. Package authserver says what the fields mean to the embedded server.
type Origin struct {
	Address, Agent, KnownDevice, Pairing, TrialOf string
}

// nameOrigin puts into the request's context which browser it came from, for all calls that are made for it.
func (h *dashboard) nameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := h.withOrigin(c.Request().Context(), Origin{Address: c.RealIP(), Agent: agentOf(c)})
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// maxAgent is how many characters are kept of what a browser calls itself.
const maxAgent = 200

// agentOf is what the program calls itself that makes the request, without characters that act on what is around them.
func agentOf(c echo.Context) string {
	return onboard.Legible(c.Request().UserAgent(), maxAgent)
}

// record writes down what the dashboard did in an account. The act is done: that it is not written down is for the log alone.
func (h *dashboard) record(c echo.Context, userID string, e Event) {
	e.At, e.Address, e.Agent = h.now(), c.RealIP(), agentOf(c)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), actTimeout)
	defer cancel()
	if err := h.events.RecordEvent(ctx, userID, e); err != nil {
		h.log.Error("event not recorded", "kind", e.Kind, "user", userID, "request", requestIDOf(c), "cause", err)
	}
}
