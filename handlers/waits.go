package handlers

import (
	"errors"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
)

// askToWait tells programs how long an error asks to wait, and gives it, for the words that tell people.
func askToWait(c echo.Context, err error) time.Duration {
	wait := time.Minute // when it does not say
	var refused *model.Error
	if errors.As(err, &refused) && refused.Wait > 0 {
		wait = refused.Wait
	}
	c.Response().Header().Set("Retry-After", wholeSeconds(wait))
	return wait
}

// wholeSeconds rounds up: whoever comes back after that long must not be too early.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// comeBack is when a person may try again, by their clock and rounded up. Programs get the time to wait.
func (h *dashboard) comeBack(c echo.Context, err error) string {
	now := h.Now()
	at := now.Add(askToWait(c, err))
	if minute := at.Truncate(time.Minute); minute.Before(at) {
		at = minute.Add(time.Minute)
	}
	return clockOf(c).Time(at, now)
}

// tooManyTries is what a person is told who has to wait before they try a password again.
func (h *dashboard) tooManyTries(c echo.Context, err error) string {
	return t(c, "wait.tries", "Too many attempts. Try again at {time}.", "time", h.comeBack(c, err))
}

// tooManyAccounts is what a person is told from whose network many accounts were created.
func (h *dashboard) tooManyAccounts(c echo.Context, err error) string {
	return t(c, "wait.accounts", "Too many accounts were created from your network. Try again at {time}.", "time", h.comeBack(c, err))
}

// tooManyEmails is what a person is told who has asked for emails before.
func (h *dashboard) tooManyEmails(c echo.Context, err error) string {
	if askToWait(c, err) <= time.Minute {
		return t(c, "wait.email", "An email was sent a moment ago. Try again at {time}.", "time", h.comeBack(c, err))
	}
	return t(c, "wait.emails", "Too many emails were requested. Try again at {time}.", "time", h.comeBack(c, err))
}
