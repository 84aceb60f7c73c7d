package handlers

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/views"
)

const (
	// nextCookie keeps where a person was going while they are sent through their mailbox. Nothing of that can be in the mail itself:
	// another server may write it. It is a path of ours or nothing.
	nextCookie = "latchkey-next"
	// nextAge is in seconds: links in mails are good for half as long, and another one may have to be asked for.
	nextAge = 60 * 60
	// maxNext is more than any path of ours has that is worth keeping.
	maxNext = 256
)

// keepNext remembers where a person was going, in this browser, until they have signed in.
func (h *dashboard) keepNext(c echo.Context, next string) {
	if localPath(next) != next || next == home || len(next) > maxNext {
		return // what was kept before may still be where they are going
	}
	c.SetCookie(h.plainCookie(nextCookie, base64.RawURLEncoding.EncodeToString([]byte(next)), nextAge))
}

// goingTo is where a person goes on once they have signed in: to what was asked for, or else to what was kept.
func (h *dashboard) goingTo(c echo.Context, next string) string {
	if next = localPath(next); next != home {
		return next
	}
	kept, err := base64.RawURLEncoding.DecodeString(h.kept(c, nextCookie))
	if err != nil || len(kept) > maxNext {
		return home
	}
	return localPath(string(kept))
}

// entrances are the pages that carry along where a person is going.
var entrances = []string{"/login", "/register", forgotPath}

// entrance is one of them on the way to a page of ours.
func entrance(path, next string) string {
	if next = localPath(next); next == home {
		return path
	}
	return path + "?next=" + url.QueryEscape(next)
}

// linkToken is what the two parts of a mail's link look like.
var linkToken = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// behindLink is the page behind the link of a mail, for whoever comes back to it. Without all of the link it is the page alone.
func behindLink(path string, link views.Link) string {
	if !linkToken.MatchString(link.Token) || !linkToken.MatchString(link.TokenID) {
		return path
	}
	return path + "?token=" + link.Token + "&tokenId=" + link.TokenID
}

// hereAgain is localPath for a form that leads back to the page it is on, which may be an entrance, or the page behind a link, in the one
// spelling that we use.
func hereAgain(page string) string {
	if path, query, found := strings.Cut(page, "?token="); found && (path == resetPath || path == confirmPath) {
		token, id, _ := strings.Cut(query, "&tokenId=")
		if link := (views.Link{Token: token, TokenID: id}); behindLink(path, link) == page {
			return page
		}
	}
	if _, ticket, found := strings.Cut(page, "?"+ticketField+"="); found && behindHandover(ticket) == page {
		return page
	}
	path, query, found := strings.Cut(page, "?next=")
	if next, err := url.QueryUnescape(query); found && err == nil && slices.Contains(entrances, path) && entrance(path, next) == page {
		return page
	}
	return localPath(page)
}

// tryEntranceAgain is where somebody begins anew whose form for getting in failed.
func tryEntranceAgain(c echo.Context) string {
	if path := c.Request().URL.Path; c.Request().Method == http.MethodPost && slices.Contains(entrances, path) {
		return entrance(path, c.FormValue("next"))
	}
	return home
}
