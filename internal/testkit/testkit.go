// Package testkit has what tests of several packages need alike: a clock, a log, a store with people in it, a way to call a
// handler without a port, and the checks that stand in more than one of them. Only tests and packages that support tests
// import it.
package testkit

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// LongAgo is when tests begin that date keys with a clock of their own: ids never go back within a process, so a clock that
// ran ahead would date the keys of tests that use the real one.
var LongAgo = time.Date(2016, 3, 1, 12, 0, 0, 0, time.UTC)

// Clock stands still until a test moves it. The zero value goes with the machine's clock instead, and a test moves it ahead.
type Clock struct {
	start time.Time
	ahead atomic.Int64
}

// NewClock stands at start.
func NewClock(start time.Time) *Clock { return &Clock{start: start} }

// Now is the time of the clock.
func (c *Clock) Now() time.Time {
	start := c.start
	if start.IsZero() {
		start = time.Now()
	}
	return start.Add(c.Ahead())
}

// Ahead is how far the clock is from where it started, or from the machine's.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// Set moves the clock to a time after its start, which may be back.
func (c *Clock) Set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// Log is a log that can be read while several goroutines write to it.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a line.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is what was written since the log was reset.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Reset forgets what was written.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// Logger writes to the log whatever there is to say, a JSON object a line.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// OldValue is the value of a key as another server created it.
func OldValue() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	value := make([]byte, 64)
	for i := range value {
		value[i] = alphabet[rand.IntN(len(alphabet))] //nolint:gosec // nothing is guarded by it
	}
	return string(value)
}
