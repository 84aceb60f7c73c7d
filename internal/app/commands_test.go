package app

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

func TestHelpListsEveryFlagWithItsVariableAndDefault(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}, {"serve", "-h"}, {"health", "--help"}} {
		var out bytes.Buffer
		if err := Main(t.Context(), args, &out); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		defaults := config.Defaults()
		defaults.Flags().VisitAll(func(f *flag.Flag) {
			for _, want := range []string{"  --" + f.Name + " ", "(" + config.Variable(f.Name) + ")", f.DefValue} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%v does not say %q", args, want)
				}
			}
		})
		for _, want := range []string{config.SessionKeysVariable, config.SessionKeysFileVariable, config.AccessKeysVariable, config.AccessKeysFileVariable, config.DatabaseFileVariable, "latchkey health", "latchkey version"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v does not say %q", args, want)
			}
		}
	}
}

func TestVersionSaysWhatWasBuiltWithWhat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Main(t.Context(), []string{"version"}, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "latchkey ") || !strings.Contains(got, runtime.Version()) {
		t.Errorf("%q", got)
	}
	testkit.WantSentence(t, Main(t.Context(), []string{"version", "--short"}, &out), `"--short"`)
}

func TestAnUnknownCommandIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"start"}, {"Serve"}, {""}, {"serve", "now"}, {"health", "now"}} {
		var out bytes.Buffer
		err := Main(t.Context(), args, &out)
		testkit.WantSentence(t, err, fmt.Sprintf("%q", args[len(args)-1]))
		if out.Len() > 0 {
			t.Errorf("%v printed %s", args, out.String())
		}
	}
}

// listening cancels a context once the program has said where it is.
type listening struct {
	bytes.Buffer
	then context.CancelFunc
}

func (l *listening) Write(p []byte) (int, error) {
	defer l.then()
	return l.Buffer.Write(p)
}

func TestServeSaysWhereItIsAndStopsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{nil, {"serve"}} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &listening{then: cancel}
		args := append(command, "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--log-level", "error")
		if err := Main(ctx, args, out); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.HasPrefix(got, "Latchkey is at http://127.0.0.1:") || strings.Count(got, "\n") != 3 || !strings.Contains(got, "\nIts data is in /") || !strings.Contains(got, "created just now") {
			t.Errorf("%v printed %q", command, got)
		}
	}
}

func TestPagesSayWhoseServerTheyAreOn(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Name, cfg.Contact = "Keys of the <house>", "mailto:ada@example.org"
	a := run(t, cfg)
	if page := get(t, browser(t), a.URL()+"/login").Body; !strings.Contains(page, "· Keys of the &lt;house&gt;</title>") {
		t.Error(page)
	}
}

func TestHealthIsThatOfTheProgramWithTheSameSettings(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	status := http.StatusServiceUnavailable
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(sick.Close)

	var out bytes.Buffer
	if err := Main(t.Context(), []string{"health", "--addr", strings.TrimPrefix(a.URL(), "http://")}, &out); err != nil || out.String() != "healthy\n" {
		t.Errorf("a healthy one: %q, %v", out.String(), err)
	}
	out.Reset()
	testkit.WantSentence(t, Main(t.Context(), []string{"health", "--addr", strings.TrimPrefix(sick.URL, "http://")}, &out), "not healthy", "503")
	testkit.WantSentence(t, Main(t.Context(), []string{"health", "--addr", "127.0.0.1:" + freePort(t)}, &out), "not healthy", "refused")
	testkit.WantSentence(t, Main(t.Context(), []string{"health", "--addr", ":0"}, &out), "--addr", `":0"`)
	testkit.WantSentence(t, Main(t.Context(), []string{"health", "--registration", "maybe"}, &out), "--registration", `"maybe"`)
	if out.Len() > 0 {
		t.Errorf("printed %q", out.String())
	}
}

func TestAHealthCheckOfAWildcardAddressAsksThisMachine(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8080":            "http://127.0.0.1:8080/healthz",
		"0.0.0.0:8080":     "http://127.0.0.1:8080/healthz",
		"[::]:8080":        "http://[::1]:8080/healthz",
		"127.0.0.1:8080":   "http://127.0.0.1:8080/healthz",
		"192.168.1.7:80":   "http://192.168.1.7:80/healthz",
		"localhost:8080":   "http://localhost:8080/healthz",
		"[2001:db8::1]:80": "http://[2001:db8::1]:80/healthz",
	} {
		if got, err := healthURL(addr); err != nil || got != want {
			t.Errorf("%s: %s, %v", addr, got, err)
		}
	}
}

func TestACommandMayStandBehindItsFlags(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"user", "list", "--data", cfg.Data}, {"--data", cfg.Data, "user", "list"}, {"--data=" + cfg.Data, "user", "list"}, {"user", "--data", cfg.Data, "list"},
		{"--json", "--data", cfg.Data, "user", "list"}, {"--data", cfg.Data, "user", "--json", "list"},
	} {
		var out bytes.Buffer
		if err := Main(t.Context(), args, &out); err != nil || strings.Contains(strings.Join(args, " "), "--json") != (out.Len() == 0) {
			t.Errorf("%v: %q, %v", args[:2], out.String(), err)
		}
	}
	for _, tt := range []struct {
		args  []string
		parts []string
	}{
		{[]string{"--data", "user", "list"}, []string{`"list"`}},
		{[]string{"--data", cfg.Data, "users", "list"}, []string{`"users"`}},
		{[]string{"--addr", "127.0.0.1:" + freePort(t), "health"}, []string{"not healthy"}},
		{[]string{"--no-qr", "pair", "https://keys.example.org"}, []string{`"https://keys.example.org"`, "--url"}},
		{[]string{"--url", "ftp://keys.example.org", "pair"}, []string{"--url", "http or https"}},
		{[]string{"--data"}, []string{"-data"}},
	} {
		testkit.WantSentence(t, Main(t.Context(), tt.args, io.Discard), tt.parts...)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	expired := ownCode{4, errors.New("expired")}
	for want, err := range map[int]error{0: nil, 1: errors.New("anything"), 4: fmt.Errorf("and the file is left: %w", expired)} {
		if got := ExitCode(err); got != want {
			t.Errorf("%v: %d", err, got)
		}
	}
}

// ownCode is an error with an exit code of its own.
type ownCode struct {
	code int
	error
}

func (e ownCode) ExitCode() int { return e.code }

func TestHelpThatNobodyReadsIsAnError(t *testing.T) {
	t.Parallel()
	if err := Main(t.Context(), []string{"help"}, testkit.BrokenPipe{}); err == nil {
		t.Error("no error")
	}
}
