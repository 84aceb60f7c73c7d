package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"latchkey/static"
)

const (
	staticRoute = static.Prefix + "*"
	// HealthPath is where it is asked whether the program is well.
	HealthPath = "/healthz"
)

// Routes lists every route of a dashboard that New made, as "METHOD /path".
func Routes(dashboard *echo.Echo) []string {
	var list []string
	for _, r := range dashboard.Routes() {
		list = append(list, r.Method+" "+r.Path)
	}
	return list
}

// routes is every page of the dashboard and who may call it. Signed-in is the rule, the others are the exception.
//
// Who may call stands with each route, not in an echo.Group: a group with middleware also answers, behind that middleware,
// for every path and method that no route has, and a page that does not exist would then be the sign-in page.
func (h *dashboard) routes(e *echo.Echo) {
	page := func(path string, answer echo.HandlerFunc, who ...echo.MiddlewareFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, answer, who...)
	}

	// Anybody, and without looking at the session: a login wall in front of a stylesheet helps nobody.
	page(staticRoute, staticFiles())
	page(HealthPath, h.health)
	e.POST("/theme", h.chooseTheme)
	e.POST(languagePath, h.chooseLanguage)

	// Anybody.
	page("/", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, home) })
	page(helpPath, h.showHelp, h.loadAccount)
	page(languagePath, h.showLanguages, h.loadAccount)
	page("/logs", h.logReference, h.loadAccount)
	page("/login", h.showSignIn, h.loadAccount, h.forbidAccount)
	e.POST("/logout", func(c echo.Context) error { return h.actsAs(c, h.signOut) }, h.loadAccount)

	if !h.PasswordsOff {
		e.POST("/login", h.signIn, h.loadAccount)
		page("/register", h.showRegister, h.loadAccount, h.forbidAccount)
		e.POST("/register", h.register, h.loadAccount)
		page(forgotPath, h.showForgot, h.loadAccount)
		e.POST(forgotPath, h.forgot, h.loadAccount)
		page(resetPath, h.showReset, h.loadAccount)
		e.POST(resetPath, h.reset, h.loadAccount)
		page(confirmPath, h.showConfirm, h.loadAccount)
		e.POST(confirmPath, h.confirm, h.loadAccount)
		e.POST(confirmPath+"/send", h.sendConfirmation, h.loadAccount)
	}

	if h.Here {
		page(apiDocumentPath, h.giveAPIDocument)
		page(apiPagePath, h.showAPI, h.loadAccount)
		page(handoverPath, h.showHandover, h.loadAccount)
		e.POST(handoverPath, h.useHandover, h.loadAccount)
	}

	// Devices, which have no account yet.
	page(metadataPath, h.describeServer)
	e.POST(startPath, h.startPairing)
	e.POST(tokenPath, h.giveToken)

	// Signed in.
	user := []echo.MiddlewareFunc{h.loadAccount, h.requireAccount}
	confirmed := func(s stepUp) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{h.loadAccount, h.requireAccount, h.requireStepUp(s)}
	}
	page("/keys", h.listKeys, user...)
	e.POST("/keys", h.createKey, confirmed(toCreate)...)
	page(newKeyPath, h.showNewKey, user...)
	page("/keys/name", h.hintName, h.loadAccount, answerNobody, h.requireAccount)
	if h.OwnersAdopt {
		page(adoptPath, h.showAdopt, user...)
		e.POST(adoptPath, h.adoptKey, confirmed(toAdopt)...)
	} else { // or it would be the page of a key that is called so
		page(adoptPath, echo.NotFoundHandler, h.loadAccount)
		e.POST(adoptPath, echo.NotFoundHandler, h.loadAccount)
	}
	page(roomPath, h.showRoom, user...)
	e.POST(roomPath, h.makeRoom, user...)
	page(bulkPath, h.showSelecting, user...)
	e.POST(bulkPath, h.actOnSeveral, append(slices.Clip(user), h.requireStepUpWhere(turnsOn, toTurnOnSeveral))...)
	page("/keys/which", h.showWhichKey, user...)
	e.POST("/keys/which", h.tryValue, user...)
	e.GET("/keys/arrival", h.awaitKeys, user...)
	page(expiryPath, h.showExpiryTold, user...)
	page("/keys/:id/expiry", h.showExpiry, user...)
	e.POST("/keys/:id/expiry", h.setExpiry, user...) // which asks for the password itself, if the key is extended
	page("/keys/:id", h.showKey, user...)
	e.GET("/keys/:id/arrival", h.awaitKey, user...)
	e.POST("/keys/:id/turn-on", h.turnKeyOn, confirmed(toTurnOn)...)
	e.POST("/keys/:id/turn-off", h.turnKeyOff, user...)
	e.POST("/keys/:id/saved", h.markSaved, user...)
	page("/keys/:id/card", h.showCard, user...)
	e.POST("/keys/:id/card", h.labelKey, user...)
	page("/keys/:id/leaked", h.showLeak, user...)
	e.POST("/keys/:id/leaked", h.reportLeak, user...)
	page("/keys/:id/replace", h.showReplace, user...)
	e.POST("/keys/:id/replace", h.replaceKey, h.loadAccount, h.requireAccount, h.pairInstead, h.requireStepUp(toReplace))
	e.POST("/keys/:id/replacement/end", h.endReplacement, h.loadAccount, h.requireAccount, h.requireStepUpToBringBack)
	page("/keys/:id/delete", h.confirmDelete, user...)
	e.POST("/keys/:id/delete", h.deleteKey, user...)
	page(devicePath, h.showDevice, user...)
	e.POST(devicePath, h.claimPairing, user...)
	page(devicePath+"/:id", h.showPairing, user...)
	e.GET(devicePath+"/:id/arrival", h.awaitPairing, user...)
	e.POST(devicePath+"/:id/approve", h.approvePairing, confirmed(toApprove)...)
	e.POST(devicePath+"/:id/deny", h.denyPairing, user...)
	page(accountPath, h.showAccount, user...)
	if !h.PasswordsOff {
		e.POST(accountPath+"/password", h.changePassword, user...)
	}
	if h.Here {
		h.openIDRoutes(e, page, user, confirmed(toConnect))
		e.POST(accountPath+"/ways/:id/remove", h.removeWay, confirmed(toRemoveWay)...)
		e.POST(passkeySignInPath+"/options", h.givePasskeyOptions)
		e.POST(passkeySignInPath, h.signInWithPasskey, h.loadAccount)
		e.POST(passkeysPath, h.addPasskey, append(slices.Clip(user), h.stepUpToAddPasskey)...)
		e.POST(newPasskeyPath, h.showNewPasskey, append(slices.Clip(user), h.stepUpToAddPasskey)...)
		page(passkeysPath+"/:id/name", h.showPasskeyName, user...)
		e.POST(passkeysPath+"/:id/name", h.renamePasskey, user...)
		e.POST(passkeysPath+"/:id/remove", h.removePasskey, confirmed(toRemovePasskey)...)
		page(stopPasswordPath, h.showStopPassword, user...)
		e.POST(stopPasswordPath, h.stopPassword, confirmed(toStopPassword)...)
	}
	page(accountPath+"/delete", h.confirmDeleteAccount, user...)
	e.POST(accountPath+"/delete", h.deleteAccount, user...)
	page(activityPath, h.showActivity, user...)
	page(activityPath+".csv", h.exportActivityCSV, user...)
	page(activityPath+".json", h.exportActivityJSON, user...)
	page(sessionsPath, h.showSessions, user...)
	e.POST(sessionsPath+"/:id/end", h.endOneSession, user...)
	e.POST(sessionsPath+"/end-others", h.endOtherSessions, user...)
	if h.Operators != nil {
		h.runningRoutes(e, page)
	}
}
