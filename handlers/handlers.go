// Package handlers is the dashboard: pages over HTTP on which a signed-in person manages their keys. It reaches the keys
// through package client alone, whether they live in this process or at an upstream, and knows no SQL.
package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

// maxBody bounds what a form may send: its largest field is a password of 128 characters.
const maxBody = "64K"

// Deps is everything the dashboard needs of the rest of the program.
type Deps struct {
	// Client speaks to the server that holds the keys.
	Client *client.Client
	// WithOrigin tells the embedded server, through the context of a call, which browser it is made for. It is nil with an upstream:
	// what that writes down is its own affair.
	WithOrigin func(context.Context, model.Origin) context.Context
	// Events keeps what happened to accounts.
	Events Events
	// SignIns counts tries of passwords at an upstream. It is nil with the embedded server, which counts them itself.
	SignIns SignIns
	// Pairings are the device grants.
	Pairings *onboard.Service
	// WebSessions keeps who is signed in with which browser.
	WebSessions WebSessionRows
	// SessionKeys seal what a web session holds; 32 bytes each, newest first.
	SessionKeys [][]byte
	// PublicURL is how browsers reach the dashboard. Its scheme decides whether cookies are Secure.
	PublicURL string
	// AppID and BaseURL are what a device must be told besides its key.
	AppID, BaseURL string
	// Embedded says that the key service is the one of this program, whose promises the pages may repeat.
	Embedded bool
	// Registration says whether people may make accounts themselves.
	Registration bool
	// StepUp is how long a proof of who one is allows making keys and turning them on, before the password is asked for again.
	StepUp time.Duration
	// Mail says that the embedded server sends mails: an address must be confirmed, and a forgotten password can be replaced.
	Mail bool
	// Notices tells people by mail what was done at an upstream. It is nil when nobody is to be told, and with the embedded server,
	// which does it itself.
	Notices Notices
	// MinPassword is the least number of characters of a new password.
	MinPassword int
	// TrustedProxies are the networks whose X-Forwarded-For is believed; without any, the connection's address counts.
	TrustedProxies []*net.IPNet
	// Ready says whether the program can serve, for the health check.
	Ready func(context.Context) error
	// Stop is closed when the program is stopping, for answers that would go on.
	Stop <-chan struct{}
	Now  func() time.Time
	Log  *slog.Logger
}

// dashboard holds what the handlers share.
type dashboard struct {
	client         *client.Client
	withOrigin     func(context.Context, model.Origin) context.Context
	events         Events
	pairings       *onboard.Service
	sessions       *webSessions
	forms          *formIDs
	patience       *patience
	signIns        SignIns
	known          *knownDevices
	streams        *places
	exports        *places
	turning        sync.Mutex   // while it is written down that a key of an upstream was turned on or off
	unreported     atomic.Int64 // until when the key service is not asked for facts, which it has none of; Unix nanoseconds
	publicURL      string
	deviceQR       drawing // of the page for codes, whose address never changes
	appID, baseURL string
	embedded       bool
	registration   bool
	minPassword    int
	mail           bool
	notices        Notices
	stepUp         time.Duration
	plainHTTP      bool
	ready          func(context.Context) error
	stop           <-chan struct{}
	now            func() time.Time
	log            *slog.Logger
}

// New builds the dashboard. It panics when a session key has not 32 bytes: package app has checked them.
func New(d Deps) *echo.Echo {
	https := strings.HasPrefix(d.PublicURL, "https://")
	h := &dashboard{
		client:       d.Client,
		withOrigin:   d.WithOrigin,
		events:       d.Events,
		stepUp:       d.StepUp,
		pairings:     d.Pairings,
		sessions:     newWebSessions(d.WebSessions, newKeyRing(d.SessionKeys), https, d.Now, d.Log),
		forms:        newFormIDs(d.Now),
		signIns:      d.SignIns,
		known:        newKnownBrowsers(d.SessionKeys, https),
		streams:      newPlaces(streamsEach, streamsMost),
		exports:      newPlaces(exportsEach, exportsMost),
		publicURL:    d.PublicURL,
		deviceQR:     drawQR(d.PublicURL + devicePath),
		appID:        d.AppID,
		baseURL:      d.BaseURL,
		embedded:     d.Embedded,
		registration: d.Registration,
		minPassword:  d.MinPassword,
		mail:         d.Mail,
		notices:      d.Notices,
		plainHTTP:    !https && !loopback(d.PublicURL),
		ready:        d.Ready,
		stop:         d.Stop,
		now:          d.Now,
		log:          d.Log,
	}
	if h.embedded {
		h.sessions.reissue = h.reissue
	} else {
		h.patience = newPatience(d.Now)
	}
	if h.withOrigin == nil {
		h.withOrigin = func(ctx context.Context, _ model.Origin) context.Context { return ctx }
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = h.handleError
	e.IPExtractor = ClientAddress(d.TrustedProxies)
	e.Pre(h.requestID, h.logRequest, h.refuseCrossOrigin(), h.nameOrigin)
	e.Use(
		middleware.RecoverWithConfig(middleware.RecoverConfig{StackSize: 8 << 10, DisableStackAll: true, LogErrorFunc: h.logPanic}),
		middleware.BodyLimit(maxBody),
		middleware.GzipWithConfig(middleware.GzipConfig{Level: 1, MinLength: 1024, Skipper: sentAsItIs}),
	)
	h.routes(e)
	return e
}

// ClientAddress gives the function that says whose address a request has: the connection's, or with trusted proxies the one
// that they name. Echo's own default believes X-Forwarded-For from anybody.
func ClientAddress(trusted []*net.IPNet) func(*http.Request) string {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range trusted {
		options = append(options, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// loopback says whether the URL names this machine, which browsers treat like https.
func loopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// sentAsItIs says whose answers are not compressed here: files come compressed, and an answer that goes on must not be kept back.
func sentAsItIs(c echo.Context) bool { return c.Path() == staticRoute || isStream(c) }

// ErrStopping is what Deps.Ready says of a program that was told to stop. It is nothing to worry about.
var ErrStopping = errors.New("the program is stopping")

// health answers the load balancer and the container.
func (h *dashboard) health(c echo.Context) error {
	if err := h.ready(c.Request().Context()); err != nil {
		if !errors.Is(err, ErrStopping) {
			h.log.Error("not ready", "cause", err)
		}
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
