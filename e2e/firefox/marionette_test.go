package firefox

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// preferences are those of a browser that is new to its work and loads nothing from outside: what is not on this machine is asked for
// at a port that nobody listens on. Marionette itself sees to updates, reports and greetings.
const preferences = `
user_pref("marionette.port", 0);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 1);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 1);
user_pref("dom.events.testing.asyncClipboard", true);
user_pref("ui.prefersReducedMotion", 1);
`

var errNoFirefox = errors.New("there is no Firefox on PATH: firefox or firefox-esr (Debian: apt-get install firefox-esr)")

// browser is a Firefox that is driven by Marionette, the protocol that is in every Firefox and below its WebDriver.
type browser struct {
	process *exec.Cmd
	profile string
	conn    net.Conn
	in      *bufio.Reader
	last    int // the id of the last command
}

var (
	running *browser                  // the one for all stories, if it was started
	shared  = sync.OnceValues(launch) // starts it
)

func launch() (b *browser, err error) {
	running, err = start()
	return running, err
}

// stop ends what was started.
func stop() {
	if running == nil {
		return
	}
	if err := running.end(); err != nil {
		fmt.Fprintln(os.Stderr, "firefox:", err)
	}
}

func start() (b *browser, err error) {
	program, err := exec.LookPath("firefox")
	if err != nil {
		program, err = exec.LookPath("firefox-esr")
	}
	if err != nil {
		return nil, errNoFirefox
	}
	b = &browser{}
	if b.profile, err = os.MkdirTemp("", "latchkey-firefox-"); err != nil {
		return nil, err
	}
	if err = os.WriteFile(filepath.Join(b.profile, "user.js"), []byte(preferences), 0o600); err != nil {
		return nil, errors.Join(err, b.end())
	}
	// System access is what it takes to read the console.
	b.process = exec.Command(program, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", b.profile)
	b.process.Env = append(os.Environ(), "HOME="+b.profile, "MOZ_CRASHREPORTER_DISABLE=1")
	if err = b.process.Start(); err != nil {
		return nil, errors.Join(err, b.end())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err = b.connect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not let itself be driven: %w", program, err), b.end())
	}
	return b, nil
}

// connect waits until the browser listens. The port is one that it chose, and wrote into its profile.
func (b *browser) connect(ctx context.Context) error {
	for {
		port, err := os.ReadFile(filepath.Join(b.profile, "MarionetteActivePort"))
		if err == nil {
			b.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(port))))
		}
		if err == nil {
			b.in = bufio.NewReader(b.conn)
			_, err = b.message() // what it says first: who it is
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end ends the browser and everything that there is of it.
func (b *browser) end() error {
	if b.conn != nil {
		_, _ = b.do("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}}) // else it is killed
		_ = b.conn.Close()
	}
	if b.process != nil && b.process.Process != nil {
		kill := time.AfterFunc(5*time.Second, func() { _ = b.process.Process.Kill() })
		_ = b.process.Wait() // how it ended is of no interest
		kill.Stop()
	}
	return os.RemoveAll(b.profile)
}

// message reads one: its length in digits, a colon, JSON.
func (b *browser) message() ([]byte, error) {
	digits, err := b.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(digits, ":"))
	if err != nil {
		return nil, err
	}
	text := make([]byte, length)
	_, err = io.ReadFull(b.in, text)
	return text, err
}

// failure is what the browser answers when it cannot do something.
type failure struct {
	Name    string `json:"error"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Name + ": " + f.Message }

// do gives one command and waits for its answer. What an answer is about is in its member "value", or it is all of it.
func (b *browser) do(command string, parameters any) (json.RawMessage, error) {
	b.last++
	text, err := json.Marshal([]any{0, b.last, command, parameters})
	if err != nil {
		return nil, err
	}
	if _, err = fmt.Fprintf(b.conn, "%d:%s", len(text), text); err != nil {
		return nil, err
	}
	if text, err = b.message(); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var (
		failed *failure
		result json.RawMessage
		answer = []any{nil, nil, &failed, &result} // its kind and the command's id say nothing: one is sent after the other's answer
	)
	if err = json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	if failed != nil {
		return nil, fmt.Errorf("%s: %w", command, failed)
	}
	var wrapped struct {
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(result, &wrapped) == nil && wrapped.Value != nil {
		return wrapped.Value, nil
	}
	return result, nil
}

// element finds the first that the selector names, and gives its id.
func (b *browser) element(selector string) (string, error) {
	found, err := b.do("WebDriver:FindElement", map[string]string{"using": "css selector", "value": selector})
	if err != nil {
		return "", err
	}
	var reference map[string]string // one id, under a name that is the same for all
	err = json.Unmarshal(found, &reference)
	for _, id := range reference {
		return id, err
	}
	return "", fmt.Errorf("no element in %s: %w", found, err)
}

// script runs the body of a function in the page, or in the browser's own, and decodes what it returns.
func (b *browser) script(body string, out any, args ...any) error {
	if args == nil {
		args = []any{}
	}
	result, err := b.do("WebDriver:ExecuteScript", map[string]any{"script": body, "args": args})
	if err != nil {
		return err
	}
	return json.Unmarshal(result, out)
}

// picture is what the page looks like, as a PNG.
func (b *browser) picture(whole bool) ([]byte, error) {
	result, err := b.do("WebDriver:TakeScreenshot", map[string]any{"full": whole})
	if err != nil {
		return nil, err
	}
	var text string
	if err = json.Unmarshal(result, &text); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}
