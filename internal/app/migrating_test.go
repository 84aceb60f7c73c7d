package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/internal/testkit"
)

// A reader who follows the page types its commands one after another, in one directory.
func TestEveryCommandOfTheMigrationGuideWorks(t *testing.T) {
	t.Parallel()
	page := testkit.ReadFile(t, "../../docs/migrating.md")
	r := newReader(t)
	blocks := regexp.MustCompile("(?ms)^ *```(sh|text)\n(.*?)^ *```$").FindAllStringSubmatch(page, -1)
	commands, said := 0, ""
	for _, block := range blocks {
		if block[1] == "text" {
			if diff := cmp.Diff(block[2], said); diff != "" {
				t.Errorf("what the page says is not what is printed (-page +program):\n%s", diff)
			}
			continue
		}
		for line := range strings.Lines(block[2]) {
			commands++
			said = r.types(strings.TrimSpace(line))
		}
	}
	if commands < 20 {
		t.Errorf("only %d commands were found", commands)
	}
}

// What the doctor asks is what this program answers, until something stands between them.
func TestTheDoctorNamesWhatAProxyInFrontOfTheProgramSpoils(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*http.Response){
		"": func(*http.Response) {}, "must be application/json alone": func(r *http.Response) { r.Header.Set("Content-Type", "application/json; charset=utf-8") },
		"ahead of this computer's": func(r *http.Response) { r.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)) },
	} {
		proxy := httptest.NewUnstartedServer(nil)
		cfg := testConfig(t)
		cfg.PublicURL = "http://" + proxy.Listener.Addr().String()
		to := &url.URL{Scheme: "http", Host: run(t, cfg).listener.Addr().String()}
		proxy.Config.Handler = &httputil.ReverseProxy{
			Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
			ModifyResponse: func(r *http.Response) error { spoil(r); return nil },
		}
		proxy.Start()
		t.Cleanup(proxy.Close)
		var out bytes.Buffer
		err := Main(t.Context(), []string{"doctor", "--reach", cfg.PublicURL}, &out)
		if wrong := 6 - strings.Count(out.String(), "  ok\n"); (name == "") != (err == nil) || wrong != min(1, len(name)) || !strings.Contains(out.String(), name) {
			t.Errorf("%s: %v %s", name, err, out.String())
		}
	}
}

// What one part of the program writes, another reads: once the gaps are filled in, and not before.
func TestTheFileThatTheDoctorWritesIsReadOnceItIsFilledIn(t *testing.T) {
	t.Parallel()
	for _, age := range []string{"newest", "realm", "stitch"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "providers.json")
		_ = Main(t.Context(), []string{"doctor", "doctor/testdata/" + age, "--write-providers", file}, io.Discard) // not all of these apps works
		cfg := testConfig(t)
		cfg.Providers = file
		content := testkit.ReadFile(t, file)
		if _, err := cfg.Parse(); strings.Contains(content, "FILL IN") != (err != nil) {
			t.Errorf("%s as it was written: %v", age, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(strings.Repeat("s", 40)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(content, "FILL IN", "secret")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cfg.Parse(); err != nil {
			t.Errorf("%s filled in: %v", age, err)
		}
	}
}

// reader is somebody who follows the page.
type reader struct {
	t       *testing.T
	dir     string // has what the page says that one has
	env     []string
	address string // in place of the page's
	server  *exec.Cmd
	knock   string // the id of the device that knocks, in place of the page's
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{t: t, dir: t.TempDir()}
	port := freePort(t)
	r.address = "http://127.0.0.1:" + port
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r.env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + r.dir, "LATCHKEY_ADDR=127.0.0.1:" + port, "LATCHKEY_LOG_LEVEL=error"}
	for name, content := range map[string]string{
		filepath.Join(bin, "latchkey"): "#!/bin/sh\n" + asProgram + "=1 exec '" + self + "' \"$@\"\n",
		"users.json":                   testkit.ReadFile(t, "doctor/testdata/users.json"),
		"keys.csv":                     "user,name,value\nada@example.org,garage-pi,cLq0tI1jkszp88r7fYkDc96kVncLVPFjTTZ2bdC37H4KVPRIVrEScHcEYpYGky8q\n",
		"gateways.csv":                 "name,value\nold-gateway,06jrTAGiDO5psXGHgQT4Rrg3iuRfFkKfeb3Q1MSc0sorvCNqpafMuhXXF9WXIGEY\n",
		"profiles.json":                `{"owner_id":"5f3a1c2b9d0e4a0012345671","plan":"garden"}` + "\n",
	} {
		if !filepath.IsAbs(name) {
			name = filepath.Join(r.dir, name)
		}
		if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(r.dir, "myapp"), os.DirFS("doctor/testdata/newest")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// types carries out a command and gives what it prints.
func (r *reader) types(line string) string {
	r.t.Helper()
	command := strings.ReplaceAll(line, "https://keys.example.org", r.address)
	if strings.HasPrefix(command, "latchkey --") {
		r.start(command)
		return ""
	}
	program, _, _ := strings.Cut(command, " ")
	if _, err := exec.LookPath(program); program != "latchkey" && err != nil {
		r.t.Logf("no %s here", program)
		return ""
	}
	knocks := strings.HasPrefix(command, "latchkey knock list")
	if knocks { // a device has tried meanwhile
		c, err := client.New(r.address, "myapp-abcde")
		if err == nil {
			_, err = c.Login(r.t.Context(), client.UserAPIKey("SslBo43qgguc6STNscLelQdVJoKerzsdEdrSZ9r3LjyzteI7tDKPcAgkuk85UKYR"))
		}
		if !client.IsUnauthorized(err) {
			r.t.Errorf("a device with an unknown value: %v", err)
		}
	}
	if r.knock != "" {
		command = strings.ReplaceAll(command, "3f9a1c", r.knock)
	}
	out, complaints, code := r.run(command)
	for began := time.Now(); knocks && code == 0 && !knockID.MatchString(out) && time.Since(began) < time.Minute; { // it is recorded after its answer
		out, complaints, code = r.run(command)
	}
	switch {
	case code == 1 && strings.HasPrefix(command, "latchkey doctor myapp") && strings.Contains(out, "Does not work"):
	case code != 0:
		r.t.Errorf("%s: %d %s%s", line, code, out, complaints)
	}
	if knocks {
		r.knock = knockID.FindString(out)
	}
	return out
}

var knockID = regexp.MustCompile(`(?m)^([0-9a-f]{6,24})\b`)

func (r *reader) run(command string) (out, complaints string, code int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Dir, c.Env, c.Stdout, c.Stderr = r.dir, r.env, &stdout, &stderr
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited { //nolint:errorlint // it is not wrapped
		r.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

// start runs the server in place of the one that runs.
func (r *reader) start(command string) {
	r.t.Helper()
	r.stop()
	if complaints := r.serve(command); complaints != "" {
		r.t.Errorf("%s: %s", command, complaints)
	}
}

// serve gives what a server complains of that does not start.
func (r *reader) serve(command string) (complaints string) {
	r.t.Helper()
	var stderr bytes.Buffer
	c := exec.Command("sh", "-c", "exec "+command)
	c.Dir, c.Env, c.Stderr = r.dir, r.env, &stderr
	stdout, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	first := make([]byte, 512)
	if n, _ := stdout.Read(first); !strings.HasPrefix(string(first[:n]), "Latchkey is at ") {
		_ = c.Wait()
		return stderr.String() + " "
	}
	r.server = c
	return ""
}

func (r *reader) stop() {
	if r.server == nil {
		return
	}
	_ = r.server.Process.Signal(syscall.SIGTERM)
	_ = r.server.Wait() // how it ends is not the page's
	r.server = nil
}
