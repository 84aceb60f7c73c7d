package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/views"
)

const (
	// streamLife is how long a page is told of changes. Longer than a key is waited for, nobody looks.
	streamLife = 15 * time.Minute
	// heartbeat keeps proxies from taking a quiet stream for a dead one.
	heartbeat = 15 * time.Second
	// streamWrite bounds one write to a browser.
	streamWrite = 10 * time.Second
	// streamsEach is how many streams one person may have open, in all their browsers: a hidden tab has none. streamsMost is
	// how many all people together may.
	streamsEach = 8
	streamsMost = 2000

	// streamEnd tells the browser not to come back.
	streamEnd = "event: end\ndata:\n\n"

	arrivalSuffix = "/arrival"
)

// isStream says whether the answer goes on.
func isStream(c echo.Context) bool { return strings.HasSuffix(c.Path(), arrivalSuffix) }

// awaitKeys tells a page when anything changes about the person's keys that are waited for: used, refused, turned on or off,
// or late.
func (h *dashboard) awaitKeys(c echo.Context) error {
	keys := h.keys(c)
	return h.stream(c, func(ctx context.Context) (string, bool, error) {
		all, err := keys.FetchAll(ctx)
		if err != nil {
			return "", false, err
		}
		f, err := h.readFacts(ctx, keys)
		state := f.awaited(all)
		return state, state == "", err
	})
}

// awaitKey does the same for one key's page. A key that is gone is a change too.
func (h *dashboard) awaitKey(c echo.Context) error {
	keys, id := h.keys(c), c.Param("id")
	return h.stream(c, func(ctx context.Context) (string, bool, error) {
		key, err := h.awaitedKey(ctx, keys, id)
		if client.IsNotFound(err) {
			return "gone", true, nil
		}
		state := key.Use.Awaits()
		return state, state == "", err
	})
}

// awaitedKey is a key with what is known of its use.
func (h *dashboard) awaitedKey(ctx context.Context, keys patientKeys, id string) (views.Key, error) {
	key, err := keys.Fetch(ctx, id)
	if err != nil {
		return views.Key{}, err
	}
	f, err := h.readFacts(ctx, keys)
	return h.row(key, f), err
}

// news is what a page says of a key that it has just looked at again.
func news(k views.Key) string {
	switch refused := k.Use.Refused.Machine != ""; {
	case k.Use.Stage == views.Connected:
		return k.Name + " is connected."
	case k.Use.Stage != "" && refused:
		return "A log-in with " + k.Name + " was refused: it was off."
	case k.Use.Stage == views.Waiting:
		return "Still waiting for the first use of " + k.Name + "."
	case k.Use.Stage == views.Late:
		return "No log-in with " + k.Name + " has reached this server yet."
	case k.Use.Stage == views.WaitsOff:
		return say("off", k.Name)
	default:
		return ""
	}
}

// look says what state something is in, and whether that can still change.
type look func(context.Context) (state string, done bool, err error)

// stream sends the browser an event whenever the state is another than the one in the request's query, as text/event-stream.
// It ends when nothing can change any more, when the session is over, after a quarter of an hour, when the browser leaves and
// when the program stops; other errors of look pass. A state is one line.
func (h *dashboard) stream(c echo.Context, look look) error {
	a, _ := accountOf(c)
	if !h.streams.enter(a.UserID) {
		c.Response().Header().Set("Retry-After", "60")
		return c.NoContent(http.StatusTooManyRequests)
	}
	defer h.streams.leave(a.UserID)
	started := h.now()
	s, err := openStream(c)
	if err != nil {
		return nil //nolint:nilerr // the browser has left: nobody is there to tell
	}
	known := c.QueryParam("state")
	if last := c.Request().Header.Get("Last-Event-ID"); last != "" { // the browser comes back by itself
		known = last
	}
	ticker := time.NewTicker(h.pace())
	defer ticker.Stop()
	for quiet, checked := started, started; ; {
		if now := h.now(); now.Sub(checked) >= heartbeat { // not every look asks anybody who would know
			if checked = now; s.isOver(h.sessions, sessionHash(c)) {
				_ = s.send(streamEnd)
				return nil
			}
		}
		state, done, err := s.look(look)
		if err == nil && state != known && s.isOver(h.sessions, sessionHash(c)) { // it ended within the look: nothing of it is news
			_ = s.send(streamEnd)
			return nil
		}
		now := h.now()
		switch {
		case err == nil && state != known:
			known, quiet = state, now
			err = s.send("id: " + state + "\nevent: changed\ndata: " + state + "\n\n")
		case now.Sub(quiet) >= heartbeat:
			quiet = now
			_ = s.send(": \n\n") // that nobody takes it is seen below
		}
		if err == nil && done || err != nil && pageOfItsOwn(err) || now.Sub(started) >= streamLife {
			_ = s.send(streamEnd)
			return nil
		}
		select {
		case <-ticker.C:
		case <-c.Request().Context().Done():
			return nil
		case <-h.stop:
			return nil
		}
	}
}

// pace is how often a stream looks. An upstream is asked over a network.
func (h *dashboard) pace() time.Duration {
	if h.embedded {
		return time.Second
	}
	return 3 * time.Second
}

// eventStream is an answer that goes on.
type eventStream struct {
	ctx     context.Context //nolint:containedctx // the request's, for as long as it lasts
	to      io.Writer
	control *http.ResponseController
}

// openStream begins the answer. The server's own deadlines are for answers that end; the one for reading would even end the
// request's context.
func openStream(c echo.Context) (*eventStream, error) {
	r := c.Response()
	r.Header().Set(echo.HeaderContentType, "text/event-stream")
	r.Header().Set(echo.HeaderCacheControl, "no-store")
	r.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	r.WriteHeader(http.StatusOK)
	s := &eventStream{ctx: c.Request().Context(), to: r, control: http.NewResponseController(r)}
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return s, s.send("retry: 5000\n\n")
}

// send writes an event and sees to it that it leaves.
func (s *eventStream) send(event string) error {
	err := s.control.SetWriteDeadline(time.Now().Add(streamWrite))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(s.to, event); err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *eventStream) look(look look) (state string, done bool, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, readTimeout)
	defer cancel()
	return look(ctx)
}

// isOver says whether the web session is. One that cannot be read is taken to go on.
func (s *eventStream) isOver(sessions *webSessions, session [32]byte) bool {
	ctx, cancel := context.WithTimeout(s.ctx, readTimeout)
	defer cancel()
	return errors.Is(sessions.check(ctx, session), ErrNoWebSession)
}
