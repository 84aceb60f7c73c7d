package e2e

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

	"latchkey/internal/onboard/onboardtest"
)

// A person who has a key wants a device that works: what the page gives them is run as it stands.

// chip is the choice of a system, code what the page then shows for it.
func (p *page) chip(label string) playwright.Locator { return p.role("radio", label) }

func (p *page) code() string {
	p.t.Helper()
	text, err := p.Locator(".snippet:visible code").TextContent()
	p.must(err)
	return text
}

// choose turns to a system and gives its code.
func (p *page) choose(label string) string {
	p.t.Helper()
	p.press(p.chip(label).Locator("xpath=.."))
	p.must(expect.Locator(p.chip(label)).ToBeChecked())
	p.must(expect.Locator(p.Locator(".snippet:visible")).ToHaveCount(1))
	return p.code()
}

// opensHandoff opens the part of the panel that has the code.
func (p *page) opensHandoff() {
	p.t.Helper()
	p.press(p.GetByText("Put it into a program"))
	p.sees(p.chip(".NET"))
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
			return node(t, code+"console.log(user.id);\n", value, "--input-type=module", "-")
		},
		"Web": func(t *testing.T, code, value string) string {
			t.Helper()
			return inAPage(t, strings.ReplaceAll(code, "import.meta.env.VITE_API_KEY", strconv.Quote(value))) // as a bundler does
		},
		"Go": func(t *testing.T, code, value string) string {
			t.Helper()
			repository, err := filepath.Abs("..")
			if err != nil {
				t.Fatal(err)
			}
			module := "module device\n\ngo 1.26\n\nrequire latchkey v0.0.0\n\nreplace latchkey => " + repository + "\n"
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
	id, err := openElsewhere(t).Evaluate(`async (code) => {
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
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana))
	page.press(page.link("porch-cam"))
	page.lacks(page.GetByLabel("Write the key into the code")) // there is no value here to write
	for label, run := range systems() {
		code := page.choose(label)
		if got := run(t, code, key.Value.Reveal()); got != ana.session.UserID() {
			t.Errorf("%s logs in as %q, not as %q, with\n%s", label, got, ana.session.UserID(), code)
		}
	}
}

func TestTheCodeWithTheKeyInItNeedsNothingElse(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.opensHandoff()
	page.press(page.field("Write the key into the code"))
	for label, run := range systems() {
		code := page.choose(label)
		if strings.Count(code, value) != 1 || strings.Contains(code, "API_KEY") {
			t.Errorf("%s has not the value in place of where it comes from:\n%s", label, code)
		}
		if got := run(t, code, ""); got != ana.session.UserID() {
			t.Errorf("%s logs in as %q, not as %q, with\n%s", label, got, ana.session.UserID(), code)
		}
	}
}

// The file that is downloaded is the one that is shown, and all that the page says to do with it works.
func TestTheEnvironmentFileLogsIn(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	name, downloaded := page.download("Download as .env")
	page.opensHandoff()
	if shown := page.choose(".env"); shown != strings.Replace(downloaded, value, "", 1) {
		t.Errorf("shown is\n%s\ndownloaded\n%s", shown, downloaded)
	}
	page.sees(page.GetByText("A shell reads it with: set -a; . ./porch-cam.env"))
	page.press(page.field("Write the key into the code"))
	if shown := page.code(); shown != downloaded {
		t.Errorf("with the key in it, shown is\n%s\ndownloaded\n%s", shown, downloaded)
	}
	page.press(page.field("Write the key into the code"))
	curl, program2 := page.choose("curl"), page.choose("Node.js")
	page.sees(page.GetByText("node --env-file=porch-cam.env app.mjs"))

	modules, err := filepath.Abs("node_modules")
	page.must(err)
	d := newCamera(t, "", map[string]string{name: downloaded, "app.mjs": program2 + "console.log(user.id);\n"})
	page.must(os.Symlink(modules, filepath.Join(d.dir, "node_modules")))
	if got := userOf(t, d.runs(t, "sh", "-euc", "set -a; . ./porch-cam.env\n"+curl)); got != ana.session.UserID() {
		t.Errorf("a shell logs in as %q", got)
	}
	if got := d.runs(t, "node", "--env-file="+name, "app.mjs"); got != ana.session.UserID() {
		t.Errorf("Node.js logs in as %q", got)
	}
}

// A command line can be read by every user of the machine, for as long as the command runs.
func TestTheCurlCommandKeepsTheValueOffTheCommandLine(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	page.opensHandoff()
	const spy = "#!/bin/sh\nprintf '%s\\n' \"$@\" >args\ncat >body\n"
	for _, literal := range []bool{false, true} {
		code := page.choose("curl")
		d := newCamera(t, value, map[string]string{"curl": spy})
		page.must(os.Chmod(filepath.Join(d.dir, "curl"), 0o700))
		d.runs(t, "sh", "-euc", "PATH=.:$PATH\n"+code)
		args, err := os.ReadFile(filepath.Join(d.dir, "args"))
		page.must(err)
		body, err := os.ReadFile(filepath.Join(d.dir, "body"))
		page.must(err)
		if strings.Contains(string(args), value) || string(body) != `{"key":"`+value+`"}` {
			t.Errorf("in the code %v: curl is called with\n%s and given %s", literal, args, body)
		}
		page.press(page.field("Write the key into the code"))
	}
}

// The switch writes the value from the field: the page that came has it once, and has it once again when the switch is off.
func TestTheValueIsInTheCodeOnlyWhileItIsAskedFor(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.opensHandoff()
	page.times(value, 1)
	before := page.code()
	page.press(page.field("Write the key into the code"))
	if n := strings.Count(page.html(), value); n < 11 {
		t.Errorf("the value is on the page %d times", n)
	}
	page.must(expect.Locator(page.field("Value")).ToHaveAttribute("type", "password"))
	page.keepsOutOfStorage(value)
	page.press(page.field("Write the key into the code"))
	page.times(value, 1)
	if after := page.code(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}

	page.press(page.field("Write the key into the code"))
	page.press(page.link("porch-cam"))
	page.press(page.inDialog("Stay")) // to have written it is not to have saved it
	page.saveKey()
	page.lacksValue(value)
	page.keepsOutOfStorage(value)
}

func (p *page) times(value string, want int) {
	p.t.Helper()
	if n := strings.Count(p.html(), value); n != want {
		p.t.Errorf("the page has the value %d times, want %d", n, want)
	}
}

// As with the field: browsers keep pages for the Back button, and the next person presses it.
func TestTheValueIsGoneFromTheCodeOfAPageThatTheBrowserKept(t *testing.T) {
	t.Parallel()
	program, tap := startTapped(t, "127.0.0.1")
	tap.edit = func(head http.Header, body []byte) []byte {
		head.Del("Cache-Control")
		return body
	}
	page := program.open(t, in(browserWithBackForwardCache(t)), signedIn(program.person(t)))
	value := page.createKey("porch-cam")
	page.opensHandoff()
	page.press(page.field("Write the key into the code"))
	page.evaluate(`() => addEventListener("pagehide", e => sessionStorage.left =
		[e.persisted, document.querySelector("[data-handoff=literal]").checked, document.body.outerHTML].join(" "))`)
	page.leavesForTheKey("porch-cam")
	left, ok := page.evaluate("sessionStorage.left").(string)
	if !ok || !strings.HasPrefix(left, "true false ") || strings.Contains(left, value) {
		t.Errorf("the page was not kept, or not without the value: %.200s", left)
	}
	_, err := page.GoBack()
	page.must(err)
	page.sees(page.heading("Create a key"))
	page.lacksValue(value)
}

// A value of another server may have characters that mean something in a program. Such a value stays out of it.
func TestAValueThatIsNotPlainIsNotOfferedForTheCode(t *testing.T) {
	t.Parallel()
	program, tap := startTapped(t, "127.0.0.1")
	value := regexp.MustCompile(`value="[A-Za-z0-9]{64}"`)
	tap.edit = func(_ http.Header, body []byte) []byte { return value.ReplaceAll(body, []byte(`value="a&quot;+b"`)) }
	page := program.open(t, signedIn(program.person(t)))
	if value := page.createKey("porch-cam"); value != `a"+b` {
		t.Fatalf("the value is %q", value)
	}
	page.opensHandoff()
	page.lacks(page.field("Write the key into the code"))
	if code := page.choose("Go"); !strings.Contains(code, `os.Getenv("API_KEY")`) {
		t.Errorf("shown is\n%s", code)
	}
}

func TestTheSystemIsRememberedInThisBrowser(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	made := ana.keys(t, "porch-cam", "garage")
	page := program.open(t, signedIn(ana), at("/keys/"+made[0].ID))
	page.must(expect.Locator(page.chip(".NET")).ToBeChecked())
	page.choose("Kotlin")
	page.visit("/keys/" + made[1].ID)
	page.must(expect.Locator(page.chip("Kotlin")).ToBeChecked())
	page.sees(page.heading("Realm Kotlin SDK 1.0 to 2.3, on Android"))

	page.visit("/keys")
	page.createKey("heat-pump") // a part of the page, in place of the form
	page.press(page.GetByText("Put it into a program"))
	page.must(expect.Locator(page.chip("Kotlin")).ToBeChecked())
}

// Some browsers forbid pages to keep anything. That costs the memory, and nothing else.
func TestTheSystemsWorkWhereNothingMayBeKept(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	made := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana))
	forbid := `Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })`
	page.must(page.AddInitScript(playwright.Script{Content: &forbid}))
	page.visit("/keys/" + made.ID)
	if code := page.choose("Go"); !strings.Contains(code, "client.New(") {
		t.Errorf("shown is\n%s", code)
	}
	page.press(page.toggle("porch-cam"))
	page.isOn("porch-cam", false)
}

func TestWithoutScriptTheSystemsAreChosenAllTheSame(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]option{"desktop": func(*visit) {}, "phone": phone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := startProgram(t)
			page := program.open(t, noScript, size, signedIn(program.person(t)))
			page.createKey("porch-cam")
			page.opensHandoff()
			page.lacks(page.field("Write the key into the code"))
			page.lacks(page.button("Copy code"))
			for label, want := range map[string]string{
				"Swift": "import RealmSwift", "Compose": "services:", ".NET": "using Realms.Sync;",
			} {
				if code := page.choose(label); !strings.Contains(code, want) {
					t.Errorf("%s shows\n%s", label, code)
				}
			}
			page.press(page.GetByText("Pair a device with a code instead"))
			page.sees(page.link(program.url + "/device"))
		})
	}
}

func TestTheSystemsGoByKeyboard(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	made := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana), at("/keys/"+made.ID), granting("clipboard-read", "clipboard-write"))
	page.tabTo(page.chip(".NET"))
	page.key("ArrowRight")
	page.must(expect.Locator(page.chip("Kotlin")).ToBeChecked())
	page.focuses(page.chip("Kotlin"))
	if outline := page.evaluate(`getComputedStyle(document.activeElement.parentElement).outlineStyle`); outline != "solid" {
		t.Error("nobody sees where the focus is:", outline)
	}
	page.key("ArrowLeft")
	page.key("ArrowLeft") // round the end
	page.must(expect.Locator(page.chip("Compose")).ToBeChecked())
	code := page.code()

	clipboard.Lock()
	defer clipboard.Unlock()
	page.tabTo(page.button("Copy code"))
	page.key("Enter")
	page.reads(page.Locator(".told-copy"), "Copied.")
	if got := page.evaluate("navigator.clipboard.readText()"); got != code {
		t.Errorf("copied is %q, not %q", got, code)
	}
	page.key("Tab")
	page.focuses(page.Locator(".snippet:visible pre")) // to scroll it
	page.isVisiblyFocused()
}

func TestCopyingCodeTellsTheTruth(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	made := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana), at("/keys/"+made.ID))
	code := page.choose("Go")
	page.evaluate(`() => {
		Object.defineProperty(navigator, "clipboard", { value: undefined });
		document.execCommand = () => true;
	}`)
	page.press(page.button("Copy code"))
	const refused = "This browser does not let a page copy. The code is selected: press Ctrl+C, or ⌘C on a Mac."
	page.reads(page.Locator(".told-copy"), refused)
	if got := page.evaluate("String(getSelection())"); got != strings.TrimSuffix(code, "\n") && got != code {
		t.Errorf("selected is %q", got)
	}
	page.choose("curl")
	page.reads(page.Locator(".told-copy"), "") // that was about other code
}

func TestAPhoneShowsEverySystemWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	for _, width := range []int{390, 320} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			program := startProgram(t)
			page := program.open(t, phoneOf(width, 844), dark, signedIn(program.person(t)))
			page.createKey(strings.Repeat("x", 64))
			page.opensHandoff()
			page.press(page.field("Write the key into the code"))
			labels, err := page.Locator(".chip").AllTextContents()
			page.must(err)
			if len(labels) != 13 {
				t.Errorf("the systems are %q", labels)
			}
			for _, label := range labels {
				page.choose(label)
				page.fits()
			}
			page.press(page.GetByText("Pair a device with a code instead"))
			page.fits()
			page.saveKey()
			page.press(page.link(strings.Repeat("x", 64)))
			page.press(page.GetByText("Pair a device with a code instead"))
			page.sees(page.role("img", "QR code of the address "+program.url+"/device"))
			page.fits()
			page.axe()
		})
	}
}

// The picture leads to the page on which a device is paired. It is read from the screen, as a camera would.
func TestTheQRCodeOpensThePairingPageInAllColours(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	for name, colours := range map[string]option{"light": func(*visit) {}, "dark": dark, "forced": forcedColors} {
		page := program.open(t, signedIn(ana), colours)
		value := page.createKey("porch-cam-" + name)
		page.press(page.GetByText("Pair a device with a code instead"))
		got := page.scans(page.role("img", "QR code of the address "+program.url+"/device"))
		if got != program.url+"/device" || strings.Contains(got, value) {
			t.Errorf("%s: the picture reads %q", name, got)
		}
		page.press(page.field("I have saved it"))
		page.press(page.link(program.url + "/device"))
		page.isAt("/device")
	}
}

// scans reads the QR code that is on the screen, with a quiet zone of four light modules around it.
func (p *page) scans(picture playwright.Locator) string {
	p.t.Helper()
	p.must(picture.ScrollIntoViewIfNeeded())
	box, err := picture.GetAttribute("viewBox")
	p.must(err)
	var modules int
	if _, err := fmt.Sscanf(box, "0 0 %d", &modules); err != nil {
		p.t.Fatalf("the picture has the box %q", box)
	}
	shot, err := picture.Screenshot()
	p.must(err)
	seen, err := png.Decode(bytes.NewReader(shot))
	p.must(err)
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
				p.t.Errorf("the quiet zone is dark at %d, %d", i, j)
				return ""
			}
		}
	}
	text, err := onboardtest.ReadQR(modules-2*quiet, func(x, y int) bool { return at(x+quiet, y+quiet) })
	p.must(err)
	return text
}
