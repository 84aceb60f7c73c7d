// Package handlers is the dashboard: pages over HTTP on which a signed-in person manages their keys. It reaches the keys
// through the interface Service alone, wherever they are, and knows no SQL.
package handlers

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/limits"
	"latchkey/internal/onboard"
	"latchkey/views"
)

// maxBody bounds what a form may send: its largest field is a password of 128 characters.
const maxBody = "64K"

// Deps is everything the dashboard needs of the rest of the program.
type Deps struct {
	// Service has the accounts and their keys.
	Service Service
	// Events keeps what happened to accounts.
	Events Events
	// Operators is how operators reach the accounts of others; nil when the accounts are elsewhere.
	Operators Operators
	// Pairings are the device grants.
	Pairings *onboard.Service
	// Exchange gives tokens for other services; nil when there are none.
	Exchange TokenExchange
	// WebSessions keeps who is signed in with which browser.
	WebSessions websession.Rows
	// SessionKeys seal what a web session holds; 32 bytes each, newest first.
	SessionKeys [][]byte
	// PublicURL is how browsers reach the dashboard. Its scheme decides whether cookies are Secure.
	PublicURL string
	// Instance is what the names of cookies end with: browsers keep the cookies of a host together, whatever the port, and two programs
	// on one machine would sign each other's people out.
	Instance string
	// DeviceURL is by which address a device that sent a request goes on; nil means PublicURL.
	DeviceURL func(*http.Request) string
	// Site is what the operator says of this dashboard.
	Site views.Site
	// Language is what pages are in for browsers that ask for no language that there is; nil is English.
	Language *lang.Language
	// AppID and BaseURL are what a device must be told besides its key.
	AppID, BaseURL string
	// PasskeysElsewhere are the hosts for which passkeys of people here were created, and at which alone they work: the server had them once.
	PasskeysElsewhere []string
	// Here says that the service is this program's own, whose promises the pages may repeat. It decides on words alone.
	Here bool
	// PasswordsOff says that nobody signs in with a password: there is no page then that is about one.
	PasswordsOff bool
	// Registration says whether people may make accounts themselves.
	Registration bool
	// OwnersAdopt says whether people may take over the values of keys that their devices have.
	OwnersAdopt bool
	// StepUp is for how long after the password was confirmed keys are created and turned on without it.
	StepUp time.Duration
	// ConfirmEmail says that an address must be confirmed before anybody signs in with it.
	ConfirmEmail bool
	// SendsLinks says that a forgotten password may be replaced by a link: another server has to be asked.
	SendsLinks bool
	// SendsReminders says that owners are reminded by email of keys that expire.
	SendsReminders bool
	// MailStuck says that mails do not leave the server, so that none is promised; nil when that cannot be told.
	MailStuck func() bool
	// Pace is how often the streams of waiting pages look for changes.
	Pace time.Duration
	// Streams is how many pages may wait for changes at once, if that is fewer than there may be at most.
	Streams int
	// Changes counts what was changed, by whomever: while it stands still, streams need not look. It is nil when that cannot be told.
	Changes func() uint64
	// MinPassword is the least number of characters of a new password.
	MinPassword int
	// TrustedProxies are the networks whose X-Forwarded-For is believed; without any, the connection's address counts.
	TrustedProxies []*net.IPNet
	// Ready says whether the program can serve, for the health check.
	Ready func(context.Context) error
	// Stop is closed when the program is stopping, for streams.
	Stop <-chan struct{}
	Now  func() time.Time
	Log  *slog.Logger
}

// dashboard holds what the handlers share.
type dashboard struct {
	Deps
	sessions  *websession.Store
	forms     *formIDs
	questions *questions
	known     *websession.KnownBrowsers
	errands   *websession.Sealer
	streams   *limits.Places
	watches   *watches
	exports   *downloads
	reads     *limits.Turns // of lists that are read whole for a few rows, and of files
	deviceQR  drawing       // of the page for codes, whose address never changes
	local     views.Local   // of a dashboard that no phone can open, so that nothing is drawn for one
	origins   *http.CrossOriginProtection
	https     bool
	clockName string // of the cookie
	plainHTTP bool
}

// New builds the dashboard. It panics when a session key has not 32 bytes: package app has checked them.
func New(d Deps) *echo.Echo {
	https := strings.HasPrefix(d.PublicURL, "https://")
	h := &dashboard{
		Deps:      d,
		sessions:  websession.New(d.WebSessions, d.SessionKeys, https, originOf, d.Now, d.Log),
		forms:     newFormIDs(d.Now),
		questions: newQuestions(d.SessionKeys),
		known:     websession.NewKnownBrowsers(d.SessionKeys, https),
		errands:   websession.NewSealer(d.SessionKeys, sealedFor),
		streams:   limits.NewPlaces(streamsEach, min(cmp.Or(d.Streams, streamsMost), streamsMost)),
		watches:   newWatches(),
		exports:   newDownloads(),
		reads:     limits.NewTurns(runtime.GOMAXPROCS(0) / 2),
		local:     localTo(d.PublicURL),
		origins:   http.NewCrossOriginProtection(),
		https:     https,
		plainHTTP: !https && !loopback(d.PublicURL),
	}
	if !h.local.Only() {
		h.deviceQR = drawQR(d.PublicURL + devicePath)
	}
	h.sessions.Distinguish(d.Instance)
	h.known.Distinguish(d.Instance)
	h.clockName = h.cookieName(clockCookie)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = h.handleError
	e.IPExtractor = ClientAddress(d.TrustedProxies)
	e.Pre(h.requestID, h.logRequest, h.nameLanguage, h.nameClock, h.refuseCrossOrigin(), h.nameOrigin)
	e.Use(
		middleware.RecoverWithConfig(middleware.RecoverConfig{StackSize: 8 << 10, DisableStackAll: true, LogErrorFunc: h.logPanic}),
		middleware.BodyLimit(maxBody),
		pace,
		middleware.GzipWithConfig(middleware.GzipConfig{Level: 1, MinLength: 1024, Skipper: sentAsItIs}),
	)
	h.routes(e)
	return e
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

// localTo says of an address that only this machine can open what to tell people of it.
func localTo(publicURL string) views.Local {
	u, err := url.Parse(publicURL)
	if err != nil || !loopback(publicURL) {
		return views.Local{}
	}
	return views.Local{Address: publicURL, Port: cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80")}
}

// sentAsItIs reports whether a response is sent uncompressed: static files already are compressed, and a stream must not be buffered.
func sentAsItIs(c echo.Context) bool { return c.Path() == staticRoute || isStream(c) }

// ErrStopping is what Deps.Ready says of a program that was told to stop. It is nothing to worry about.
var ErrStopping = errors.New("the program is stopping")

// health answers the load balancer and the container.
func (h *dashboard) health(c echo.Context) error {
	if err := h.Ready(c.Request().Context()); err != nil {
		if !errors.Is(err, ErrStopping) {
			h.Log.Error("not ready", "cause", err)
		}
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
