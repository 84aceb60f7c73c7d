package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
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
	// how many all people together may, where there are connections for four times as many.
	streamsEach = 8
	streamsMost = 2000

	// streamEnd tells the browser not to come back.
	streamEnd = "event: end\ndata:\n\n"

	arrivalSuffix = "/arrival"
)

// isStream says whether a route answers with a stream.
func isStream(c echo.Context) bool { return strings.HasSuffix(c.Path(), arrivalSuffix) }

// awaitKeys tells a page when anything changes about the person's keys that are waited for: used, refused, turned on or off,
// or late.
func (h *dashboard) awaitKeys(c echo.Context) error {
	return h.stream(c, func(_ context.Context, keys keysNow) (string, bool, error) {
		all, err := keys()
		if err != nil {
			return "", false, err
		}
		state := h.awaited(all, h.Now())
		return state, state == "", nil
	})
}

// awaitKey does the same for one key's page. A key that is gone is a change too.
func (h *dashboard) awaitKey(c echo.Context) error {
	id := c.Param("id")
	return h.stream(c, func(_ context.Context, keys keysNow) (string, bool, error) {
		key, there, err := keys.find(id)
		switch {
		case err != nil:
			return "", false, err
		case !there:
			return "gone", true, nil
		}
		state := h.row(key).Awaits()
		return state, state == "", nil
	})
}

// news is what a page says of a key when something has changed. That a key still waits is none.
func news(ctx context.Context, k views.Key) string {
	switch refused := k.Use.Refused.Machine != ""; {
	case k.News(ctx) != "":
		return k.News(ctx)
	case k.Use.Stage == views.Connected:
		return lang.T(ctx, "keys.first-connected", "{name} is connected.", "name", k.Name)
	case k.Use.Stage != "" && refused:
		return lang.T(ctx, "news.refused", "Refused {name}: the key was off.", "name", k.Name)
	case k.Use.Stage == views.Late:
		return lang.T(ctx, "news.late", "Nothing from {name} has reached this server yet.", "name", k.Name)
	case k.Use.Stage == views.WaitsOff:
		return flashOf(ctx, "off", k.Name)
	default:
		return ""
	}
}

// look says what state something is in, and whether that can still change.
type look func(ctx context.Context, keys keysNow) (state string, done bool, err error)

// stream sends the browser an event whenever the state is another than the one in the request's query, as text/event-stream.
// It ends when nothing can change any more, when the session is over, after a quarter of an hour, when the browser leaves and
// when the program stops; other errors of look pass. A state is one line.
func (h *dashboard) stream(c echo.Context, look look) error {
	a, _ := accountOf(c)
	if !h.streams.Enter(a.UserID, c.RealIP()) {
		c.Response().Header().Set("Retry-After", "60")
		return c.NoContent(http.StatusTooManyRequests)
	}
	defer h.streams.Leave(a.UserID, c.RealIP())
	watch := h.watches.enter(a.UserID)
	defer h.watches.leave(a.UserID)
	now := h.Now()
	out, err := openStream(c)
	if err != nil {
		return nil //nolint:nilerr // the browser has left: nobody is there to tell
	}
	s := &pageStream{
		h: h, out: out, session: sessionHash(c), person: h.person(c), watch: watch, look: look,
		known: c.QueryParam("state"), drawn: time.Now(), acts: watch.acts.Load(), started: now, quiet: now, checked: now,
	}
	if last := c.Request().Header.Get("Last-Event-ID"); last != "" { // the browser comes back by itself
		s.known = last
	}
	ticker := time.NewTicker(h.Pace)
	defer ticker.Stop()
	for s.step() {
		select {
		case <-ticker.C:
		case <-c.Request().Context().Done():
			return nil
		case <-h.Stop:
			return nil
		}
	}
	_ = out.send(streamEnd) // or the browser has left
	return nil
}

// pageStream is what one waiting page is told.
type pageStream struct {
	h       *dashboard
	out     *eventStream
	session [32]byte
	person  Person
	watch   *watch
	look    look

	known                   string    // the state that the page shows
	acts                    int64     // of the person, after which the session was looked at
	drawn                   time.Time // by when the page was, by the system's clock
	started, quiet, checked time.Time // when it began, said something last, and when it was asked last whether the session goes on
}

// step looks once, tells the page what is new, and says whether to go on.
func (s *pageStream) step() bool {
	h := s.h
	now, acts := h.Now(), s.watch.acts.Load()
	if now.Sub(s.checked) >= heartbeat || acts != s.acts {
		if s.checked, s.acts = now, acts; s.sessionOver() {
			return false
		}
	}
	ctx, cancel := context.WithTimeout(s.out.ctx, readTimeout)
	defer cancel()
	state, done, err := s.look(ctx, func() (model.Keys, error) { return s.watch.read(ctx, s.person, s.drawn, h.Pace, h.changes()) })
	if err == nil && state != s.known && s.sessionOver() { // it ended meanwhile: nothing of it is news
		return false
	}
	switch now = h.Now(); {
	case err == nil && state != s.known:
		s.known, s.quiet = state, now
		if err := s.out.send("id: " + state + "\nevent: changed\ndata: " + state + "\n\n"); err != nil {
			return false
		}
	case now.Sub(s.quiet) >= heartbeat:
		s.quiet = now
		_ = s.out.send(": \n\n") // that nobody takes it the request's context says
	}
	return (err != nil || !done) && !pageOfItsOwn(err) && now.Sub(s.started) < streamLife
}

// sessionOver says whether the web session is. One that cannot be read is taken to go on.
func (s *pageStream) sessionOver() bool {
	ctx, cancel := context.WithTimeout(s.out.ctx, readTimeout)
	defer cancel()
	return errors.Is(s.h.sessions.Check(ctx, s.session), websession.ErrNone)
}

// eventStream is a stream while it is written.
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
