// Package doctor is "latchkey doctor": it says what of an App Services app can go on with Latchkey, from the app's export, and what
// stands in the way of devices at an address. It needs no data directory and changes nothing.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/internal/app/weburl"
)

// Exit codes for scripts.
const (
	exitCannot = 1
	exitUsage  = 2
)

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

// ExitCode is what the process ends with.
func (e exitError) ExitCode() int { return e.code }

// notExport says that there is nothing to report on.
func notExport(format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf("not an export: "+format, args...)}
}

var (
	errCannot     = exitError{exitCannot, errors.New("part of this app does not work here: see the report")}
	errIncomplete = exitError{exitUsage, errors.New("the report is incomplete: some files could not be read")}
	errNotReached = exitError{exitCannot, errors.New("devices do not work at this address yet: see the report")}
)

type settings struct {
	export, users, providers, reach, appID string
	json                                   bool
}

func flags(s *settings) *flag.FlagSet {
	fs := flag.NewFlagSet("latchkey doctor", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&s.users, "users", "", "`FILE` of users as import-users takes it, to count whom it is about")
	fs.StringVar(&s.providers, "write-providers", "", "`FILE` to create for --providers, with FILL IN where the export has a secret's name only")
	fs.StringVar(&s.reach, "reach", "", "`URL` of a running server, asked as an SDK would ask it")
	fs.StringVar(&s.appID, "app-id", "", "app `ID` to ask for with --reach, when neither EXPORT nor the server says it")
	fs.BoolVar(&s.json, "json", false, "print JSON")
	return fs
}

const usageHead = `latchkey doctor says what of an App Services app works with Latchkey, and whether devices can reach a server.

  latchkey doctor EXPORT [flags]
  latchkey doctor --reach URL [EXPORT] [flags]

EXPORT is a folder or .zip file as exported by the App Services CLI or pages. Nothing is changed or unpacked.

`

const usageTail = `
Exit codes:
  0  everything works, or can with some configuration
  1  something does not work
  2  not an export, a file that cannot be read, or wrong flags
`

func usage(w io.Writer) error {
	var text strings.Builder
	text.WriteString(usageHead)
	flags(&settings{}).VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		fmt.Fprintf(&text, "  %s\n      %s\n", strings.TrimSpace("--"+f.Name+" "+value), meaning)
	})
	text.WriteString(usageTail)
	_, err := io.WriteString(w, text.String())
	return err
}

// load reads the arguments: flags may stand before and behind what they are about.
func load(args []string) (s settings, err error) {
	if slices.ContainsFunc(args, func(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }) {
		return s, flag.ErrHelp
	}
	fs := flags(&s)
	var arguments []string
	for rest := args; ; rest = fs.Args()[1:] {
		if err := fs.Parse(rest); err != nil {
			return s, fmt.Errorf("%w (see latchkey doctor --help)", err)
		}
		if fs.NArg() == 0 {
			break
		}
		arguments = append(arguments, fs.Arg(0))
	}
	switch {
	case len(arguments) > 1:
		return s, fmt.Errorf("unexpected argument %q (see latchkey doctor --help)", arguments[1])
	case len(arguments) == 1:
		s.export = arguments[0]
	}
	switch {
	case s.export == "" && s.reach == "":
		return s, errors.New("EXPORT is missing: latchkey doctor EXPORT (see latchkey doctor --help)")
	case s.reach != "" && (s.users != "" || s.providers != ""):
		return s, errors.New("--users and --write-providers are about an export alone: leave out --reach")
	case s.reach == "" && s.appID != "":
		return s, errors.New("--app-id is for --reach: an export has its own")
	case s.appID != "" && !isAppID(s.appID):
		return s, fmt.Errorf("--app-id is %q: must be like myapp-abcde", s.appID)
	}
	if s.reach != "" {
		u, ok := weburl.ParseHost(s.reach)
		if !ok {
			return s, fmt.Errorf("--reach is %q: must be an http or https URL with only a host, such as https://keys.example.org", weburl.WithoutPassword(s.reach))
		}
		s.reach = weburl.Origin(u)
	}
	return s, nil
}

// Run carries out "latchkey doctor". An error that has an exit code of its own has a method ExitCode.
func Run(ctx context.Context, args []string, stdout io.Writer) error {
	return run(ctx, args, stdout, reachable{now: time.Now, known: isAndroid7Root})
}

func run(ctx context.Context, args []string, stdout io.Writer, from reachable) error {
	s, err := load(args)
	if errors.Is(err, flag.ErrHelp) {
		return usage(stdout)
	}
	if err != nil {
		return exitError{exitUsage, err}
	}
	if s.reach == "" {
		return s.examine(stdout)
	}
	if s.export != "" {
		a, err := readApp(s.export)
		if err != nil {
			return err
		}
		if s.appID == "" {
			s.appID = a.id
		}
	}
	found := from.check(ctx, s.reach, s.appID)
	if err := s.print(stdout, found); err != nil {
		return err
	}
	if found.broken() {
		return errNotReached
	}
	return nil
}

// examine reports on an export.
func (s settings) examine(stdout io.Writer) error {
	a, err := readApp(s.export)
	if err != nil {
		return err
	}
	var people *people
	if s.users != "" {
		counted, problem := countPeople(s.users)
		if problem != "" {
			a.problems = append(a.problems, problem)
		} else {
			people = &counted
		}
	}
	found := a.report(s, people)
	if s.providers != "" {
		if found.Wrote, err = a.writeProviders(s.providers); err != nil {
			return err
		}
	}
	if err := s.print(stdout, found); err != nil {
		return err
	}
	switch {
	case len(found.Problems) > 0:
		return errIncomplete
	case len(found.Fails) > 0:
		return errCannot
	}
	return nil
}

// finding is what is printed.
type finding interface{ text() string }

func (s settings) print(w io.Writer, f finding) error {
	if !s.json {
		_, err := io.WriteString(w, f.text())
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(f)
}

// doer asks a server.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}
