package looks

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

// sevenUsed is somebody with seven keys that were used by devices of several kinds, one of them turned off.
func sevenUsed(t *testing.T, program *story.Program) *story.Person {
	t.Helper()
	ana := program.PersonNamed(t, "seven@example.com")
	keys := ana.Keys(t, "weather-station", "porch-cam", "heat-pump", "backup-script", "office-laptop", "phone-app", "billing-job")
	for i, device := range []client.Device{
		{Name: "porch", Platform: "linux", SDK: "nodejs"}, {Platform: "android", SDK: "Kotlin"}, {Platform: "node", SDK: "realm-web", SDKVersion: "2.0.1"},
		{Platform: "windows", SDK: "Dotnet"}, {Platform: "linux", SDK: "latchkey-go"}, {Platform: "ios", SDK: "Swift"},
	} {
		program.LogInFrom(t, device, client.UserAPIKey(keys[i].Value.Reveal()))
	}
	ana.TurnsOff(t, "backup-script")
	return ana
}

func wide(v *story.Visit) { v.Context.Viewport = &playwright.Size{Width: 1280, Height: 800} }

// The list is what people come for.
func TestTheListBeginsHighUpAndSevenKeysAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := sevenUsed(t, program)
	for name, c := range map[string]struct {
		screen     story.Option
		first, row float64
		allWithout bool
	}{
		"wide": {wide, 220, 64, true}, "phone": {story.Phone, 320, 90, false},
	} {
		page := program.Open(t, story.SignedIn(ana), c.screen)
		page.Sees(page.Row("heat-pump"))
		boxes, ok := page.Evaluate(`() => [...document.querySelectorAll("#keys li")].map(e => { const b = e.getBoundingClientRect(); return [b.top, b.height, b.bottom]; })`).([]any)
		if !ok || len(boxes) != 7 {
			t.Fatalf("%s: %d rows", name, len(boxes))
		}
		for i, box := range boxes {
			top, height, bottom := number(box, 0), number(box, 1), number(box, 2)
			if i == 0 && top > c.first || height > c.row || c.allWithout && bottom > 800 {
				t.Errorf("%s: row %d begins at %.0f, is %.0f high and ends at %.0f", name, i+1, top, height, bottom)
			}
		}
	}
}

// number is a number of an array of a page's.
func number(array any, at int) float64 {
	list, _ := array.([]any)
	switch n := list[at].(type) {
	case float64:
		return n
	case int:
		return float64(n)
	default:
		return 0
	}
}

func TestTextOfTwiceTheSizeNeedsNoScrollingSidewaysOnAPhone(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(sevenUsed(t, program)), story.Phone)
	page.Evaluate("document.documentElement.style.fontSize = '200%'")
	page.Fits()
	page.BreaksNoWords()
	if height, ok := page.Evaluate("document.documentElement.scrollHeight").(int); !ok || height > 4000 {
		t.Errorf("the page is %d pixels high", height)
	}
}

func TestTheFirstVisitTakesFewWords(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)))
	text, _ := page.Evaluate("document.querySelector('main').innerText").(string)
	if n := len(strings.Fields(text)); n > 100 || n < 30 {
		t.Errorf("%d words: %s", n, text)
	}
}

// What an act did is in sight wherever one has scrolled to, with the way back, for long enough and no longer.
func TestWhatAnActDidIsInSightWhereverOneHasScrolledTo(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(20)...)
	page := program.Open(t, story.SignedIn(ana), story.Phone)
	page.Must(page.Clock().Install())
	page.Visit("/keys")
	page.Must(page.Row("key-01").ScrollIntoViewIfNeeded())
	page.Press(page.Toggle("key-01"))
	page.Says("key-01 is off. It can’t sign in.")
	back := page.Locator(".toast").GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Turn on", Exact: playwright.Bool(true)})
	page.Must(page.Expect().Locator(back).ToBeInViewport())
	page.Must(page.Clock().PauseAt(page.Evaluate("Date.now() + 1000")))
	page.Evaluate("document.querySelector('#status').append('')") // which is news, from now on
	page.Must(page.Clock().FastForward(7900))
	page.Must(page.Expect().Locator(page.Locator(".toast")).ToHaveClass("toast shown"))
	page.Must(back.Focus())
	page.Must(page.Clock().FastForward(20_000))
	page.Must(page.Expect().Locator(page.Locator(".toast")).ToHaveClass("toast shown")) // while it has the focus
	page.Must(page.Clock().Resume())
	page.Key("Enter")
	page.IsOn("key-01", true)
	page.Says("key-01 is on.")
	page.Lacks(back)
	page.Must(page.Clock().FastForward(8100))
	page.Must(page.Expect().Locator(page.Locator(".toast")).ToHaveClass("toast"))
	page.Must(page.Expect().Locator(page.Locator("#status")).ToHaveText("key-01 is on.")) // for those who read it later
}
