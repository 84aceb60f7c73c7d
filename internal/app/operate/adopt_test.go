package operate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func hashOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// valuesFile is a file to adopt from.
func valuesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.csv")
	testkit.WriteFile(t, path, text, 0o600)
	return path
}

// signsIn says as whom a value signs in, "" when it does not.
func (p place) signsIn(t *testing.T, value string) (userID string) {
	t.Helper()
	p.withStore(t, func(st *store.Store) error {
		rules := accounts.New(accounts.Config{}, st)
		defer rules.Drain()
		session, err := rules.SignInWithKey(t.Context(), model.Origin{Address: "192.0.2.1"}, model.Secret(value), nil)
		if err != nil && !model.Is(err, model.KindWrongValue) {
			return err
		}
		userID = session.UserID
		return nil
	})
	return userID
}

func TestValuesInAFileBecomeKeysOfTheirUsers(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "", "import-users", "testdata/users.json")
		const ada, grace = "5f3a1c2b9d0e4a0012345671", "5f3a1c2b9d0e4a0012345672"
		cam, pi, hall := testkit.OldValue(), testkit.OldValue(), testkit.OldValue()
		file := valuesFile(t, "user,name,value,sha256\nADA@example.com,porch-cam,"+cam+",\n\n"+ada+",garage-pi,API_KEY="+pi+",\n"+
			grace+",hall,,"+strings.ToUpper(hashOf(hall))+"\n")

		rehearsal := ordered[adopted](t, p, "adopt-keys", "--dry-run", file)
		if !rehearsal.DryRun || rehearsal.Adopted != 3 || rehearsal.Unchecked != 1 || rehearsal.Users != 2 || p.signsIn(t, cam) != "" {
			t.Errorf("a rehearsal: %+v", rehearsal)
		}
		out := p.must(t, "", "adopt-keys", file)
		if !strings.HasPrefix(out, "Rows in the file: 3. Adopted: 3.\nUsers: 2.\nGiven by their SHA-256 alone: 1.") || !strings.Contains(out, "Nobody was sent an email") {
			t.Errorf("%s", out)
		}
		if p.signsIn(t, cam) != ada || p.signsIn(t, pi) != ada {
			t.Error("the values do not sign in as who their user always was")
		}
		if again := p.must(t, "", "adopt-keys", file); again != "Rows in the file: 3. Adopted: 0.\nThere already: 3.\n" {
			t.Errorf("again: %s", again)
		}
		if got := p.events(t, ada); !slices.Contains(got, "key-adopted by operator") {
			t.Errorf("%v", got)
		}
		list := p.must(t, "", "key", "list", "ada@example.com")
		if !strings.Contains(list, "porch-cam ("+model.WordsOf(model.FingerprintOf(model.Secret(cam))).String()+")  [adopted]\n") || !strings.HasSuffix(list, "Keys: 2 of 20\n") || strings.Contains(list, cam) {
			t.Errorf("%s", list)
		}

		if out := p.must(t, "", "key", "off", ada, "porch-cam"); !strings.HasPrefix(out, "porch-cam of ada@example.com (") || p.signsIn(t, cam) != "" {
			t.Errorf("%s", out)
		}
		if out := p.must(t, "", "key", "off", ada, "porch-cam"); !strings.HasSuffix(out, "was already off.\n") {
			t.Errorf("%s", out)
		}
		keys := ordered[keysOfUser](t, p, "key", "list", ada).Keys
		i := slices.IndexFunc(keys, func(k userKey) bool { return k.Name == "porch-cam" }) // they are adopted at once, in any order
		p.must(t, "", "key", "on", "ada@example.com", keys[i].ID)
		if p.signsIn(t, cam) != ada {
			t.Error("a key that was turned on does not sign in")
		}
		_, err := p.order(t, "", "key", "delete", ada, "porch-cam")
		testkit.WantSentence(t, err, "--yes")
		if out := p.must(t, "", "key", "delete", ada, "porch-cam", "--yes"); !strings.HasPrefix(out, "Deleted the key porch-cam of ada") || p.signsIn(t, cam) != "" {
			t.Errorf("%s", out)
		}
		_, err = p.order(t, "", "key", "off", ada, "porch-cam")
		testkit.WantSentence(t, err, `no key "porch-cam"`, "latchkey key list")
		_, err = p.order(t, "", "key", "off", ada)
		if testkit.WantSentence(t, err, "KEY is missing"); !wantsUsage(err) {
			t.Errorf("%v is not about the command line", err)
		}
		_, err = p.order(t, "", "key", "list", "nobody@example.com")
		testkit.WantSentence(t, err, "there is no user")
	})
}

// In whatever place a value stands by mistake, it is not said again.
func TestAFileWithBadRowsAdoptsNothingUnlessTold(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "eve@example.com")
		taken, mine := testkit.OldValue(), testkit.OldValue()
		p.must(t, "", "adopt-keys", valuesFile(t, "user;name;value\r\nada@example.com;hers;"+taken+"\r\neve@example.com;there;"+mine+"\r\n"))
		good, second := testkit.OldValue(), testkit.OldValue()
		rows := []struct{ row, why string }{
			{"eve@example.com,good," + good + ",", ""},
			{"eve@example.com,short," + good[1:] + ",", "this has 63"},
			{"eve@example.com,weak," + strings.Repeat("secret12", 8) + ",", "created at random"},
			{"eve@example.com,printed,hScMWZyOKnjQMbfDPMJ1qHgtdGT2raQX" + "dVDDvlC2SzKEBKlHKV8FK9SPCSTnODPg,", "public documentation"},
			{"eve@example.com,none,,", "neither a value nor"},
			{"eve@example.com,both," + second + "," + hashOf(second), "both a value and"},
			{"eve@example.com,hash,," + second, "64 hexadecimal digits"},
			{"eve@example.com," + second + "," + testkit.OldValue() + ",", "looks like a value"},
			{second + ",swapped,eve@example.com,", "this has 15"},
			{second + ",swapped," + testkit.OldValue() + ",", "looks like a value"},
			{"eve@example.com,bad name," + second + ",", "ASCII letters"},
			{"eve@example.com,there," + testkit.OldValue() + ",", "another key with this name"},
			{"eve@example.com,copy," + taken + ",", "another user has"},
			{"eve@example.com,twice," + good + ",", "already in the file"},
			{"eve@example.com,good," + testkit.OldValue() + ",", "an earlier row"},
			{"bob@example.com,bobs," + second + ",", "no such user"},
			{"eve@example.com,columns," + second, "does not have 4 columns"},
			{"eve@example.com,\"quoted," + second + ",", "does not have 4 columns"},
			{"eve@example.com,mine," + mine + ",", ""},
		}
		var text strings.Builder
		text.WriteString("User , NAME,Value,sha256\n")
		for _, r := range rows {
			text.WriteString(r.row + "\n")
		}
		file := valuesFile(t, text.String())
		out, err := p.order(t, "", "adopt-keys", file)
		testkit.WantSentence(t, err, "nothing was adopted", "17 of the 19", "--skip-bad")
		for i, r := range rows {
			at := strings.Index(out, fmt.Sprintf("  row %d: ", i+2))
			if at < 0 {
				if r.why != "" {
					t.Errorf("row %d is not named", i+2)
				}
				continue
			}
			if line, _, _ := strings.Cut(out[at:], "\n"); r.why == "" || !strings.Contains(line, r.why) {
				t.Errorf("%q does not say %q", line, r.why)
			}
		}
		for _, secret := range []string{taken, mine, good, second} {
			if strings.Contains(out+err.Error(), secret) {
				t.Errorf("a value is printed: %s", out)
			}
		}
		if p.signsIn(t, good) != "" {
			t.Error("a part of the file was adopted")
		}
		if got := ordered[adopted](t, p, "adopt-keys", file, "--skip-bad"); got.Adopted != 1 || got.There != 1 || got.Bad != 17 || p.signsIn(t, good) == "" {
			t.Errorf("%+v", got)
		}
	})
}

func TestNobodyGetsMoreThanTwentyKeysFromAFile(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		var text strings.Builder
		for i := range 25 {
			fmt.Fprintf(&text, "{\"user\": \"ada@example.com\", \"name\": \"key-%d\", \"value\": %q}\n", i, testkit.OldValue())
		}
		file := valuesFile(t, text.String())
		for _, dryRun := range []bool{true, false} {
			got := ordered[adopted](t, p, "adopt-keys", file, "--skip-bad", fmt.Sprintf("--dry-run=%t", dryRun))
			if got.Adopted != 20 || got.Bad != 5 || got.Problems[0].Row != 21 {
				t.Errorf("dry run %t: %+v", dryRun, got)
			}
		}
	})
}

func TestAFileOfValuesIsReadAsOtherSystemsWriteIt(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	p := place{Config: cfg, app: &a}
	p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
	wide := func(text string) string {
		var out []byte
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			out = binary.LittleEndian.AppendUint16(out, unit)
		}
		return string(out)
	}
	row := func(name, comma string) string {
		return strings.Join([]string{"ada@example.com", name, `"` + testkit.OldValue() + `"`}, comma) + "\r\n"
	}
	for name, text := range map[string]string{
		"with a mark":              "\ufeffuser,name,value\r\n" + row("a", ","),
		"in UTF-16, with tabs":     wide("user\tname\tvalue\r\n" + row("b", "\t")),
		"of another country":       "user;name;value\r\n" + row("c", ";"),
		"objects with a mark":      "\ufeff{\"user\": \"ada@example.com\", \"name\": \"d\", \"value\": \"" + testkit.OldValue() + "\", \"more\": 1}\r\n",
		"columns in another order": "value,note,name,user\n" + testkit.OldValue() + ",\"in the hall, left\",e,ada@example.com",
	} {
		if got := ordered[adopted](t, p, "adopt-keys", valuesFile(t, text)); got.Adopted != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for text, want := range map[string][]string{
		"":                            {"no values"},
		"user,name,value\n":           {"no values"},
		testkit.OldValue() + ",a,b\n": {"first line", "user, name, and value or sha256"},
		"\x1f\x8b\x08":                {"compressed"},
		"user,name,value\na,\xe9,b":   {"UTF-8"},
		"user,name,value\n" + strings.Repeat("x", 70_000): {"row 2", "64 kB"},
	} {
		_, err := p.order(t, "", "adopt-keys", "--skip-bad", valuesFile(t, text))
		testkit.WantSentence(t, err, want...)
	}

	file := valuesFile(t, "user,name,value\r\n"+row("f", ","))
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // that is what is warned of
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	err := Run(t.Context(), []string{"adopt-keys", file, "--data", p.Data}, Console{In: strings.NewReader(""), Out: &out, Err: &complaints}, theProgram(t))
	if err != nil || !strings.Contains(complaints.String(), "chmod 600") {
		t.Errorf("%v, %q", err, complaints.String())
	}
}
