package keys

import (
	"bytes"
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

	"latchkey/client"
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

// tab is what a person presses to choose a system. Systems that few use are shown to those who ask for more.
func tab(p *story.Page, label string) playwright.Locator {
	return p.Locator(".handoff label").Filter(playwright.LocatorFilterOptions{HasText: regexp.MustCompile("^" + regexp.QuoteMeta(label) + "$")})
}

// choose turns to a system and gives its code.
func choose(p *story.Page, label string) string {
	p.T.Helper()
	if shown, err := tab(p, label).IsVisible(); err == nil && !shown {
		p.Press(tab(p, "More"))
	}
	p.Press(tab(p, label))
	p.Must(p.Expect().Locator(chip(p, label)).ToBeChecked())
	p.Must(p.Expect().Locator(p.Locator(".snippet:visible")).ToHaveCount(1))
	return code(p)
}

// copiesWithKey gives what the clipboard has after the code was copied with the value in it.
func copiesWithKey(p *story.Page) string {
	p.T.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	p.Press(p.Button("Copy code with the key"))
	p.Reads(p.Locator("#copied"), "✓ Copied")
	text, _ := p.Evaluate("navigator.clipboard.readText()").(string)
	return text
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

// systems run what the page shows for a system, and say what it prints. The value is "" when the code has it.
func systems() map[string]func(t *testing.T, code, value string) string {
	return map[string]func(t *testing.T, code, value string) string{
		"Node.js": func(t *testing.T, code, value string) string {
			t.Helper()
			return story.Node(t, code, value, "--input-type=module", "-")
		},
		"Browser": func(t *testing.T, code, value string) string {
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
			return newCamera(t, value, nil).runs(t, "sh", "-euc", code)
		},
	}
}

func signedInAs(id string) string { return "Signed in as " + id }

// inAPage runs a module in a page of another site, which has realm-web, and gives what it prints.
func inAPage(t *testing.T, module string) string {
	t.Helper()
	id, err := story.OpenElsewhere(t).Evaluate(`async (code) => {
		const url = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
		const map = document.createElement("script");
		map.type = "importmap";
		map.textContent = JSON.stringify({ imports: { "realm-web": url("export const { App, Credentials } = globalThis.Realm;") } });
		document.head.append(map);
		let said = "";
		console.log = (...words) => { said = words.join(" "); };
		await import(url(code));
		return said;
	}`, module)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(id)
}

func TestTheCodeOnAKeysPageSignsInAsItStands(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+key.ID))
	page.Lacks(page.Button("Copy code with the key")) // there is no value here
	for label, run := range systems() {
		code := choose(page, label)
		if got := run(t, code, key.Value.Reveal()); got != signedInAs(ana.Session.UserID()) {
			t.Errorf("%s prints %q, not who %q is, with\n%s", label, got, ana.Session.UserID(), code)
		}
	}
}

func TestTheCodeCopiedWithTheKeyNeedsNothingElse(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.Granting("clipboard-read", "clipboard-write"))
	value := page.CreateKey("porch-cam")
	for label, run := range systems() {
		choose(page, label)
		code := copiesWithKey(page)
		if strings.Count(code, value) != 1 || strings.Contains(code, "API_KEY") {
			t.Errorf("%s has not the value in place of where it comes from:\n%s", label, code)
		}
		if got := run(t, code, ""); got != signedInAs(ana.Session.UserID()) {
			t.Errorf("%s prints %q, not who %q is, with\n%s", label, got, ana.Session.UserID(), code)
		}
	}
	if n := strings.Count(htmlOf(page), value); n != 1 {
		t.Errorf("the page has the value %d times", n)
	}
	choose(page, "Compose") // names the file, which has the value
	page.Lacks(page.Button("Copy code with the key"))
}

// From the address that the program prints to a device that signs in: this is what a person does who only wants to see it work.
func TestFromTheAddressToAKeyThatCurlUsesItIsFiveClicksAtMost(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.Granting("clipboard-read", "clipboard-write"))
	clicks := 0
	click := func(what playwright.Locator) { clicks++; page.Press(what) }
	types := func(text string) { page.Must(page.Keyboard().Type(text)) } // into what has the focus

	click(page.Locator("a[href^='/register']"))
	page.Sees(page.Button("Create account"))
	page.Focuses(page.Field("Email"))
	types("ana@example.com")
	page.Key("Tab")
	types(story.Password)
	click(page.Button("Create account"))
	page.Focuses(page.Field("Label"))
	types("porch-cam")
	click(page.Button("Create key"))
	page.Sees(page.Ready("porch-cam"))
	clicks++
	code := copiesWithKey(page)

	ana := program.LogIn(t, client.EmailPassword("ana@example.com", story.Password))
	if got := newCamera(t, "", nil).runs(t, "sh", "-euc", code); got != signedInAs(ana.UserID()) {
		t.Errorf("curl prints %q for %s", got, ana.UserID())
	}
	page.Sees(page.Locator("#once").GetByText("Connected at"))
	if clicks > 5 {
		t.Errorf("it took %d clicks", clicks)
	}
}

// The file that is downloaded is the one that is shown, and all that the page says to do with it works.
func TestTheEnvironmentFileSignsIn(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.Granting("clipboard-read", "clipboard-write"))
	value := page.CreateKey("porch-cam")
	name, downloaded := download(page, "Download .env")
	if shown := choose(page, ".env"); shown != strings.Replace(downloaded, value, "", 1) {
		t.Errorf("shown is\n%s\ndownloaded\n%s", shown, downloaded)
	}
	page.Sees(page.GetByText("A shell reads it with: set -a; . ./porch-cam.env"))
	if copied := copiesWithKey(page); copied != downloaded {
		t.Errorf("with the key in it, copied is\n%s\ndownloaded\n%s", copied, downloaded)
	}
	curl, node := choose(page, "curl"), choose(page, "Node.js")
	page.Sees(page.GetByText("node --env-file=porch-cam.env app.mjs"))

	d := newCamera(t, "", map[string]string{name: downloaded, "app.mjs": node})
	page.Must(os.Symlink(story.Path("e2e", "node_modules"), filepath.Join(d.dir, "node_modules")))
	if got := d.runs(t, "sh", "-euc", "set -a; . ./porch-cam.env\n"+curl); got != signedInAs(ana.Session.UserID()) {
		t.Errorf("a shell prints %q", got)
	}
	if got := d.runs(t, "node", "--env-file="+name, "app.mjs"); got != signedInAs(ana.Session.UserID()) {
		t.Errorf("Node.js prints %q", got)
	}
}

// A command line can be read by every user of the machine, for as long as the command runs.
func TestTheCurlCommandKeepsTheValueOffTheCommandLine(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)), story.Granting("clipboard-read", "clipboard-write"))
	value := page.CreateKey("porch-cam")
	const spy = "#!/bin/sh\nprintf '%s\\n' \"$@\" >args\ncat >body\n"
	for with, code := range map[string]string{"the key": copiesWithKey(page), "no key": choose(page, "curl")} {
		d := newCamera(t, value, map[string]string{"curl": spy})
		page.Must(os.Chmod(filepath.Join(d.dir, "curl"), 0o700))
		d.runs(t, "sh", "-euc", "PATH=.:$PATH\n"+code)
		args, err := os.ReadFile(filepath.Join(d.dir, "args"))
		page.Must(err)
		body, err := os.ReadFile(filepath.Join(d.dir, "body"))
		page.Must(err)
		if strings.Contains(string(args), value) || string(body) != `{"key":"`+value+`"}` {
			t.Errorf("with %s in the code curl is called with\n%s and given %s", with, args, body)
		}
	}
}

// A value of another server may have characters that mean something in a program. Such a value stays out of it.
func TestAValueThatIsNotPlainIsNotOfferedForTheCode(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	value := regexp.MustCompile(`>[A-Za-z0-9]{64}</output>`)
	tap.Edit = func(_ http.Header, body []byte) []byte { return value.ReplaceAll(body, []byte(`>a&quot;+b</output>`)) }
	page := program.Open(t, story.SignedIn(program.Person(t)))
	if value := page.CreateKey("porch-cam"); value != `a"+b` {
		t.Fatalf("the value is %q", value)
	}
	page.Lacks(page.Button("Copy code with the key"))
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
	page.Must(page.Expect().Locator(chip(page, "curl")).ToBeChecked())
	choose(page, "Kotlin")
	page.Visit("/keys/" + made[1].ID)
	page.Must(page.Expect().Locator(chip(page, "Kotlin")).ToBeChecked())
	page.Sees(page.GetByText("Realm Kotlin SDK 1.2 to 2.3, on Android"))
	choose(page, "C++") // which is shown, though nobody asks for more next time

	page.Visit("/keys")
	page.CreateKey("heat-pump") // a part of the page
	page.Must(page.Expect().Locator(chip(page, "C++")).ToBeChecked())
	page.Sees(tab(page, "C++"))
	page.Sees(page.Locator(".snippet:visible"))
	page.Lacks(tab(page, "Java"))
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
			for label, want := range map[string]string{
				"Swift": "import RealmSwift", "Compose": "services:", ".NET": "using Realms.Sync;",
			} {
				if code := choose(page, label); !strings.Contains(code, want) {
					t.Errorf("%s shows\n%s", label, code)
				}
			}
		})
	}
}

func TestTheSystemsGoByKeyboard(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+made.ID), story.Granting("clipboard-read", "clipboard-write"))
	tabTo(page, chip(page, "curl"))
	page.Key("ArrowRight")
	page.Must(page.Expect().Locator(chip(page, "Node.js")).ToBeChecked())
	page.Focuses(chip(page, "Node.js"))
	if outline := page.Evaluate(`getComputedStyle(document.activeElement.parentNode).outlineStyle`); outline != "solid" {
		t.Error("nobody sees where the focus is:", outline)
	}
	page.Key("ArrowLeft")
	page.Key("ArrowLeft") // round the end of what is shown
	page.Must(page.Expect().Locator(chip(page, ".env")).ToBeChecked())
	code := code(page)

	clipboard.Lock()
	defer clipboard.Unlock()
	tabTo(page, page.Locator(".snippet:visible pre")) // to scroll it
	tabTo(page, page.Button("Copy code"))
	page.Key("Enter")
	page.Reads(page.Locator("#copied"), "✓ Copied")
	if got := page.Evaluate("navigator.clipboard.readText()"); got != code {
		t.Errorf("copied is %q, not %q", got, code)
	}
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
	page.Reads(page.Locator("#copied"), "This browser doesn’t let a page copy. The code is selected, without the key: press Ctrl+C, or ⌘C on a Mac.")
	if got := page.Evaluate("String(getSelection())"); got != strings.TrimSuffix(code, "\n") && got != code {
		t.Errorf("selected is %q", got)
	}
	choose(page, "curl")
	page.Reads(page.Locator("#copied"), "") // that was about other code
}

// The whole value can be read, on whatever screen, and so can the code.
func TestAPhoneShowsTheWholeValueAndEverySystemWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		width int
		root  string // the size of the text that the person chose
	}{"390": {390, "100%"}, "320": {320, "100%"}, "390 at 200 %": {390, "200%"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			page := program.Open(t, story.PhoneOf(c.width, 844), story.Dark, story.SignedIn(program.Person(t)))
			page.Evaluate("(size) => { document.documentElement.style.fontSize = size; }", c.root)
			page.CreateKey(strings.Repeat("x", 64))
			page.Press(page.Button("Show"))
			cut := page.Evaluate(`() => {
				const value = document.querySelector("#value");
				const range = document.createRange();
				range.selectNodeContents(value);
				const text = range.getBoundingClientRect(), box = value.getBoundingClientRect();
				return text.left < box.left || text.right > box.right || text.bottom > box.bottom || value.scrollWidth > value.clientWidth || box.right > innerWidth;
			}`)
			if cut != false {
				t.Error("the value is cut")
			}
			labels, err := page.Locator(".handoff label").AllTextContents()
			page.Must(err)
			if len(labels) != 14 {
				t.Errorf("the systems are %q", labels)
			}
			for _, label := range labels {
				if label != "More" {
					choose(page, label)
				}
				page.Fits()
			}
			page.Axe()
		})
	}
}

// The picture leads to the page for codes. It is read from the screen, as a camera would.
func TestTheQRCodeOpensThePageForCodesInAllColours(t *testing.T) {
	t.Parallel()
	program, _ := story.StartTapped(t, "latchkey.test") // which other devices may reach
	ana := program.Person(t)
	for name, colours := range map[string]story.Option{"light": func(*story.Visit) {}, "dark": story.Dark, "forced": story.ForcedColors} {
		page := program.Open(t, story.SignedIn(ana), story.At("/device"), colours)
		page.Press(page.GetByText("Open this page on a phone"))
		if got := scans(page, page.Role("img", "QR code of the address "+program.URL+"/device")); got != program.URL+"/device" {
			t.Errorf("%s: the picture reads %q", name, got)
		}
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
