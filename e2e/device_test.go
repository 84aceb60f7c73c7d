package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// latchkey is the program as people start it, built once for all stories.
var latchkey = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-e2e-")
	if err != nil {
		return "", err
	}
	removeBinary = func() { _ = os.RemoveAll(dir) } // what stays behind is a file in the system's temporary directory
	binary := filepath.Join(dir, "latchkey")
	build := exec.Command("go", "build", "-o", binary, "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(err.Error() + "\n" + string(out))
	}
	return binary, nil
})

// removeBinary undoes latchkey, when all stories have ended.
var removeBinary = func() {}

// pairing is a device that wants a key: a process of "latchkey pair".
type pairing struct {
	t       *testing.T
	code    string // as the device shows it
	address string // as the device shows it, with the code in it
	ended   chan struct{}
	printed []byte // on standard output, once ended
	exit    int    // once ended
}

var userCode = regexp.MustCompile(`\b[B-Z]{4}-[B-Z]{4}\b`)

// device starts "latchkey pair" and waits until it shows a code.
func (p *program) device(t *testing.T, args ...string) *pairing {
	t.Helper()
	binary, err := latchkey()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"pair", "--url", p.url}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &pairing{t: t, ended: make(chan struct{})}
	shown := make(chan struct{})
	go d.follow(cmd, bufio.NewScanner(stdout), bufio.NewScanner(stderr), shown)
	t.Cleanup(func() { <-d.ended })
	select {
	case <-shown:
	case <-d.ended:
		t.Fatalf("latchkey pair ended with %d before it showed a code", d.exit)
	case <-time.After(20 * time.Second):
		t.Fatal("latchkey pair shows no code")
	}
	return d
}

// follow reads what the process prints, and its end.
func (d *pairing) follow(cmd *exec.Cmd, stdout, stderr *bufio.Scanner, shown chan struct{}) {
	defer close(d.ended)
	told := make(chan struct{})
	go func() {
		defer close(told)
		var once sync.Once
		for stderr.Scan() {
			line := stderr.Text()
			if d.code == "" {
				d.code = userCode.FindString(line)
			}
			if at := strings.Index(line, "http"); d.address == "" && at >= 0 && strings.Contains(line, "user_code=") {
				d.address, _, _ = strings.Cut(line[at:], " ")
			}
			if d.code != "" && d.address != "" {
				once.Do(func() { close(shown) })
			}
		}
	}()
	for stdout.Scan() {
		d.printed = append(append(d.printed, stdout.Bytes()...), '\n')
	}
	<-told
	var failed *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &failed) {
		d.exit = failed.ExitCode()
	}
}

// end waits for the process to end and checks how it did.
func (d *pairing) end(exit int) {
	d.t.Helper()
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		d.t.Fatal("latchkey pair goes on")
	}
	if d.exit != exit {
		d.t.Fatalf("latchkey pair ended with %d, want %d", d.exit, exit)
	}
}

// paired is what "latchkey pair" prints.
type paired struct {
	AppID   string `json:"app_id"`
	BaseURL string `json:"base_url"`
	APIKey  string `json:"api_key"`
	KeyID   string `json:"key_id"`
	KeyName string `json:"key_name"`
	UserID  string `json:"user_id"`
}

// key waits until the device has its key.
func (d *pairing) key() paired {
	d.t.Helper()
	d.end(0)
	var got paired
	if err := json.Unmarshal(d.printed, &got); err != nil {
		d.t.Fatalf("latchkey pair printed no JSON: %v", err)
	}
	return got
}

// grant is a device that is no process: it shows a code, and asks when the test says so.
type grant struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Address    string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
}

// grant asks for a code as a device does.
func (p *program) grant(t *testing.T, name string) grant {
	t.Helper()
	var g grant
	if status := p.askFor(t.Context(), "/oauth/device_authorization", url.Values{"client_id": {"latchkey-local"}, "device_name": {name}}, &g); status != http.StatusOK {
		t.Fatalf("no device grant: %d", status)
	}
	return g
}

// token is the answer to a poll.
type token struct {
	Error       string `json:"error"`
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	KeyID       string `json:"key_id"`
	KeyName     string `json:"key_name"`
}

// poll asks once whether the person has decided.
func (p *program) poll(ctx context.Context, g grant) (token, int) {
	var got token
	status := p.askFor(ctx, "/oauth/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {"latchkey-local"}, "device_code": {g.DeviceCode},
	}, &got)
	return got, status
}

func (p *program) askFor(ctx context.Context, path string, form url.Values, out any) int {
	a, err := p.trySend(ctx, http.MethodPost, path, form, nil)
	if err != nil || json.Unmarshal([]byte(a.Body), out) != nil {
		return 0
	}
	return a.StatusCode
}
