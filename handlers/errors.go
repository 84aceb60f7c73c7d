package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
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

const (
	tryAgain       = "Try again"
	waitALittle    = "Wait a little before you try again."
	stillIn        = "You’re still signed in."
	nobodySignedIn = "Nobody was signed in. " + waitALittle
)

// explain is the one mapping from an error to a status and to words.
func explain(err error) problem {
	var fromEcho *echo.HTTPError
	var other *otherOwner
	var unsure *doubtful
	switch {
	case errors.As(err, &unsure):
		return unsure.problem(err)
	case lost(err):
		return anyAct.problem(err)
	case errors.As(err, &other):
		return problem{status: http.StatusConflict, heading: "You are now signed in with another account", text: other.text(),
			link: home, linkText: "Go to your keys"}
	case errors.Is(err, errCrossOrigin):
		return problem{status: http.StatusForbidden, heading: "This request came from another site",
			text: "Nothing was changed. Open the page here and try again.", link: home, linkText: "Go to your keys"}
	case errors.Is(err, errSessionsDown):
		return problem{status: http.StatusServiceUnavailable, heading: "We can’t tell who is signed in",
			text: "Nothing was changed. This usually clears up soon.", link: home, linkText: tryAgain, retryAfter: "5"}
	case errors.Is(err, errEventsDown):
		return problem{status: http.StatusServiceUnavailable, heading: "We can’t read your activity",
			text: "It isn’t lost. This usually clears up soon.", linkText: tryAgain, retryAfter: "5"}
	case errors.Is(err, errTooManyExports):
		return problem{status: http.StatusTooManyRequests, heading: "Another download has to finish first",
			text: "Activity is downloaded by a few people at a time, and once by each. Try again when the other download has finished.",
			link: activityPath, linkText: "Go to your activity", retryAfter: "30"}
	case errors.Is(err, errTooManyReads):
		return problem{status: http.StatusTooManyRequests, heading: "Too many lists at once",
			text: "Long lists are read one at a time. Try again in a moment.", linkText: tryAgain, retryAfter: "5"}
	case errors.As(err, &fromEcho):
		return explainStatus(fromEcho.Code)
	default:
		return explainKind(err)
	}
}

// explainKind gives the words for what the service refuses, and for what can go wrong on the way to it and in it.
func explainKind(err error) problem {
	var e *model.Error
	if !errors.As(err, &e) {
		return explainStatus(http.StatusInternalServerError)
	}
	who := "This server"
	if e.Elsewhere {
		who = "The key service"
	}
	switch e.Kind {
	case model.KindForbidden:
		return problem{status: http.StatusForbidden, heading: "Keys can’t be managed from here",
			text: "You’re signed in anonymously or with a key, and keys can’t manage keys. Sign out, then sign in with your email and password."}
	case model.KindNotFound:
		return problem{status: http.StatusNotFound, heading: "Key not found",
			text: "It may have been deleted somewhere else, or the address may be incomplete.", link: home, linkText: "Go to your keys"}
	case model.KindReplacing:
		return problem{status: http.StatusConflict, heading: "This key is being replaced already",
			text: "Nothing was changed. Finish that replacement or stop it first.", link: home, linkText: "Go to your keys"}
	case model.KindNoReplacement:
		return problem{status: http.StatusConflict, heading: "This key can’t be replaced like that",
			text: "Nothing was changed. The key may have been turned off meanwhile.", link: home, linkText: "Go to your keys"}
	case model.KindLeaked: // by another way than its switch, which asks for its name
		return problem{status: http.StatusConflict, heading: "You said that the value of this key leaked",
			text: "Nothing was changed. To turn the key on all the same, use the switch on its page.", link: home, linkText: "Go to your keys"}
	case model.KindStorageDown: // people can do nothing about it: that it passes must not be promised
		return problem{status: http.StatusServiceUnavailable, heading: who + " can’t read or save anything right now",
			text:       "Nothing was changed. If this lasts, tell the administrator of this server.",
			retryAfter: "30", again: waitALittle, linkText: tryAgain}
	case model.KindBusy, model.KindTooManyActs, model.KindTooManyTries, model.KindTooManyEmails, model.KindTooManyAccounts:
		return explainBusy(who, e.Wait)
	case model.KindRefuses:
		return problem{status: http.StatusBadGateway, heading: "The key service refuses all sign-ins",
			text: "It may not know this app, or not accept email and password. With the reference below, the administrator of this server can find the cause.", linkText: tryAgain}
	case model.KindInsecure:
		return problem{status: http.StatusBadGateway, heading: "The secure connection to the key service failed",
			text:     "Nothing was changed, and you’re still signed in. Tell the administrator of this server.",
			stranger: "Nothing was changed. Tell the administrator of this server.", linkText: tryAgain}
	case model.KindMisconfigured:
		return problem{status: http.StatusBadGateway, heading: "This server is misconfigured",
			text:     "The key service goes by another address than the one set here. Nothing was changed, and you’re still signed in. Tell the administrator of this server.",
			stranger: "The key service goes by another address than the one set here. Nothing was changed. Tell the administrator of this server.", linkText: tryAgain}
	case model.KindUnreachable:
		return problem{status: http.StatusBadGateway, heading: "We can’t reach the key service",
			text: "Nothing was changed, and you’re still signed in.", stranger: "Nothing was changed.", linkText: tryAgain}
	case model.KindTimedOut:
		return problem{status: http.StatusGatewayTimeout, heading: "The key service didn’t answer in time",
			text: stillIn, stranger: nobodySignedIn, linkText: tryAgain}
	case model.KindBrokeOff:
		return problem{status: http.StatusBadGateway, heading: "The connection to the key service broke",
			text: stillIn, stranger: nobodySignedIn, linkText: tryAgain}
	case model.KindInternal:
		return explainStatus(http.StatusInternalServerError)
	default: // what we did not ask for, or not so
		return problem{status: http.StatusBadGateway, heading: "The key service gave an answer we can’t use",
			text: stillIn, stranger: nobodySignedIn, linkText: tryAgain}
	}
}

func explainBusy(who string, wait time.Duration) problem {
	p := problem{status: http.StatusServiceUnavailable, heading: who + " is busy", linkText: tryAgain,
		retryAfter: "30", again: waitALittle}
	if wait > 0 {
		p.retryAfter = wholeSeconds(wait)
		p.again = "Try again in " + p.retryAfter + " s."
	}
	p.text = "Nothing was changed. " + p.again
	return p
}

// explainStatus gives the words for errors that no key is involved in.
func explainStatus(status int) problem {
	switch status {
	case http.StatusNotFound:
		return problem{status: status, heading: "Page not found", text: "The address may be incomplete, or the page has moved.", link: home, linkText: "Go to your keys"}
	case http.StatusMethodNotAllowed:
		return problem{status: status, heading: "That can’t be done here", text: "This page doesn’t take that kind of request.", link: home, linkText: "Go to your keys"}
	case http.StatusRequestEntityTooLarge:
		return problem{status: status, heading: "That’s too much at once", text: "The form was larger than this page accepts. Nothing was changed.", link: home, linkText: "Go to your keys"}
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return problem{status: status, heading: "That request couldn’t be read", text: "Nothing was changed.", link: home, linkText: "Go to your keys"}
	default:
		return problem{status: http.StatusInternalServerError, heading: "Something went wrong here",
			text: "It’s our fault, not yours. With the reference below, the administrator of this server can find the cause.", link: home, linkText: tryAgain}
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
	p := explain(err)
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
