package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/app/doctor"
	"latchkey/internal/app/operate"
	"latchkey/internal/app/pair"
	"latchkey/static"
)

// Main is the command line: it runs the sub-command that the arguments name, "serve" when they name none. What it prints
// for people goes to stdout; the log goes to standard error.
func Main(ctx context.Context, args []string, stdout io.Writer) error {
	defaults := config.Defaults()
	args = operate.CommandFirst(args, defaults.Flags(), isCommand)
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "serve":
		err = serve(ctx, args, stdout)
	case "health":
		err = health(ctx, args, stdout)
	case "pair":
		return pair.Run(ctx, args, stdout, os.Stderr, isTerminal(os.Stderr))
	case "doctor":
		return doctor.Run(ctx, args, stdout)
	case "user", "key", "adopt-keys", "server-key", "knock", "import-users", "import-custom-data", "backup", "restore", "status", "nodes", "migrate", "copy-data", "webhook":
		return operateOn(ctx, append([]string{command}, args...), console(stdout))
	case "words":
		return operate.Words(ctx, args, console(stdout))
	case "version":
		err = version(args, stdout)
	case "help":
		err = flag.ErrHelp
	default:
		last := len(commandNames) - 1
		return fmt.Errorf("unknown command %q: there are %s and %s", command, strings.Join(commandNames[:last], ", "), commandNames[last])
	}
	if errors.Is(err, flag.ErrHelp) {
		return usage(stdout)
	}
	return err
}

// commandNames are the words that Main knows.
var commandNames = []string{
	"serve", "pair", "health", "doctor", "status", "user", "key", "adopt-keys", "knock", "server-key", "webhook", "import-users", "import-custom-data", "backup", "restore",
	"nodes", "migrate", "copy-data", "words", "version", "help",
}

func isCommand(word string) bool { return slices.Contains(commandNames, word) }

// ExitCode is what the process ends with after an error of Main: 0 for none, and 1 unless the error has its own.
func ExitCode(err error) int {
	var own interface {
		error
		ExitCode() int
	}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &own):
		return own.ExitCode()
	default:
		return 1
	}
}

// serve runs the program until the context ends.
func serve(ctx context.Context, args []string, stdout io.Writer) error {
	cfg, err := config.Load(args, os.Environ())
	if err != nil {
		return err
	}
	a, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	go static.Prepare() // done before anybody has seen a page, and in nobody's way
	lines := []string{"Latchkey is at " + a.URL(), a.Reach(), a.Data()}
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	// The listener is open: once this is read, one can connect.
	if _, err := fmt.Fprintln(stdout, strings.Join(lines, "\n")); err != nil {
		a.log.Warn("cannot print the address to standard output", "error", err)
	}
	a.tellManager("READY=1")
	context.AfterFunc(ctx, func() { a.tellManager("STOPPING=1") })
	return a.Run(ctx)
}

// health asks the program that has the same settings whether it is well. It is what a container without a shell or curl
// has for its health check.
func health(ctx context.Context, args []string, stdout io.Writer) error {
	given, err := config.Load(args, os.Environ())
	if err != nil {
		return err
	}
	cfg, err := given.Parse()
	if err != nil {
		return err
	}
	url, err := healthURL(cfg.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: noRedirect} // and no proxy
	res, err := direct.Do(req)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s answered %s", url, res.Status)
	}
	_, err = fmt.Fprintln(stdout, "healthy")
	return err
}

// healthURL is where a program that listens on addr is reached from its own machine.
func healthURL(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", config.Refuse("addr", addr, "a health check needs a fixed port")
	}
	switch {
	case host == "" || net.ParseIP(host).Equal(net.IPv4zero):
		host = "127.0.0.1"
	case net.ParseIP(host).IsUnspecified():
		host = "::1"
	}
	return "http://" + net.JoinHostPort(host, port) + healthPath, nil
}

func version(args []string, stdout io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: version takes none", args[0])
	}
	number, revision := build()
	if revision != "" {
		revision = " " + revision
	}
	_, err := fmt.Fprintf(stdout, "latchkey %s%s %s %s/%s\n", number, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// release is the version as a build without a repository was told it: -ldflags "-X latchkey/internal/app.release=v1.2.3".
var release string

// build is what this program was built from; "" for a revision that is not known.
func build() (number, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	if release != "" {
		return release, revision
	}
	return info.Main.Version, revision
}

// thisProgram tells versions apart in a line of a table.
func thisProgram() string {
	number, revision := build()
	if len(revision) > 12 && !strings.Contains(number, revision[:12]) {
		number += " " + revision[:12]
	}
	return number
}

const usageHead = `Latchkey is a web page on which people manage their own user API keys, and the App Services compatible server that
accepts those keys.

  latchkey [serve] [flags]   start the server
  latchkey pair [flags]      connect this device (see latchkey pair --help)
  latchkey health [flags]    check whether the server with these settings is healthy: exit code 0 or 1
  latchkey doctor …          say what of an App Services app works here, and whether devices can reach a server
  latchkey status            show where the server and its data are, and what needs attention
  latchkey user …            create, list, disable, enable and delete accounts (see latchkey user --help)
  latchkey key …             list, turn off, turn on and delete keys of a user (see latchkey key --help)
  latchkey adopt-keys …      give values that devices already have to users, as new keys
  latchkey knock …           list devices that were refused, and give them to users (see latchkey knock --help)
  latchkey server-key …      create, list, turn off and delete keys of programs that belong to no person
  latchkey webhook …         send what happens to programs of yours, signed (see latchkey webhook --help)
  latchkey import-users …    create accounts from a user export of App Services' Admin API
  latchkey import-custom-data …
                             save what apps know of users, from a file of mongoexport
  latchkey backup …          copy the database while the server runs
  latchkey restore …         put a backup back while the server is stopped
  latchkey nodes             list the nodes that share the database of --database
  latchkey migrate           update the schema of that database; nodes also do so at their start
  latchkey copy-data         copy all data from --data to that database while the server is stopped
  latchkey words             read a key's value and print the words that pages and emails name it by
  latchkey version           print the version
  latchkey help              print this help

Every flag has an environment variable. If both are given, the flag wins.

`

const usageTail = `
The first start creates two key files in the data directory. To use your own keys instead:
  ` + config.SessionKeysVariable + `, ` + config.SessionKeysFileVariable + `
      The keys that seal web sessions and sign refresh tokens: 32 random bytes in base64 each, newest first, separated by
      commas. In the file, one key per line.
  ` + config.AccessKeysVariable + `, ` + config.AccessKeysFileVariable + `
      The keys of access tokens, in PEM; the first one signs. In the variable, \n may stand for the end of a line.
  ` + config.DatabaseFileVariable + `
      A file that contains the URL of --database.
`

// usage lists the commands, and every flag with its variable and default.
func usage(w io.Writer) error {
	var text strings.Builder
	text.WriteString(usageHead)
	defaults := config.Defaults()
	defaults.Flags().VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		fmt.Fprintf(&text, "  --%s %s  (%s)\n      %s\n", f.Name, value, config.Variable(f.Name), meaning)
		if f.DefValue != "" {
			fmt.Fprintf(&text, "      Default: %s\n", f.DefValue)
		}
	})
	text.WriteString(usageTail)
	_, err := io.WriteString(w, text.String())
	return err
}
