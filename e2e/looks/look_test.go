package looks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

// The colour of the page behind everything.
const (
	lightPaper = "rgb(247, 246, 242)"
	darkPaper  = "rgb(16, 19, 20)"
)

func TestColoursFollowTheSystem(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.Dark, story.SignedIn(program.Person(t)))
	hasPaper(page, darkPaper)
	page.CreateKey("porch-cam")
	hasPaper(page, darkPaper)
	page.Must(page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: playwright.ColorSchemeLight}))
	hasPaper(page, lightPaper)
}

func TestColoursFollowTheChoiceWhateverTheSystemSays(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	id := ana.Keys(t, "porch-cam")[0].ID
	for _, script := range []story.Option{func(*story.Visit) {}, story.NoScript} {
		page := program.Open(t, story.Dark, script, story.SignedIn(ana), story.At("/keys/"+id))
		page.FromPersonMenu("button", "Light")
		hasPaper(page, lightPaper)
		page.IsAt("/keys/" + id) // the choice leads nowhere else
		hasPaper(page.NewTab("/keys"), lightPaper)

		page.FromPersonMenu("button", "Dark")
		page.Must(page.Expect().Locator(page.Locator(".themes [aria-pressed=true]")).ToHaveText("Dark"))
		page.Must(page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: playwright.ColorSchemeLight}))
		hasPaper(page, darkPaper)
		page.FromPersonMenu("button", "System")
		hasPaper(page, lightPaper)
	}
}

func hasPaper(p *story.Page, colour string) {
	p.T.Helper()
	p.Must(p.Expect().Locator(p.Locator("body")).ToHaveCSS("background-color", colour))
}

// The page is used with one thumb, beside the device that is being set up.
func TestAPhoneDoesItAllWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	for _, width := range []int{390, 320} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			const long = "the-longest-name-that-a-key-can-have-0123456789-0123456789-012345"
			program := story.StartProgram(t)
			page := program.Open(t, story.PhoneOf(width, 844))
			page.Fits()
			page.MakeAccount("a.person.with.quite.a.long.address@mail.example.com")
			page.Fits()
			value := page.CreateKey(long[:64])
			page.Fits()
			page.Press(page.Button("Show"))
			page.Press(page.Link(long[:64]))
			page.Fits() // with the question whether to leave
			page.Press(page.InDialog("Stay"))
			page.StillShows(value)
			page.SaveKey()
			page.Fits()

			page.Press(page.Toggle(long[:64]))
			page.IsOn(long[:64], false)
			page.Fits()
			page.Press(page.Link(long[:64]))
			page.Sees(page.Heading(long[:64]))
			page.Fits()
			page.Press(page.Toggle(long[:64]))
			page.IsOn(long[:64], true)
			page.Press(page.Link("Delete key…"))
			page.Sees(page.Dialog())
			page.Fits()
			page.Press(page.InDialog("Delete " + long[:64]))
			page.Sees(page.Heading(story.FirstVisit))
			page.Fits()
			page.SignOut()
			page.IsAt("/login")
			page.Axe()
		})
	}
}

func TestAPhoneShowsAFullListWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(20)...)
	page := program.Open(t, story.PhoneOf(320, 640), story.SignedIn(ana))
	page.Sees(page.GetByText("20 of 20"))
	page.Fits()
	page.Press(page.Toggle("key-20"))
	page.IsOn("key-20", false)
	page.Fits()
	page.Axe()
}

func TestThePagesOfAnAccountFitTheNarrowestPhone(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.PersonNamed(t, "a.person.with.quite.a.long.address@mail.example.com")
	key := ana.Keys(t, "the-longest-name-that-a-key-can-have-0123456789-0123456789-01234")[0]
	program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
	program.Open(t, story.SignedIn(ana))
	page := program.Open(t, story.PhoneOf(320, 640), story.SignedIn(ana))
	for _, path := range []string{"/keys", "/activity", "/sessions", "/account"} {
		page.Visit(path)
		page.Fits()
		if beyond := page.Evaluate(`() => {
			const nav = document.querySelector("nav.places"), end = nav.getBoundingClientRect().right;
			return [...nav.children].filter(a => a.getBoundingClientRect().right > end + .5).map(a => a.innerText).join(" ");
		}`); beyond != "" {
			t.Errorf("%s: beyond the end of the row of pages: %s", path, beyond)
		}
	}
}

func TestNothingMovesForThoseWhoAskedForThat(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for email, who := range map[string]struct {
		option story.Option
		moves  bool
	}{
		"still@example.com":  {func(*story.Visit) {}, false},
		"moving@example.com": {story.Motion, true}, // else the look at animations would prove nothing
	} {
		page := program.Open(t, story.SignedIn(program.PersonNamed(t, email)), who.option)
		page.Evaluate(`() => {
			window.moved = [];
			const note = e => moved.push(e.type + " " + (e.animationName || e.propertyName));
			for (const type of ["animationstart", "transitionrun"]) document.addEventListener(type, note, true);
		}`)
		page.CreateKey("porch-cam")
		page.Press(page.Toggle("porch-cam"))
		page.IsOn("porch-cam", false)
		_, err := page.WaitForFunction("() => document.getAnimations().length === 0", nil)
		page.Must(err)
		if n, ok := page.Evaluate("moved.length").(int); !ok || n > 0 != who.moves {
			t.Errorf("%s: %v", email, page.Evaluate("moved"))
		}
	}
}

func TestASwitchMovesNothingElse(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(6)...)
	for _, device := range []story.Option{func(*story.Visit) {}, story.Phone} {
		page := program.Open(t, story.SignedIn(ana), device)
		before := boxes(page)
		for _, act := range []struct {
			path, doing, says string
			was               bool
		}{
			{"turn-off", "Turning off…", "key-03 is off. It can’t sign in.", true},
			{"turn-on", "Turning on…", "key-03 is on.", false},
		} {
			release := page.Hold("**/" + act.path)
			page.Press(page.Toggle("key-03"))
			page.Sees(page.Row("key-03").GetByText(act.doing))
			page.Must(page.Expect().Locator(page.Toggle("key-03")).ToHaveAttribute("aria-disabled", "true"))
			page.IsOn("key-03", act.was) // until the server has said otherwise
			samePlaces(page, "waiting to "+act.path, before)
			release()
			page.IsOn("key-03", !act.was)
			page.Says(act.says)
			samePlaces(page, "after "+act.path, before)
		}
	}
}

// boxes gives the place and size of every row and of what stands above them.
func boxes(p *story.Page) any {
	p.T.Helper()
	return p.Evaluate(`() => [...document.querySelectorAll("h1, h2, li, input[type=search], footer")].map(e => {
		const b = e.getBoundingClientRect();
		return [e.innerText.split("\n")[0] || e.id, b.x, b.y + scrollY, b.width, b.height].join(" ");
	})`)
}

func samePlaces(p *story.Page, when string, before any) {
	p.T.Helper()
	if diff := cmp.Diff(before, boxes(p)); diff != "" {
		p.T.Errorf("%s: %s", when, diff)
	}
}

// With forced colours the system's few colours take the place of ours: what was told by colour must still be there.
func TestForcedColoursLeaveNothingUnseen(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "on", "off")
	ana.TurnsOff(t, "off")
	page := program.Open(t, story.SignedIn(ana), story.ForcedColors)
	if page.Evaluate(`matchMedia("(forced-colors: active)").matches`) != true {
		t.Fatal("the browser does not force colours")
	}
	looks := func(name string) string {
		text, err := page.Toggle(name).Evaluate(`e => {
			const style = getComputedStyle(e), knob = getComputedStyle(e, "::before");
			return [style.backgroundColor, style.borderTopColor, knob.backgroundColor, knob.left].join(" ");
		}`, nil)
		page.Must(err)
		return fmt.Sprint(text)
	}
	if looks("on") == looks("off") {
		t.Error("on and off look alike:", looks("on"))
	}
	for what, thing := range map[string]playwright.Locator{
		"the list": page.Locator("ul.keys"), "a switch": page.Toggle("on"), "a button": page.Link("Create key"),
	} {
		border, err := thing.Evaluate("e => parseFloat(getComputedStyle(e).borderTopWidth)", nil)
		page.Must(err)
		if width, ok := border.(int); !ok || width < 1 {
			t.Errorf("%s has no border: %v", what, border)
		}
	}
}

// Who asks for more contrast gets rules as strong as the edges of controls, and second texts as strong as first ones.
func TestMoreContrastIsGivenToThoseWhoAskForIt(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)), func(v *story.Visit) { v.Context.Contrast = playwright.ContrastMore })
	for _, pair := range [][2]string{{"--line", "--edge"}, {"--soft", "--ink"}} {
		same := page.Evaluate(`([a, b]) => {
			const seen = name => { const e = document.createElement("i"); document.body.append(e); e.style.color = "var(" + name + ")"; return getComputedStyle(e).color; };
			return seen(a) === seen(b);
		}`, []string{pair[0], pair[1]})
		if same != true {
			t.Errorf("%s is weaker than %s", pair[0], pair[1])
		}
	}
}

// What is chosen, current, pressed, new or full must look other than what is not, whichever colours there are.
func TestForcedColoursShowWhatIsChosenCurrentPressedNewOrFull(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	few, full := program.PersonNamed(t, "few@example.com"), program.PersonNamed(t, "full@example.com")
	program.UsedKeys(t, few, "porch-cam")
	full.Keys(t, story.Numbered(client.MaxKeys)...)
	page := program.Open(t, story.SignedIn(few), story.ForcedColors)
	look := func(p *story.Page, selector string) string {
		p.Sees(p.Locator(selector).First())
		text, ok := p.Evaluate(`selector => {
			const style = getComputedStyle(document.querySelector(selector));
			if (style.color === style.backgroundColor) return null;
			return ["borderBottomColor", "borderBottomWidth", "borderBottomStyle", "outlineStyle", "outlineColor", "backgroundColor", "textDecorationLine"].map(of => style[of]).join(", ");
		}`, selector).(string)
		if !ok {
			t.Fatal("no, or nothing to read:", selector)
		}
		return text
	}
	differ := func(p *story.Page, what, one, other string) {
		if a, b := look(p, one), look(p, other); a == b {
			t.Errorf("%s looks like the others: %s", what, a)
		}
	}
	if quiet := look(page, ".places a:not([aria-current])"); !strings.Contains(quiet, ", 0px, ") {
		t.Error("there is a line under pages that are not current:", quiet)
	}
	differ(page, "the current page", ".places a[aria-current]", ".places a:not([aria-current])")
	room := look(page, ".quota")
	page.Press(page.PersonMenu())
	differ(page, "the chosen colours", ".themes [aria-pressed=true]", ".themes [aria-pressed=false]")
	page.Key("Escape")
	page.Press(page.Link("porch-cam"))
	page.Sees(page.Heading("porch-cam"))
	card := look(page, ".card")
	page.Visit("/keys")
	page.CreateKey("attic")
	if once := look(page, ".once"); once == card {
		t.Error("the value that must be saved looks like any card:", once)
	}
	differ(page, "the new key", ".key.new", ".key:not(.new)")
	page.Press(page.Button("Show"))
	page.SaveKey()
	page.Press(page.Link("porch-cam"))
	page.Press(page.Heading("Set up a device"))
	differ(page, "the chosen system", ".chip:has(:checked)", ".chip:not(:has(:checked))")
	page.Visit("/activity")
	differ(page, "the chosen filter", ".chips [aria-current]", ".chips a:not([aria-current])")

	other := program.Open(t, story.SignedIn(full), story.ForcedColors)
	if look(other, ".quota.full") == room {
		t.Error("a full quota looks like another:", room)
	}
}
