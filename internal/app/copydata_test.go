package app

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/app/operate"
	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// copyData copies the data of a program to a database.
func copyData(t *testing.T, ctx context.Context, from config.Config, to string, args ...string) (string, error) {
	t.Helper()
	var out, complaints bytes.Buffer
	args = append([]string{"copy-data", "--data", from.Data, "--database", to}, args...)
	err := operateOn(ctx, args, operate.Console{In: strings.NewReader(""), Out: &out, Err: &complaints})
	if complaints.Len() > 0 {
		t.Errorf("%v: %s", args, complaints.String())
	}
	return out.String(), err
}

// With the key files of before, nobody notices that the data has moved.
func TestAfterACopyBrowsersAndDevicesStaySignedIn(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	cfg := testConfig(t)
	file := run(t, cfg)
	people := signInPeople(t, file, 2)
	key, err := people.programs[0].APIKeys().Create(t.Context(), "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	device, err := newClient(t, file.URL()).Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	people.programs = append(people.programs, device)

	_, err = copyData(t, t.Context(), cfg, url)
	testkit.WantSentence(t, err, "nothing was copied", "a running latchkey is using "+filepath.Join(cfg.Data, databaseFile))
	if err := file.stop(); err != nil {
		t.Fatal(err)
	}
	before := testkit.ReadFile(t, filepath.Join(cfg.Data, databaseFile))

	text, err := copyData(t, t.Context(), cfg, url, "--dry-run")
	if err != nil || !regexp.MustCompile(`(?s)^users +1\nidentities +1\napi_keys +1\nauth_sessions +\d\nweb_sessions +2\n.*`+
		`Dry run: \d+ rows of .*latchkey\.db were copied and compared, and are the same\. Nothing was saved\.\n`+
		`The database had no tables\. They were created, and are empty\.\n$`).MatchString(text) {
		t.Errorf("%v: %s", err, text)
	}
	text, err = copyData(t, t.Context(), cfg, url, "--json")
	var out struct {
		From          string
		DryRun        bool `json:"dry_run"`
		SchemaCreated bool `json:"schema_created"`
		Rows          int64
		Tables        []struct {
			Name, SHA256 string
			Rows         int64
		}
	}
	if jsonErr := json.Unmarshal([]byte(text), &out); errors.Join(err, jsonErr) != nil || out.From != filepath.Join(cfg.Data, databaseFile) ||
		out.DryRun || out.SchemaCreated || out.Rows < 10 || len(out.Tables) < 14 || out.Tables[0].Name != "users" || out.Tables[0].Rows != 1 || len(out.Tables[0].SHA256) != 64 {
		t.Errorf("%v, %v: %s", err, jsonErr, text)
	}
	if testkit.ReadFile(t, filepath.Join(cfg.Data, databaseFile)) != before {
		t.Error("the file has changed")
	}
	_, err = copyData(t, t.Context(), cfg, url)
	testkit.WantSentence(t, err, "nothing was copied", "is not empty")

	moved := cfg // with the key files of the data directory
	moved.Database, moved.Node = model.Secret(url), "a"
	node := run(t, moved)
	if browsers, programs := people.busy(t, node.URL()); browsers+programs > 0 {
		t.Errorf("%d answers to browsers and %d to programs say that they are signed out", browsers, programs)
	}
	if got := get(t, people.browsers[1], node.URL()+"/keys"); !strings.Contains(got.Body, "porch-cam") {
		t.Errorf("the key is not listed: %d", got.Status)
	}
	if _, err := newClient(t, node.URL()).Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); err != nil {
		t.Errorf("the value of the key: %v", err)
	}
}

func TestWhatStopsACopyIsSaidInOneSentenceWithoutTheURL(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	cfg := testConfig(t)
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Data, databaseFile)

	_, err := copyData(t, t.Context(), testConfig(t), url)
	testkit.WantSentence(t, err, "nothing was copied from ", "there is no such database")
	_, err = copyData(t, t.Context(), cfg, "postgres://u:canary-9@127.0.0.1:"+freePort(t)+"/none")
	testkit.WantSentence(t, err, "nothing was copied from "+path, "the database of PostgreSQL")
	if strings.Contains(err.Error(), "canary") || ExitCode(err) != 1 {
		t.Error(err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, err = copyData(t, gone, cfg, url)
	testkit.WantSentence(t, err, "interrupted; nothing was copied")

	var out bytes.Buffer
	err = operateOn(t.Context(), []string{"copy-data", "--data", cfg.Data}, operate.Console{In: strings.NewReader(""), Out: &out, Err: &out})
	testkit.WantSentence(t, err, "--database (LATCHKEY_DATABASE) is not given")
	if ExitCode(err) != 2 || out.Len() > 0 {
		t.Errorf("%v %s", err, out.String())
	}

	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO forms (user_id, id, used_at) VALUES ('ada', ?, 0)", "f\x00\x1b")
	_, err = copyData(t, t.Context(), cfg, url)
	testkit.WantSentence(t, err, "nothing was copied: PostgreSQL cannot store a text", "column id of table forms", `"ada", "f\x00\x1b"`, "--clean replaces such texts")
	text, err := copyData(t, t.Context(), cfg, url, "--clean")
	if err != nil || !strings.Contains(text, "Texts replaced because PostgreSQL cannot store them: 1\n"+`  column id of forms, row "ada", "f\x00\x1b"`+"\n"+"Copied and compared: ") {
		t.Errorf("%v: %s", err, text)
	}
	if !strings.HasSuffix(text, "Put the old file away: it gets no more changes.\n"+
		"Not copied: the files session-keys and access-token-key.pem of the data directory. Give every node the same ones, so that everyone stays signed in.\n") {
		t.Errorf("%s", text)
	}
	exec("UPDATE goose_db_version SET version_id = version_id + 1")
	_, err = copyData(t, t.Context(), cfg, url)
	testkit.WantSentence(t, err, "nothing was copied: "+path+" was written by a newer latchkey")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestACopyThatMayHaveBeenSavedSaysHowToFindOut(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	cfg := testConfig(t)
	person := browser(t)
	file := run(t, cfg)
	post(t, person, file.URL()+"/register", account)
	if err := file.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := copyData(t, t.Context(), cfg, url, "--dry-run"); err != nil { // so that the tables are there
		t.Fatal(err)
	}
	proxy := pgtest.NewProxy(t, url)
	proxy.CutAtCommit(1)
	_, err := copyData(t, t.Context(), cfg, proxy.URL())
	testkit.WantSentence(t, err, "it is not known whether the copy was saved", "run this again; if it says that the database is not empty, everything was saved")
	_, err = copyData(t, t.Context(), cfg, proxy.URL())
	testkit.WantSentence(t, err, "is not empty")
}
