package operate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// publicName is how the programs of these tests say that they are reached.
const publicName = "https://keys.example.org"

// place is a data directory to give commands about.
type place struct {
	config.Config
	app *running // nil while the program is stopped
}

// order runs a command on it as a shell would. stdin is no terminal.
func (p place) order(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out, complaints bytes.Buffer
	err := Run(t.Context(), append(args, "--data", p.Data), Console{In: strings.NewReader(stdin), Out: &out, Err: &complaints}, theProgram(t))
	if complaints.Len() > 0 {
		t.Errorf("%v says %q on standard error", args, complaints.String())
	}
	return out.String(), err
}

// must is order where nothing can go wrong.
func (p place) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := p.order(t, stdin, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// ordered is the JSON that a command prints.
func ordered[T any](t *testing.T, p place, args ...string) (out T) {
	t.Helper()
	text := p.must(t, "", append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), &out); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("%v printed %q: %v", args, text, err)
	}
	return out
}

// listed are all users, from the command that lists them.
func (p place) listed(t *testing.T) []listedUser {
	t.Helper()
	var users []listedUser
	for line := range strings.Lines(p.must(t, "", "user", "list", "--json")) {
		var u listedUser
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	return users
}

// anywhere runs a test while a program runs, and with the data of one that was stopped.
func anywhere(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	for _, runs := range []bool{true, false} {
		t.Run(map[bool]string{true: "while it runs", false: "while it is stopped"}[runs], func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.PublicURL = publicName
			p := place{Config: cfg}
			a := run(t, cfg)
			if runs {
				p.app = &a
			} else if err := a.stop(); err != nil {
				t.Fatal(err)
			}
			test(t, p)
		})
	}
}

// withStore lends the store for a moment: while the program is stopped, a command must be able to open it afterwards.
func (p place) withStore(t *testing.T, act func(*store.Store) error) {
	t.Helper()
	st, closing := p.openedStore(t)
	if err := errors.Join(act(st), closing()); err != nil {
		t.Fatal(err)
	}
}

func (p place) openedStore(t *testing.T) (st *store.Store, closing func() error) {
	t.Helper()
	if p.app != nil {
		return p.app.store, func() error { return nil }
	}
	st, err := store.Open(t.Context(), filepath.Join(p.Data, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	return st, st.Close
}

// events of a user, oldest first, as "kind by actor".
func (p place) events(t *testing.T, userID string) (kinds []string) {
	t.Helper()
	p.withStore(t, func(st *store.Store) error {
		events, err := st.Events(t.Context(), userID, model.EventQuery{Limit: 100})
		for _, e := range slices.Backward(events) {
			kinds = append(kinds, string(e.Kind)+" by "+string(e.Actor))
		}
		return err
	})
	return kinds
}

func TestCommandsDoTheSameWhetherTheProgramRunsOrNot(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		made := p.must(t, "correct horse battery\nand more\n", "user", "add", "--password-stdin", "ada@example.com", "--public-url", publicName)
		if !strings.HasPrefix(made, "Created ada@example.com (") || strings.Contains(made, "link") {
			t.Errorf("made: %q", made)
		}
		bob := ordered[handedOut](t, p, "user", "add", "bob", "--public-url", publicName)
		if !strings.HasPrefix(string(bob.Link), publicName+"/reset?token=") || bob.LinkExpiresAt.Sub(bob.User.CreatedAt).Hours() < 23.9 {
			t.Errorf("without a password there is no good link: %q, until %v", string(bob.Link), bob.LinkExpiresAt)
		}
		_, err := p.order(t, "", "user", "add", "bob", "--public-url", publicName)
		testkit.WantSentence(t, err, `"bob"`, "already")

		users := p.listed(t)
		if len(users) != 2 || users[0].Email != "ada@example.com" || users[0].NoPassword || !users[1].NoPassword || users[1].ID != bob.User.ID {
			t.Errorf("listed: %+v", users)
		}
		if table := p.must(t, "", "user", "list"); !strings.Contains(table, users[1].ID+"  "+users[1].CreatedAt.Format("2006-01-02")+"     0  bob  [no password]\n") ||
			!strings.HasSuffix(table, "Users: 2\n") {
			t.Errorf("the table:\n%s", table)
		}

		off := ordered[changedUser](t, p, "user", "disable", "ada@example.com")
		again := ordered[changedUser](t, p, "user", "disable", users[0].ID)
		on := ordered[changedUser](t, p, "user", "enable", users[0].ID)
		if !off.Changed || !off.User.Disabled || again.Changed || !again.User.Disabled || !on.Changed || on.User.Disabled {
			t.Errorf("off %+v, off again %+v, on %+v", off, again, on)
		}

		for i, words := range []string{"is an operator now", "was already an operator", "is no longer an operator", "was not an operator"} {
			command := []string{"make-operator", "make-operator", "unmake-operator", "unmake-operator"}[i]
			if said := p.must(t, "", "user", command, "Ada@example.com"); !strings.HasPrefix(said, "ada@example.com ("+users[0].ID+") "+words) {
				t.Errorf("said: %q", said)
			}
			status, table := p.must(t, "", "status"), p.must(t, "", "user", "list")
			if is := i < 2; strings.Contains(status, "Operators in the browser: 1 (marked in latchkey user list)\n") != is ||
				strings.Contains(table, "ada@example.com  [operator]\n") != is || ordered[changedUser](t, p, "user", "enable", users[0].ID).User.Operator != is {
				t.Errorf("after %s: %q and %q", command, status, table)
			}
		}

		if text := p.must(t, "", "user", "reset-password", "ada@example.com", "--public-url", publicName); !strings.Contains(text, publicName+"/reset?token=") ||
			!strings.Contains(text, "no longer works") {
			t.Errorf("reset: %s", text)
		}
		if users := p.listed(t); !users[0].NoPassword {
			t.Error("the old password still works after a reset")
		}

		if gone := ordered[listedUser](t, p, "user", "delete", bob.User.ID, "--yes"); gone.Email != "bob" {
			t.Errorf("deleted %+v", gone)
		}
		if users := p.listed(t); len(users) != 1 {
			t.Errorf("left: %+v", users)
		}
		want := []string{
			"account-made by operator", "account-disabled by operator", "account-enabled by operator", "password-reset-asked by operator",
		}
		if got := p.events(t, users[0].ID); !slices.Equal(got, want) {
			t.Errorf("written down: %v", got)
		}
	})
}

func TestCommandsThatCannotBeDoneSayWhy(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		p.withStore(t, func(st *store.Store) error {
			return st.CreateUser(t.Context(), model.User{ID: "5f3a1c2b9d0e4a0012345673"},
				model.Identity{ID: "a", Provider: model.ProviderAnonymous, Subject: "a"})
		})
		for _, tc := range []struct {
			args  string
			stdin string
			parts []string
		}{
			{"user disable nobody@example.com", "", []string{`"nobody@example.com"`, "id", "email"}},
			{"user enable 5f3a1c2b9d0e4a0012345672", "", []string{"5f3a1c2b9d0e4a0012345672", "no user"}},
			{"user add ADA@example.com --password-stdin", "correct horse battery", []string{`"ada@example.com"`, `"ADA@example.com"`, "already"}},
			{"user reset-password nobody", "", []string{`"nobody"`}},
			{"user reset-password 5f3a1c2b9d0e4a0012345673", "", []string{"does not sign in with an email address"}},
			{"user reset-password ada@example.com --mail", "", []string{"--smtp", "--mail"}},
			{"user delete nobody --yes", "", []string{`"nobody"`}},
			{"user add ada@example.com --password-stdin", "correct horse battery", []string{`"ada@example.com"`, "already"}},
			{"user add bob --password-stdin", "short", []string{"password", "8"}},
			{"user add bob --password-stdin", "password1", []string{"password"}},
			{"user add bob@example.com --password-stdin", "bob@example.com", []string{"password"}},
			{"user add " + strings.Repeat("x", 129), "", []string{"128 characters"}},
			{"backup /nowhere/at/all", "", []string{"/nowhere/at/all", "no such file"}},
			{"import-users /nowhere/at/all", "", []string{"/nowhere/at/all", "no such file"}},
			{"import-users " + t.TempDir(), "", []string{"a regular file"}},
		} {
			out, err := p.order(t, tc.stdin, strings.Fields(tc.args)...)
			testkit.WantSentence(t, err, tc.parts...)
			if wantsUsage(err) || out != "" {
				t.Errorf("%s: usage %t, printed %q", tc.args, wantsUsage(err), out)
			}
		}
		if users := p.listed(t); len(users) != 2 {
			t.Errorf("users: %+v", users)
		}
	})
}

func TestAMistypedOrderIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args string
		want []string
	}{
		{"user", []string{"add, list, disable, enable, make-operator, unmake-operator, reset-password, delete"}},
		{"user remove ada", []string{`"user remove"`, "delete"}},
		{"user add", []string{"EMAIL is missing"}},
		{"user add ada bob", []string{`"bob"`, "unexpected argument"}},
		{"user list ada", []string{`"ada"`, "unexpected argument"}},
		{"user disable", []string{"ID-or-EMAIL is missing"}},
		{"user disable ada --force", []string{"-force", "latchkey user disable --help"}},
		{"user list --smtp x", []string{"-smtp"}},
		{"backup", []string{"FILE is missing"}},
		{"import-users a b", []string{`"b"`}},
		{"user add ada --public-url keys.example.org", []string{"--public-url", `"keys.example.org"`}},
		{"user add ada --min-password 3", []string{"--min-password", `"3"`}},
		{"user list --data=", []string{"--data"}},
	} {
		var out, complaints bytes.Buffer
		err := Run(t.Context(), strings.Fields(tc.args), Console{In: strings.NewReader(""), Out: &out, Err: &complaints}, theProgram(t))
		testkit.WantSentence(t, err, tc.want...)
		if !wantsUsage(err) || out.Len()+complaints.Len() > 0 {
			t.Errorf("%s: usage %t, printed %q", tc.args, wantsUsage(err), out.String()+complaints.String())
		}
	}
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		for _, tc := range []struct{ args, want string }{
			{"user delete ada@example.com", "--yes"},
			{"user add bob --password-stdin", "is empty"},
		} {
			_, err := p.order(t, "\n", strings.Fields(tc.args)...)
			testkit.WantSentence(t, err, tc.want)
			if !wantsUsage(err) {
				t.Errorf("%s: %v", tc.args, err)
			}
		}
		if users := p.listed(t); len(users) != 1 {
			t.Errorf("users: %+v", users)
		}
	})
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	for _, c := range theProgram(t).commands() {
		var out bytes.Buffer
		if err := Run(t.Context(), append(strings.Fields(c.name), "--help"), Console{Out: &out}, theProgram(t)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"latchkey " + c.name, c.argument, c.does, "--json", "--data", "(LATCHKEY_DATA)", "Exit codes"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("help of %s does not say %q", c.name, want)
			}
		}
	}
	var out bytes.Buffer
	if err := Run(t.Context(), []string{"user", "--help"}, Console{Out: &out}, theProgram(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range theProgram(t).commands() {
		if strings.HasPrefix(c.name, "user ") && !strings.Contains(out.String(), "latchkey "+c.name) {
			t.Errorf("help of user does not name %s", c.name)
		}
	}
}

func TestACommandMakesNoDataOfItsOwn(t *testing.T) {
	t.Parallel()
	p := place{Config: testConfig(t)}
	_, err := p.order(t, "", "user", "list")
	testkit.WantSentence(t, err, "--data", p.Data, "no database")
	if found, _ := filepath.Glob(p.Data + "*"); len(found) > 0 {
		t.Errorf("it made %v", found)
	}
}

func TestUsersOfAnUpstreamAreNotManagedHere(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Upstream = "https://services.example.org"
	a := run(t, cfg)
	p := place{cfg, &a}
	for _, args := range [][]string{
		{"user", "add", "bob"}, {"user", "list"}, {"server-key", "add", "hub"}, {"user", "disable", "bob"}, {"user", "delete", "bob", "--yes"}, {"import-users", "testdata/users.json"},
	} {
		_, err := p.order(t, "", args...)
		testkit.WantSentence(t, err, "https://services.example.org")
	}
	p.must(t, "", "backup", filepath.Join(t.TempDir(), "copy.db"))
}

// People may register with any address.
func TestAListCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		hostile := "\x1b]0;owned\x07\x1b[2J\u202eada\u009b31m\nUsers: 0"
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", hostile)
		table := p.must(t, "", "user", "list") + p.must(t, "", "user", "disable", hostile)
		if strings.ContainsAny(table, "\x1b\x07\u009b\u202e") || strings.Count(table, "\n") != 4 {
			t.Errorf("%q", table)
		}
		if users := p.listed(t); users[0].Email != hostile {
			t.Errorf("JSON has %q", users[0].Email)
		}
	})
}

func TestNoSecretOfACommandIsPrinted(t *testing.T) {
	t.Parallel()
	text := fmt.Sprintf("%v %+v %+v %#v %s", newUser{"a", "hunter2"}, handedOut{Link: "hunter2"}, newServerKey{Value: "hunter2"}, newUser{"a", "hunter2"}, passedOn("hunter2"))
	if strings.Contains(text, "hunter2") {
		t.Errorf("printed: %s", text)
	}
}
