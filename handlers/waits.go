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

// inMinutes says how long a wait is, rounded up.
func inMinutes(wait time.Duration) string {
	minutes := int((wait + time.Minute - 1) / time.Minute)
	if minutes <= 1 {
		return "in a minute"
	}
	return "in " + strconv.Itoa(minutes) + " minutes"
}

// tooManyTries is what a person is told who has to wait before they try a password again.
func tooManyTries(wait time.Duration) string {
	return "Too many tries. Try again " + inMinutes(wait) + "."
}

// tooManyAccounts is what a person is told from whose address many accounts were made.
func tooManyAccounts(wait time.Duration) string {
	return "Too many accounts were made from your network. Try again " + inMinutes(wait) + "."
}

// tooManyMails is what a person is told who has asked for mails before.
func tooManyMails(wait time.Duration) string {
	if wait <= time.Minute {
		return "A mail was sent a moment ago. If it does not come, try again in a minute."
	}
	return "Too many mails were asked for. Try again " + inMinutes(wait) + "."
}
