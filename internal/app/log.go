package app

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"latchkey/internal/app/config"
)

// newLogger gives people lines and machines JSON, unless --log says which.
func newLogger(cfg config.Settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.Log == config.LogText || cfg.Log == config.LogByPlace && isTerminal(cfg.LogTo) {
		return slog.New(slog.NewTextHandler(cfg.LogTo, options))
	}
	return slog.New(slog.NewJSONHandler(cfg.LogTo, options))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) //nolint:gosec // G115: a descriptor is small
}

func (a *App) warnOfUnknown(cfg config.Settings) {
	for _, name := range cfg.Unknown {
		a.log.Warn("this variable looks like a setting, but there is no such setting", "variable", name)
	}
}

// warnOfOpenDatabase is said at each start: a listener on the way has everything but passwords and values.
func (a *App) warnOfOpenDatabase(cfg config.Settings) {
	if cfg.DatabaseOpen {
		a.log.Warn("the connection to the database is not encrypted: --database (LATCHKEY_DATABASE) says sslmode=disable for another machine")
	}
}
