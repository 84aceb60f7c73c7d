package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// Errors of our own; all others come from the service, from Echo, or are a mistake of ours.
var (
	errCrossOrigin  = errors.New("refused a cross-origin request")
	errSessionsDown = errors.New("web sessions cannot be read or written")
)

// problem is what a person is told of an error: what happened, what is true now, what to do. The cause stays in the log.
type problem struct {
	status        int
	heading, text string
	// stranger stands in place of text for somebody who is not signed in, and who must not read that they still are.
	stranger       string
	link, linkText string
	// retryAfter is in seconds, "" when waiting does not help; again says the same to people where the key service wants it.
	retryAfter, again string
}

// What is done next.
var (
	tryAgain = lang.New("link.try-again", "Try again")
	goHome   = lang.New("link.keys", "Go to your keys")
	checkNow = lang.New("link.check-now", "Check now")
)

const (
	waitALittle    = "Wait a little before you try again."
	stillIn        = "You’re still signed in."
	nobodySignedIn = "Nobody was signed in. Wait a little before you try again."
)

// explain is the one mapping from an error to a status and to words, in the language of the context.
func explain(ctx context.Context, err error) problem {
	var fromEcho *echo.HTTPError
	var other *otherOwner
	var unsure *doubtful
	l := lang.Of(ctx)
	switch {
	case errors.As(err, &unsure):
		return unsure.problem(ctx, err)
	case lost(err):
		return anyAct.problem(ctx, err)
	case errors.As(err, &other):
		return problem{status: http.StatusConflict, heading: l.T("error.other-account.heading", "You are now signed in with another account"), text: other.text(ctx),
			link: home, linkText: goHome.In(ctx)}
	case errors.Is(err, errCrossOrigin):
		return problem{status: http.StatusForbidden, heading: l.T("error.cross-origin.heading", "This request came from another site"),
			text: l.T("error.cross-origin.text", "Nothing was changed. Open the page here and try again."), link: home, linkText: goHome.In(ctx)}
	case errors.Is(err, errSessionsDown):
		return problem{status: http.StatusServiceUnavailable, heading: l.T("error.sessions-down.heading", "We can’t tell who is signed in"),
			text: l.T("error.sessions-down.text", "Nothing was changed. This usually clears up soon."), link: home, linkText: tryAgain.In(ctx), retryAfter: "5"}
	case errors.Is(err, errEventsDown):
		return problem{status: http.StatusServiceUnavailable, heading: l.T("error.events-down.heading", "We can’t read your activity"),
			text: l.T("error.events-down.text", "It isn’t lost. This usually clears up soon."), linkText: tryAgain.In(ctx), retryAfter: "5"}
	case errors.Is(err, errTooManyExports):
		return problem{status: http.StatusTooManyRequests, heading: l.T("error.exports.heading", "Another download has to finish first"),
			text: l.T("error.exports.text", "Activity is downloaded by a few people at a time, and once by each. Try again when the other download has finished."),
			link: activityPath, linkText: l.T("link.go-to-activity", "Go to your activity"), retryAfter: "30"}
	case errors.Is(err, errTooManyReads):
		return problem{status: http.StatusTooManyRequests, heading: l.T("error.reads.heading", "Too many lists at once"),
			text: l.T("error.reads.text", "Long lists are read one at a time. Try again in a moment."), linkText: tryAgain.In(ctx), retryAfter: "5"}
	case errors.As(err, &fromEcho):
		return explainStatus(ctx, fromEcho.Code)
	default:
		return explainKind(ctx, err)
	}
}

// explainKind gives the words for what the service refuses, and for what can go wrong on the way to it and in it.
func explainKind(ctx context.Context, err error) problem {
	var e *model.Error
	if !errors.As(err, &e) {
		return explainStatus(ctx, http.StatusInternalServerError)
	}
	l := lang.Of(ctx)
	keys, again := goHome.In(ctx), tryAgain.In(ctx)
	switch e.Kind {
	case model.KindForbidden:
		return problem{status: http.StatusForbidden, heading: l.T("error.forbidden.heading", "Keys can’t be managed from here"),
			text: l.T("error.forbidden.text", "You’re signed in anonymously or with a key, and keys can’t manage keys. Sign out, then sign in with your email and password.")}
	case model.KindNotFound:
		return problem{status: http.StatusNotFound, heading: l.T("error.no-key.heading", "Key not found"),
			text: l.T("error.no-key.text", "It may have been deleted somewhere else, or the address may be incomplete."), link: home, linkText: keys}
	case model.KindReplacing:
		return problem{status: http.StatusConflict, heading: l.T("error.replacing.heading", "This key is being replaced already"),
			text: l.T("error.replacing.text", "Nothing was changed. Finish that replacement or stop it first."), link: home, linkText: keys}
	case model.KindNoReplacement:
		return problem{status: http.StatusConflict, heading: l.T("error.no-replacement.heading", "This key can’t be replaced like that"),
			text: l.T("error.no-replacement.text", "Nothing was changed. The key may have been turned off meanwhile."), link: home, linkText: keys}
	case model.KindLeaked: // by another way than its switch, which asks for its name
		return problem{status: http.StatusConflict, heading: l.T("error.leaked.heading", "You said that the value of this key leaked"),
			text: l.T("error.leaked.text", "Nothing was changed. To turn the key on all the same, use the switch on its page."), link: home, linkText: keys}
	case model.KindStorageDown: // people can do nothing about it: that it passes must not be promised
		p := problem{status: http.StatusServiceUnavailable, heading: l.T("error.storage.here", "This server can’t read or save anything right now"),
			text:       l.T("error.storage.text", "Nothing was changed. If this lasts, tell the administrator of this server."),
			retryAfter: "30", again: l.T("error.wait", waitALittle), linkText: again}
		if e.Elsewhere {
			p.heading = l.T("error.storage.elsewhere", "The key service can’t read or save anything right now")
		}
		return p
	case model.KindBusy, model.KindTooManyActs, model.KindTooManyTries, model.KindTooManyEmails, model.KindTooManyAccounts:
		return explainBusy(ctx, e.Elsewhere, e.Wait)
	case model.KindRefuses:
		return problem{status: http.StatusBadGateway, heading: l.T("error.refuses.heading", "The key service refuses all sign-ins"),
			text:     l.T("error.refuses.text", "It may not know this app, or not accept email and password. With the reference below, the administrator of this server can find the cause."),
			linkText: again}
	case model.KindInsecure:
		return problem{status: http.StatusBadGateway, heading: l.T("error.insecure.heading", "The secure connection to the key service failed"),
			text:     l.T("error.insecure.text", "Nothing was changed, and you’re still signed in. Tell the administrator of this server."),
			stranger: l.T("error.insecure.stranger", "Nothing was changed. Tell the administrator of this server."), linkText: again}
	case model.KindMisconfigured:
		return problem{status: http.StatusBadGateway, heading: l.T("error.misconfigured.heading", "This server is misconfigured"),
			text:     l.T("error.misconfigured.text", "The key service goes by another address than the one set here. Nothing was changed, and you’re still signed in. Tell the administrator of this server."),
			stranger: l.T("error.misconfigured.stranger", "The key service goes by another address than the one set here. Nothing was changed. Tell the administrator of this server."), linkText: again}
	case model.KindUnreachable:
		return problem{status: http.StatusBadGateway, heading: l.T("error.unreachable.heading", "We can’t reach the key service"),
			text:     l.T("error.unreachable.text", "Nothing was changed, and you’re still signed in."),
			stranger: l.T("error.unreachable.stranger", "Nothing was changed."), linkText: again}
	case model.KindTimedOut:
		return stillSignedIn(ctx, http.StatusGatewayTimeout, l.T("error.timed-out.heading", "The key service didn’t answer in time"))
	case model.KindBrokeOff:
		return stillSignedIn(ctx, http.StatusBadGateway, l.T("error.broke-off.heading", "The connection to the key service broke"))
	case model.KindInternal:
		return explainStatus(ctx, http.StatusInternalServerError)
	default: // what we did not ask for, or not so
		return stillSignedIn(ctx, http.StatusBadGateway, l.T("error.bad-answer.heading", "The key service gave an answer we can’t use"))
	}
}

func stillSignedIn(ctx context.Context, status int, heading string) problem {
	l := lang.Of(ctx)
	return problem{status: status, heading: heading, text: l.T("error.still-in", stillIn),
		stranger: l.T("error.nobody-in", nobodySignedIn), linkText: tryAgain.In(ctx)}
}

func explainBusy(ctx context.Context, elsewhere bool, wait time.Duration) problem {
	l := lang.Of(ctx)
	p := problem{status: http.StatusServiceUnavailable, heading: l.T("error.busy.here", "This server is busy"), linkText: tryAgain.In(ctx),
		retryAfter: "30", again: l.T("error.wait", waitALittle), text: l.T("error.busy.wait", "Nothing was changed. "+waitALittle)}
	if elsewhere {
		p.heading = l.T("error.busy.elsewhere", "The key service is busy")
	}
	if wait > 0 {
		p.retryAfter = wholeSeconds(wait)
		p.again = l.T("error.again", "Try again in {n} s.", "n", p.retryAfter)
		p.text = l.T("error.busy.again", "Nothing was changed. Try again in {n} s.", "n", p.retryAfter)
	}
	return p
}

// explainStatus gives the words for errors that no key is involved in.
func explainStatus(ctx context.Context, status int) problem {
	l := lang.Of(ctx)
	switch status {
	case http.StatusNotFound:
		return problem{status: status, heading: l.T("error.no-page.heading", "Page not found"),
			text: l.T("error.no-page.text", "The address may be incomplete, or the page has moved."), link: home, linkText: goHome.In(ctx)}
	case http.StatusMethodNotAllowed:
		return problem{status: status, heading: l.T("error.method.heading", "That can’t be done here"),
			text: l.T("error.method.text", "This page doesn’t take that kind of request."), link: home, linkText: goHome.In(ctx)}
	case http.StatusRequestEntityTooLarge:
		return problem{status: status, heading: l.T("error.too-large.heading", "That’s too much at once"),
			text: l.T("error.too-large.text", "The form was larger than this page accepts. Nothing was changed."), link: home, linkText: goHome.In(ctx)}
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return problem{status: status, heading: l.T("error.bad-request.heading", "That request couldn’t be read"),
			text: l.T("error.bad-request.text", "Nothing was changed."), link: home, linkText: goHome.In(ctx)}
	default:
		return problem{status: http.StatusInternalServerError, heading: l.T("error.internal.heading", "Something went wrong here"),
			text: l.T("error.internal.text", "It’s our fault, not yours. With the reference below, the administrator of this server can find the cause."), link: home, linkText: tryAgain.In(ctx)}
	}
}

// handleError is Echo's error handler: every error of every route ends here, and nothing is sent twice.
func (h *dashboard) handleError(err error, c echo.Context) {
	_ = about(c, err)
	if c.Response().Committed {
		h.Log.Error("failed after the answer began", "route", c.Path(), "request", requestIDOf(c), "cause", err)
		return
	}
	if forPrograms(c.Request()) {
		if err := h.answerProgram(c, err); err != nil {
			h.Log.Error("error answer failed", "route", c.Path(), "request", requestIDOf(c), "cause", err)
		}
		return
	}
	if model.Is(err, model.KindSessionOver) {
		if err = h.sessionOver(c); err == nil {
			return
		}
	}
	if errors.Is(err, websession.ErrNone) {
		if err = h.askToSignIn(c, endedHere); err == nil {
			return
		}
	}
	if isNoPage(err) { // people who are signed in keep the header; not to know who it is, is no error here
		_ = h.loadAccount(func(echo.Context) error { return nil })(c)
		err = concealed(c, err)
	}
	p := explain(c.Request().Context(), err)
	if p.status >= http.StatusInternalServerError {
		h.logFault(c, "request failed", err, "route", c.Path())
	}
	if err := h.renderProblem(c, p, err); err != nil {
		h.Log.Error("error page failed", "route", c.Path(), "request", requestIDOf(c), "cause", err)
	}
}

// isNoPage says that no route answers what was asked for.
func isNoPage(err error) bool {
	return errors.Is(err, echo.ErrNotFound) || errors.Is(err, echo.ErrMethodNotAllowed)
}

// logFault writes down why a request failed. That there is no secure connection is said in the same words wherever it is met,
// so that an alarm can be set on them.
func (h *dashboard) logFault(c echo.Context, what string, err error, more ...any) {
	if model.Is(err, model.KindInsecure) {
		what = "secure connection to the key service failed"
	}
	h.Log.Error(what, append(more, "request", requestIDOf(c), "cause", err)...)
}

// renderProblem draws a page of its own, or for htmx the notice above the page that is there.
func (h *dashboard) renderProblem(c echo.Context, p problem, err error) error {
	p.askForPatience(c)
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", "#notice")
		c.Response().Header().Set("HX-Reswap", "innerHTML show:top")
	}
	model := p.model(h, c, err)
	return render(c, p.status, views.ErrorPage(model), views.ErrorPart(model))
}

// sessionOver ends a web session that the key service does not know any more, and says so on the sign-in page.
func (h *dashboard) sessionOver(c echo.Context) error {
	if err := sessionsDown(h.sessions.End(c.Response(), c.Request())); err != nil {
		return err
	}
	return h.askToSignIn(c, endedByService)
}

// askForPatience tells programs what the words tell people: when to come back.
func (p problem) askForPatience(c echo.Context) {
	if p.retryAfter != "" {
		c.Response().Header().Set("Retry-After", p.retryAfter)
	}
}

func (p problem) model(h *dashboard, c echo.Context, err error) views.Error {
	m := views.Error{Page: h.page(c, p.heading), Heading: p.heading, Text: p.text, Link: p.link, LinkText: p.linkText}
	if isNoPage(err) {
		m.Here = ""
	}
	if _, ok := accountOf(c); !ok && p.stranger != "" {
		m.Text = p.stranger
	}
	if m.LinkText != "" && m.Link == "" {
		m.Link = localPath(c.Request().URL.Path)
		if c.Request().Method != http.MethodGet {
			m.Link = tryEntranceAgain(c)
		}
	}
	if p.status >= http.StatusInternalServerError {
		m.Reference = reference(err, requestIDOf(c))
	}
	return m
}

// reference is what to quote to the operator: the key service's own log entry when it named one, else our request's id.
func reference(err error, fallback string) string {
	var e *model.Error
	if errors.As(err, &e) && e.Reference != "" {
		return e.Reference
	}
	return fallback
}
