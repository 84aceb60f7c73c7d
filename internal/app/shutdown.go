package app

import (
	"context"
	"time"
)

// shutdownTime is how long requests in flight may take to end before they are cut off.
const shutdownTime = 10 * time.Second

const (
	// quietTime is how long nobody asks anything more on a connection that is hung up on when the program stops. A client that sends one
	// request after the other sends the next sooner, and its answer says that the connection closes.
	quietTime = 500 * time.Millisecond
	// shutdownLook is how often it is looked for connections that have ended.
	shutdownLook = 10 * time.Millisecond
)

// shutdown tells health checks first, so that a proxy can pass requests elsewhere, or hold them. Then it lets in
// accepted clients, and answers. Not http.Server.Shutdown alone: that resets who waits to be let in, and hangs up on requests that it
// has read without a word.
func (a *App) shutdown(ctx context.Context) error {
	a.log.Info("stopping", "drain", a.draining)
	began := time.Now()
	a.stopping.Store(true)
	select {
	case <-time.After(a.draining):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownTime)
	defer cancel()
	a.listener.Drain(ctx)
	a.letGo()
	a.answerAll(ctx, began)
	if err := a.server.Shutdown(ctx); err != nil {
		a.log.Warn("cut off requests that took too long", "time", shutdownTime)
		return a.server.Close()
	}
	return nil
}

// answerAll waits until there is no connection any more, or no time. Each answer ends its connection, so that those on which nothing
// was asked for long enough since the stop began are the only ones to hang up on.
func (a *App) answerAll(ctx context.Context, began time.Time) {
	look := time.NewTicker(shutdownLook)
	defer look.Stop()
	for {
		quiet := time.Now().Add(-a.quiet)
		if quiet.Before(began) {
			quiet = time.Time{}
		}
		if a.listener.LetGo(quiet) == 0 {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}
