package doctor

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/testkit"
)

// examined runs the command and gives what it prints and its exit code.
func examined(t *testing.T, args ...string) (out string, code int, err error) {
	t.Helper()
	var b bytes.Buffer
	err = Run(t.Context(), args, &b)
	var own exitError
	if errors.As(err, &own) {
		code = own.ExitCode()
	} else if err != nil {
		t.Fatalf("%v has no exit code of its own: %v", args, err)
	}
	return b.String(), code, err
}

// The exports are shaped like those that are in public repositories: of the newest age, of 2021, and of Stitch.
func TestAnExportOfEachAgeIsReportedOn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		code int
	}{
		"newest": {[]string{"testdata/newest"}, 1}, "newest-users": {[]string{"testdata/newest/", "--users", "testdata/users.json"}, 1},
		"realm": {[]string{"testdata/realm"}, 0}, "stitch": {[]string{"testdata/stitch"}, 1}, "stitch-json": {[]string{"--json", "testdata/stitch", "--users=testdata/users.json"}, 1},
	} {
		got, code, err := examined(t, tc.args...)
		golden(t, "testdata/"+name+".txt", got)
		if code != tc.code || (err == nil) != (code == 0) {
			t.Errorf("%s: exit code %d: %v", name, code, err)
		}
	}
}

// golden compares with a file; UPDATE_GOLDEN writes it anew, to be read before it is committed.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(testkit.ReadFile(t, file), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// entry is what a test puts into a zip.
type entry struct {
	name, content string
	mode          fs.FileMode
}

func zipOf(t *testing.T, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		head := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if head.SetMode(e.mode | 0o600); e.content == "" {
			head.Method = zip.Store
		}
		w, err := z.CreateHeader(head)
		if err == nil {
			_, err = w.Write([]byte(e.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return saved(t, "app.zip", b.Bytes())
}

func saved(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// folder reads testdata as entries of a zip, below a folder of its own as App Services' zips have it.
func folder(t *testing.T, name, below string) (all []entry) {
	t.Helper()
	root := os.DirFS("testdata/" + name)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, path)
		all = append(all, entry{name: below + path, content: string(content)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAZipIsReportedOnLikeItsFolder(t *testing.T) {
	t.Parallel()
	for _, age := range []string{"newest", "realm", "stitch"} {
		want, _, _ := examined(t, "testdata/"+age)
		for _, below := range []string{"", "myapp/", `myapp\`} {
			file := zipOf(t, append(folder(t, age, below), entry{name: "__MACOSX/x", content: "x"})...)
			got, _, _ := examined(t, file)
			if diff := cmp.Diff(strings.ReplaceAll(want, "testdata/"+age, file), got); diff != "" {
				t.Errorf("%s below %q (-folder +zip):\n%s", age, below, diff)
			}
		}
	}
}

const root = `{"app_id":"myapp-abcde","config_version":20210101}`

func TestWhatIsNoExportIsRefused(t *testing.T) {
	t.Parallel()
	app := entry{name: "realm_config.json", content: root}
	many := make([]entry, maxEntries)
	for i := range many {
		many[i].name = fmt.Sprint("values/", i)
	}
	var b bytes.Buffer // what it says is enough
	z := zip.NewWriter(&b)
	if _, err := z.CreateRaw(&zip.FileHeader{Name: "hosting/files/x", Method: zip.Deflate, UncompressedSize64: maxUnpacked + 1}); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	bomb := saved(t, "app.zip", b.Bytes())
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(outside, "realm_config.json")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ file, says string }{
		"a way out":           {zipOf(t, app, entry{name: "../../etc/cron.d/x"}), "leads out of it"},
		"a way out inside":    {zipOf(t, app, entry{name: "auth/../../x"}), "leads out of it"},
		"a way out, Windows":  {zipOf(t, app, entry{name: `..\x`}), "leads out of it"},
		"a whole path":        {zipOf(t, app, entry{name: "/etc/passwd"}), "leads out of it"},
		"a drive":             {zipOf(t, app, entry{name: `C:\x`}), "leads out of it"},
		"a link":              {zipOf(t, app, entry{name: "auth/providers.json", content: "/etc/passwd", mode: fs.ModeSymlink}), "a link or a device"},
		"a name twice":        {zipOf(t, app, app), "twice"},
		"too many entries":    {zipOf(t, append(many, app)...), "more than 5,000 entries"},
		"a bomb":              {bomb, "more than 50 MB"},
		"no zip":              {saved(t, "app.zip", []byte("PK\x03\x04")), "neither a folder nor a zip"},
		"nothing":             {t.TempDir() + "/none", "no such file"},
		"another folder":      {t.TempDir(), "it has neither root_config.json"},
		"another config.json": {zipOf(t, entry{name: "config.json", content: `{"port":1}`}), "it has neither root_config.json"},
		"several apps":        {zipOf(t, entry{name: "a/realm_config.json"}, entry{name: "b/realm_config.json"}), `it has several apps: name one of "a" and "b"`},
		"a folder of a link":  {outside, "it has neither"},
	} {
		out, code, err := examined(t, tc.file)
		if code != 2 || out != "" || err == nil || !strings.HasPrefix(err.Error(), "not an export: ") || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %d %v %s", name, code, err, out)
		}
	}
}

// A zip can say that there is little in it and be full: what is read ends where it said it would, and where an export does.
// It measures memory, beside no other test.
func TestABombThatLiesAboutItsSizeIsNotUnpacked(t *testing.T) {
	bomb := []byte(`{"x":"` + strings.Repeat("a", 5*maxFile) + `"}`)
	file := zipOf(t, entry{name: "realm_config.json", content: root}, entry{name: "auth/providers.json", content: string(bomb)})
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(content, []byte("auth/providers.json")) - 46 // its record in the directory
	if string(content[at:at+4]) != "PK\x01\x02" {
		t.Fatal("no record there")
	}
	for _, said := range []uint32{10, maxFile / 2} {
		lying := bytes.Clone(content)
		copy(lying[at+24:], []byte{byte(said), byte(said >> 8), byte(said >> 16), byte(said >> 24)})
		sum := crc32.ChecksumIEEE(bomb[:said])
		copy(lying[at+16:], []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})
		file := saved(t, "app.zip", lying)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		out, code, _ := examined(t, file)
		runtime.ReadMemStats(&after)
		if code != 2 || !strings.Contains(out, "auth/providers.json") || !strings.Contains(out, "Could not be read") {
			t.Errorf("%d bytes: %d %s", said, code, out)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8*maxFile {
			t.Errorf("%d bytes were allocated", used)
		}
	}
}

func TestADirectoryThatIsTooLargeIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range maxDirectory / 200 {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%0200d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, code, err := examined(t, saved(t, "app.zip", b.Bytes())); code != 2 || !strings.Contains(err.Error(), "more than 5,000 entries") {
		t.Errorf("%d %v", code, err)
	}
}

func TestAFileThatCannotBeReadIsNamedAndTheRestIsReported(t *testing.T) {
	t.Parallel()
	app, keys := entry{name: "realm_config.json", content: root}, entry{name: "auth_providers/api-key.json", content: `{"type":"api-key"}`}
	for content, says := range map[string]string{
		`{"api-key": {"type": "api-key"`:       "auth/providers.json is not JSON (at byte 30)",
		`{"api-key": nothing}`:                 "auth/providers.json is not JSON (at byte 14)",
		"\x00":                                 "auth/providers.json is not",
		"{}\xff\xfe":                           "auth/providers.json is not text",
		`{"custom-token": {"disabled": "no"}}`: "auth/providers.json has a JSON string for ",
		`[]`:                                   "auth/providers.json has a JSON array for its whole",
		`{"x":"` + strings.Repeat("a", maxFile) + `"`: "auth/providers.json is too large",
		strings.Repeat("[", 20_000):                   "auth/providers.json is not JSON (at byte ",
	} {
		out, code, _ := examined(t, zipOf(t, app, keys, entry{name: "auth/providers.json", content: content}))
		if code != 2 || !strings.Contains(out, says) || !strings.Contains(out, "myapp-abcde") || !strings.Contains(out, "User API keys") {
			t.Errorf("%.40q: %d %s", content, code, out)
		}
	}
	if _, code, _ := examined(t, zipOf(t, app, entry{name: "auth/providers.json", content: "\xef\xbb\xbf{}"})); code != 0 {
		t.Errorf("with a byte order mark: %d", code)
	}
	if out, code, _ := examined(t, zipOf(t, app, keys, entry{name: "auth/providers.json/x"})); code != 2 || !strings.Contains(out, "auth/providers.json cannot be read: it is not a file") {
		t.Errorf("a folder in place of a file: %d %s", code, out)
	}
	for content, says := range map[string]string{
		`{}`: "is not a JSON array of users (at byte ", `[{"identities":`: "is not a JSON array of users (at byte 1)", "": "is not a JSON array of users (at byte 0)",
	} {
		out, code, _ := examined(t, "testdata/realm", "--users", saved(t, "users.json", []byte(content)))
		if code != 2 || !strings.Contains(out, says) || !strings.Contains(out, "each user chooses") {
			t.Errorf("users %q: %d %s", content, code, out)
		}
	}
}

// Whoever wrote the export does not write to the terminal of whoever reads the report.
func TestWhatAnExportSaysIsPrintedLegibly(t *testing.T) {
	t.Parallel()
	evil := "\x1b]0;pwned\x07\u202e\n" + strings.Repeat("long", 100)
	said := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	file := zipOf(t,
		entry{name: "root_config.json", content: said(map[string]any{"name": evil, "provider_region": evil, "app_id": "x; rm -rf ~"})},
		entry{name: "auth/providers.json", content: said(map[string]any{
			"oauth2-" + evil:  map[string]any{},
			"oauth2-github":   map[string]any{"type": "oauth2-github"},
			"custom-function": map[string]any{"config": map[string]any{"authFunctionName": evil}},
			"local-userpass":  map[string]any{"config": map[string]any{"resetPasswordUrl": "https://" + evil, "runConfirmationFunction": true, "confirmationFunctionName": evil}},
			"oauth2-google":   map[string]any{"domain_restrictions": []string{evil}},
			"custom-token":    map[string]any{"secret_config": map[string]any{"signingKeys": []string{evil}}},
		})},
		entry{name: "auth/custom_user_data.json", content: said(map[string]any{"enabled": true, "user_id_field": "$(id)" + evil, "collection_name": evil})},
		entry{name: "auth_providers/" + evil + ".json", content: "{"},
	)
	users := saved(t, "users.json", []byte(said([]any{map[string]any{"identities": []any{map[string]any{"provider_type": "other" + evil}}}})))
	for _, args := range [][]string{{file}, {file, "--json"}, {file, "--users", users, "--write-providers", filepath.Join(t.TempDir(), "p.json")}} {
		out, code, _ := examined(t, args...)
		if code != 2 || strings.ContainsAny(out, "\x1b\x07\u202e") || strings.Contains(out, strings.Repeat("long", 20)) || strings.Contains(out, "rm -rf") {
			t.Errorf("%v: %d %s", args, code, out)
		}
		if !strings.Contains(out, "oauth2-github") || !strings.Contains(out, "unknown here") {
			t.Errorf("an unknown provider is not named: %s", out)
		}
	}
}

func TestTheProvidersFileHasWhatTheExportHasAndSaysWhatToFillIn(t *testing.T) {
	t.Parallel()
	for age, want := range map[string]struct{ file, says string }{
		"newest": {`{
  "custom-token": {
    "algorithm": "RS256",
    "jwks": "https://id.example.org/jwks.json",
    "audience": [
      "myapp-abcde",
      "https://myapp.example.org"
    ],
    "audience_match": "any",
    "data": [
      {
        "claim": "profile.full_name",
        "field": "name",
        "required": false
      },
      {
        "claim": "a\\.b.email",
        "field": "email",
        "required": true
      }
    ]
  },
  "oauth2-google": {
    "client_ids": [
      "123.apps.googleusercontent.com"
    ],
    "data": [
      {
        "claim": "email",
        "field": "email",
        "required": false
      }
    ]
  }
}
`, ""},
		"realm": {`{
  "custom-token": {
    "algorithm": "HS256",
    "secret_files": [
      "FILL IN",
      "FILL IN"
    ]
  }
}
`, "  Fill in custom-token: secret_files: the name of a file with what the secret \"jwtsecret\" was\n"},
	} {
		file := filepath.Join(t.TempDir(), "providers.json")
		out, _, _ := examined(t, "testdata/"+age, "--write-providers", file)
		if diff := cmp.Diff(want.file, testkit.ReadFile(t, file)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", age, diff)
		}
		if !strings.Contains(out, "Wrote "+file+".\n"+want.says) || !strings.Contains(out, "--providers "+file) {
			t.Errorf("%s: %s", age, out)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info.Mode(), err)
		}
		if _, code, err := examined(t, "testdata/"+age, "--write-providers", file); code != 2 || !strings.Contains(err.Error(), "already exists") || testkit.ReadFile(t, file) != want.file {
			t.Errorf("%s over a file: %d %v", age, code, err)
		}
	}
	limited := filepath.Join(t.TempDir(), "providers.json")
	_, _, _ = examined(t, "testdata/stitch", "--write-providers", limited)
	if got := testkit.ReadFile(t, limited); !strings.Contains(got, `"new_users": false`) { // strangers were kept out by their domain
		t.Errorf("%s", got)
	}
	none := filepath.Join(t.TempDir(), "providers.json")
	out, code, _ := examined(t, zipOf(t, entry{name: "realm_config.json", content: root}), "--write-providers", none)
	if _, err := os.Stat(none); code != 0 || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(out, "No file was written") {
		t.Errorf("%d %v %s", code, err, out)
	}
}

func TestADoctorThatIsAskedWronglySaysHow(t *testing.T) {
	t.Parallel()
	for _, tc := range [][]string{
		{"EXPORT is missing"}, {"unexpected argument", "a", "b"}, {"not defined", "a", "--fix"}, {"--app-id", "a", "--app-id", "b"}, {"alone", "--reach", "http://127.0.0.1:1", "--users", "x"},
		{"must be like", "--reach", "http://127.0.0.1:1", "--app-id", "../x"}, {"must be an http", "--reach", "keys.example.org"}, {"user:xxxxx@", "--reach", "https://user:pass@keys.example.org/x"},
	} {
		_, code, err := examined(t, tc[1:]...)
		if code != 2 || !strings.Contains(err.Error(), tc[0]) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%v: %d %v", tc, code, err)
		}
	}
	if out, code, err := examined(t, "--help"); code != 0 || err != nil || !strings.Contains(out, "--write-providers FILE") || !strings.Contains(out, "Exit codes:") {
		t.Errorf("%d %v %s", code, err, out)
	}
}
