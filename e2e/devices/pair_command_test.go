package devices

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// attended runs a program until it ends. When it shows a code, decide is called with it; after that it has a minute.
func attended(cmd *exec.Cmd, decide func(code string) error) (exit int, printed string, err error) {
	output, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		_ = w.Close() // it has nothing to say
	}()
	for lines := bufio.NewScanner(output); lines.Scan(); {
		printed += lines.Text() + "\n"
		if code := userCode.FindString(lines.Text()); code != "" && decide != nil {
			if err = decide(code); err != nil {
				_ = cmd.Process.Kill() // the cause is what matters
			}
			decide = nil
			defer time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
		}
	}
	var failed *exec.ExitError
	if bad := <-ended; !errors.As(bad, &failed) {
		err = errors.Join(err, bad)
	}
	return cmd.ProcessState.ExitCode(), printed, err
}

// pairs checks a device that wrote its key to a file: the file is for its owner alone, and the key is the person's, and is in
// nothing that was printed.
func pairs(t *testing.T, who *story.Person, p *story.Program, file, printed string) {
	t.Helper()
	info, err := os.Lstat(file)
	if err != nil {
		t.Errorf("%v, after it printed:\n%s", err, printed)
		return
	}
	content, err := os.ReadFile(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%s is %v, %v", file, info.Mode(), err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			env[name] = value
		}
	}
	if env["APP_ID"] != "latchkey-local" || env["BASE_URL"] != p.URL || len(env) != 3 {
		t.Errorf("%s has the app %q at %q and %d settings", file, env["APP_ID"], env["BASE_URL"], len(env))
	}
	session, err := p.Client.Login(t.Context(), client.UserAPIKey(env["API_KEY"]))
	if err != nil || session.UserID() != who.Session.UserID() {
		t.Errorf("the key does not log in as the person: %v", err)
	}
	if env["API_KEY"] != "" && strings.Contains(printed, env["API_KEY"]) {
		t.Error("the value was printed")
	}
}

func absent(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was left behind: %v", file, err)
	}
}

// browser is one without a screen, in which a person is signed in and answers for devices, one after the other: codes that are
// tried at the same time count as wrong until each has been looked up.
type browser struct {
	*story.Program
	cookie *http.Cookie
	busy   sync.Mutex
}

// decides opens the question behind a device's code and answers it.
func (b *browser) decides(ctx context.Context, code, act, keyName string) error {
	b.busy.Lock()
	defer b.busy.Unlock()
	asked, err := b.TrySend(ctx, http.MethodPost, "/device", url.Values{"code": {code}}, b.cookie)
	if err != nil {
		return err
	}
	question := asked.Header.Get("Location")
	if !strings.HasPrefix(question, "/device/") {
		return fmt.Errorf("POST /device: %s to %q", asked.Status, question)
	}
	decided, err := b.TrySend(ctx, http.MethodPost, question+"/"+act, url.Values{"name": {keyName}}, b.cookie)
	if err != nil {
		return err
	}
	if decided.Header.Get("Location") != question {
		return fmt.Errorf("POST %s/%s: %s", question, act, decided.Status)
	}
	return nil
}

// deviceStories is a program with a person who decides about devices, and another where every code expires at once.
type deviceStories struct {
	*browser
	ana   *story.Person
	hasty *story.Program
}

func startDeviceStories(t *testing.T) deviceStories {
	t.Helper()
	p := story.StartProgram(t)
	ana := p.Person(t)
	hasty := story.StartProgram(t, func(cfg *config.Config) { cfg.PairingTime = time.Second })
	return deviceStories{&browser{Program: p, cookie: p.Cookie(t, ana)}, ana, hasty}
}

func (s deviceStories) approves(ctx context.Context, name string) func(code string) error {
	return func(code string) error { return s.decides(ctx, code, "approve", name) }
}

func (s deviceStories) denies(ctx context.Context) func(code string) error {
	return func(code string) error { return s.decides(ctx, code, "deny", "") }
}

func TestPairEndsAsTheDeviceCanTell(t *testing.T) {
	t.Parallel()
	binary, err := latchkey()
	if err != nil {
		t.Fatal(err)
	}
	s := startDeviceStories(t)
	taken := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(taken, []byte("MINE=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for name, c := range map[string]struct {
		server, out string // out is in a directory of its own when not given
		decide      func(code string) error
		interrupt   bool // instead of a decision
		exit        int
		says        string
	}{
		"approved":        {server: s.URL, decide: s.approves(t.Context(), "porch-cam"), exit: 0, says: "called porch-cam"},
		"denied":          {server: s.URL, decide: s.denies(t.Context()), exit: 3, says: "denied"},
		"expired":         {server: s.hasty.URL, exit: 4, says: "expired"},
		"interrupted":     {server: s.URL, interrupt: true, exit: 1, says: "do not approve"},
		"no server":       {server: "http://127.0.0.1:1", exit: 5, says: "no answer from http://127.0.0.1:1"},
		"no address":      {server: "keys.example.org", exit: 2, says: "--url"},
		"a file is there": {server: s.URL, out: taken, exit: 1, says: "already exists"},
	} {
		file := cmp.Or(c.out, filepath.Join(t.TempDir(), ".env"))
		cmd := exec.CommandContext(t.Context(), binary, "pair", "--url", c.server, "--out", file)
		if c.interrupt {
			c.decide = func(string) error { return cmd.Process.Signal(os.Interrupt) }
		}
		all.Go(func() {
			exit, printed, err := attended(cmd, c.decide)
			if err != nil || exit != c.exit || !strings.Contains(printed, c.says) {
				t.Errorf("%s: exit code %d, %v, and it printed:\n%s", name, exit, err, printed)
			}
			switch {
			case c.exit == 0:
				pairs(t, s.ana, s.Program, file, printed)
			case c.out == "":
				absent(t, file)
			}
		})
	}
	all.Wait()
	if got, err := os.ReadFile(taken); err != nil || string(got) != "MINE=1\n" {
		t.Errorf("the file that was there says %q, %v", got, err)
	}
	if keys := s.ana.List(t); len(keys) != 1 {
		t.Errorf("%d keys for one approved device", len(keys))
	}
}
