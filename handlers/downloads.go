package handlers

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/limits"
)

const (
	exportsEach = 1  // of a person, at once
	exportsMost = 16 // of all people together: each holds half a megabyte and what packs it
	// exportPiece is how much of a file has to be taken in exportWrite, as it is on the wire: three kilobytes in a second, which is less
	// than any network that pages can be used in.
	exportPiece = 64 << 10
	exportWrite = 20 * time.Second
	// stalledAfter is how long one write waits that gives its place to somebody else. Whoever reads at a kilobyte in a second waits longer.
	stalledAfter = 2 * time.Second
	// stalledWait is how long somebody waits for such a place: it takes no time to give it up but what is being read for it.
	stalledWait = 5 * time.Second

	pacedKey = "paced"
)

// downloads are the files that are being sent. Whoever takes one slowly has no right to keep others from theirs.
type downloads struct {
	places  *limits.Places
	stalled time.Duration // after which a place is somebody else's

	mu      sync.Mutex
	running map[*pacedWriter]downloader
}

// downloader is who a file is for.
type downloader struct{ person, address string }

func newDownloads() *downloads {
	return &downloads{places: limits.NewPlaces(exportsEach, exportsMost), stalled: stalledAfter, running: map[*pacedWriter]downloader{}}
}

// enter takes a place for a download, that of one which is not taken if need be.
func (d *downloads) enter(ctx context.Context, who downloader, to *pacedWriter) bool {
	ctx, cancel := context.WithTimeout(ctx, stalledWait)
	defer cancel()
	for !d.places.Enter(who.person, who.address) {
		if !d.endStalled(who) {
			return false
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running[to] = who
	return true
}

func (d *downloads) leave(to *pacedWriter) {
	d.mu.Lock()
	who := d.running[to]
	delete(d.running, to)
	d.mu.Unlock()
	d.places.Leave(who.person, who.address)
}

// endStalled ends the download that was waited for longest, of those whose place would be one for the newcomer. It says whether there
// is one, or one that was ended before and is not over yet.
func (d *downloads) endStalled(newcomer downloader) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var victim *pacedWriter
	var longest time.Duration
	for to, who := range d.running {
		own := who.person == newcomer.person
		waits := to.waits()
		switch {
		case own && waits < d.stalled && !to.over.Load():
			return false // no other place is one for them
		case own, limits.Site(who.address) == limits.Site(newcomer.address), len(d.running) >= exportsMost:
			if to.over.Load() {
				return true
			}
			if waits >= max(longest, d.stalled) {
				victim, longest = to, waits
			}
		}
	}
	if victim == nil {
		return false
	}
	victim.cutOff()
	return true
}

// pacedWriter is an answer that goes on for as long as enough of it is taken. The server's own deadline is for answers that are sent at
// once.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	left    int           // bytes of this piece
	budget  time.Duration // what is left of the time for it
	since   atomic.Int64  // when the write that is going on began, by the system's clock, 0 while there is none
	over    atomic.Bool   // its place is somebody else's
}

// errCutOff says that a download was ended for somebody else's.
var errCutOff = errors.New("it was taken too slowly while others waited")

// pace is a middleware below all that packs an answer: what counts is what goes over the wire.
func pace(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if isExport(c) {
			to := c.Response().Writer
			paced := &pacedWriter{ResponseWriter: to, control: http.NewResponseController(to), left: exportPiece, budget: exportWrite}
			c.Response().Writer = paced
			c.Set(pacedKey, paced)
		}
		return next(c)
	}
}

func isExport(c echo.Context) bool {
	return c.Path() == activityPath+".csv" || c.Path() == activityPath+".json"
}

// Unwrap lets http.ResponseController reach the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write waits no longer than there is time for the piece that the bytes are of.
func (w *pacedWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		var n int
		err = w.inTime(func() (err error) {
			n, err = w.ResponseWriter.Write(p[:min(len(p), w.left)])
			return err
		})
		written += n
		p = p[n:]
		if w.left -= n; w.left == 0 {
			w.left, w.budget = exportPiece, exportWrite
		}
	}
	return written, err
}

// FlushError is for http.ResponseController: what was written may wait there.
func (w *pacedWriter) FlushError() error { return w.inTime(w.control.Flush) }

// inTime writes for no longer than there is time.
func (w *pacedWriter) inTime(write func() error) error {
	began := time.Now()
	if err := w.control.SetWriteDeadline(began.Add(w.budget)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	w.since.Store(began.UnixNano())
	defer func() {
		w.since.Store(0)
		w.budget -= time.Since(began)
	}()
	if w.over.Load() { // after the deadline was set, or cutOff would have come too early
		return errCutOff
	}
	return write()
}

// waits is for how long the write that is going on has.
func (w *pacedWriter) waits() time.Duration {
	since := w.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.Unix(0, since))
}

// cutOff ends the write that is going on, and has none follow it.
func (w *pacedWriter) cutOff() {
	w.over.Store(true)
	_ = w.control.SetWriteDeadline(time.Unix(1, 0)) // where there is none, the next write ends it
}
