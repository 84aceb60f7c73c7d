package keys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/onboard/onboardtest"
)

// A person who has a key wants a device that works: what the page gives them is run as it stands.

// chip is the choice of a system, code what the page then shows for it.
func chip(p *story.Page, label string) playwright.Locator { return p.Role("radio", label) }

func code(p *story.Page) string {
	p.T.Helper()
	text, err := p.Locator(".snippet:visible code").TextContent()
	p.Must(err)
	return text
}

// choose turns to a system and gives its code.
func choose(p *story.Page, label string) string {
	p.T.Helper()
	p.Press(chip(p, label).Locator("xpath=.."))
	p.Must(p.Expect().Locator(chip(p, label)).ToBeChecked())
	p.Must(p.Expect().Locator(p.Locator(".snippet:visible")).ToHaveCount(1))
	return code(p)
}

// opensHandoff opens the part of the panel that has the code.
func opensHandoff(p *story.Page) {
	p.T.Helper()
	p.Press(p.GetByText("Put it into a program"))
	p.Sees(chip(p, ".NET"))
}

// camera runs programs in a directory of its own, with the value in its environment, or nowhere but in a program.
type camera struct{ dir, value string }

func newCamera(t *testing.T, value string, files map[string]string) camera {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return camera{dir, value}
}

func (d camera) runs(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if d.value != "" {
		cmd.Env = append(cmd.Env, "API_KEY="+d.value)
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, complaints.String())
	}
	return strings.TrimSpace(string(out))
}

// userOf gives the user of a log-in's answer.
func userOf(t *testing.T, answer string) string {
	t.Helper()
	var a struct {
		UserID string `json:"user_id"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Errorf("%v: %s", err, answer)
	}
	return a.UserID
}

// systems run what the page shows for a system, and say who is then signed in. The value is "" when the code has it.
func systems() map[string]func(t *testing.T, code, value string) string {
	return map[string]func(t *testing.T, code, value string) string{
		"Node.js": func(t *testing.T, code, value string) string {
			t.Helper()
			return story.Node(t, code+"console.log(user.id);\n", value, "--input-type=module", "-")
		},
		"Web": func(t *testing.T, code, value string) string {
			t.Helper()
			return inAPage(t, strings.ReplaceAll(code, "import.meta.env.VITE_API_KEY", strconv.Quote(value))) // as a bundler does
		},
		"Go": func(t *testing.T, code, value string) string {
			t.Helper()
			module := "module device\n\ngo 1.26\n\nrequire latchkey v0.0.0\n\nreplace latchkey => " + story.Path() + "\n"
			return newCamera(t, value, map[string]string{"main.go": code, "go.mod": module}).runs(t, "go", "run", ".")
		},
		"curl": func(t *testing.T, code, value string) string {
			t.Helper()
			return userOf(t, newCamera(t, value, nil).runs(t, "sh", "-euc", code))
		},
	}
}

// inAPage runs a module in a page of another site, which has realm-web, and gives the user that it signs in.
func inAPage(t *testing.T, module string) string {
	t.Helper()
	id, err := story.OpenElsewhere(t).Evaluate(`async (code) => {
		const url = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
		const map = document.createElement("script");
		map.type = "importmap";
		map.textContent = JSON.stringify({ imports: { "realm-web": url("export const { App, Credentials } = globalThis.Realm;") } });
		document.head.append(map);
		return (await import(url(code))).user.id;
	}`, strings.Replace(module, "const user", "export const user", 1))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(id)
}

func TestTheCodeOnAKeysPageLogsInAsItStands(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Link("porch-cam"))
	page.Lacks(page.GetByLabel("Write the key into the code")) // there is no value here to write
	for label, run := range systems() {
		code := choose(page, label)
		if got := run(t, code, key.Value.Reveal()); got != ana.Session.UserID() {
			t.Errorf("%s logs in as %q, not as %q, with\n%s", label, got, ana.Session.UserID(), code)
		}
	}
}

func TestTheCodeWithTheKeyInItNeedsNothingElse(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	opensHandoff(page)
	page.Press(page.Field("Write the key into the code"))
	for label, run := range systems() {
		code := choose(page, label)
		if strings.Count(code, value) != 1 || strings.Contains(code, "API_KEY") {
			t.Errorf("%s has not the value in place of where it comes from:\n%s", label, code)
		}
		if got := run(t, code, ""); got != ana.Session.UserID() {
			t.Errorf("%s logs in as %q, not as %q, with\n%s", label, got, ana.Session.UserID(), code)
		}
	}
}

// The file that is downloaded is the one that is shown, and all that the page says to do with it works.
func TestTheEnvironmentFileLogsIn(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	name, downloaded := download(page, "Download as .env")
	opensHandoff(page)
	if shown := choose(page, ".env"); shown != strings.Replace(downloaded, value, "", 1) {
		t.Errorf("shown is\n%s\ndownloaded\n%s", shown, downloaded)
	}
	page.Sees(page.GetByText("A shell reads it with: set -a; . ./porch-cam.env"))
	page.Press(page.Field("Write the key into the code"))
	if shown := code(page); shown != downloaded {
		t.Errorf("with the key in it, shown is\n%s\ndownloaded\n%s", shown, downloaded)
	}
	page.Press(page.Field("Write the key into the code"))
	curl, program2 := choose(page, "curl"), choose(page, "Node.js")
	page.Sees(page.GetByText("node --env-file=porch-cam.env app.mjs"))

	d := newCamera(t, "", map[string]string{name: downloaded, "app.mjs": program2 + "console.log(user.id);\n"})
	page.Must(os.Symlink(story.Path("e2e", "node_modules"), filepath.Join(d.dir, "node_modules")))
	if got := userOf(t, d.runs(t, "sh", "-euc", "set -a; . ./porch-cam.env\n"+curl)); got != ana.Session.UserID() {
		t.Errorf("a shell logs in as %q", got)
	}
	if got := d.runs(t, "node", "--env-file="+name, "app.mjs"); got != ana.Session.UserID() {
		t.Errorf("Node.js logs in as %q", got)
	}
}

// A command line can be read by every user of the machine, for as long as the command runs.
func TestTheCurlCommandKeepsTheValueOffTheCommandLine(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	opensHandoff(page)
	const spy = "#!/bin/sh\nprintf '%s\\n' \"$@\" >args\ncat >body\n"
	for _, literal := range []bool{false, true} {
		code := choose(page, "curl")
		d := newCamera(t, value, map[string]string{"curl": spy})
		page.Must(os.Chmod(filepath.Join(d.dir, "curl"), 0o700))
		d.runs(t, "sh", "-euc", "PATH=.:$PATH\n"+code)
		args, err := os.ReadFile(filepath.Join(d.dir, "args"))
		page.Must(err)
		body, err := os.ReadFile(filepath.Join(d.dir, "body"))
		page.Must(err)
		if strings.Contains(string(args), value) || string(body) != `{"key":"`+value+`"}` {
			t.Errorf("in the code %v: curl is called with\n%s and given %s", literal, args, body)
		}
		page.Press(page.Field("Write the key into the code"))
	}
}

// The switch writes the value from the field: the page that came has it once, and has it once again when the switch is off.
func TestTheValueIsInTheCodeOnlyWhileItIsAskedFor(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	opensHandoff(page)
	times(page, value, 1)
	before := code(page)
	page.Press(page.Field("Write the key into the code"))
	if n := strings.Count(htmlOf(page), value); n < 11 {
		t.Errorf("the value is on the page %d times", n)
	}
	page.Must(page.Expect().Locator(page.Field("Value")).ToHaveAttribute("type", "password"))
	keepsOutOfStorage(page, value)
	page.Press(page.Field("Write the key into the code"))
	times(page, value, 1)
	if after := code(page); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}

	page.Press(page.Field("Write the key into the code"))
	page.Press(page.Link("porch-cam"))
	page.Press(page.InDialog("Stay")) // to have written it is not to have saved it
	page.SaveKey()
	lacksValue(page, value)
	keepsOutOfStorage(page, value)
}

func times(p *story.Page, value string, want int) {
	p.T.Helper()
	if n := strings.Count(htmlOf(p), value); n != want {
		p.T.Errorf("the page has the value %d times, want %d", n, want)
	}
}

// As with the field: browsers keep pages for the Back button, and the next person presses it.
func TestTheValueIsGoneFromTheCodeOfAPageThatTheBrowserKept(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	tap.Edit = func(head http.Header, body []byte) []byte {
		head.Del("Cache-Control")
		return body
	}
	page := program.Open(t, story.In(story.BrowserWithBackForwardCache(t)), story.SignedIn(program.Person(t)))
	value := page.CreateKey("porch-cam")
	opensHandoff(page)
	page.Press(page.Field("Write the key into the code"))
	page.Evaluate(`() => addEventListener("pagehide", e => sessionStorage.left =
		[e.persisted, document.querySelector("[data-handoff=literal]").checked, document.body.outerHTML].join(" "))`)
	leavesForTheKey(page, "porch-cam")
	left, ok := page.Evaluate("sessionStorage.left").(string)
	if !ok || !strings.HasPrefix(left, "true false ") || strings.Contains(left, value) {
		t.Errorf("the page was not kept, or not without the value: %.200s", left)
	}
	_, err := page.GoBack()
	page.Must(err)
	page.Sees(page.Heading("Create a key"))
	lacksValue(page, value)
}

// A value of another server may have characters that mean something in a program. Such a value stays out of it.
func TestAValueThatIsNotPlainIsNotOfferedForTheCode(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	value := regexp.MustCompile(`value="[A-Za-z0-9]{64}"`)
	tap.Edit = func(_ http.Header, body []byte) []byte { return value.ReplaceAll(body, []byte(`value="a&quot;+b"`)) }
	page := program.Open(t, story.SignedIn(program.Person(t)))
	if value := page.CreateKey("porch-cam"); value != `a"+b` {
		t.Fatalf("the value is %q", value)
	}
	opensHandoff(page)
	page.Lacks(page.Field("Write the key into the code"))
	if code := choose(page, "Go"); !strings.Contains(code, `os.Getenv("API_KEY")`) {
		t.Errorf("shown is\n%s", code)
	}
}

func TestTheSystemIsRememberedInThisBrowser(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam", "garage")
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+made[0].ID))
	page.Must(page.Expect().Locator(chip(page, ".NET")).ToBeChecked())
	choose(page, "Kotlin")
	page.Visit("/keys/" + made[1].ID)
	page.Must(page.Expect().Locator(chip(page, "Kotlin")).ToBeChecked())
	page.Sees(page.Heading("Realm Kotlin SDK 1.0 to 2.3, on Android"))

	page.Visit("/keys")
	page.CreateKey("heat-pump") // a part of the page, in place of the form
	page.Press(page.GetByText("Put it into a program"))
	page.Must(page.Expect().Locator(chip(page, "Kotlin")).ToBeChecked())
}

// Some browsers forbid pages to keep anything. That costs the memory, and nothing else.
func TestTheSystemsWorkWhereNothingMayBeKept(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana))
	forbid := `Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })`
	page.Must(page.AddInitScript(playwright.Script{Content: &forbid}))
	page.Visit("/keys/" + made.ID)
	if code := choose(page, "Go"); !strings.Contains(code, "client.New(") {
		t.Errorf("shown is\n%s", code)
	}
	page.Press(page.Toggle("porch-cam"))
	page.IsOn("porch-cam", false)
}

func TestWithoutScriptTheSystemsAreChosenAllTheSame(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]story.Option{"desktop": func(*story.Visit) {}, "phone": story.Phone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			page := program.Open(t, story.NoScript, size, story.SignedIn(program.Person(t)))
			page.CreateKey("porch-cam")
			opensHandoff(page)
			page.Lacks(page.Field("Write the key into the code"))
			page.Lacks(page.Button("Copy code"))
			for label, want := range map[string]string{
				"Swift": "import RealmSwift", "Compose": "services:", ".NET": "using Realms.Sync;",
			} {
				if code := choose(page, label); !strings.Contains(code, want) {
					t.Errorf("%s shows\n%s", label, code)
				}
			}
			page.Press(page.GetByText("Pair a device with a code instead"))
			page.Sees(page.Link(program.URL + "/device"))
		})
	}
}

func TestTheSystemsGoByKeyboard(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+made.ID), story.Granting("clipboard-read", "clipboard-write"))
	tabTo(page, chip(page, ".NET"))
	page.Key("ArrowRight")
	page.Must(page.Expect().Locator(chip(page, "Kotlin")).ToBeChecked())
	page.Focuses(chip(page, "Kotlin"))
	if outline := page.Evaluate(`getComputedStyle(document.activeElement.parentElement).outlineStyle`); outline != "solid" {
		t.Error("nobody sees where the focus is:", outline)
	}
	page.Key("ArrowLeft")
	page.Key("ArrowLeft") // round the end
	page.Must(page.Expect().Locator(chip(page, "Compose")).ToBeChecked())
	code := code(page)

	clipboard.Lock()
	defer clipboard.Unlock()
	tabTo(page, page.Button("Copy code"))
	page.Key("Enter")
	page.Reads(page.Locator(".told-copy"), "Copied.")
	if got := page.Evaluate("navigator.clipboard.readText()"); got != code {
		t.Errorf("copied is %q, not %q", got, code)
	}
	page.Key("Tab")
	page.Focuses(page.Locator(".snippet:visible pre")) // to scroll it
	isVisiblyFocused(page)
}

func TestCopyingCodeTellsTheTruth(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+made.ID))
	code := choose(page, "Go")
	page.Evaluate(`() => {
		Object.defineProperty(navigator, "clipboard", { value: undefined });
		document.execCommand = () => true;
	}`)
	page.Press(page.Button("Copy code"))
	const refused = "This browser does not let a page copy. The code is selected: press Ctrl+C, or ⌘C on a Mac."
	page.Reads(page.Locator(".told-copy"), refused)
	if got := page.Evaluate("String(getSelection())"); got != strings.TrimSuffix(code, "\n") && got != code {
		t.Errorf("selected is %q", got)
	}
	choose(page, "curl")
	page.Reads(page.Locator(".told-copy"), "") // that was about other code
}

func TestAPhoneShowsEverySystemWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	for _, width := range []int{390, 320} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			page := program.Open(t, story.PhoneOf(width, 844), story.Dark, story.SignedIn(program.Person(t)))
			page.CreateKey(strings.Repeat("x", 64))
			opensHandoff(page)
			page.Press(page.Field("Write the key into the code"))
			labels, err := page.Locator(".chip").AllTextContents()
			page.Must(err)
			if len(labels) != 13 {
				t.Errorf("the systems are %q", labels)
			}
			for _, label := range labels {
				choose(page, label)
				page.Fits()
			}
			page.Press(page.GetByText("Pair a device with a code instead"))
			page.Fits()
			page.SaveKey()
			page.Press(page.Link(strings.Repeat("x", 64)))
			page.Press(page.GetByText("Pair a device with a code instead"))
			page.Sees(page.Role("img", "QR code of the address "+program.URL+"/device"))
			page.Fits()
			page.Axe()
		})
	}
}

// The picture leads to the page on which a device is paired. It is read from the screen, as a camera would.
func TestTheQRCodeOpensThePairingPageInAllColours(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	for name, colours := range map[string]story.Option{"light": func(*story.Visit) {}, "dark": story.Dark, "forced": story.ForcedColors} {
		page := program.Open(t, story.SignedIn(ana), colours)
		value := page.CreateKey("porch-cam-" + name)
		page.Press(page.GetByText("Pair a device with a code instead"))
		got := scans(page, page.Role("img", "QR code of the address "+program.URL+"/device"))
		if got != program.URL+"/device" || strings.Contains(got, value) {
			t.Errorf("%s: the picture reads %q", name, got)
		}
		page.Press(page.Field("I have saved it"))
		page.Press(page.Link(program.URL + "/device"))
		page.IsAt("/device")
	}
}

// scans reads the QR code that is on the screen, with a quiet zone of four light modules around it.
func scans(p *story.Page, picture playwright.Locator) string {
	p.T.Helper()
	p.Must(picture.ScrollIntoViewIfNeeded())
	box, err := picture.GetAttribute("viewBox")
	p.Must(err)
	var modules int
	if _, err := fmt.Sscanf(box, "0 0 %d", &modules); err != nil {
		p.T.Fatalf("the picture has the box %q", box)
	}
	shot, err := picture.Screenshot()
	p.Must(err)
	seen, err := png.Decode(bytes.NewReader(shot))
	p.Must(err)
	at := func(x, y int) bool {
		size := seen.Bounds().Size()
		point := image.Pt((2*x+1)*size.X/(2*modules), (2*y+1)*size.Y/(2*modules))
		r, g, b, _ := seen.At(point.X, point.Y).RGBA()
		return (r+g+b)/3 < 1<<15
	}
	const quiet = 4
	for i := range modules {
		for j := range quiet {
			if at(i, j) || at(j, i) || at(i, modules-1-j) || at(modules-1-j, i) {
				p.T.Errorf("the quiet zone is dark at %d, %d", i, j)
				return ""
			}
		}
	}
	text, err := onboardtest.ReadQR(modules-2*quiet, func(x, y int) bool { return at(x+quiet, y+quiet) })
	p.Must(err)
	return text
}
