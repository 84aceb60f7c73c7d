package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/static"
)

const staticRoute = static.Prefix + "*"

// routes is every page of the dashboard and who may call it. Signed-in is the rule, the others are the exception.
//
// Who may call stands with each route, not in an echo.Group: a group with middleware also answers, behind that middleware,
// for every path and method that no route has, and a page that does not exist would then be the log-in page.
func (h *dashboard) routes(e *echo.Echo) {
	page := func(path string, answer echo.HandlerFunc, who ...echo.MiddlewareFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, answer, who...)
	}

	// Anybody, and without looking at the session: a login wall in front of a stylesheet helps nobody.
	page(staticRoute, echo.WrapHandler(static.Handler()))
	page("/healthz", h.health)
	e.POST("/theme", h.chooseTheme)

	// Anybody.
	page("/", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, home) })
	page("/logs", h.logReference, h.loadAccount)
	page("/login", h.showSignIn, h.loadAccount, h.forbidAccount)
	e.POST("/login", h.signIn, h.loadAccount)
	page("/register", h.showRegister, h.loadAccount, h.forbidAccount)
	e.POST("/register", h.register, h.loadAccount)
	e.POST("/logout", h.signOut, h.loadAccount)

	// Devices, which have no account yet.
	page(metadataPath, h.describeServer)
	e.POST(startPath, h.startPairing)
	e.POST(tokenPath, h.fetchKey)

	// Signed in.
	user := []echo.MiddlewareFunc{h.loadAccount, h.requireAccount}
	page("/keys", h.listKeys, user...)
	e.POST("/keys", h.createKey, user...)
	page("/keys/which", h.showWhichKey, user...)
	e.POST("/keys/which", h.tryValue, user...)
	e.GET("/keys/arrival", h.awaitKeys, user...)
	page("/keys/:id", h.showKey, user...)
	e.GET("/keys/:id/arrival", h.awaitKey, user...)
	e.POST("/keys/:id/turn-on", h.turnKeyOn, user...)
	e.POST("/keys/:id/turn-off", h.turnKeyOff, user...)
	page("/keys/:id/delete", h.confirmDelete, user...)
	e.POST("/keys/:id/delete", h.deleteKey, user...)
	page(devicePath, h.showDevice, user...)
	e.POST(devicePath, h.claimPairing, user...)
	page(devicePath+"/:id", h.showPairing, user...)
	e.GET(devicePath+"/:id/arrival", h.awaitPairing, user...)
	e.POST(devicePath+"/:id/approve", h.approvePairing, user...)
	e.POST(devicePath+"/:id/deny", h.denyPairing, user...)
}
