package operate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/internal/testkit"
)

func TestABackupIsRestoredWhileTheProgramIsStoppedAndNothingIsDeleted(t *testing.T) {
	p := place{Config: testConfig(t)}
	app := run(t, p.Config)
	p.must(t, "correct horse battery", "user", "add", "ada@example.com", "--password-stdin")
	backup := filepath.Join(t.TempDir(), "backup.db")
	p.must(t, "", "backup", backup)
	p.must(t, "correct horse battery", "user", "add", "bob@example.com", "--password-stdin")

	_, err := p.order(t, "", "restore", backup)
	testkit.WantSentence(t, err, p.Data, "a running latchkey is using it: stop it first")
	if err := app.stop(); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(p.Data)
	if err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(dir, databaseFile)
	out := ordered[restored](t, p, "restore", backup)
	if out.Path != database || out.From != backup || out.Rows.Users != 1 || len(out.Kept) != 1 || !strings.HasPrefix(out.Kept[0], database+".before-") {
		t.Errorf("restored %+v", out)
	}
	if users := p.listed(t); len(users) != 1 || users[0].Email != "ada@example.com" {
		t.Errorf("users are %+v", users)
	}
	text := p.must(t, "", "restore", out.Kept[0])
	for _, part := range []string{"Restored and verified: " + database + ", from " + out.Kept[0] + ". Users: 2,", "turned off or deleted since then work again", "The old files are kept", database + ".before-", "session-keys"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
	if users := p.listed(t); len(users) != 2 {
		t.Errorf("users are %+v", users)
	}
}

func TestARestoreOfAnOlderVersionsBackupSaysWhatTheNextStartDoes(t *testing.T) {
	var text strings.Builder
	if err := (restored{Older: true}).write(&text, Program{KeyFiles: [2]string{"a", "b"}}); err != nil || !strings.Contains(text.String(), "the next start updates its schema") {
		t.Errorf("%q, %v", text.String(), err)
	}
}

func TestWhatCannotBeRestoredIsNamedAndNothingChanges(t *testing.T) {
	p := place{Config: testConfig(t)}
	app := run(t, p.Config)
	if err := app.stop(); err != nil {
		t.Fatal(err)
	}
	noise := filepath.Join(t.TempDir(), "noise.db")
	testkit.WriteFile(t, noise, strings.Repeat("noise", 2000), 0o600)
	before := testkit.ReadFile(t, filepath.Join(p.Data, databaseFile))
	for file, says := range map[string]string{
		noise: "not a database", "/nowhere/at/all.db": "no such file", t.TempDir(): "it is not a file",
		filepath.Join(p.Data, databaseFile): "it is the database itself",
	} {
		_, err := p.order(t, "", "restore", file)
		testkit.WantSentence(t, err, "nothing was restored", file, says)
	}
	if testkit.ReadFile(t, filepath.Join(p.Data, databaseFile)) != before {
		t.Error("the database changed")
	}
	p.Data = filepath.Join(t.TempDir(), "missing")
	_, err := p.order(t, "", "restore", noise)
	testkit.WantSentence(t, err, p.Data, "there is no such directory")
	if _, err := os.Stat(p.Data); err == nil {
		t.Error("it was made")
	}
}
