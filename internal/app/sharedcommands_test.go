package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/app/config"
	"latchkey/internal/app/operate"
	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// orderOn runs a command about the database of a node, from a machine that has nothing else of it.
func orderOn(t *testing.T, cfg config.Config, stdin string, args ...string) (string, error) {
	t.Helper()
	var out, complaints bytes.Buffer
	err := operateOn(t.Context(), append(args, "--database", cfg.Database.Reveal(), "--data", cfg.Data), operate.Console{In: strings.NewReader(stdin), Out: &out, Err: &complaints})
	if complaints.Len() > 0 {
		t.Errorf("%v: %s", args, complaints.String())
	}
	if _, err := os.Stat(cfg.Data); err == nil {
		t.Errorf("%v made a data directory", args)
	}
	return out.String(), err
}

func mustOrderOn(t *testing.T, cfg config.Config, stdin string, args ...string) string {
	t.Helper()
	out, err := orderOn(t, cfg, stdin, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

func TestCommandsReachASharedDatabaseThemselves(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
	_, err := orderOn(t, cfg, "", "user", "list")
	testkit.WantSentence(t, err, "--database (LATCHKEY_DATABASE)", "run latchkey migrate")
	if out := mustOrderOn(t, cfg, "", "migrate"); out != "The schema of the database is up to date.\n" {
		t.Errorf("%q", out)
	}
	if out := mustOrderOn(t, cfg, "", "status"); out != "Running nodes: 0 (see latchkey nodes)\nData: "+inPostgreSQL+"\nAccounts: 0\n"+
		"Warnings are in the log and the metrics of each node.\n" {
		t.Errorf("%q", out)
	}
	if out := mustOrderOn(t, cfg, "", "nodes"); out != "No node is running.\n" {
		t.Errorf("%q", out)
	}

	a := run(t, cfg)
	person := browser(t)
	post(t, person, a.URL()+"/register", account)
	mustOrderOn(t, cfg, "correct horse battery", "user", "add", "--password-stdin", "eve@example.com")
	if out := mustOrderOn(t, cfg, "", "user", "list"); !strings.Contains(out, account.Get("email")) || !strings.HasSuffix(out, "Users: 2\n") {
		t.Errorf("%s", out)
	}
	if out := mustOrderOn(t, cfg, "", "server-key", "add", "gateway"); !strings.HasPrefix(out, "Created the server key gateway") {
		t.Errorf("%s", out)
	}
	mustOrderOn(t, cfg, `{"team":"red"}`, "user", "data", "eve@example.com", "-")
	if out := mustOrderOn(t, cfg, "", "status"); !strings.Contains(out, "\nAccounts: 2\nServer keys: 1\n") {
		t.Errorf("%s", out)
	}
	mustOrderOn(t, cfg, "", "user", "disable", account.Get("email"))
	if got := get(t, person, a.URL()+"/keys"); !strings.Contains(got.Body, "<title>Sign in") {
		t.Errorf("the browser of somebody who is disabled is still in: %d", got.Status)
	}
	if out := mustOrderOn(t, cfg, "", "import-users", "operate/testdata/users.json", "--skip-bad"); !strings.Contains(out, "Imported: ") {
		t.Errorf("%s", out)
	}
	value := testkit.OldValue()
	file := filepath.Join(t.TempDir(), "values.csv")
	testkit.WriteFile(t, file, "user,name,value\n"+account.Get("email")+",porch-cam,"+value+"\n", 0o600)
	if out := mustOrderOn(t, cfg, "", "adopt-keys", file); !strings.Contains(out, "Adopted: 1.") {
		t.Errorf("%s", out)
	}
	mustOrderOn(t, cfg, "", "key", "off", account.Get("email"), "porch-cam")
	mustOrderOn(t, cfg, "", "key", "on", account.Get("email"), "porch-cam")
	if out := mustOrderOn(t, cfg, "", "key", "list", account.Get("email")); !strings.Contains(out, model.WordsOf(model.FingerprintOf(model.Secret(value))).Beside("porch-cam")+"  [adopted]\n") || strings.Contains(out, value) {
		t.Errorf("%s", out)
	}
	mustOrderOn(t, cfg, "", "key", "delete", account.Get("email"), "porch-cam", "--yes")
	if out := mustOrderOn(t, cfg, "", "nodes"); !regexp.MustCompile(`^NODE  SINCE                 SEEN                  CLOCK           PROGRAM\n` +
		`a     20\d\d-\d\d-\d\d \d\d:\d\d UTC  \d+ s ago {14,15} [+-]0\.\d{3} s        .+, schema \d+\n$`).MatchString(out) {
		t.Errorf("%q", out)
	}
	var list struct {
		Nodes []struct {
			Name        string   `json:"name"`
			Live        bool     `json:"live"`
			SessionKeys []string `json:"session_keys"`
			AccessKeys  []string `json:"access_keys"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(mustOrderOn(t, cfg, "", "nodes", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	mustOrderOn(t, cfg, "", "user", "enable", account.Get("email"))
	published, _ := accessKeyNames(t, a)
	if n := list.Nodes; len(n) != 1 || n[0].Name != "a" || !n[0].Live || len(n[0].SessionKeys) != 1 || len(n[0].AccessKeys) != 1 || n[0].AccessKeys[0] != published[0] {
		t.Errorf("%+v, and %v is published", n, published)
	}
	if out := mustOrderOn(t, cfg, "", "status"); !strings.HasPrefix(out, "Running nodes: 1 ") {
		t.Errorf("%q", out)
	}
}

// A node goes on beside newer ones, whose schema has only been added to. What an operator does once is done by the right version.
func TestACommandRefusesASchemaThatIsNotItsOwnAndANodeOnlyOneThatItCannotUse(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
	mustOrderOn(t, cfg, "", "migrate")
	conn, err := pgx.Connect(t.Context(), cfg.Database.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	exec := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO goose_db_version (version_id, is_applied) SELECT max(version_id) + 1, TRUE FROM goose_db_version")
	_, err = orderOn(t, cfg, "", "user", "list")
	testkit.WantSentence(t, err, "--database", "its schema is of a newer latchkey")
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	exec("UPDATE compatible SET oldest = (SELECT max(version_id) FROM goose_db_version)")
	_, err = New(t.Context(), cfg)
	testkit.WantSentence(t, err, "--database", "its schema is of a newer latchkey")
}

// What a running program would be asked is given: how people reach it, and who takes emails.
func TestALinkOfACommandOnASharedDatabaseLeadsToThePublicURL(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
	a := run(t, cfg)
	post(t, browser(t), a.URL()+"/register", account)
	email := account.Get("email")
	_, err := orderOn(t, cfg, "", "user", "reset-password", email)
	testkit.WantSentence(t, err, "pass --public-url")
	_, err = orderOn(t, cfg, "", "user", "reset-password", email, "--mail", "--public-url", a.URL())
	testkit.WantSentence(t, err, "--smtp")
	_, err = orderOn(t, cfg, "", "user", "reset-password", email, "--mail", "--public-url", a.URL(), "--smtp", "smtp://127.0.0.1:"+freePort(t)+"?from=keys@example.org")
	testkit.WantSentence(t, err, "the email could not be sent", "without --mail")
	if strings.Contains(err.Error(), email) {
		t.Errorf("%v", err)
	}
	out := mustOrderOn(t, cfg, "", "user", "reset-password", email, "--public-url", a.URL(), "--json")
	var reset struct {
		Link string `json:"link"`
	}
	if err := json.Unmarshal([]byte(out), &reset); err != nil || !strings.HasPrefix(reset.Link, a.URL()+"/reset?") {
		t.Fatalf("%q, %v", out, err)
	}
	if got := get(t, browser(t), reset.Link); got.Status != http.StatusOK || !strings.Contains(got.Body, "password") {
		t.Errorf("the link: %d", got.Status)
	}
	_, err = orderOn(t, cfg, "", "user", "list", "--upstream", "https://services.example.org")
	if err == nil { // it is no flag of this command, and a variable of all
		t.Error("no error")
	}
}

func TestACopyOfASharedDatabaseIsLeftToItsOwnTools(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, "postgres://u:canary-9@127.0.0.1:"+freePort(t)+"/none", "a", "")
	for command, parts := range map[string][]string{
		"backup":  {"pg_dump --format=custom", "session keys and the access keys are not"},
		"restore": {"pg_restore", "empty database", "session keys and the access keys are not"},
	} {
		_, err := orderOn(t, cfg, "", command, "/nowhere/file")
		testkit.WantSentence(t, err, parts...)
		if ExitCode(err) != 1 || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestWithoutASharedDatabaseThereAreNoNodesAndNothingToMigrate(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	run(t, cfg)
	for command, part := range map[string]string{"nodes": "there are no nodes", "migrate": "--database (LATCHKEY_DATABASE) is not given"} {
		var out bytes.Buffer
		err := operateOn(t.Context(), []string{command, "--data", cfg.Data}, operate.Console{In: strings.NewReader(""), Out: &out, Err: &out})
		testkit.WantSentence(t, err, part)
		if errors.Is(err, os.ErrNotExist) || out.Len() > 0 {
			t.Errorf("%s: %v %s", command, err, out.String())
		}
	}
}
