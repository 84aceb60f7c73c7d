package handlers

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
)

// Notices tells people by mail what was done in their name, where the key service does not do it itself.
type Notices interface {
	KeyMade(ctx context.Context, made KeyMade) error
}

// KeyMade is a key that somebody made on the dashboard.
type KeyMade struct {
	To      string // the person's address
	Key     string // what it is called
	Paired  bool   // a device gets it, and not the person
	At      time.Time
	Address string // where the browser was
}

// tellOfKey tells the person who is signed in of a key that was made for them. The key is there: that no mail could be sent is for
// the log.
func (h *dashboard) tellOfKey(c echo.Context, key string, paired bool) {
	a, ok := accountOf(c)
	if h.notices == nil || !ok {
		return
	}
	made := KeyMade{To: a.Email, Key: key, Paired: paired, At: h.now(), Address: c.RealIP()}
	if err := h.notices.KeyMade(context.WithoutCancel(c.Request().Context()), made); err != nil {
		h.log.Warn("notice not sent", "user", a.UserID, "request", requestIDOf(c), "cause", err)
	}
}
