package operate

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func TestServerKeysAreManagedByTheirNames(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		made := p.must(t, "", "server-key", "add", "gateway")
		value := regexp.MustCompile(`\n\n  ([A-Za-z0-9]{64})\n$`).FindStringSubmatch(made)
		if !strings.HasPrefix(made, "Created the server key gateway, user ") || value == nil {
			t.Fatalf("made: %q", made)
		}
		hub := ordered[newServerKey](t, p, "server-key", "add", "hub")
		if len(hub.Value) != 64 || hub.Key.Name != "hub" || !model.IsID(hub.Key.UserID) {
			t.Errorf("hub: %+v", hub.Key)
		}

		now := time.Now()
		p.withStore(t, func(st *store.Store) error {
			id := model.NewID(now)
			return st.CreateAuthSession(t.Context(), model.Session{
				ID: id, UserID: hub.Key.UserID, Provider: model.ProviderAPIKey, IdentityID: hub.Key.ID, KeyID: hub.Key.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
			}, &model.KeyUse{At: now, Address: "192.0.2.7"})
		})
		off := ordered[changedServerKey](t, p, "server-key", "off", "hub")
		again := ordered[changedServerKey](t, p, "server-key", "off", "hub")
		if !off.Changed || !off.Key.Disabled || again.Changed || !again.Key.Disabled {
			t.Errorf("off %+v, again %+v", off, again)
		}
		list := ordered[serverKeyList](t, p, "server-key", "list").Keys
		if len(list) != 2 || list[0].Name != "gateway" || !list[0].LastUsedAt.IsZero() || !list[1].Disabled || list[1].LastUsedBy != "192.0.2.7" ||
			len(list[1].Fingerprint) != 16 || list[1].Words != model.WordsOf(list[1].Fingerprint).String() {
			t.Errorf("listed: %+v", list)
		}
		if table := p.must(t, "", "server-key", "list"); !strings.Contains(table, "hub      "+list[1].CreatedAt.Format(time.DateOnly)+"  "+inUTC(now)+"  "+
			fmt.Sprintf("%s  %-22s  ", list[1].Fingerprint, list[1].Words)+hub.Key.UserID+"  [off]\n") || !strings.HasSuffix(table, "\nServer keys: 2 of 100\n") || strings.Contains(table, value[1]) {
			t.Errorf("the table:\n%s", table)
		}
		if on := ordered[changedServerKey](t, p, "server-key", "on", "hub"); !on.Changed || on.Key.Disabled {
			t.Errorf("on: %+v", on)
		}

		if users := p.listed(t); len(users) != 1 || users[0].Email != "ada@example.com" {
			t.Errorf("users: %+v", users)
		}
		if table := p.must(t, "", "user", "list", "--server"); !strings.Contains(table, hub.Key.UserID) || !strings.Contains(table, "(server key hub)\nUsers: 2\n") {
			t.Errorf("the table of users:\n%s", table)
		}
		if text := p.must(t, "", "status"); !strings.Contains(text, "Accounts: 1\nServer keys: 2\n") {
			t.Errorf("status: %s", text)
		}
		if copied := ordered[backedUp](t, p, "backup", filepath.Join(t.TempDir(), "copy.db")); copied.Rows.Users != 1 || copied.Rows.Keys != 2 {
			t.Errorf("backup: %+v", copied.Rows)
		}

		if gone := ordered[listedServerKey](t, p, "server-key", "delete", "hub", "--yes"); gone.UserID != hub.Key.UserID {
			t.Errorf("deleted %+v", gone)
		}
		if list := ordered[serverKeyList](t, p, "server-key", "list").Keys; len(list) != 1 || list[0].Name != "gateway" {
			t.Errorf("left: %+v", list)
		}
		p.knocked(t, "3f9a1c000000000000000000", "", 1, now)
		for _, tc := range []struct {
			args  string
			parts []string
		}{
			{"server-key add gateway", []string{`"gateway"`, "already"}},
			{"server-key add a/b", []string{"the name of a server key can only contain"}},
			{"server-key add " + testkit.OldValue(), []string{"the name of a server key must not look like a value"}},
			{"server-key off hub", []string{`"hub"`, "no server key"}},
			{"server-key delete gateway", []string{"--yes"}},
			{"user disable " + list[0].UserID, []string{list[0].UserID, "server key gateway", "latchkey server-key"}},
			{"user delete --yes " + list[0].UserID, []string{"server key gateway"}},
			{"user reset-password " + list[0].UserID, []string{"server key gateway"}},
			{"key delete --yes " + list[0].UserID + " gateway", []string{"server key gateway"}},
			{"knock adopt 3f9a1c " + list[0].UserID + " --name second", []string{"server key gateway"}},
		} {
			out, err := p.order(t, "", strings.Fields(tc.args)...)
			testkit.WantSentence(t, err, tc.parts...)
			if out != "" {
				t.Errorf("%s printed %q", tc.args, out)
			}
		}
		file := valuesFile(t, "user,name,value\n"+list[0].UserID+",second,"+testkit.OldValue()+"\n")
		if out, err := p.order(t, "", "adopt-keys", file); err == nil || !strings.Contains(out, "row 2: its user is a server key") {
			t.Errorf("a second value: %s, %v", out, err)
		}
	})
}

func TestTheValueOfAServerKeyGoesIntoANewFileThatItsOwnerAloneReads(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		file := filepath.Join(t.TempDir(), "gateway.key")
		out := p.must(t, "", "server-key", "add", "gateway", "--out", file)
		value := testkit.ReadFile(t, file)
		if mode := testkit.ModeOf(t, file); mode != 0o600 || len(value) != 64 || strings.Contains(out, string(value)) {
			t.Errorf("mode %o, %d bytes, printed %q", mode, len(value), out)
		}
		p.withStore(t, func(st *store.Store) error {
			keys, err := st.ServerKeys(t.Context())
			if len(keys) != 1 {
				t.Errorf("%+v", keys)
			}
			return err
		})
		_, err := p.order(t, "", "server-key", "add", "hub", "--out", file)
		testkit.WantSentence(t, err, "--out", "already exists")
		if again := testkit.ReadFile(t, file); string(again) != string(value) {
			t.Error("the file was written over")
		}
		_, err = p.order(t, "", "server-key", "add", "gateway", "--out", file+"2")
		testkit.WantSentence(t, err, `"gateway"`, "already")
		if _, err := os.Stat(file + "2"); err == nil {
			t.Error("a file is left without a value")
		}
		if list := ordered[serverKeyList](t, p, "server-key", "list").Keys; len(list) != 1 {
			t.Errorf("created without a file: %+v", list)
		}
	})
}

func TestValuesInAFileBecomeServerKeys(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		taken, gateway, hub := testkit.OldValue(), testkit.OldValue(), testkit.OldValue()
		p.must(t, "", "adopt-keys", valuesFile(t, "user,name,value\nada@example.com,hers,"+taken))
		file := valuesFile(t, "name,value,sha256\ngateway,"+gateway+",\nhub,,"+hashOf(hub)+"\n")

		if out := p.must(t, "", "adopt-keys", "--server", "--dry-run", file); !strings.HasPrefix(out, "Rows in the file: 2. Can be adopted: 2.\nGiven by their SHA-256 alone: 1") || p.signsIn(t, gateway) != "" {
			t.Errorf("a rehearsal: %s", out)
		}
		out := p.must(t, "", "adopt-keys", "--server", file)
		if !strings.HasPrefix(out, "Rows in the file: 2. Adopted: 2.\n") || strings.Contains(out, "email") || strings.Contains(out, "Users") {
			t.Errorf("%s", out)
		}
		list := ordered[serverKeyList](t, p, "server-key", "list").Keys
		if len(list) != 2 || !list[0].Adopted || !list[1].Adopted || p.signsIn(t, gateway) == "" {
			t.Fatalf("%+v", list)
		}
		if again := p.must(t, "", "adopt-keys", "--server", file); again != "Rows in the file: 2. Adopted: 0.\nThere already: 2.\n" {
			t.Errorf("again: %s", again)
		}
		if got := p.events(t, list[0].UserID); len(got) == 0 || got[0] != "key-adopted by operator" {
			t.Errorf("%v", got)
		}

		bad := valuesFile(t, `{"name":"gateway","value":"`+testkit.OldValue()+`"}`+"\n"+`{"name":"third","value":"`+taken+`"}`+"\n"+
			`{"user":"ada@example.com","name":"third","value":"`+testkit.OldValue()+`"}`+"\n"+`{"name":"third","value":"`+testkit.OldValue()+`"}`+"\n"+
			`{"name":"third","value":"`+testkit.OldValue()+`"}`)
		out, err := p.order(t, "", "adopt-keys", "--server", bad)
		testkit.WantSentence(t, err, "4 of the 5 rows")
		for _, why := range []string{
			"row 1: another server key has this name", "row 2: another key has this value", "row 3: a server key has no user", "row 5: an earlier row has this name",
		} {
			if !strings.Contains(out, why+"\n") {
				t.Errorf("does not say %q: %s", why, out)
			}
		}
		_, err = p.order(t, "", "adopt-keys", file)
		testkit.WantSentence(t, err, "must name its columns: user, name")
		_, err = p.order(t, "", "adopt-keys", valuesFile(t, "user,name,value\n"+list[0].UserID+",another,"+testkit.OldValue()))
		testkit.WantSentence(t, err, "1 of the 1 rows")
		_, err = p.order(t, "", "key", "delete", list[0].UserID, list[0].Name, "--yes") // rows are adopted in any order
		testkit.WantSentence(t, err, "server key "+list[0].Name)
	})
}

func TestOfManyRowsNoMoreThanThereIsRoomForBecomeServerKeys(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	p := place{cfg, &a}
	rows := "name,value\n"
	for i := range model.MaxServerKeys + 1 {
		rows += fmt.Sprintf("key-%d,%s\n", i, testkit.OldValue())
	}
	out, err := p.order(t, "", "adopt-keys", "--server", valuesFile(t, rows))
	testkit.WantSentence(t, err, "nothing was adopted")
	if !strings.HasSuffix(out, "  row 102: there would be more than 100 server keys\n") {
		t.Errorf("%s", out)
	}
	if done := ordered[adopted](t, p, "adopt-keys", "--server", "--skip-bad", valuesFile(t, rows)); done.Adopted != model.MaxServerKeys || done.Bad != 1 {
		t.Errorf("%+v", done)
	}
	_, err = p.order(t, "", "server-key", "add", "one-more")
	testkit.WantSentence(t, err, "at most 100 server keys")
}

func TestAKnockBecomesAServerKey(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.knocked(t, "3f9a1c000000000000000000", "", 412, time.Now().Add(-2*time.Minute))
		for _, tc := range []struct {
			args  string
			parts []string
		}{
			{"knock adopt 3f9a1c --server", []string{"--name is missing", "--server"}},
			{"knock adopt 3f9a1c ada@example.com --server --name gateway", []string{"a server key has no user"}},
			{"knock adopt 3f9a1c --name gateway", []string{"ID-or-EMAIL is missing", "--server"}},
			{"knock adopt 3f9a1c --server --name a/b", []string{"can only contain"}},
		} {
			_, err := p.order(t, "", strings.Fields(tc.args)...)
			testkit.WantSentence(t, err, tc.parts...)
		}
		out := p.must(t, "", "knock", "adopt", "3f9a1c", "--server", "--name", "gateway")
		list := ordered[serverKeyList](t, p, "server-key", "list").Keys
		if len(list) != 1 || !list[0].Adopted || out != "gateway is a server key now, user "+list[0].UserID+". It works the next time the device tries.\n" {
			t.Errorf("%q, %+v", out, list)
		}
		if knocks := p.must(t, "", "knock", "list"); strings.Contains(knocks, "3f9a1c") {
			t.Errorf("the knock is there: %s", knocks)
		}
	})
}
