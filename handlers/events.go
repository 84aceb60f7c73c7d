package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

// Events keeps what happened to accounts. The service writes down, with each act, what is done through it; the dashboard adds what it
// alone knows.
type Events interface {
	// RecordEvent writes an event down, unless there is one with its id already.
	RecordEvent(ctx context.Context, e model.Event) error
	Events(ctx context.Context, userID string, q model.EventQuery) ([]model.Event, error)
}

// nameOrigin puts into the request's context which browser it came from, for all calls that are made for it.
func (h *dashboard) nameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		o := model.Origin{Address: c.RealIP(), Agent: agentOf(c), Actor: model.ActorBrowser, Gone: c.Request().Context().Done()}
		o.Language, _ = lang.Of(c.Request().Context()).HTML()
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), originKey{}, o)))
		return next(c)
	}
}

type originKey struct{}

func originOf(ctx context.Context) model.Origin {
	o, _ := ctx.Value(originKey{}).(model.Origin)
	return o
}

// maxAgent is how many characters are kept of what a browser calls itself.
const maxAgent = 200

// agentOf is what the program calls itself that makes the request, without characters that act on what is around them.
func agentOf(c echo.Context) string {
	return onboard.Legible(c.Request().UserAgent(), maxAgent)
}

// event is something that the person in front of this browser did.
func (h *dashboard) event(c echo.Context, kind model.EventKind) model.Event {
	a, _ := accountOf(c)
	from := originOf(c.Request().Context())
	now := h.Now()
	return model.Event{
		ID: model.NewID(now), UserID: a.UserID, At: now, Kind: kind, Actor: model.ActorBrowser, Address: from.Address, Agent: from.Agent,
		Elsewhere: !h.Here,
	}
}

// record writes down what the dashboard did in an account. The act is done: that it is not written down is for the log alone.
func (h *dashboard) record(c echo.Context, e model.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), actTimeout)
	defer cancel()
	e.Elsewhere = !h.Here
	if err := h.Events.RecordEvent(ctx, e); err != nil {
		h.Log.Error("event not recorded", "kind", e.Kind, "user", e.UserID, "request", requestIDOf(c), "cause", err)
	}
}

// idOnce is the id of an event that can happen but once to what it is about, however often it is seen to have happened. It sorts by
// the whole of the time, as other ids do.
func idOnce(at time.Time, kind model.EventKind, about string) string {
	sum := sha256.Sum256([]byte(string(kind) + "\x00" + about))
	return model.TimeOfID(at) + hex.EncodeToString(sum[:5])
}
