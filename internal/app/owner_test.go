package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/fileowner"
	"latchkey/internal/testkit"
)

// somebody is a user whom no machine has by name.
const somebody = 54321

// asRoot skips what only root can set up.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
}

func giveAway(t *testing.T, path string) {
	t.Helper()
	if err := os.Lchown(path, somebody, -1); err != nil {
		t.Fatal(err)
	}
}

func TestWhoseFilesAreTakenForOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of   fileowner.User
		us   []fileowner.User
		want bool
	}{
		"ours":                                      {1000, []fileowner.User{1000, 1000}, false},
		"root's, and we are somebody":               {0, []fileowner.User{1000, 1000}, false},
		"root's, and we are root":                   {0, []fileowner.User{0, 0}, false},
		"somebody's, and we are root":               {1000, []fileowner.User{0, 0}, true},
		"somebody else's":                           {1001, []fileowner.User{1000, 1000}, true},
		"where every file belongs to one user":      {65534, []fileowner.User{0, 65534}, false},
		"another's where every file belongs to one": {1001, []fileowner.User{0, 65534}, true},
	} {
		if got := foreign(c.of, c.us); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestSecretsOfSomebodyElseAreRefusedByTheirOwnersName(t *testing.T) {
	t.Parallel()
	asRoot(t)
	for _, name := range []string{sessionKeysFile, accessKeyFile, databaseFile, databaseFile + "-wal"} {
		for _, link := range []bool{false, true} {
			cfg := testConfig(t)
			if err := run(t, cfg).stop(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(cfg.Data, name)
			switch {
			case link: // a link of theirs to a file that is all right
				if err := os.Rename(path, path+".old"); err != nil && name != databaseFile+"-wal" {
					t.Fatal(err)
				}
				if err := os.Symlink(path+".old", path); err != nil {
					t.Fatal(err)
				}
			case name == databaseFile+"-wal":
				testkit.WriteFile(t, path, "", 0o600)
			}
			giveAway(t, path)
			before := testkit.ReadFile(t, filepath.Join(cfg.Data, accessKeyFile))
			_, err := New(t.Context(), cfg)
			testkit.WantSentence(t, err, "--data", name, "54321", "chown")
			if name != accessKeyFile && testkit.ReadFile(t, filepath.Join(cfg.Data, accessKeyFile)) != before {
				t.Error("something was changed")
			}
		}
	}
}

func TestADirectoryOfSomebodyElseIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	asRoot(t)
	cfg := testConfig(t)
	var log testkit.Log
	cfg.LogTo, cfg.LogLevel = &log, "warn"
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	giveAway(t, cfg.Data)
	cfg.SessionKeysFile = filepath.Join(t.TempDir(), "ring")
	testkit.WriteFile(t, cfg.SessionKeysFile, strings.Repeat("A", 43)+"=\n", 0o600)
	giveAway(t, cfg.SessionKeysFile)
	parent := filepath.Dir(cfg.Data)
	if err := os.Chmod(parent, 0o777); err != nil { //nolint:gosec // G302: that is the subject
		t.Fatal(err)
	}
	a := run(t, cfg)
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "54321") || !strings.Contains(said, "all may write in "+parent) || !strings.Contains(said, cfg.Data) || !strings.Contains(said, "the session keys are in "+cfg.SessionKeysFile) {
		t.Errorf("logged %s", said)
	}
	for _, one := range a.warnings.all() {
		if one.Kind == string(warnData) && one.Times != 1 {
			t.Errorf("%d warnings", one.Times)
		}
	}
}

func TestRootsCommandsLeaveNothingThatTheProgramCannotOpen(t *testing.T) {
	t.Parallel()
	asRoot(t)
	cfg := testConfig(t)
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(cfg.Data, databaseFile+".lock")); err != nil { // as after a copy of the database alone
		t.Fatal(err)
	}
	giveAway(t, cfg.Data)
	giveAway(t, filepath.Join(cfg.Data, databaseFile))
	dir := dataDir{path: cfg.Data, log: slog.New(slog.DiscardHandler)}
	st, err := dir.openDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if of, _ := fileowner.Of(info); strings.HasPrefix(entry.Name(), databaseFile) && of != somebody {
			t.Errorf("%s belongs to %s", entry.Name(), of)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTheStartSaysWhereTheDataIsAndWhatIsInIt(t *testing.T) {
	t.Parallel()
	start := func(cfg config.Config) string {
		ctx, cancel := context.WithCancel(t.Context())
		out := &listening{then: cancel}
		err := Main(ctx, []string{"--addr", "127.0.0.1:0", "--log-level", "error", "--data", cfg.Data, "--upstream", cfg.Upstream}, out)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(out.String(), "\n")
		return lines[2]
	}
	cfg := testConfig(t)
	for _, want := range []string{", which was created just now and has no accounts yet.\n", ": 0 accounts.\n"} {
		if got := start(cfg); got != "Its data is in "+cfg.Data+want {
			t.Errorf("%q", got)
		}
	}
	a := run(t, cfg)
	post(t, browser(t), a.URL()+"/register", account)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if got := start(cfg); got != "Its data is in "+cfg.Data+": 1 account.\n" {
		t.Errorf("%q", got)
	}
	cfg.Upstream = "https://services.example.org"
	if got := start(cfg); got != "Its data is in "+cfg.Data+", and the accounts are at https://services.example.org.\n" {
		t.Errorf("%q", got)
	}
}
