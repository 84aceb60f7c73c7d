package operate

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func TestTheCustomDataOfAUserIsPrintedReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		gateway := ordered[newServerKey](t, p, "server-key", "add", "gateway").Key.UserID
		for _, user := range []string{"ada@example.com", gateway} {
			if out := p.must(t, "", "user", "data", user); out != "{}\n" {
				t.Errorf("none: %q", out)
			}
			if out := p.must(t, "\ufeff{ \"team\": \"<red>\",\r\n \"n\": 1.50 }\r\n", "user", "data", user, "-"); !strings.HasPrefix(out, "Saved 25 bytes of custom data of ") {
				t.Errorf("saved: %q", out)
			}
			if out := p.must(t, "", "user", "data", user); out != `{"team":"<red>","n":1.50}`+"\n" {
				t.Errorf("printed: %q", out)
			}
			file := filepath.Join(t.TempDir(), "data.json")
			testkit.WriteFile(t, file, `{"team":"blue"}`, 0o600)
			got := ordered[struct {
				User listedUser      `json:"user"`
				Data json.RawMessage `json:"custom_data"`
			}](t, p, "user", "data", user, file)
			if string(got.Data) != `{"team":"blue"}` || !model.IsID(got.User.ID) {
				t.Errorf("replaced: %+v", got)
			}
			for _, remove := range [][]string{{"--clear"}, {"-"}} {
				p.must(t, `{"team":"blue"}`, "user", "data", user, "-")
				if out := p.must(t, " { } ", append([]string{"user", "data", user}, remove...)...); !strings.HasSuffix(out, " has no custom data now.\n") {
					t.Errorf("removed: %q", out)
				}
				if out := ordered[map[string]any](t, p, "user", "data", user); out["custom_data"] != nil || len(out) != 1 {
					t.Errorf("after it was removed: %v", out)
				}
			}
		}
		for _, tc := range []struct {
			stdin, args string
			parts       []string
		}{
			{"[]", "user data ada@example.com -", []string{"custom data", "not a JSON object"}},
			{`{"a":"` + strings.Repeat("x", 2048) + `"}`, "user data ada@example.com -", []string{"2056 bytes", "2048"}},
			{strings.Repeat(" ", 70_000), "user data ada@example.com -", []string{"longer than 64 kB"}},
			{"{}", "user data nobody -", []string{`"nobody"`, "no user"}},
			{"", "user data ada@example.com /nowhere/at/all", []string{"/nowhere/at/all", "no such file"}},
			{"{}", "user data ada@example.com - --clear", []string{"--clear"}},
			{"", "user data", []string{"ID-or-EMAIL is missing"}},
		} {
			_, err := p.order(t, tc.stdin, strings.Fields(tc.args)...)
			testkit.WantSentence(t, err, tc.parts...)
		}
	})
}

func TestCustomDataIsImportedAsMongoexportWritesIt(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		ids := []string{"5f0000000000000000000001", "5f0000000000000000000002", "5f0000000000000000000003"}
		p.withStore(t, func(st *store.Store) error {
			for _, id := range ids {
				if err := st.ImportUser(t.Context(), model.User{ID: id},
					[]model.Identity{{ID: model.NewID(testkit.LongAgo), Provider: model.ProviderAnonymous, Subject: id}}); err != nil {
					return err
				}
			}
			return nil
		})
		good := `{"_id":{"$oid":"6a0000000000000000000001"},"owner_id":"5f0000000000000000000001","team":"red","since":{"$date":"2024-01-01T00:00:00Z"}}` + "\r\n" +
			"\n" + `{"owner_id": {"$oid": "5f0000000000000000000002"}, "team": "<blue>"}`
		file := filepath.Join(t.TempDir(), "data.json")
		testkit.WriteFile(t, file, "\ufeff"+good, 0o600)

		if out := p.must(t, "", "import-custom-data", file, "--user-field", "owner_id", "--dry-run"); out != "Objects in the file: 2. Can be saved: 2.\n" {
			t.Errorf("rehearsed: %q", out)
		}
		if out := p.must(t, "", "user", "data", ids[0]); out != "{}\n" {
			t.Errorf("after a rehearsal: %q", out)
		}
		for range 2 {
			if out := p.must(t, "", "import-custom-data", file, "--user-field", "owner_id"); out != "Objects in the file: 2. Saved: 2.\n" {
				t.Errorf("imported: %q", out)
			}
		}
		want := `{"_id":{"$oid":"6a0000000000000000000001"},"owner_id":"5f0000000000000000000001","team":"red","since":{"$date":"2024-01-01T00:00:00Z"}}` + "\n"
		if out := p.must(t, "", "user", "data", ids[0]); out != want {
			t.Errorf("printed: %q", out)
		}

		lines := []string{
			`{"owner_id":"5f0000000000000000000003","team":"green"}`,
			`{"owner_id":"5f0000000000000000000004"}`,
			`{"owner_id":"5f0000000000000000000003"}`,
			`{"owner_id":{"$oid":"5f0000000000000000000001","x":"y"}}`,
			`{"owner_id":7}`,
			`{"team":"red"}`,
			`{"owner_id":"5f0000000000000000000001","a":1,"a":2}`,
			`[{"owner_id":"5f0000000000000000000001"}]`,
			`{"owner_id":"5f0000000000000000000001","a":"` + strings.Repeat("x", 2048) + `"}`,
			`{"owner_id":"5f0000000000000000000001","a":"` + strings.Repeat("x", maxDataText) + `"}`,
			`{"owner_id":`,
		}
		testkit.WriteFile(t, file, strings.Join(lines, "\n"), 0o600)
		out, err := p.order(t, "", "import-custom-data", file, "--user-field", "owner_id")
		testkit.WantSentence(t, err, "nothing was saved", "10 of the 11", "--skip-bad")
		for line, why := range []string{
			"there is no user 5f0000000000000000000004", "user 5f0000000000000000000003 is in an earlier line", "is not the id of a user", "is not the id of a user",
			`no field "owner_id"`, `"a" twice`, "JSON array", "2094 bytes", "longer than 64 kB", "not JSON",
		} {
			if want := fmt.Sprintf("  line %d: ", line+2); !strings.Contains(out, want) || !strings.Contains(strings.SplitN(out, want, 2)[1], why) {
				t.Errorf("line %d does not say %q:\n%s", line+2, why, out)
			}
		}
		if out := p.must(t, "", "user", "data", ids[2]); out != "{}\n" {
			t.Errorf("saved beside bad ones: %q", out)
		}
		if done := ordered[importedData](t, p, "import-custom-data", file, "--user-field", "owner_id", "--skip-bad"); done.Saved != 1 || done.Bad != 10 {
			t.Errorf("%+v", done)
		}
		if out := p.must(t, "", "user", "data", ids[2]); out != lines[0]+"\n" {
			t.Errorf("printed: %q", out)
		}
		_, err = p.order(t, "", "import-custom-data", file)
		testkit.WantSentence(t, err, "--user-field is missing")
	})
}
