package operate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// usersFile is a file to import with a text in it.
func usersFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.json")
	testkit.WriteFile(t, path, text, 0o600)
	return path
}

func TestImportedUsersKeepTheirIdsAndWhatTheySignInWith(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		rehearsal := ordered[imported](t, p, "import-users", "--dry-run", "testdata/users.json")
		if users := p.listed(t); len(users) > 0 || !rehearsal.DryRun || rehearsal.Made != 5 {
			t.Fatalf("a rehearsal: %+v, made %+v", rehearsal, users)
		}
		got := ordered[imported](t, p, "import-users", "testdata/users.json")
		if got.Users != 6 || got.Made != 5 || got.Skipped != 1 || got.NeedReset != 2 || got.Disabled != 1 || got.Keys != 3 || got.Bad+got.There != 0 ||
			!maps.Equal(got.Kept, map[string]int{"custom-token": 1, "oauth2-google": 1}) {
			t.Errorf("%+v", got)
		}
		again := p.must(t, "", "import-users", "testdata/users.json")
		if !strings.HasPrefix(again, "Users in the file: 6. Imported: 0.\nImported before: 5.\nSkipped, with nothing but keys to sign in with: 1.\n") {
			t.Errorf("again: %s", again)
		}

		users := p.listed(t)
		want := []listedUser{
			{ID: "5f3a1c2b9d0e4a0012345671", Email: "ada@example.com", CreatedAt: time.Unix(1597643819, 0), NoPassword: true},
			{ID: "5f3a1c2b9d0e4a0012345672", Email: "Grace Hopper", CreatedAt: time.Unix(0x5f3a1c2b, 0), NoPassword: true, Disabled: true},
			{ID: "5f3a1c2b9d0e4a0012345673", CreatedAt: time.Unix(1600000000, 0)},
			{ID: "5f3a1c2b9d0e4a0012345674", CreatedAt: time.Unix(1600000001, 0)},
			{ID: "5f3a1c2b9d0e4a0012345675", CreatedAt: time.Unix(1600000002, 0)},
		}
		same := slices.EqualFunc(users, want, func(a, b listedUser) bool {
			return a.ID == b.ID && a.Email == b.Email && a.CreatedAt.Equal(b.CreatedAt) && a.NoPassword == b.NoPassword && a.Disabled == b.Disabled
		})
		if !same {
			t.Errorf("imported: %+v", users)
		}
		if got := p.events(t, users[0].ID); !slices.Equal(got, []string{"account-made by operator"}) {
			t.Errorf("written down: %v", got)
		}
		p.withStore(t, func(st *store.Store) error {
			email, err := st.IdentityBySubject(t.Context(), model.ProviderEmailPassword, "ada@example.com")
			if email.ID != "5f3a1c2b9d0e4a0012345601" {
				t.Errorf("the identity is now called %s", email.ID)
			}
			for _, kept := range []struct{ provider, user string }{{"custom-token", want[3].ID}, {"oauth2-google", want[4].ID}} {
				if id, err := st.IdentityBySubject(t.Context(), kept.provider, "auth0|77"); err != nil || id.UserID != kept.user {
					t.Errorf("%s: %+v, %v", kept.provider, id, err)
				}
			}
			return err
		})
	})
}

func TestAFileWithBadUsersImportsNobodyUnlessTold(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "taken@example.com")
		out, err := p.order(t, "", "import-users", "testdata/users-bad.json")
		testkit.WantSentence(t, err, "nothing was imported", "11 of the 13", "--skip-bad")
		for number, reason := range map[int]string{
			2: "_id must be 24", 3: "its _id is already in the file", 4: `"good@example.com" is already in the file`, 5: "1 to 128 characters",
			6: "identities must not be a JSON string", 7: "it is a JSON string", 8: "creation_date is 999999999999", 9: "provider_type",
			10: "custom-token identity has no id", 11: "5f3a1c2b9d0e4a0012345611", 12: `"taken@example.com" already belongs to user`,
		} {
			line := out[strings.Index(out, fmt.Sprintf("  user %d", number)):]
			if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, reason) {
				t.Errorf("user %d: %q does not say %q", number, line, reason)
			}
		}
		_, err = p.order(t, "", "import-users", "testdata/users-bad.json", "--dry-run")
		testkit.WantSentence(t, err, "11 of the 13")
		if users := p.listed(t); len(users) != 1 {
			t.Errorf("users: %+v", users)
		}
		got := ordered[imported](t, p, "import-users", "testdata/users-bad.json", "--skip-bad")
		if got.Made != 2 || got.Bad != 11 || len(got.Problems) != 11 || got.Problems[0].Number != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAFileOfUsersIsReadAsOtherSystemsWriteIt(t *testing.T) {
	t.Parallel()
	const text = "[\r\n  {\"_id\": \"5f3a1c2b9d0e4a0012345681\", \"identities\": [{\"id\": \"5f3a1c2b9d0e4a0012345601\", " +
		"\"provider_type\": \"local-userpass\", \"provider_data\": {\"email\": \"jos\u00e9@example.com\"}}]}\r\n]\r\n"
	var wide []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	anywhere(t, func(t *testing.T, p place) {
		for name, content := range map[string]string{
			"with a mark": "\ufeff" + text, "in UTF-16": string(wide), "files one after another": "\ufeff[]\r\n\ufeff" + text + "\ufeff[]\r\n",
		} {
			got := ordered[imported](t, p, "import-users", usersFile(t, content))
			if got.Made+got.There != 1 || got.Bad > 0 {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if users := p.listed(t); len(users) != 1 || users[0].Email != "jos\u00e9@example.com" {
			t.Errorf("imported: %+v", users)
		}
		marked := strings.NewReplacer("68", "69", "5601", "5602", "jos\u00e9", "\\\"jos\ufeff\u00e9").Replace(text) // within a text it is a letter
		if got := ordered[imported](t, p, "import-users", usersFile(t, marked)); got.Made != 1 {
			t.Errorf("with a mark in a text: %+v", got)
		}
		if users := p.listed(t); len(users) != 2 || !strings.Contains(users[0].Email+users[1].Email, "\ufeff") {
			t.Errorf("imported: %+v", users)
		}
		for content, want := range map[string]string{strings.ReplaceAll(text, "\u00e9", "\xe9"): "UTF-8", "\x1f\x8b\x08": "compressed"} {
			_, err := p.order(t, "", "import-users", "--skip-bad", usersFile(t, content))
			testkit.WantSentence(t, err, "user file", want)
		}
	})
}

func TestAPasswordOnStandardInputIsReadAsOtherSystemsWriteIt(t *testing.T) {
	t.Parallel()
	const password = "Mar\u00eda liest gern"
	var wide []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + password + "\r\n")) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	anywhere(t, func(t *testing.T, p place) {
		for i, line := range []string{password, password + "\r\n", "\ufeff" + password + "\r\n", string(wide)} {
			email := fmt.Sprintf("p%d@example.com", i)
			p.must(t, line, "user", "add", "--password-stdin", email)
			p.withStore(t, func(st *store.Store) error {
				rules := accounts.New(accounts.Config{}, st)
				defer rules.Drain()
				_, err := rules.SignIn(t.Context(), model.Origin{Address: "192.0.2.1"}, email, password)
				return err
			})
		}
		_, err := p.order(t, "Mar\xeda liest gern\n", "user", "add", "--password-stdin", "bob@example.com")
		testkit.WantSentence(t, err, "password", "UTF-8")
		_, err = p.order(t, password, "user", "add", "--password-stdin", "jos\xe9@example.com")
		testkit.WantSentence(t, err, "argument", "UTF-8")
		if users := p.listed(t); len(users) != 4 {
			t.Errorf("users: %+v", users)
		}
	})
}

func TestAnImportedAddressThatPeopleCannotTellFromAnotherIsKeptAndNamed(t *testing.T) {
	t.Parallel()
	user := func(n int, email string) string {
		return fmt.Sprintf(`{"_id": "5f3a1c2b9d0e4a00123456%02d", "identities": [{"id": "5f3a1c2b9d0e4a00123457%02d", "provider_type": "local-userpass", "provider_data": {"email": %q}}]}`,
			n, n, email)
	}
	file := usersFile(t, "["+user(10, "ADA@example.com")+","+user(11, "bob@example.com")+","+user(12, "Bob@example.com")+","+user(13, "eve@example.com")+"]")
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		for _, dryRun := range []bool{true, false} {
			got := ordered[imported](t, p, "import-users", fmt.Sprintf("--dry-run=%t", dryRun), file)
			if got.Made != 4 || got.Bad != 0 || got.Beside != 2 || len(got.BesideList) != 2 || got.BesideList[0].Number != 1 || got.BesideList[1].Number != 3 {
				t.Errorf("dry run %t: %+v", dryRun, got)
			}
			if got.BesideList != nil && !strings.Contains(got.BesideList[0].Reason, `"ada@example.com"`) {
				t.Errorf("dry run %t: it is beside %s", dryRun, got.BesideList[0].Reason)
			}
		}
		if got := ordered[imported](t, p, "import-users", file); got.There != 4 || got.Beside != 0 {
			t.Errorf("again: %+v", got)
		}
		_, err := p.order(t, "", "user", "disable", "BOB@example.com")
		testkit.WantSentence(t, err, "5f3a1c2b9d0e4a0012345611", "5f3a1c2b9d0e4a0012345612", "id")
		p.must(t, "", "user", "disable", "Eve@example.com")
		p.must(t, "", "user", "disable", "Bob@example.com")
		for _, u := range p.listed(t) {
			if u.Disabled != (u.ID == "5f3a1c2b9d0e4a0012345612" || u.ID == "5f3a1c2b9d0e4a0012345613") {
				t.Errorf("%+v", u)
			}
		}
	})
}

func TestAFileThatIsNoListOfUsersImportsNobody(t *testing.T) {
	t.Parallel()
	const good = `{"_id": "5f3a1c2b9d0e4a0012345681", "identities": [{"id": "x", "provider_type": "custom-token"}]}`
	anywhere(t, func(t *testing.T, p place) {
		for text, want := range map[string]string{
			"":                           "must be a JSON array",
			"{}":                         "must be a JSON array",
			good:                         "must be a JSON array",
			"[" + good:                   "ends in the middle",
			"[" + good + ", {":           "is not JSON",
			"[" + good + "] trailing":    "must be a JSON array",
			"[" + good + " " + good:      "is not JSON",
			"<html>404</html>":           "must be a JSON array",
			"[" + good + ",\x00\xff\xfe": "is not JSON",
		} {
			for _, how := range []string{"--skip-bad", "--dry-run"} {
				_, err := p.order(t, "", "import-users", how, usersFile(t, text))
				testkit.WantSentence(t, err, want, "at byte")
			}
		}
		if users := p.listed(t); len(users) > 0 {
			t.Errorf("users: %+v", users)
		}
	})
}

func TestAllUsersAreListedHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	const many = 2*maxListed + 7
	p := place{Config: testConfig(t)}
	if err := run(t, p.Config).stop(); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	got := ordered[imported](t, p, "import-users", usersFile(t, manyUsers(many)))
	if got.Made != many || got.NeedReset != many {
		t.Errorf("%+v", got)
	}
	t.Logf("imported %d users in %v", many, time.Since(started))
	users := p.listed(t)
	if len(users) != many || !slices.IsSortedFunc(users, func(a, b listedUser) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("listed %d", len(users))
	}
	if table := p.must(t, "", "user", "list"); strings.Count(table, "\n") != many+2 || !strings.HasSuffix(table, fmt.Sprintf("Users: %d\n", many)) {
		t.Errorf("the table has %d lines", strings.Count(table, "\n"))
	}
	again := ordered[imported](t, p, "import-users", usersFile(t, manyUsers(many)))
	if again.There != many || again.Made != 0 {
		t.Errorf("again: %+v", again)
	}
}

// manyUsers is a file of so many users who sign in with an email address.
func manyUsers(n int) string {
	var text bytes.Buffer
	text.WriteByte('[')
	for i := range n {
		if i > 0 {
			text.WriteString(",\n")
		}
		fmt.Fprintf(&text, `{"_id":"5f3a1c2b%016x","identities":[{"id":"5f3a1c2c%016x","provider_type":"local-userpass"}],"creation_date":1597643819,"data":{"email":"user-%d@example.com"}}`, i, i, i)
	}
	text.WriteByte(']')
	return text.String()
}

func TestABackupIsCheckedAndCanBeRestored(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "", "import-users", "testdata/users.json")
		path := filepath.Join(t.TempDir(), "copy.db")
		done := ordered[backedUp](t, p, "backup", path)
		info, err := os.Stat(path)
		if err != nil || done.Path != path || done.Bytes != info.Size() || testkit.ModeOf(t, path) != 0o600 || done.Rows != (store.Counts{Users: 5, Events: 5}) {
			t.Errorf("%+v; %v, %v", done, info, err)
		}
		_, err = p.order(t, "", "backup", path)
		testkit.WantSentence(t, err, path, "already", "choose another name")

		restored := place{Config: testConfig(t)}
		testkit.MakeDir(t, restored.Data, 0o700)
		testkit.WriteFile(t, filepath.Join(restored.Data, databaseFile), testkit.ReadFile(t, path), 0o600)
		before, _ := json.Marshal(p.listed(t))
		after, _ := json.Marshal(restored.listed(t))
		if !bytes.Equal(before, after) {
			t.Errorf("was %s, and is %s", before, after)
		}
	})
}

// A relative name is one in the directory of the command, wherever the program runs.
func TestABackupGoesWhereTheCommandWasGiven(t *testing.T) {
	cfg := testConfig(t)
	a := run(t, cfg)
	dir := t.TempDir()
	t.Chdir(dir)
	if text := (place{cfg, &a}).must(t, "", "backup", "copy.db"); !strings.Contains(text, filepath.Join(dir, "copy.db")) || !strings.Contains(text, sessionKeysFile) {
		t.Errorf("%s", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "copy.db")); err != nil {
		t.Error(err)
	}
}
