package store

import (
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// The commands are those of the documentation.
func TestADumpIsRestoredIntoAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	commands := regexp.MustCompile(`(?m)^pg_(?:dump|restore) .*$`).FindAllString(contents(t, "../../docs/operating.md"), -1)
	if len(commands) != 2 || !strings.HasPrefix(commands[0], "pg_dump ") {
		t.Fatalf("the documentation has %q", commands)
	}
	server := pgtest.Start(t)
	for _, program := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	here := connectTo(t, server.URL())
	told := newTold()
	for range 3 {
		liveOneLife(t.Context(), here, told.tell)
	}
	l := newLedger()
	l.noteAll(t, told.soFar())
	users := slices.Collect(maps.Keys(l.lives))
	targetAt(t, server.URL()).exec(t, "CREATE DATABASE another TEMPLATE template0")
	url := strings.Replace(server.URL(), "/postgres?", "/another?", 1)
	dir := t.TempDir()
	for i, command := range commands {
		sh := exec.CommandContext(t.Context(), "/bin/sh", "-c", command)
		sh.Dir, sh.Env = dir, append(sh.Environ(), "DATABASE="+[]string{server.URL(), url}[i])
		if out, err := sh.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	there, err := Connect(t.Context(), model.Secret(url), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	before, after := answers(t, here, users), answers(t, there, users)
	for about := range before {
		if before[about] != after[about] {
			t.Errorf("%s:\n%s\nis after the restore\n%s", about, before[about], after[about])
		}
	}
	l.compare(t, there)
	if _, err := makeKey(t.Context(), there, mustUser(t, there), 20); err != nil {
		t.Error(err)
	}
}
