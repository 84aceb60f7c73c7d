package app

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"latchkey/internal/app/config"
)

func TestTheLogIsTextOnlyForATerminalUnlessToldSo(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if isTerminal(file) || isTerminal(&bytes.Buffer{}) {
		t.Error("a file is no terminal")
	}
	for form, prefix := range map[string]string{"": "{", "json": "{", "text": "time="} {
		var log bytes.Buffer
		cfg := config.Defaults()
		cfg.Log, cfg.LogLevel, cfg.LogTo = form, "warn", &log
		logger := newLogger(parsed(t, cfg))
		logger.Info("not this")
		logger.Warn("but this")
		if got := log.String(); !strings.HasPrefix(got, prefix) || strings.Contains(got, "not this") || !strings.Contains(got, "but this") {
			t.Errorf("--log %q: %s", form, got)
		}
	}
}
