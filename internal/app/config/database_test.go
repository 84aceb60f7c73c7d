package config

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

const databasePassword = "canary-of-the-database"

func TestADatabaseOnAnotherMachineIsVerified(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"":                               "",
		"postgres://u@localhost/db":      "as it is",
		"postgresql://u@127.0.0.1:6432/": "as it is",
		"postgres://u:p@[::1]:5432/db?application_name=x":    "as it is",
		"postgres://u@/db?host=/var/run/postgresql":          "as it is",
		"postgres://u@%2Fvar%2Frun%2Fpostgresql/db":          "as it is",
		"postgres://u@localhost/db?sslmode=prefer":           "as it is",
		"postgres://u@localhost,127.0.0.1/db?sslmode=prefer": "as it is",

		"postgres://u:p@db.example.org/db":                                   "?sslmode=verify-full",
		"postgres://db.example.org":                                          "?sslmode=verify-full",
		"postgres://u:p@db.example.org/db?":                                  "sslmode=verify-full",
		"postgres://u:p@10.0.0.7/db?pool_max_conns=8":                        "&sslmode=verify-full",
		"postgres://u:p%2Fw@a.example.org,b.example.org:5433/db":             "?sslmode=verify-full",
		"postgres://u@a:1,b:2/db?target_session_attrs=read-write":            "&sslmode=verify-full",
		"postgres://u@localhost,10.0.0.7/db":                                 "?sslmode=verify-full", // one of them is enough
		"postgres://u@localhost/db?host=db.example.org":                      "&sslmode=verify-full", // the parameter counts
		"postgres://u@localhost/db?%68ost=db.example.org":                    "&sslmode=verify-full",
		"postgres://u@/db?host=/var/run/postgresql,db.example.org":           "&sslmode=verify-full",
		"postgres://u@2130706433/db":                                         "?sslmode=verify-full", // this machine, by an address that not all read so
		"postgres://u@[2001:db8::1]:5432/db":                                 "?sslmode=verify-full",
		"postgres://u@db.example.org/db?sslmode=verify-full":                 "as it is",
		"postgres://u@db.example.org/db?sslrootcert=/ca.pem":                 "&sslmode=verify-full",
		"postgres://u@db.example.org/db?sslmode=verify-ca&sslrootcert=%2Fca": "as it is",
		"postgres://u@db.example.org/db?sslmode=disable":                     "in the open",
		"postgres://u@localhost,db.example.org/db?a=b&sslmode=disable":       "in the open",
		"postgres://u@localhost/db?sslmode=disable":                          "as it is", // nobody can listen there
		"postgres://u:" + databasePassword + "!$&'()*+,;=~:%40@localhost/db": "as it is",
	} {
		got, err := parseDatabase(model.Secret(setting))
		wantURL := setting
		if strings.HasSuffix(want, "verify-full") {
			wantURL += want
		}
		if err != nil || got.url.Reveal() != wantURL || got.open != (want == "in the open") {
			t.Errorf("%s: %q, in the open: %t, %v", setting, got.url.Reveal(), got.open, err)
		}
	}
}

func TestADatabaseThatCannotBeIsNamedWithNothingOfIts(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{
		"latchkey.db":                                                              "must be like postgres://",
		"mysql://u:98765@db.example.org/db":                                        "must be like postgres://",
		"postgres:///db":                                                           "with the host named",
		"postgres://u:98765@/db":                                                   "with the host named",
		"postgres://u:98765@/db?host=":                                             "with the host named",
		"postgres://u:98765@a,,b/db":                                               "with the host named",
		"postgres://u:98765@a..b/db":                                               "with the host named",
		"postgres://u:98765@host/db#x":                                             "must be like postgres://",
		"host=db user=u password=98765":                                            "must be like postgres://",
		"postgres://u:98765/x@host/db":                                             "write %2F for /",
		"postgres://u:98765@x@host/db":                                             "write %40 for @",
		"postgres://u:98765?x@host/db":                                             "write %3F for ?",
		"postgres://u:98765 #%@host/db":                                            "write %20 for a space, %23 for #, %25 for %",
		"postgres://u:98765é@host/db":                                              "for each byte",
		"postgres://localhost?x=98765@host/":                                       "write %3F for ?",
		"postgres://u:98765@db.example.org/db?sslmode=prefer":                      "sslmode=prefer does not verify",
		"postgres://u:98765@db.example.org/db?sslmode=allow":                       "sslmode=allow does not verify",
		"postgres://u:98765@db.example.org/db?sslmode=require":                     "sslmode=require does not verify",
		"postgres://u:98765@localhost,db.example.org/?sslmode=prefer":              "sslmode=prefer does not verify",
		"postgres://u:98765@db.example.org/db?sslmode=":                            "verify-full, verify-ca or disable",
		"postgres://u:98765@db.example.org/db?sslmode=98765":                       "verify-full, verify-ca or disable",
		"postgres://u:98765@db.example.org/db?sslmode=disable&sslmode=verify-full": "no name twice",
		"postgres://u:98765@localhost/db?host=localhost&host=db.example.org":       "no name twice",
		"postgres://u:98765@db.example.org/db?ssl=true":                            "ssl is not taken",
		"postgres://u:98765@localhost/db?service=98765":                            "service is not taken",
		"postgres://u:98765@localhost/db?sslmode":                                  "NAME=VALUE",
		"postgres://u:98765@localhost/db?a=b=c":                                    "NAME=VALUE",
		"postgres://u:98765@localhost/db?a=%zz":                                    "NAME=VALUE",
	} {
		for name, load := range map[string]func() (Config, error){
			"the flag":     func() (Config, error) { return load([]string{"--database", setting}, nil) },
			"the variable": func() (Config, error) { return load(nil, []string{"LATCHKEY_DATABASE=" + setting}) },
		} {
			_, err := load()
			testkit.WantSentence(t, err, "--database (LATCHKEY_DATABASE)", hidden, says)
			if err != nil && strings.Contains(err.Error(), "98765") {
				t.Errorf("%s %s: the complaint has the password: %v", name, setting, err)
			}
		}
	}
}

func TestTheDatabaseComesFromOnePlaceAndIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const setting = "postgres://u:" + databasePassword + "@localhost/db"
	file := filepath.Join(t.TempDir(), "database")
	testkit.WriteFile(t, file, "\ufeff"+setting+"\r\n", 0o600)
	for name, given := range map[string][2][]string{
		"the flag":                       {{"--database", setting}, nil},
		"the variable":                   {nil, {"LATCHKEY_DATABASE=" + setting}},
		"the file":                       {nil, {"LATCHKEY_DATABASE_FILE=" + file}},
		"the flag, which counts more":    {{"--database", setting}, {"LATCHKEY_DATABASE=postgres://other/"}},
		"the flag, more than the file":   {{"--database", setting}, {"LATCHKEY_DATABASE_FILE=/none"}},
		"the file, and a variable of \"": {nil, {"LATCHKEY_DATABASE=", "LATCHKEY_DATABASE_FILE=" + file}},
	} {
		c, err := Load(given[0], given[1])
		if err != nil {
			t.Fatal(name, err)
		}
		s, err := c.Parse()
		if err != nil || s.Database.Reveal() != setting {
			t.Fatalf("%s: %q, %v", name, s.Database.Reveal(), err)
		}
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("config", "given", c.Database, "meant", s.Database)
		c.LogTo, c.Now, s.LogTo, s.Now = nil, nil, nil, nil
		printed := fmt.Sprintf("%v %+v %#v %v %+v %#v %s", c, c, c, s, s, s, logged.String())
		for _, f := range []string{"database"} {
			printed += c.Flags().Lookup(f).DefValue + c.Flags().Lookup(f).Value.String()
		}
		if strings.Contains(printed, databasePassword) {
			t.Errorf("%s: printed: %s", name, printed)
		}
	}

	_, err := load(nil, []string{"LATCHKEY_DATABASE=" + setting, "LATCHKEY_DATABASE_FILE=" + file})
	testkit.WantSentence(t, err, "LATCHKEY_DATABASE is set", "LATCHKEY_DATABASE_FILE is", file, "only one")
	if strings.Contains(err.Error(), databasePassword) {
		t.Errorf("printed: %v", err)
	}
	_, err = load(nil, []string{"LATCHKEY_DATABASE_FILE=" + file + ".none"})
	testkit.WantSentence(t, err, "LATCHKEY_DATABASE_FILE is", "cannot be read")
	testkit.WriteFile(t, file, "\n", 0o600)
	_, err = load(nil, []string{"LATCHKEY_DATABASE_FILE=" + file})
	testkit.WantSentence(t, err, "LATCHKEY_DATABASE_FILE is", "it is empty")
}

func TestADataDirectoryIsNeededForWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	session := []string{"LATCHKEY_SESSION_KEYS_FILE=/run/keys", "LATCHKEY_SESSION_KEYS=AAAA"}
	access := []string{"LATCHKEY_ACCESS_KEY_FILE=/run/pem", "LATCHKEY_ACCESS_KEY=AAAA", "LATCHKEY_UPSTREAM=https://services.example.org"}
	const base = "LATCHKEY_DATABASE=postgres://u@localhost/db"
	for _, ring := range session {
		for _, pem := range access {
			for _, tc := range []struct {
				environ []string
				want    bool
			}{{[]string{base, ring, pem}, false}, {[]string{ring, pem}, true}, {[]string{base, pem}, true}, {[]string{base, ring}, true}, {nil, true}} {
				c, err := Load(nil, tc.environ)
				if err != nil {
					t.Fatal(err)
				}
				if s, err := c.Parse(); err != nil || s.NeedsData() != tc.want {
					t.Errorf("%v: %t, %v", tc.environ, s.NeedsData(), err)
				}
			}
		}
	}
}

// Commands take variables first and their flags then.
func TestAFlagOfACommandCountsMoreThanTheFileWithTheDatabase(t *testing.T) {
	t.Parallel()
	c := Defaults()
	if err := c.FromEnvironment([]string{"LATCHKEY_DATABASE_FILE=/none"}, "data", "database"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Parse(); err == nil {
		t.Error("the file was not looked at")
	}
	if err := c.Flags().Set("database", "postgres://u@localhost/db"); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Parse(); err != nil || s.Database.Reveal() != "postgres://u@localhost/db" {
		t.Errorf("%q, %v", s.Database.Reveal(), err)
	}
}
