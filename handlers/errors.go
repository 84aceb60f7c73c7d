package handlers

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/views"
)

// Errors of our own; all others come from the client, from Echo, or are a mistake of ours.
var (
	errCrossOrigin  = errors.New("refused a cross-origin request")
	errSessionsDown = errors.New("web sessions cannot be read or written")
	errRefused      = errors.New("the key service refuses to sign people in or up")
)

// problem is what a person is told of an error: what happened, what is true now, what to do. The cause stays in the log.
type problem struct {
	status        int
	heading, text string
	// stranger stands in place of text for somebody who is not signed in, and who must not read that they still are.
	stranger       string
	link, linkText string
	retryAfter     string
}

const (
	tryAgain       = "Try again"
	nobodySignedIn = "Nobody was signed in. Wait a little before you try again."
)

// explain is the one mapping from an error to a status and to words.
func explain(err error) problem {
	var failed *client.Error
	var fromEcho *echo.HTTPError
	switch {
	case errors.Is(err, errCrossOrigin):
		return problem{status: http.StatusForbidden, heading: "This request came from another site",
			text: "Nothing was changed. Open the page here and try again.", link: home, linkText: "Go to your keys"}
	case errors.Is(err, errSessionsDown):
		return problem{status: http.StatusServiceUnavailable, heading: "We cannot read who is signed in",
			text: "Nothing was changed. This usually passes soon.", link: home, linkText: tryAgain, retryAfter: "5"}
	case errors.Is(err, errRefused):
		return problem{status: http.StatusBadGateway, heading: "The key service refuses to sign anybody in",
			text: "It may not know this app, or not take e-mail and password. The operator can find the cause under the reference below.", linkText: tryAgain}
	case errors.As(err, &fromEcho):
		return explainStatus(fromEcho.Code)
	case client.IsForbidden(err):
		return problem{status: http.StatusForbidden, heading: "Keys cannot be managed from here",
			text: "You are signed in anonymously or with a key, and keys cannot manage keys. Sign out, then sign in with e-mail and password."}
	case client.IsNotFound(err):
		return problem{status: http.StatusNotFound, heading: "There is no such key",
			text: "It may have been deleted in another place, or the address may be incomplete.", link: home, linkText: "Go to your keys"}
	case client.NeverSent(err):
		return problem{status: http.StatusBadGateway, heading: "We cannot reach the key service",
			text: "Nothing was changed, and you are still signed in.", stranger: "Nothing was changed.", linkText: tryAgain}
	case timedOut(err):
		return problem{status: http.StatusGatewayTimeout, heading: "The key service did not answer in time",
			text: "You are still signed in.", stranger: nobodySignedIn, linkText: tryAgain}
	case errors.As(err, &failed) && (failed.Status == http.StatusTooManyRequests || failed.Status == http.StatusServiceUnavailable):
		return problem{status: http.StatusServiceUnavailable, heading: "The key service is busy",
			text: "Nothing was changed. Wait a little before you try again.", linkText: tryAgain, retryAfter: "30"}
	case errors.As(err, &failed) && failed.Status == 0:
		return problem{status: http.StatusBadGateway, heading: "The connection to the key service broke",
			text: "You are still signed in.", stranger: nobodySignedIn, linkText: tryAgain}
	case errors.As(err, &failed):
		return problem{status: http.StatusBadGateway, heading: "The key service gave an answer we cannot use",
			text: "You are still signed in.", stranger: nobodySignedIn, linkText: tryAgain}
	default:
		return explainStatus(http.StatusInternalServerError)
	}
}

// explainStatus gives the words for errors that no key is involved in.
func explainStatus(status int) problem {
	switch status {
	case http.StatusNotFound:
		return problem{status: status, heading: "There is no such page", text: "The address may be incomplete, or the page has moved.", link: home, linkText: "Go to your keys"}
	case http.StatusMethodNotAllowed:
		return problem{status: status, heading: "That cannot be done here", text: "The page does not take this kind of request.", link: home, linkText: "Go to your keys"}
	case http.StatusRequestEntityTooLarge:
		return problem{status: status, heading: "That is too much at once", text: "The form was larger than this page takes. Nothing was changed.", link: home, linkText: "Go to your keys"}
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return problem{status: status, heading: "That request could not be read", text: "Nothing was changed.", link: home, linkText: "Go to your keys"}
	default:
		return problem{status: http.StatusInternalServerError, heading: "Something went wrong here",
			text: "It is our fault, not yours. The operator can find the cause under the reference below.", link: home, linkText: tryAgain}
	}
}

// handleError is Echo's error handler: every error of every route ends here, and nothing is sent twice.
func (h *dashboard) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		h.log.Error("failed after the answer began", "route", c.Path(), "request", requestIDOf(c), "cause", err)
		return
	}
	if forPrograms(c.Request()) {
		if err := h.answerProgram(c, err); err != nil {
			h.log.Error("error answer failed", "route", c.Path(), "request", requestIDOf(c), "cause", err)
		}
		return
	}
	if client.IsUnauthorized(err) {
		if err = h.sessionOver(c); err == nil {
			return
		}
	}
	p := explain(err)
	if p.status >= http.StatusInternalServerError {
		h.log.Error("request failed", "route", c.Path(), "request", requestIDOf(c), "cause", err)
	}
	if err := h.renderProblem(c, p, err); err != nil {
		h.log.Error("error page failed", "route", c.Path(), "request", requestIDOf(c), "cause", err)
	}
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

// sessionOver ends a web session whose refresh token the key service no longer takes, and says so on the log-in page.
func (h *dashboard) sessionOver(c echo.Context) error {
	if err := h.endSession(c); err != nil {
		return err
	}
	return h.askToSignIn(c, true)
}

// askForPatience tells programs what the words tell people: when to come back.
func (p problem) askForPatience(c echo.Context) {
	if p.retryAfter != "" {
		c.Response().Header().Set("Retry-After", p.retryAfter)
	}
}

func (p problem) model(h *dashboard, c echo.Context, err error) views.Error {
	m := views.Error{Page: h.page(c, p.heading), Heading: p.heading, Text: p.text, Link: p.link, LinkText: p.linkText}
	if _, ok := accountOf(c); !ok && p.stranger != "" {
		m.Text = p.stranger
	}
	if m.LinkText != "" && m.Link == "" {
		m.Link = localPath(c.Request().URL.Path)
		if c.Request().Method != http.MethodGet {
			m.Link = home
		}
	}
	if p.status >= http.StatusInternalServerError {
		m.Reference = reference(err, requestIDOf(c))
	}
	return m
}

// reference is what to quote to the operator: the key service's own log entry when it named one, else our request's id.
func reference(err error, fallback string) string {
	var failed *client.Error
	if errors.As(err, &failed) && failed.LogID() != "" {
		return failed.LogID()
	}
	return fallback
}

func timedOut(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}

// unclear says that an act may or may not have happened: its answer got lost or cannot be read.
func unclear(err error) bool {
	var failed *client.Error
	if client.NeverSent(err) || !errors.As(err, &failed) {
		return false
	}
	switch {
	case failed.Status == http.StatusServiceUnavailable: // the server says that it did nothing
		return false
	default:
		return failed.Status < http.StatusMultipleChoices || failed.Status >= http.StatusInternalServerError
	}
}
