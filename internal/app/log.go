package app

import (
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
)

// newLogger gives people lines and machines JSON, unless --log says which.
func newLogger(cfg Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // Validate has seen it
	options := &slog.HandlerOptions{Level: level}
	if cfg.Log == "text" || cfg.Log == "" && isTerminal(cfg.LogTo) {
		return slog.New(slog.NewTextHandler(cfg.LogTo, options))
	}
	return slog.New(slog.NewJSONHandler(cfg.LogTo, options))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
