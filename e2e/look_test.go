package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

// The colour of the page behind everything.
const (
	lightPaper = "rgb(246, 245, 241)"
	darkPaper  = "rgb(19, 22, 24)"
)

func TestColoursFollowTheSystem(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, dark, signedIn(program.person(t)))
	page.hasPaper(darkPaper)
	page.createKey("porch-cam")
	page.hasPaper(darkPaper)
	page.must(page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: playwright.ColorSchemeLight}))
	page.hasPaper(lightPaper)
}

func TestColoursFollowTheChoiceWhateverTheSystemSays(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	id := ana.keys(t, "porch-cam")[0].ID
	for _, script := range []option{func(*visit) {}, noScript} {
		page := program.open(t, dark, script, at("/login"))
		page.press(page.button("Light"))
		page.hasPaper(lightPaper)
		page.isAt("/login") // the choice leads nowhere else
		page.signsInAgain()
		page.hasPaper(lightPaper)
		page.newTab("/keys/" + id).hasPaper(lightPaper)

		page.press(page.button("Dark"))
		page.must(expect.Locator(page.button("Dark")).ToHaveAttribute("aria-pressed", "true"))
		page.must(page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: playwright.ColorSchemeLight}))
		page.hasPaper(darkPaper)
		page.press(page.button("System"))
		page.hasPaper(lightPaper)
	}
}

func (p *page) hasPaper(colour string) {
	p.t.Helper()
	p.must(expect.Locator(p.Locator("body")).ToHaveCSS("background-color", colour))
}

// The page is used with one thumb, beside the device that is being set up.
func TestAPhoneDoesItAllWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	for _, width := range []int{390, 320} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			const long = "the-longest-name-that-a-key-can-have-0123456789-0123456789-012345"
			program := startProgram(t)
			page := program.open(t, phoneOf(width, 844))
			page.fits()
			page.makeAccount("a.person.with.quite.a.long.address@mail.example.com")
			page.fits()
			value := page.createKey(long[:64])
			page.fits()
			page.press(page.button("Show"))
			page.press(page.link(long[:64]))
			page.fits() // with the question whether to leave
			page.press(page.inDialog("Stay"))
			page.stillShows(value)
			page.saveKey()
			page.fits()

			page.press(page.toggle(long[:64]))
			page.isOn(long[:64], false)
			page.fits()
			page.press(page.menu(long[:64], "Open"))
			page.sees(page.heading(long[:64]))
			page.fits()
			page.press(page.toggle(long[:64]))
			page.isOn(long[:64], true)
			page.press(page.link("All keys"))
			page.press(page.menu(long[:64], "Delete…"))
			page.sees(page.dialog())
			page.fits()
			page.press(page.inDialog("Delete " + long[:64]))
			page.sees(page.heading("No keys yet"))
			page.fits()
			page.press(page.button("Sign out"))
			page.isAt("/login")
			page.axe()
		})
	}
}

func TestAPhoneShowsAFullListWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(20)...)
	page := program.open(t, phoneOf(320, 640), signedIn(ana))
	page.sees(page.heading(allInUse))
	page.fits()
	page.press(page.toggle("key-20"))
	page.isOn("key-20", false)
	page.fits()
	page.axe()
}

func TestThePagesOfAnAccountFitTheNarrowestPhone(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.personNamed(t, "a.person.with.quite.a.long.address@mail.example.com")
	key := ana.keys(t, "the-longest-name-that-a-key-can-have-0123456789-0123456789-01234")[0]
	program.logIn(t, client.UserAPIKey(key.Value.Reveal()))
	program.open(t, signedIn(ana))
	page := program.open(t, phoneOf(320, 640), signedIn(ana))
	for _, path := range []string{"/keys", "/activity", "/sessions", "/account"} {
		page.visit(path)
		page.fits()
		if beyond := page.evaluate(`() => {
			const nav = document.querySelector("nav.places"), end = nav.getBoundingClientRect().right;
			return [...nav.children].filter(a => a.getBoundingClientRect().right > end + .5).map(a => a.innerText).join(" ");
		}`); beyond != "" {
			t.Errorf("%s: beyond the end of the row of pages: %s", path, beyond)
		}
	}
}

// fits makes sure that nothing reaches beyond the side of the window, or of an open dialog.
func (p *page) fits() {
	p.t.Helper()
	wide := p.evaluate(`() => {
		const beyond = [...document.querySelectorAll("body *")].filter(e => {
			const box = e.getBoundingClientRect();
			return box.width && (box.right > innerWidth + 1 || box.left < -1) && getComputedStyle(e).position !== "fixed" && !e.closest("pre");
		});
		const doc = document.documentElement;
		return (doc.scrollWidth > doc.clientWidth ? "the page scrolls sideways: " : "") + beyond.map(e => e.outerHTML.slice(0, 200)).join("\n");
	}`)
	if wide != "" {
		p.t.Errorf("%s: %s", p.URL(), wide)
	}
}

func TestNothingMovesForThoseWhoAskedForThat(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	for email, story := range map[string]struct {
		option option
		moves  bool
	}{
		"still@example.com":  {reducedMotion, false},
		"moving@example.com": {func(*visit) {}, true}, // else the look at animations would prove nothing
	} {
		page := program.open(t, signedIn(program.personNamed(t, email)), story.option)
		page.evaluate(`() => {
			window.moved = [];
			const note = e => moved.push(e.type + " " + (e.animationName || e.propertyName));
			for (const type of ["animationstart", "transitionrun"]) document.addEventListener(type, note, true);
		}`)
		page.createKey("porch-cam")
		page.press(page.toggle("porch-cam"))
		page.isOn("porch-cam", false)
		_, err := page.WaitForFunction("() => document.getAnimations().length === 0", nil)
		page.must(err)
		if n, ok := page.evaluate("moved.length").(int); !ok || n > 0 != story.moves {
			t.Errorf("%s: %v", email, page.evaluate("moved"))
		}
	}
}

func TestASwitchMovesNothingElse(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(6)...)
	for _, device := range []option{func(*visit) {}, phone} {
		page := program.open(t, signedIn(ana), device)
		before := page.boxes()
		for _, act := range []struct {
			path, doing, says string
			was               bool
		}{
			{"turn-off", "Turning off…", "key-03 is off. It can no longer sign in.", true},
			{"turn-on", "Turning on…", "key-03 is on.", false},
		} {
			release := page.hold("**/" + act.path)
			page.press(page.toggle("key-03"))
			page.sees(page.row("key-03").GetByText(act.doing))
			page.must(expect.Locator(page.toggle("key-03")).ToHaveAttribute("aria-disabled", "true"))
			page.isOn("key-03", act.was) // until the server has said otherwise
			page.samePlaces("waiting to "+act.path, before)
			release()
			page.isOn("key-03", !act.was)
			page.says(act.says)
			page.samePlaces("after "+act.path, before)
		}
	}
}

// hold keeps requests to the address waiting until release is called.
func (p *page) hold(address string) (release func()) {
	p.t.Helper()
	released := make(chan struct{})
	p.must(p.Route(address, func(r playwright.Route) {
		go func() {
			<-released
			_ = r.Continue() // a page that has gone waits for nothing
		}()
	}))
	return func() { close(released) }
}

// boxes gives the place and size of every row and of what stands above them.
func (p *page) boxes() any {
	p.t.Helper()
	return p.evaluate(`() => [...document.querySelectorAll("h1, h2, li, input[type=search], footer")].map(e => {
		const b = e.getBoundingClientRect();
		return [e.innerText.split("\n")[0] || e.id, b.x, b.y + scrollY, b.width, b.height].join(" ");
	})`)
}

func (p *page) samePlaces(when string, before any) {
	p.t.Helper()
	if diff := cmp.Diff(before, p.boxes()); diff != "" {
		p.t.Errorf("%s: %s", when, diff)
	}
}

// With forced colours the system's few colours take the place of ours: what was told by colour must still be there.
func TestForcedColoursLeaveNothingUnseen(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "on", "off")
	ana.turnsOff(t, "off")
	page := program.open(t, signedIn(ana), forcedColors)
	if page.evaluate(`matchMedia("(forced-colors: active)").matches`) != true {
		t.Fatal("the browser does not force colours")
	}
	looks := func(name string) string {
		text, ok := page.evaluate(`name => {
			const e = document.querySelector("button[aria-label=" + name + "]"), style = getComputedStyle(e), knob = getComputedStyle(e, "::before");
			return [style.backgroundColor, style.borderTopColor, knob.backgroundColor, knob.transform].join(" ");
		}`, name).(string)
		if !ok {
			t.Fatal("no switch", name)
		}
		return text
	}
	if looks("on") == looks("off") {
		t.Error("on and off look alike:", looks("on"))
	}
	for what, thing := range map[string]playwright.Locator{
		"a row": page.row("on"), "a switch": page.toggle("on"), "a button": page.button("Create key"), "a field": page.field("Name of the device or service"),
	} {
		border, err := thing.Evaluate("e => parseFloat(getComputedStyle(e).borderTopWidth)", nil)
		page.must(err)
		if width, ok := border.(int); !ok || width < 1 {
			t.Errorf("%s has no border: %v", what, border)
		}
	}
	page.createKey("porch-cam")
	page.sees(page.field("Value"))
}
