package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
)

// errTooManyReads says that somebody asked for too many long lists at once, or others did.
var errTooManyReads = errors.New("too many long lists at once")

// readPause is how long a download waits before it gets into line again.
const readPause = 100 * time.Millisecond

// inTurn waits for the person's turn to read what costs more than a page. So whoever asks for very much keeps themselves waiting.
func (h *dashboard) inTurn(ctx context.Context, c echo.Context) (end func(), err error) {
	a, _ := accountOf(c)
	end, ok := h.reads.Begin(ctx, a.UserID, c.RealIP())
	if !ok {
		return nil, errTooManyReads
	}
	return end, nil
}

// readOnceInTurn is readEvents, for a page.
func (h *dashboard) readOnceInTurn(c echo.Context, q model.EventQuery) ([]model.Event, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	end, err := h.inTurn(ctx, c)
	if err != nil {
		return nil, err
	}
	defer end()
	return h.readEvents(c, q)
}

// readInTurn is readEvents, for a file, which must not break off because there is a line.
func (h *dashboard) readInTurn(c echo.Context, q model.EventQuery) ([]model.Event, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	for {
		end, err := h.inTurn(ctx, c)
		if err == nil {
			defer end()
			return h.readEvents(c, q)
		}
		select {
		case <-time.After(readPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}
