package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/views"
)

// ownerHeader is sent by the page's script with all that it asks for.
const ownerHeader = "Latchkey-Owner"

// ownerTag says whose page it is that is drawn for an account. The email address in it is for the page of somebody who has signed in
// since: only the id decides.
func ownerTag(a model.Account) string {
	if a.UserID == "" {
		return ""
	}
	return a.UserID + ":" + url.QueryEscape(a.Called()) // in a header, where nothing but ASCII may stand
}

// otherOwner says that a page was drawn for another account than the one that is signed in now.
type otherOwner struct{ page, now string } // email addresses, "" when there are none

func (e *otherOwner) Error() string { return "the page is of another account" }

// text is what the person is told.
func (e *otherOwner) text(ctx context.Context) string {
	l := lang.Of(ctx)
	switch {
	case e.page != "" && e.now != "":
		return l.T("error.other-account.text", "This page was opened as {page}. You are now signed in as {now}, so nothing was done.", "page", e.page, "now", e.now)
	case e.now != "":
		return l.T("error.other-account.now", "This page was opened as another account. You are now signed in as {now}, so nothing was done.", "now", e.now)
	case e.page != "":
		return l.T("error.other-account.page", "This page was opened as {page}. You are now signed in with another account, so nothing was done.", "page", e.page)
	default:
		return l.T("error.other-account.neither", "This page was opened as another account. You are now signed in with another account, so nothing was done.")
	}
}

// requireOwner refuses what comes from a page that was drawn for somebody else: in one tab a person signs out and another one signs in,
// and in the next tab the page is still the first one's. What says nothing of a page comes from none of ours, or from one that is older
// than this rule.
func requireOwner(c echo.Context) error {
	a, ok := accountOf(c)
	if !ok {
		return nil
	}
	r := c.Request()
	tags := r.Header.Values(ownerHeader)
	if r.URL.RawQuery != "" {
		tags = append(slices.Clip(tags), c.QueryParams()[views.OwnerField]...)
	}
	if r.Method == http.MethodPost {
		form, err := sentValues(c)
		if err != nil {
			return err
		}
		tags = append(tags, form[views.OwnerField]...)
	}
	for _, tag := range tags {
		if id, email, _ := strings.Cut(tag, ":"); id != a.UserID && tag != "" {
			page, _ := url.QueryUnescape(email)
			return &otherOwner{page: onboard.Legible(page, maxEmail), now: a.Called()}
		}
	}
	return nil
}
