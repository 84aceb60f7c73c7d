package devices

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"latchkey/e2e/story"
)

func TestMain(m *testing.M) { story.Main(m, func() { removeBinary() }) }

// removeBinary undoes latchkey, when all stories have ended.
var removeBinary = func() {}

// latchkey is the program as people start it, built once for all stories.
var latchkey = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-e2e-")
	if err != nil {
		return "", err
	}
	removeBinary = func() { _ = os.RemoveAll(dir) } // what stays behind is a file in the system's temporary directory
	binary := filepath.Join(dir, "latchkey")
	build := exec.Command("go", "build", "-o", binary, story.Path())
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(err.Error() + "\n" + string(out))
	}
	return binary, nil
})

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
func device(t *testing.T, p *story.Program, args ...string) *pairing {
	t.Helper()
	binary, err := latchkey()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"pair", "--url", p.URL}, args...)...)
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
	case <-story.Within(t).Done():
		t.Fatal("latchkey pair shows no code:", context.Cause(story.Within(t)))
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
	case <-story.Within(d.t).Done():
		d.t.Fatal("latchkey pair goes on:", context.Cause(story.Within(d.t)))
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
