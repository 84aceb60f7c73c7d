// Package pair is "latchkey pair": the device's side of pairing by code.
package pair

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"latchkey/internal/app/newfile"
	"latchkey/internal/app/weburl"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

// Exit codes for scripts.
const (
	exitUsage    = 2
	exitDenied   = 3
	exitExpired  = 4
	exitNoServer = 5
)

var (
	errDenied  = errors.New("the request was denied: no key was created")
	errExpired = errors.New("the code expired before this device got a key: run this again for a new code")
)

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

// ExitCode is what the process ends with.
func (e exitError) ExitCode() int { return e.code }

// pairSettings are the settings of "latchkey pair". It has flags and no variables: it runs once, and a LATCHKEY_URL that is left
// in an environment would be one more setting that the server beside it does not have.
type pairSettings struct {
	url, name, out string
	noQR           bool
}

func pairFlags(s *pairSettings) *flag.FlagSet {
	fs := flag.NewFlagSet("latchkey pair", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&s.url, "url", "http://127.0.0.1:8080", "`URL` of the Latchkey server, as opened in a browser")
	fs.StringVar(&s.name, "name", "", "`NAME` of this device, shown to the person who approves it; by default its host name")
	fs.StringVar(&s.out, "out", "", "`FILE` to create, readable for its owner alone, with APP_ID, BASE_URL and API_KEY; without it, JSON is printed")
	fs.BoolVar(&s.noQR, "no-qr", false, "do not draw a QR code; one is only drawn in a terminal")
	return fs
}

const pairUsageHead = `latchkey pair connects this device: it gets a key of its own once a person has approved it.

  latchkey pair [flags]

It prints an address and a code to standard error and waits until somebody has entered the code there and approved it.
Then it writes the key to a file, or to standard output as one JSON object.

`

const pairUsageTail = `
Exit codes:
  0  connected: the key was written
  1  any other error, such as a file that already exists
  2  wrong flags
  3  the request was denied
  4  the code expired
  5  the server could not be reached, or stopped answering before the code expired
`

func pairUsage(w io.Writer) error {
	var text strings.Builder
	text.WriteString(pairUsageHead)
	pairFlags(&pairSettings{}).VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		fmt.Fprintf(&text, "  %s\n      %s\n", strings.TrimSpace("--"+f.Name+" "+value), meaning)
		if f.Name == "url" {
			fmt.Fprintf(&text, "      Default: %s\n", f.DefValue)
		}
	})
	text.WriteString(pairUsageTail)
	_, err := io.WriteString(w, text.String())
	return err
}

func loadPair(args []string) (s pairSettings, err error) {
	fs := pairFlags(&s)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, fmt.Errorf("%w (see latchkey pair --help)", err)
	}
	if _, isURL := weburl.ParseHost(fs.Arg(0)); fs.NArg() > 0 && isURL {
		return s, fmt.Errorf("unexpected argument %q: write --url before it", fs.Arg(0))
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q (see latchkey pair --help)", fs.Arg(0))
	}
	u, ok := weburl.ParseHost(s.url)
	if !ok {
		return s, fmt.Errorf("--url is %q: must be an http or https URL with only a host, such as https://keys.example.org",
			weburl.WithoutPassword(s.url))
	}
	s.url = weburl.Origin(u)
	if s.name == "" {
		s.name, _ = os.Hostname() // a device without a name is asked for one on the page
	}
	return s, nil
}

// Run connects the device that it runs on. A QR code is drawn only when stderr is a terminal. An error that has an exit code of
// its own has a method ExitCode.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, terminal bool) error {
	return run(ctx, args, stdout, stderr, terminal, newClient())
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, terminal bool, c *http.Client) error {
	s, err := loadPair(args)
	if errors.Is(err, flag.ErrHelp) {
		return pairUsage(stdout)
	}
	if err != nil {
		return exitError{exitUsage, err}
	}
	// What cannot be said to the person is no reason to stop: the pages say it too.
	say := func(line string) { _, _ = fmt.Fprintln(stderr, line) }
	show := func(p startedPairing) { _, _ = io.WriteString(stderr, p.text(!s.noQR && terminal)) }

	var key pairedKey
	connect := func() (err error) {
		key, err = s.connect(ctx, c, show, say)
		return err
	}
	if s.out == "" {
		if err = connect(); err == nil {
			err = key.printed(key.writeJSON(stdout))
		}
	} else {
		err = newfile.Fill("out", s.out, func(f *os.File) error {
			if err := connect(); err != nil {
				return err
			}
			return key.printed(key.writeEnv(f))
		})
	}
	if err != nil {
		return err
	}
	say("Connected. The key is called " + key.called() + ".")
	return nil
}

// connect asks for a code, shows it and waits for the key.
func (s pairSettings) connect(
	ctx context.Context, c *http.Client, show func(startedPairing), say func(string),
) (pairedKey, error) {
	if strings.HasPrefix(s.url, "http://") && !s.isHere() {
		say("Note: this is plain http. The key is sent unencrypted, and anyone on the way can read it.")
	}
	p := &pairing{http: c, server: s.url}
	key, err := func() (pairedKey, error) {
		if err := p.discover(ctx); err != nil {
			return pairedKey{}, s.unreachable(err)
		}
		started, err := p.start(ctx, s.name)
		if err != nil {
			return pairedKey{}, s.unreachable(err)
		}
		show(started)
		return p.await(ctx, started, say)
	}()
	if err != nil && ctx.Err() != nil {
		return key, errors.New("stopped before this device was connected: do not approve its code now")
	}
	return key, err
}

// unreachable is an error from before there is a code, when nothing is lost by giving up.
func (s pairSettings) unreachable(err error) error {
	var none *noAnswerError
	if !errors.As(err, &none) {
		return err
	}
	text := fmt.Errorf("no answer from %s: %w", s.url, err)
	if s.isHere() && errors.Is(none.cause, syscall.ECONNREFUSED) {
		text = fmt.Errorf("%w. That address is this device itself: if Latchkey runs on another computer, start it there with --addr 0.0.0.0:8080 "+
			"and pass the address that it prints with --url", text)
	}
	if none.after > 0 {
		text = fmt.Errorf("%w; try again in %s", text, inWords(none.after))
	}
	return exitError{exitNoServer, text}
}

// isHere says whether the address leads to this device, wherever it is typed.
func (s pairSettings) isHere() bool { return onlyHere(s.url) }

func onlyHere(address string) bool {
	u, err := url.Parse(address)
	return err == nil && weburl.IsLoopback(u.Hostname())
}

// text is what the person is to do. An address that no phone can open is not drawn for one.
func (s startedPairing) text(withQR bool) string {
	var text strings.Builder
	fmt.Fprintf(&text, "To connect this device, open\n\n    %s\n\nand enter this code:\n\n    %s\n\n", s.Address, s.UserCode)
	if s.Complete != "" {
		fmt.Fprintf(&text, "Or open this link, which contains the code:\n\n    %s\n\n", s.Complete)
	}
	if onlyHere(s.Address) {
		text.WriteString("Only this computer can open that address. For phones and other devices, start Latchkey with --addr 0.0.0.0:8080\n" +
			"and pass the address that it prints with --url.\n\n")
	} else if withQR {
		if qr, err := onboard.NewQR(cmp.Or(s.Complete, s.Address)); err == nil { // a text can be too long for one
			text.WriteString(qr.HalfBlocks() + "\n")
		}
	}
	life := time.Duration(s.ExpiresIn) * time.Second
	fmt.Fprintf(&text, "The code expires in %s. Waiting for approval …\n", inWords(life))
	return text.String()
}

func inWords(d time.Duration) string {
	switch {
	case d <= time.Second:
		return "1 second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	default:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
}

// printed turns a failure to write the key into what the person can do about it: nobody else has it.
func (k pairedKey) printed(err error) error {
	if err != nil {
		return fmt.Errorf("the key %s was created, but could not be written and is lost (%w): delete it on the keys page", k.Name, err)
	}
	return nil
}

func (k pairedKey) writeJSON(w io.Writer) error {
	return json.NewEncoder(w).Encode(map[string]string{
		"app_id": k.AppID, "base_url": k.BaseURL, "api_key": k.Value.Reveal(),
		"key_id": k.ID, "key_name": k.Name, "user_id": k.UserID,
	})
}

// called is the key as pages and emails name it: with the words that its value has on any device.
func (k pairedKey) called() string { return model.WordsOf(model.FingerprintOf(k.Value)).Beside(k.Name) }

// writeEnv writes what the page's "Download as .env" gives. All values have been seen to need no quotes.
func (k pairedKey) writeEnv(f *os.File) error {
	_, err := fmt.Fprintf(f, "# The key %s. Keep this file out of version control.\nAPP_ID=%s\nBASE_URL=%s\nAPI_KEY=%s\n",
		k.called(), k.AppID, k.BaseURL, k.Value.Reveal())
	if err == nil {
		err = f.Sync()
	}
	return err
}
