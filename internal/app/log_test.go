package app

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
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

func TestAHealthCheckThatIsWellIsNoLineOfTheLog(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"info": 1, "debug": 2} {
		cfg := testConfig(t)
		var log testkit.Log
		cfg.LogTo, cfg.LogLevel, cfg.Log = &log, level, "json"
		a := run(t, cfg)
		get(t, browser(t), a.URL()+"/healthz")
		get(t, browser(t), a.URL()+"/login")
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(log.String(), `"msg":"request"`); got != want {
			t.Errorf("%s: %d lines, want %d", level, got, want)
		}
	}
}

func TestADatabaseThatIsReachedInTheOpenIsWarnedOfAtTheStart(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"postgres://u:canary-1@db.example.org/db?sslmode=disable": true, "postgres://u:canary-1@localhost/db?sslmode=disable": false,
		"postgres://u:canary-1@db.example.org/db": false, "": false,
	} {
		var log bytes.Buffer
		cfg := testConfig(t)
		cfg.Database, cfg.LogTo = model.Secret(url), &log
		settings := parsed(t, cfg)
		(&App{log: newLogger(settings)}).warnOfOpenDatabase(settings)
		if got := log.String(); strings.Contains(got, "sslmode=disable") != want || strings.Contains(got, "canary") {
			t.Errorf("%s: %s", url, got)
		}
	}
}
