package app

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// instructions are the Dockerfile's, by keyword, in order.
func instructions(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(testkit.ReadFile(t, "../../Dockerfile")) {
		keyword, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && keyword != "#" {
			all[keyword] = append(all[keyword], rest)
		}
	}
	return all
}

func TestTheImagesSettingsAreSettings(t *testing.T) {
	t.Parallel()
	dockerfile := instructions(t)
	known := map[string]bool{}
	(&config.Config{}).Flags().VisitAll(func(f *flag.Flag) { known[config.Variable(f.Name)] = true })
	environ := strings.Fields(strings.Join(dockerfile["ENV"], " "))
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	given, err := config.Load(nil, environ)
	if err != nil {
		t.Fatal(err)
	}
	cfg := parsed(t, given)
	_, port, _ := strings.Cut(cfg.Addr, ":")
	if !slices.Equal(dockerfile["EXPOSE"], []string{port}) || !slices.Equal(dockerfile["VOLUME"], []string{cfg.Data}) {
		t.Errorf("EXPOSE %v, VOLUME %v; settings %s, %s", dockerfile["EXPOSE"], dockerfile["VOLUME"], cfg.Addr, cfg.Data)
	}
	if _, err := healthURL(cfg.Addr); err != nil {
		t.Error(err)
	}
}

func TestTheImageRunsAsNobodyInParticular(t *testing.T) {
	t.Parallel()
	dockerfile := instructions(t)
	if users := dockerfile["USER"]; len(users) != 1 || !regexp.MustCompile(`^[1-9][0-9]*(:[1-9][0-9]*)?$`).MatchString(users[0]) {
		t.Errorf("USER %v is no number", users)
	}
	if entry := dockerfile["ENTRYPOINT"]; !slices.Equal(entry, []string{`["/latchkey"]`}) {
		t.Errorf("ENTRYPOINT %v", entry)
	}
	if check := strings.Join(dockerfile["HEALTHCHECK"], ""); !strings.HasSuffix(check, `CMD ["/latchkey", "health"]`) {
		t.Errorf("HEALTHCHECK %s", check)
	}
}

// imageVersion is the version that the image below is built as.
const imageVersion = "v7.8.9-image"

// buildAsImage does what the first stage of the Dockerfile says, in empty directories, and gives the one that stands for its root.
func buildAsImage(t *testing.T) (root string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	root = t.TempDir()
	stage, _, _ := strings.Cut(testkit.ReadFile(t, "../../Dockerfile"), "\nFROM gcr.io/distroless/")
	src, layers := filepath.Join(root, "src"), 0
	testkit.MakeDir(t, src, 0o755)
	for line := range strings.Lines(stage) {
		keyword, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch keyword {
		case "COPY":
			names := strings.Fields(rest)
			for _, from := range names[:len(names)-1] {
				copyIntoImage(t, from, src)
			}
		case "RUN":
			if strings.HasPrefix(rest, "go mod download") && len(filesIn(t, src)) == 2 {
				layers++ // the modules come before the sources
			}
			run := exec.CommandContext(t.Context(), "sh", "-c", strings.NewReplacer("/out/", root+"/out/", "/volume", root+"/volume").Replace(rest))
			run.Dir, run.Env = src, append(os.Environ(), "VERSION="+imageVersion, "TARGETOS=", "TARGETARCH=")
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", rest, err, out)
			}
		}
	}
	if layers != 1 {
		t.Error("the modules are no layer of their own")
	}
	return root
}

func filesIn(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// copyIntoImage copies a file, or all that .dockerignore leaves.
func copyIntoImage(t *testing.T, name, to string) {
	t.Helper()
	const from = "../.."
	ignored := strings.Fields(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(testkit.ReadFile(t, from+"/.dockerignore"), ""))
	err := filepath.WalkDir(filepath.Join(from, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil || inside == "." {
			return err
		}
		for _, pattern := range ignored {
			at := inside
			if anywhere, ok := strings.CutPrefix(pattern, "**/"); ok {
				pattern, at = anywhere, d.Name()
			}
			if matches, err := filepath.Match(pattern, at); matches && d.IsDir() {
				return filepath.SkipDir
			} else if matches || err != nil {
				return err
			}
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, inside), 0o755)
		}
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, inside), content, 0o644)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheImagesProgramIsSmallAndNeedsNoOtherFile(t *testing.T) {
	t.Parallel()
	root := buildAsImage(t)
	binary := filepath.Join(root, "out", "latchkey")
	if strays, err := filepath.Glob(filepath.Join(root, "src", "*", "*_test.go")); len(strays) > 0 || err != nil {
		t.Errorf("the image is built from %v, %v", strays, err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	// Web Authentication is 2.4 MB of it: go-webauthn links what reads the attestations of all makers, which are never asked for. Languages
	// are 1.2 MB: two files of translations, which repeat the English they translate, and a call for every text of a page.
	if size := info.Size(); size > 33_000_000 {
		t.Errorf("it has %d bytes", size)
	}
	if runtime.GOOS == "linux" {
		checkStatic(t, binary)
	}

	if out, code := execute(t, binary, nil, "version"); code != 0 || !strings.HasPrefix(out, "latchkey "+imageVersion+" ") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if runtime.GOOS == "linux" {
		startAsTheImagesUser(t, root)
	}

	cfg := testConfig(t)
	cfg.Addr = "127.0.0.1:" + freePort(t)
	// As in the image, the settings are variables.
	environ := []string{"LATCHKEY_ADDR=" + cfg.Addr, "LATCHKEY_DATA=" + cfg.Data}
	if out, code := execute(t, binary, environ, "health"); code != 1 || strings.Count(out, "\n") != 1 {
		t.Errorf("health of none: exit code %d, %s", code, out)
	}
	stop := startProgram(t, binary, environ, "Latchkey is at http://"+cfg.Addr+"\n")
	if out, code := execute(t, binary, environ, "health"); code != 0 {
		t.Errorf("health of a running one: exit code %d, %s", code, out)
	}
	if out, code := execute(t, binary, environ); code != 1 || !strings.Contains(out, "--addr") || strings.Count(out, "\n") != 1 {
		t.Errorf("a second one on the same port: exit code %d, %s", code, out)
	}
	if out, code := execute(t, binary, append(environ, "LATCHKEY_ADDR=127.0.0.1:0")); code != 1 || !strings.Contains(out, "--data") || strings.Count(out, "\n") != 1 {
		t.Errorf("a second one on the same data: exit code %d, %s", code, out)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped by a signal: %v", err)
	}
}

func checkStatic(t *testing.T, binary string) {
	t.Helper()
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("it needs a loader")
	}
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v, %v", libraries, err)
	}
}

// execute runs the program to its end and gives what it printed and its exit code.
func execute(t *testing.T, binary string, environ []string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	program := exec.CommandContext(ctx, binary, args...)
	program.Env = environ
	out, err := program.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), program.ProcessState.ExitCode()
}

// startProgram waits until the program has printed its line. The function it gives ends it as a container platform does.
func startProgram(t *testing.T, binary string, environ []string, line string) (stop func() error) {
	t.Helper()
	program := exec.CommandContext(t.Context(), binary)
	program.Env = environ
	var log bytes.Buffer
	program.Stderr = &log
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(line))
	if _, err := io.ReadFull(stdout, got); err != nil || string(got) != line {
		t.Fatalf("it printed %q, %v, want %q; log: %s", got, err, line, log.String())
	}
	return func() error {
		return errors.Join(program.Process.Signal(syscall.SIGTERM), program.Wait())
	}
}
