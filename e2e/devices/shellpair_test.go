package devices

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/e2e/story"
)

// shells are those of the shells that a device may have which this machine has. All have sh.
func shells() [][]string {
	found := [][]string{{"sh"}}
	for _, shell := range [][]string{{"dash"}, {"busybox", "sh"}, {"bash"}} {
		if _, err := exec.LookPath(shell[0]); err == nil {
			found = append(found, shell)
		}
	}
	return found
}

// documentedScript is the one of docs/pairing.md, with another address in it.
func documentedScript(t *testing.T, url string) string {
	t.Helper()
	page, err := os.ReadFile(story.Path("docs", "pairing.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(page), "\n```sh\n")
	script, _, closed := strings.Cut(script, "\n```\n")
	const setting = "url=http://127.0.0.1:8080 "
	if !closed || !strings.HasPrefix(script, setting) {
		t.Fatalf("the script does not begin with an address:\n%s", script)
	}
	return "url=" + url + " " + strings.TrimPrefix(script, setting)
}

func TestTheDocumentedShellScriptPairs(t *testing.T) {
	t.Parallel()
	s := startDeviceStories(t)
	script, hasty := documentedScript(t, s.URL), documentedScript(t, s.hasty.URL)
	var all sync.WaitGroup
	type checker func(file string, exit int, printed string)
	// device runs the script in a directory of its own, under a umask that hides nothing.
	device := func(shell []string, script string, decide func(code string) error, check checker) {
		cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-c", "umask 0\n"+script)...)
		cmd.Dir = t.TempDir()
		all.Go(func() {
			exit, printed, err := attended(cmd, decide)
			if err != nil {
				t.Errorf("%v: %v", shell, err)
			}
			check(filepath.Join(cmd.Dir, ".env"), exit, printed)
		})
	}
	ends := func(want int, says string) checker {
		return func(file string, exit int, printed string) {
			if exit != want || !strings.Contains(printed, says) {
				t.Errorf("exit code %d, not %d, and it printed:\n%s", exit, want, printed)
			}
			absent(t, file)
		}
	}
	for _, shell := range shells() {
		device(shell, script, s.approves(t.Context(), "paired-by-"+shell[0]), func(file string, exit int, printed string) {
			if exit != 0 {
				t.Errorf("%v: exit code %d, and it printed:\n%s", shell, exit, printed)
			}
			pairs(t, s.ana, s.Program, file, printed)
		})
		device(shell, script, s.denies(t.Context()), ends(3, "denied"))
		device(shell, hasty, nil, ends(4, "expired"))
	}
	device([]string{"sh"}, strings.Replace(script, "app=latchkey-local", "app=another", 1), nil, ends(5, "invalid_client"))
	device([]string{"sh"}, documentedScript(t, "http://127.0.0.1:1"), nil, ends(5, "no code"))
	device([]string{"sh"}, "echo MINE=1 >.env\n"+script, nil, func(file string, exit int, printed string) {
		if got, err := os.ReadFile(file); err != nil || string(got) != "MINE=1\n" || exit == 0 || strings.Contains(printed, "enter") {
			t.Errorf("over a file that is there: exit code %d, it says %q, %v, and it printed:\n%s", exit, got, err, printed)
		}
	})
	all.Wait()
}
