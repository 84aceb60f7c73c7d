package onboard_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

var porchCam = onboard.Handoff{AppID: "latchkey-local", BaseURL: "https://keys.example.com", KeyName: "porch-cam"}

// snippet gives the one snippet of that id.
// pasted is a snippet as a person copies it.
func pasted(s onboard.Snippet) string { return s.Before + s.Value + s.After }

func snippet(t *testing.T, h onboard.Handoff, id string) onboard.Snippet {
	t.Helper()
	for _, s := range onboard.Snippets(h) {
		if s.ID == id {
			return s
		}
	}
	t.Fatal("no snippet", id)
	return onboard.Snippet{}
}

func TestEverySystemHasASnippetThatCanBePasted(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, s := range onboard.Snippets(porchCam) {
		ids = append(ids, s.ID)
		if s.Label == "" || s.For == "" || s.Language == "" {
			t.Errorf("%s: incomplete: %+v", s.ID, s)
		}
		if !strings.HasSuffix(pasted(s), "\n") || strings.Contains(pasted(s), "\t\n") {
			t.Errorf("%s ends %q", s.ID, pasted(s))
		}
		for line := range strings.Lines(pasted(s)) {
			if len(strings.TrimRight(line, "\n")) > 125 {
				t.Errorf("%s has a long line: %s", s.ID, line)
			}
		}
		if rest := strings.Count(s.Literal, "%s") != 1; rest && s.Literal != "" {
			t.Errorf("%s: the value goes into %q", s.ID, s.Literal)
		}
	}
	const want = "curl node web dotnet kotlin swift flutter go env java cpp systemd compose"
	if got := strings.Join(ids, " "); got != want {
		t.Errorf("there are %s, not %s", got, want)
	}
}

// A unit of systemd and a Compose file name the .env file, which says the rest.
func viaFile(id string) bool { return id == "systemd" || id == "compose" }

func TestASnippetHasAppAndAddressAndReadsTheKeyFromElsewhere(t *testing.T) {
	t.Parallel()
	for _, s := range onboard.Snippets(porchCam) {
		if viaFile(s.ID) {
			if !strings.Contains(pasted(s), "porch-cam.env") || s.Value != "" || s.Literal != "" {
				t.Errorf("%s does not go by the file: %q", s.ID, pasted(s))
			}
			continue
		}
		if !strings.Contains(pasted(s), "latchkey-local") || !strings.Contains(pasted(s), "https://keys.example.com") {
			t.Errorf("%s has not the app and the address:\n%s", s.ID, pasted(s))
		}
		if reads := strings.Contains(s.Before+s.Value, "API_KEY"); !reads || s.Literal == "" {
			t.Errorf("%s does not read the key from elsewhere, or cannot hold it:\n%s", s.ID, pasted(s))
		}
	}
}

// Whoever runs it wants to see that it worked. Files and units run nothing.
func TestASnippetSaysWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	for _, s := range onboard.Snippets(porchCam) {
		if says := strings.Contains(s.After, "Signed in as"); says == (s.ID == "env" || viaFile(s.ID)) {
			t.Errorf("%s says who is signed in: %v\n%s", s.ID, says, pasted(s))
		}
		if s.More != strings.Contains("java cpp systemd compose", s.ID) {
			t.Errorf("%s is for those who ask for more: %v", s.ID, s.More)
		}
	}
}

// What each system says for signing in, as its own documentation has it.
func TestASnippetMakesTheCallsOfItsSDK(t *testing.T) {
	t.Parallel()
	for id, calls := range map[string][]string{
		"dotnet": {
			"using Realms.Sync;", `App.Create(new AppConfiguration("latchkey-local")`, `BaseUri = new Uri("https://keys.example.com")`,
			"await app.LogInAsync(Credentials.ApiKey(", `Environment.GetEnvironmentVariable("API_KEY")`,
		},
		"kotlin": {
			"App.create(", `AppConfiguration.Builder("latchkey-local")`, `.baseUrl("https://keys.example.com")`, ".build()",
			"app.login(Credentials.apiKey(BuildConfig.API_KEY))",
		},
		"java": {
			"Realm.init(this);", `new App(new AppConfiguration.Builder("latchkey-local")`, `.baseUrl("https://keys.example.com")`,
			"app.loginAsync(Credentials.apiKey(BuildConfig.API_KEY), result ->", "result.get().getId()", "result.getError()",
		},
		"web": {
			`from "realm-web"`, "new Realm.App({", `id: "latchkey-local"`, `baseUrl: "https://keys.example.com"`,
			"await app.logIn(Realm.Credentials.apiKey(import.meta.env.VITE_API_KEY))",
		},
		"node": {
			`from "realm-web"`, `import Realm from "realm"`, `id: "latchkey-local"`, `baseUrl: "https://keys.example.com"`,
			"await app.logIn(Realm.Credentials.apiKey(process.env.API_KEY))",
		},
		"swift": {
			`id: "latchkey-local"`, `configuration: AppConfiguration(baseURL: "https://keys.example.com")`,
			"try await app.login(credentials: Credentials.userAPIKey(key))", `Bundle.main.object(forInfoDictionaryKey: "API_KEY") as! String`,
		},
		"flutter": {
			"App(AppConfiguration(", "'latchkey-local'", "baseUrl: Uri.parse('https://keys.example.com')",
			"app.logIn(Credentials.apiKey(", "const String.fromEnvironment('API_KEY')",
		},
		"cpp": {
			`configuration.app_id = "latchkey-local";`, `configuration.base_url = "https://keys.example.com";`,
			"realm::App app(configuration)", "app.login(realm::App::credentials::api_key(key)).get()", `std::getenv("API_KEY")`,
		},
		"go": {
			`client.New("https://keys.example.com", "latchkey-local")`,
			`c.Login(context.Background(), client.UserAPIKey(os.Getenv("API_KEY")))`,
		},
		"curl": {
			`printf '{"key":"%s"}' "$API_KEY" |`, "--data-binary @-",
			"'https://keys.example.com/api/client/v2.0/app/latchkey-local/auth/providers/api-key/login'",
		},
	} {
		code := pasted(snippet(t, porchCam, id))
		for _, call := range calls {
			if !strings.Contains(code, call) {
				t.Errorf("%s has no %s:\n%s", id, call, code)
			}
		}
	}
}

// What the pages say is what the documents say.
func TestASnippetSaysFromWhichVersionAnInstalledAppFollows(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"migrating.md", "handoff.md"} {
		page, err := os.ReadFile("../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, table, found := strings.Cut(string(page), "| follows a changed base URL from |")
		table, _, _ = strings.Cut(table, "\n\n")
		rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([0-9.]+) \|`).FindAllStringSubmatch(table, -1)
		if !found || len(rows) != 7 {
			t.Fatalf("%s has no such table: %q", file, rows)
		}
		for _, row := range rows {
			id := strings.NewReplacer(".net", "dotnet", "c++", "cpp", "node.js", "node").Replace(strings.ToLower(strings.FieldsFunc(row[1], func(r rune) bool { return r == ' ' || r == ',' })[0]))
			if note := snippet(t, porchCam, id).Note; !strings.Contains(note, " "+row[2]) {
				t.Errorf("%s says %s of %s, and its note is %q", file, row[2], row[1], note)
			}
		}
	}
}

// The file is also offered as a download: both are the same.
func TestTheEnvironmentFileIsTheSnippet(t *testing.T) {
	t.Parallel()
	const want = "# The key porch-cam. Keep this file out of version control.\n" +
		"APP_ID=latchkey-local\nBASE_URL=https://keys.example.com\nAPI_KEY="
	s := snippet(t, porchCam, "env")
	if porchCam.Env() != want || s.Before != want || s.Value != "" || s.After != "\n" || s.Literal != "%s" {
		t.Errorf("%q, %+v", porchCam.Env(), s)
	}
	known := porchCam
	known.Words = model.WordsOf("0123456789abcdef")
	if got, _, _ := strings.Cut(known.Env(), "\n"); got != "# The key porch-cam ("+known.Words.String()+"). Keep this file out of version control." {
		t.Errorf("of a key whose words are known it begins %q", got)
	}
	if porchCam.EnvFile() != "porch-cam.env" {
		t.Error(porchCam.EnvFile())
	}
}

// Settings and servers are checked long before; a program that is pasted must be safe all the same.
var hostile = onboard.Handoff{
	AppID:   "a\"b\\c$d'e\x00\n\u2028${f}",
	BaseURL: "https://example.com/\"'$(id)`id`\\\n;#",
	KeyName: "../\n*/ $(id)'\"é",
}

func TestNothingBreaksOutOfItsString(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"dotnet":  `new AppConfiguration("a\"b\\c$d'e${f}")`,
		"kotlin":  `AppConfiguration.Builder("a\"b\\c\$d'e\${f}")`,
		"java":    `AppConfiguration.Builder("a\"b\\c$d'e${f}")`,
		"web":     `id: "a\"b\\c$d'e${f}",`,
		"node":    `id: "a\"b\\c$d'e${f}",`,
		"swift":   `id: "a\"b\\c$d'e${f}",`,
		"flutter": `  'a"b\\c\$d\'e\${f}',`,
		"cpp":     `app_id = "a\"b\\c$d'e${f}";`,
		"go":      `"a\"b\\c$d'e${f}")`,
		"curl":    `/app/a"b\c$d'\''e${f}/auth/`,
		"env":     `APP_ID='a"b\c$d'\''e${f}'` + "\n",
	} {
		if code := pasted(snippet(t, hostile, id)); !strings.Contains(code, want) {
			t.Errorf("%s has no %s:\n%s", id, want, code)
		}
	}
	for _, s := range onboard.Snippets(hostile) {
		plain := snippet(t, porchCam, s.ID)
		if got, want := strings.Count(pasted(s), "\n"), strings.Count(pasted(plain), "\n"); got != want {
			t.Errorf("%s has %d lines, not %d:\n%s", s.ID, got, want, pasted(s))
		}
		if strings.ContainsFunc(pasted(s), func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsGraphic(r) }) {
			t.Errorf("%s has characters that cannot be seen: %q", s.ID, pasted(s))
		}
		if strings.Contains(pasted(s)+s.For+s.Note, "../") || strings.Contains(pasted(s), "*/ ") {
			t.Errorf("%s takes the key's name as it is:\n%s\n%s\n%s", s.ID, s.For, s.Note, pasted(s))
		}
	}
	if name := (onboard.Handoff{}).EnvFile(); name != "key.env" {
		t.Errorf("a key without a name has the file %q", name)
	}
}

// sh runs a script in a directory with files.
func sh(t *testing.T, script string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestAShellReadsTheEnvironmentFile(t *testing.T) {
	t.Parallel()
	for _, h := range []onboard.Handoff{porchCam, {AppID: "-", BaseURL: "http://[::1]:8080", KeyName: "-x"}} {
		note := snippet(t, h, "env").Note
		_, load, ok := strings.Cut(note, "A shell reads it with: ")
		if !ok {
			t.Fatal("the note does not say how:", note)
		}
		files := map[string]string{h.EnvFile(): h.Env() + "the-value\n"}
		got := sh(t, load+`; env | grep -E '^(APP_ID|BASE_URL|API_KEY)=' | sort`, files)
		if want := "API_KEY=the-value\nAPP_ID=" + h.AppID + "\nBASE_URL=" + h.BaseURL + "\n"; got != want {
			t.Errorf("a shell reads\n%s", got)
		}
	}
	h := onboard.Handoff{AppID: hostile.AppID, BaseURL: hostile.BaseURL, KeyName: "x"}
	got := sh(t, `. ./x.env; printf '%s|%s' "$APP_ID" "$BASE_URL"`, map[string]string{"x.env": h.Env()})
	if want := "a\"b\\c$d'e${f}|https://example.com/\"'$(id)`id`\\;#"; got != want {
		t.Errorf("a shell reads %s, not %s", got, want)
	}
}

func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	unit := pasted(snippet(t, porchCam, "systemd"))
	if want := "[Service]\nEnvironmentFile=/etc/porch-cam.env\n"; unit != want {
		t.Fatalf("the unit is %q", unit)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd here")
	}
	dir := t.TempDir()
	service := filepath.Join(dir, "camera.service")
	for file, content := range map[string]string{
		service: "[Unit]\nDescription=Camera\n[Service]\nExecStart=/bin/true\n",
		filepath.Join(dir, "camera.service.d", "override.conf"): unit,
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", service).CombinedOutput()
	if complaint := regexp.MustCompile(`(?m)^.*(override\.conf|camera).*$`).Find(out); complaint != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestComposeTakesTheFile(t *testing.T) {
	t.Parallel()
	const want = "services:\n  my-service:\n    env_file:\n      - \"./porch-cam.env\"\n"
	if got := pasted(snippet(t, porchCam, "compose")); got != want {
		t.Errorf("the file is %q", got)
	}
}

func TestTheScriptForAShellIsTheDocumentedOneForThisServer(t *testing.T) {
	page, err := os.ReadFile("../../docs/pairing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, documented, _ := strings.Cut(string(page), "\n```sh\n")
	documented, _, _ = strings.Cut(documented, "```\n")
	if got := onboard.PairScript("http://127.0.0.1:8080", "latchkey-local"); got != documented {
		t.Errorf("pages show\n%s\nand docs/pairing.md has\n%s", got, documented)
	}
	first, _, _ := strings.Cut(onboard.PairScript("https://keys.example.org", "home"), ";")
	if first != "url=https://keys.example.org app=home file=.env" {
		t.Errorf("for another server it begins with %q", first)
	}
}
