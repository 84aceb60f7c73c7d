package operate

import (
	"crypto/sha256"
	"encoding/json"
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

// knocked has a device be refused so often.
func (p place) knocked(t *testing.T, id string, hint string, tries int64, at time.Time) {
	t.Helper()
	p.withStore(t, func(st *store.Store) error {
		return st.RememberKnock(t.Context(), model.Knock{
			ID: id, ValueHash: sha256.Sum256([]byte(id)), FirstAt: at, LastAt: at, Tries: tries, Network: "203.0.113.0/24", Address: "203.0.113.7",
			Device: model.Device{Name: "porch-cam\x1b[2J", Platform: "linux", SDK: "Node.js SDK", SDKVersion: "12.6"}, HintUser: hint,
		})
	})
}

func TestAKnockIsListedAdoptedAndIgnored(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		if out := p.must(t, "", "knock", "list"); out != "No device was refused in the last two weeks because nobody has its value.\n" {
			t.Errorf("%q", out)
		}
		ada := ordered[handedOut](t, p, "user", "add", "ada@example.org", "--public-url", publicName).User
		p.withStore(t, func(st *store.Store) error {
			for i := range 7 {
				key := model.Key{ID: model.NewID(time.Now()), UserID: ada.ID, Name: fmt.Sprint("key-", i), CreatedAt: time.Now()}
				if err := st.CreateAPIKey(t.Context(), key, sha256.Sum256([]byte(key.ID)), model.MaxKeys); err != nil {
					return err
				}
			}
			return nil
		})
		now := time.Now()
		p.knocked(t, "3f9a1c000000000000000000", ada.ID, 412, now.Add(-2*time.Minute))
		p.knocked(t, "3f9a1cf00000000000000000", "", 1, now.Add(-30*time.Hour))
		if out, want := p.must(t, "", "knock", "list"), ""+
			`KNOCK    LAST       TRIES  FROM         SAYS IT IS`+"\n"+
			`3f9a1c0  2 min ago    412  203.0.113.7  "porch-cam\x1b[2J" · linux · Node.js SDK 12.6  token of ada@example.org, not proved`+"\n"+
			`3f9a1cf  30 h ago       1  203.0.113.7  "porch-cam\x1b[2J" · linux · Node.js SDK 12.6`+"\n"; out != want {
			t.Errorf("%s\nand not %s", out, want)
		}
		var first listedKnock
		lines := strings.Split(p.must(t, "", "knock", "list", "--json"), "\n")
		if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != 3 || first.HintUser != ada.ID || first.Tries != 412 {
			t.Errorf("%v, %v", lines, err)
		}
		if out := p.must(t, "", "status"); !strings.Contains(out, ": 2 (see latchkey knock list)\n") {
			t.Errorf("%s", out)
		}

		for _, c := range []struct {
			args []string
			says string
		}{
			{[]string{"adopt", "3f9a1c", ada.Email, "--name", "porch-cam"}, "several knocks begin with"},
			{[]string{"adopt", "3f9", ada.Email, "--name", "porch-cam"}, "there is no knock"},
			{[]string{"adopt", "3f9a1c0", "eve@example.org", "--name", "porch-cam"}, `there is no user "eve@example.org"`},
			{[]string{"adopt", "3f9a1c0", ada.Email, "--name", "porch cam"}, "the name of a key can only contain"},
			{[]string{"adopt", "3f9a1c0", ada.Email, "--name", "key-3"}, `ada@example.org already has a key named "key-3"`},
			{[]string{"ignore", "zz"}, "there is no knock"},
		} {
			_, err := p.order(t, "", append([]string{"knock"}, c.args...)...)
			testkit.WantSentence(t, err, c.says)
		}
		for _, args := range [][]string{{"adopt", "3f9a1c0", ada.Email}, {"adopt", "3f9a1c0", "--name", "x"}, {"list", "x"}, {"ignore"}} {
			if _, err := p.order(t, "", append([]string{"knock"}, args...)...); !wantsUsage(err) {
				t.Errorf("%v: %v", args, err)
			}
		}

		if out := p.must(t, "", "knock", "adopt", "3F9a1c0", "ADA@example.org", "--name", "porch-cam"); out != "porch-cam is ada@example.org's eighth key. It works the next time the device tries.\n" {
			t.Errorf("%q", out)
		}
		if kinds := p.events(t, ada.ID); kinds[len(kinds)-1] != "key-adopted by operator" {
			t.Errorf("%v", kinds)
		}
		_, err := p.order(t, "", "knock", "adopt", "3f9a1c0", ada.Email, "--name", "twice")
		testkit.WantSentence(t, err, "there is no knock")
		if done := ordered[ignoredKnock](t, p, "knock", "ignore", "3f9a"); !done.Changed {
			t.Errorf("%+v", done)
		}
		if out := p.must(t, "", "knock", "list"); !strings.HasSuffix(out, "\nIgnored: 1 (see latchkey knock list --ignored)\n") {
			t.Errorf("%q", out)
		}
		p.must(t, "", "user", "disable", ada.Email)
		out := p.must(t, "", "knock", "list", "--ignored")
		out = p.must(t, "", "knock", "adopt", regexp.MustCompile(`(?m)^3f9a\w+`).FindString(out), ada.ID, "--name", "garage-pi")
		if out != "garage-pi is ada@example.org's ninth key. The account is disabled: it works once that is enabled.\n" {
			t.Errorf("%q", out)
		}
	})
}

func TestKeysOfImportedUsersAreNotBackUntilTheyAreAdopted(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		file := filepath.Join(t.TempDir(), "users.json")
		testkit.WriteFile(t, file, `[{"_id":"5f0000000000000000000001","identities":[
			{"id":"5f00000000000000000000a1","provider_type":"local-userpass","provider_data":{"email":"ada@example.org"}},
			{"id":"5f00000000000000000000b1","provider_type":"api-key"},{"id":"5f00000000000000000000b2","provider_type":"api-key"},
			{"id":"5f00000000000000000000b3","provider_type":"api-key"},{"id":"no id","provider_type":"api-key"}]}]`, 0o600)
		p.must(t, "", "import-users", file)
		p.must(t, "", "import-users", file)
		for i, says := range []string{"3 keys not back yet]", "2 keys not back yet]", "1 key not back yet]"} {
			if out := p.must(t, "", "user", "list"); !strings.Contains(out, says) {
				t.Errorf("%s", out)
			}
			id := fmt.Sprintf("%024x", i)
			p.knocked(t, id, "", 1, time.Now())
			p.must(t, "", "knock", "adopt", id, "ada@example.org", "--name", fmt.Sprint("key-", i))
		}
		if out := p.must(t, "", "user", "list"); strings.Contains(out, "back") || p.listed(t)[0].Keys != 3 {
			t.Errorf("%s", out)
		}
	})
}

func TestWithAnUpstreamKnocksAreNobodysHere(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Upstream = "https://keys.example.com"
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, cfg)
	p := place{Config: cfg}
	for _, args := range [][]string{{"list"}, {"ignore", "3f9a1c"}, {"adopt", "3f9a1c", "ada@example.org", "--name", "porch-cam"}} {
		_, err := p.order(t, "", append([]string{"knock"}, args...)...)
		testkit.WantSentence(t, err, "the users are not kept here")
	}
}
