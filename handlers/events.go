package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/onboard"
)

// What happened. The words are those of the store, and are in exports.
const (
	eventAccountMade     = "account-made"
	eventSignedIn        = "signed-in"
	eventSignInFailed    = "sign-in-failed"
	eventSessionEnded    = "session-ended"
	eventKeyMade         = "key-made"
	eventKeyShown        = "key-shown"
	eventKeyTurnedOn     = "key-turned-on"
	eventKeyTurnedOff    = "key-turned-off"
	eventKeyDeleted      = "key-deleted"
	eventKeyFirstUsed    = "key-first-used"
	eventKeyRefused      = "key-refused"
	eventPairingAsked    = "pairing-asked"
	eventPairingApproved = "pairing-approved"
	eventPairingDenied   = "pairing-denied"
	eventPasswordChanged = "password-changed"
	eventPasswordReset   = "password-reset"
	eventPasswordProved  = "password-confirmed"
	eventResetAsked      = "password-reset-asked"
	eventEmailConfirmed  = "email-confirmed"
	eventAccountDisabled = "account-disabled"
	eventAccountEnabled  = "account-enabled"
)

// Who did it.
const (
	actorBrowser  = "browser"
	actorApp      = "app"
	actorDevice   = "device"
	actorOperator = "operator"
	actorUnknown  = "unknown"
)

// Details that are read again.
const (
	detailOthers  = "all others"
	detailFetched = "fetched by the device"
)

// Event is one thing that happened to an account.
type Event struct {
	ID             string // newer ones sort behind older ones; given by the store when it is ""
	At             time.Time
	Kind, Actor    string // see the constants above
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
	// RecordEvent writes an event down, unless there is one with its id already.
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
		o := Origin{Address: c.RealIP(), Agent: agentOf(c)}
		c.SetRequest(c.Request().WithContext(h.fromOrigin(c.Request().Context(), o)))
		return next(c)
	}
}

type originKey struct{}

// fromOrigin is a context of calls that are made for o.
func (h *dashboard) fromOrigin(ctx context.Context, o Origin) context.Context {
	return h.withOrigin(context.WithValue(ctx, originKey{}, o), o)
}

func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// maxAgent is how many characters are kept of what a browser calls itself.
const maxAgent = 200

// agentOf is what the program calls itself that makes the request, without characters that act on what is around them.
func agentOf(c echo.Context) string {
	return onboard.Legible(c.Request().UserAgent(), maxAgent)
}

// event is something that the person in front of this browser did.
func (h *dashboard) event(c echo.Context, kind string) Event {
	from := originOf(c.Request().Context())
	return Event{At: h.now(), Kind: kind, Actor: actorBrowser, Address: from.Address, Agent: from.Agent}
}

// record writes down what the dashboard did in an account. The act is done: that it is not written down is for the log alone.
func (h *dashboard) record(c echo.Context, userID string, e Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), actTimeout)
	defer cancel()
	if err := h.events.RecordEvent(ctx, userID, e); err != nil {
		h.log.Error("event not recorded", "kind", e.Kind, "user", userID, "request", requestIDOf(c), "cause", err)
	}
}

// recordElsewhere writes down an act at an upstream, which keeps no list for us. The embedded server does it by itself.
func (h *dashboard) recordElsewhere(c echo.Context, e Event) {
	if a, ok := accountOf(c); ok && !h.embedded {
		h.record(c, a.UserID, e)
	}
}

// idOnce is the id of an event that can happen but once to what it is about, however often it is seen to have happened.
func idOnce(at time.Time, kind, about string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + about))
	var id [12]byte
	binary.BigEndian.PutUint32(id[:], uint32(at.Unix())) //nolint:gosec // four bytes are what ids have for it
	copy(id[4:], sum[:])
	return hex.EncodeToString(id[:])
}
