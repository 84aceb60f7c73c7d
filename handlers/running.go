package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// Addresses of the pages for operators.
const (
	runningPath    = "/running"
	runningUsers   = runningPath + "/users"
	runningKnocks  = runningPath + "/knocks"
	runningServers = runningPath + "/server-keys"
	runningActs    = runningPath + "/acts"
)

const (
	maxSearch       = 256 // bytes, which are more than any address has
	runningActivity = 20  // events of a user on a page
)

// runningRoutes are the pages for operators. They are there where the accounts are.
func (h *dashboard) runningRoutes(e *echo.Echo, page func(string, echo.HandlerFunc, ...echo.MiddlewareFunc)) {
	operator := []echo.MiddlewareFunc{h.loadAccount, h.requireAccount, requireOperator}
	look := func(path string, answer echo.HandlerFunc) { page(path, h.asOperator(answer, stepUp{}), operator...) }
	act := func(path string, answer echo.HandlerFunc, s stepUp) {
		e.POST(path, h.asOperator(answer, s), append(slices.Clip(operator), h.requireStepUp(s))...)
	}
	e.Use(h.concealOptions)
	look(runningPath, h.showRunning)
	e.POST(runningPath, h.asOperator(h.searchRunning, stepUp{}), operator...)
	look(runningUsers+"/:id", h.showRunningUser)
	act(runningUsers+"/:id/disable", h.disableUser, toDisableUser)
	act(runningUsers+"/:id/enable", h.enableUser, toEnableUser)
	act(runningUsers+"/:id/sign-out", h.signUserOut, toSignUserOut)
	act(runningUsers+"/:id/reset", h.sendUserReset, toSendReset)
	act(runningUsers+"/:id/keys/:key/off", h.turnUserKeyOff, toTurnUserKeyOff)
	act(runningUsers+"/:id/sessions/:session/end", h.endUserSession, toEndUserSession)
	look(runningKnocks, h.showKnocks)
	look(runningKnocks+"/:id", h.showKnock)
	act(runningKnocks+"/:id/assign", h.assignKnock, toAssignKnock)
	act(runningKnocks+"/:id/ignore", h.ignoreKnock, toIgnoreKnock)
	look(runningServers, h.showServerKeys)
	act(runningServers, h.createServerKey, toCreateServerKey)
	act(runningServers+"/:id/off", h.turnServerKeyOff, toTurnServerKeyOff)
	look(runningWebhooks, h.showWebhooks)
	look(runningActs, h.showActs)
}

// What operators do that takes a step-up: all of it. Looking does not.
var (
	toDisableUser    = stepUp{act: lang.New("running.user.disable", "Disable account"), unnamed: lang.New("stepup.disable-user", "disable this user’s account"), back: toUser}
	toEnableUser     = stepUp{act: lang.New("running.user.enable", "Enable account"), unnamed: lang.New("stepup.enable-user", "enable this user’s account"), back: toUser}
	toSignUserOut    = stepUp{act: lang.New("running.user.sign-out-everywhere", "Sign out everywhere"), unnamed: lang.New("stepup.sign-user-out", "sign out this user everywhere"), back: toUser}
	toSendReset      = stepUp{act: lang.New("running.user.send-reset", "Send a reset link"), unnamed: lang.New("stepup.send-reset", "send this user a reset link"), back: toUser}
	toTurnUserKeyOff = stepUp{
		act: lang.New("button.turn-off", "Turn off"), unnamed: lang.New("stepup.turn-user-key-off", "turn off this user’s key"),
		named: lang.New("stepup.turn-user-key-off-named", "turn off {name}, a key of this user"), back: toUser,
	}
	toEndUserSession   = stepUp{act: lang.New("button.sign-out", "Sign out"), unnamed: lang.New("stepup.end-user-session", "sign out this user’s session"), back: toUser}
	toAssignKnock      = stepUp{act: lang.New("running.knock.create", "Create the key"), unnamed: createKey, named: createNamed, back: toKnock}
	toIgnoreKnock      = stepUp{act: lang.New("running.knock.ignore", "Ignore this device"), unnamed: lang.New("stepup.ignore", "ignore this device"), back: toKnock}
	toCreateServerKey  = stepUp{act: lang.New("running.server-keys.create", "Create server key"), unnamed: lang.New("stepup.create-server-key", "create a server key"), named: createNamed, back: toServerKeys}
	toTurnServerKeyOff = stepUp{
		act: lang.New("button.turn-off", "Turn off"), unnamed: lang.New("stepup.turn-server-key-off", "turn off this server key"),
		named: lang.New("stepup.turn-server-key-off-named", "turn off the server key {name}"), back: toServerKeys,
	}
)

func toUser(c echo.Context, _ url.Values) string {
	return localPath(runningUsers + "/" + c.Param("id"))
}
func toKnock(c echo.Context, _ url.Values) string {
	return localPath(runningKnocks + "/" + c.Param("id"))
}
func toServerKeys(_ echo.Context, _ url.Values) string { return runningServers }

// isRunningPage says whether next is the page for operators about one user or one device.
func isRunningPage(next string) bool {
	for _, pages := range []string{runningUsers, runningKnocks} {
		if id, ok := strings.CutPrefix(next, pages+"/"); ok && model.IsID(id) {
			return true
		}
	}
	return false
}

// requireOperator has everybody else find nothing, as at any address that is none: who looks after the accounts of others
// is nobody's business. By the row that was read in this request, so that it says so as soon as the role was taken.
func requireOperator(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if a, _ := accountOf(c); !a.Operator {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

func forOperators(path string) bool {
	return path == runningPath || strings.HasPrefix(path, runningPath+"/")
}

// concealed is the error as those see it who are no operators: where a page is not there for them, it does not lack a method either.
func concealed(c echo.Context, err error) error {
	if a, _ := accountOf(c); a.Operator || !forOperators(c.Request().URL.Path) {
		return err
	}
	c.Response().Header().Del(echo.HeaderAllow)
	return echo.ErrNotFound
}

// concealOptions has OPTIONS find nothing either, which Echo answers for every page that there is.
func (h *dashboard) concealOptions(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method == http.MethodOptions && forOperators(c.Request().URL.Path) {
			_ = h.loadAccount(func(echo.Context) error { return nil })(c)
			if err := concealed(c, nil); err != nil {
				return err
			}
		}
		return next(c)
	}
}

// operating is how the operator who is signed in works.
func (h *dashboard) operating(ctx context.Context, c echo.Context) (Operating, error) {
	a, _ := accountOf(c)
	from := originOf(c.Request().Context())
	from.Confirmed = c.Get(confirmedKey) == true || websession.Proved(rowOf(c), h.StepUp, h.Now())
	return h.Operators.Operator(ctx, a, from)
}

// asOperator answers what every act and every look of an operator may be refused for. Who is no operator any more finds nothing, and that an
// account is gone says nothing about the session of the operator.
func (h *dashboard) asOperator(answer echo.HandlerFunc, s stepUp) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := answer(c)
		switch {
		case model.Is(err, model.KindForbidden):
			return echo.ErrNotFound
		case model.Is(err, model.KindSessionOver):
			return h.leadTo(c, runningPath, "account-gone", "")
		case model.Is(err, model.KindConfirm): // the time for it ended between two looks at the clock
			return h.askForProof(c, s)
		default:
			return err
		}
	}
}

// leadTo leads to a page for operators, and says there what was done.
func (h *dashboard) leadTo(c echo.Context, page, act, name string) error {
	if name != "" && !model.ValidName(name) { // of a key from elsewhere, and nothing would be said
		act, name = act+"-unnamed", ""
	}
	h.leaveFlash(c, act, name)
	return redirect(c, page)
}

// showRunning lists users: all of them, or those who were looked for.
func (h *dashboard) showRunning(c echo.Context) error {
	text, after := strings.TrimSpace(c.QueryParam("q")), c.QueryParam("after")
	m := views.Running{Page: h.runningPage(c), Later: after != ""}
	switch {
	case model.MaybeValue(text):
		m.Error = t(c, "running.value-in-address",
			"That looks like a key’s value, which must not be in an address: others may read it there. Replace the key.")
	case len(text) > maxSearch:
		m.Error = tooLongToSearch(c)
	default:
		return h.listUsers(c, m, text, after)
	}
	return h.renderRunning(c, http.StatusUnprocessableEntity, m)
}

func (h *dashboard) runningPage(c echo.Context) views.Page {
	return h.page(c, t(c, "running.title", "Running"))
}

func tooLongToSearch(c echo.Context) string {
	return t(c, "running.too-long", "At most {limit} characters.", "limit", strconv.Itoa(maxSearch))
}

func (h *dashboard) listUsers(c echo.Context, m views.Running, text, after string) error {
	ctx, cancel := readContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	found, err := o.Search(ctx, text, after)
	if err != nil {
		return err
	}
	for _, u := range found.List {
		m.List = append(m.List, h.runningUser(c, u))
	}
	m.Query, m.More = text, found.More
	return h.renderRunning(c, http.StatusOK, m)
}

func (h *dashboard) renderRunning(c echo.Context, status int, m views.Running) error {
	return render(c, status, views.RunningPage(m), views.RunningPage(m))
}

// searchRunning looks for what was typed: by an address that can be kept, unless it may be a value.
func (h *dashboard) searchRunning(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(form.Get("q"))
	if model.MaybeValue(text) {
		return h.searchValue(c, model.Secret(model.Unbroken(text)))
	}
	if len(text) > maxSearch {
		return h.renderRunning(c, http.StatusUnprocessableEntity, views.Running{Page: h.runningPage(c), Error: tooLongToSearch(c)})
	}
	if text == "" {
		return redirect(c, runningPath)
	}
	return redirect(c, runningPath+"?"+url.Values{"q": {text}}.Encode())
}

// searchValue finds out whose a value is, and leads there.
func (h *dashboard) searchValue(c echo.Context, pasted model.Secret) error {
	m, page := views.Running{Page: h.runningPage(c)}, c.Request().Context()
	if len(pasted) > maxValue {
		m.Error = lang.T(page, "running.value-too-long", "That’s too long to be a key’s value.")
		return h.renderRunning(c, http.StatusUnprocessableEntity, m)
	}
	ctx, cancel := actContext(c) // it is written down
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	owner, err := o.FindByValue(ctx, pasted)
	switch {
	case model.Is(err, model.KindNotFound):
		m.Verdict = lang.T(page, "running.value-of-none", "No key here has this value. Either it was deleted, it was never here, or the value isn’t complete.")
		return h.renderRunning(c, http.StatusOK, m)
	case model.Is(err, model.KindBadValue):
		m.Error = lang.T(page, "running.value-incomplete", "A value has {length} letters and digits. Paste all of it.", "length", strconv.Itoa(model.ValueLength))
		return h.renderRunning(c, http.StatusUnprocessableEntity, m)
	case err != nil:
		return lookingUpValue.in(err)
	case owner.Server:
		return h.leadTo(c, runningServers, "value-of-server-key", owner.Key.Name)
	default:
		return h.leadTo(c, runningUsers+"/"+owner.User.ID, "value-of-key", owner.Key.Name)
	}
}

// runningUser is a user as lists have one.
func (h *dashboard) runningUser(c echo.Context, u model.UserFacts) views.RunningUser {
	a, _ := accountOf(c)
	now := h.Now()
	return views.RunningUser{
		ID: u.ID, Name: u.Called(), Ways: h.waysInWords(c.Request().Context(), u.Ways), Keys: views.Quota{Used: u.Keys, Limit: model.MaxKeys},
		Seen: views.NewWhen(u.LastSeen, now), Disabled: views.NewWhen(u.DisabledAt, now), Created: views.NewWhen(u.CreatedAt, now),
		Operator: u.Operator, Pending: u.Unconfirmed, Yourself: u.ID == a.UserID, LinksSent: h.SendsLinks,
		Password: slices.ContainsFunc(u.Ways, func(w model.Way) bool { return w.Provider == model.ProviderEmailPassword }),
	}
}

// waysInWords says how somebody signs in, each way once: it begins a line.
func (h *dashboard) waysInWords(ctx context.Context, ways []model.Way) (line string) {
	var words []string
	for _, way := range ways {
		word := h.wayInWords(ctx, way.Provider)
		if slices.Contains(words, word) {
			continue
		}
		if words = append(words, word); len(words) == 1 {
			line = word
		} else {
			line = lang.T(ctx, "list.comma", "{all}, {last}", "all", line, "last", word)
		}
	}
	if line != "" && 'a' <= line[0] && line[0] <= 'z' {
		line = strings.ToUpper(line[:1]) + line[1:]
	}
	return line
}

func (h *dashboard) wayInWords(ctx context.Context, provider string) string {
	if id, ok := strings.CutPrefix(provider, model.OpenIDPrefix); ok {
		for _, one := range h.Service.OpenID() {
			if one.ID == id {
				return one.Name
			}
		}
		return id // of one that is not set up any more
	}
	switch provider {
	case model.ProviderPasskey:
		return lang.T(ctx, "running.way.passkey", "passkey")
	case model.ProviderEmailPassword:
		return lang.T(ctx, "running.way.password", "email and password")
	case model.ProviderCustomToken:
		return lang.T(ctx, "running.way.token", "signed token")
	case model.ProviderGoogle:
		return "Google"
	case model.ProviderApple:
		return "Apple"
	default:
		return provider
	}
}
