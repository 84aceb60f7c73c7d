package keys

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// logsInByRealmWeb logs in with the value as realm-web does, and gives whose the key is, or "refused".
func logsInByRealmWeb(t *testing.T, p *story.Program, value string) string {
	t.Helper()
	return story.Node(t, "", value, "realmweb.mjs", "device", p.URL)
}

// contains waits until the text is somewhere in what.
func contains(p *story.Page, what playwright.Locator, text string) {
	p.T.Helper()
	p.Must(p.Expect().Locator(what).ToContainText(text))
}

// staysAsItIs leaves a mark in the page, and gives what makes sure that the page has not been loaded again since.
func staysAsItIs(p *story.Page) func() {
	p.T.Helper()
	p.Evaluate("window.unbroken = true; undefined")
	return func() {
		p.T.Helper()
		if p.Evaluate("window.unbroken") != true {
			p.T.Error("the page was loaded again")
		}
	}
}

var connectedByRealmWeb = regexp.MustCompile(`^\s*Connected \d\d?:\d\d(\s[AP]M)?\s+Node\.js · realm-web · 127\.0\.0\.1\s*$`)

func TestARowTurnsFromWaitingToConnectedWithoutAReload(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "heat-pump")
	page := program.Open(t, story.SignedIn(ana), story.Phone)
	value := page.CreateKey("porch-cam")
	unbroken := staysAsItIs(page)
	contains(page, page.Row("porch-cam"), "Waiting for first use") // beside the value, which is still shown

	if got := logsInByRealmWeb(t, program, value); got != ana.Session.UserID() {
		t.Fatalf("the device is %q", got)
	}
	page.Says("porch-cam is connected.")
	page.Must(page.Expect().Locator(page.Row("porch-cam").Locator(".use")).ToHaveText(connectedByRealmWeb))
	page.Must(page.Expect().Locator(page.Row("porch-cam")).ToHaveClass("key new"))
	page.Must(page.Expect().Locator(page.Row("porch-cam").Locator("time.clock")).ToHaveAttribute("title", regexp.MustCompile(`20\d\d`)))
	contains(page, page.Row("heat-pump"), "Waiting for first use")
	page.Reads(page.Locator("#value"), value)
	unbroken()
	page.Fits()
}

// A row washes once, and not where less motion is wanted.
func TestARowThatConnectsIsLitOnce(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for email, who := range map[string]struct {
		option story.Option
		washes string
	}{"moving@example.com": {story.Motion, "arrive 1.2s 1"}, "still@example.com": {func(*story.Visit) {}, "none 0s 1"}} {
		ana := program.PersonNamed(t, email)
		key := ana.Keys(t, "porch-cam")[0]
		page := program.Open(t, story.SignedIn(ana), who.option)
		program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
		row := page.Row("porch-cam")
		page.Must(page.Expect().Locator(row).ToHaveClass("key new"))
		page.Sees(row.Locator(".dot.tick"))
		if got, _ := row.Evaluate(`(row) => { const s = getComputedStyle(row); return [s.animationName, s.animationDuration, s.animationIterationCount].join(" "); }`, nil); got != who.washes {
			t.Errorf("%s sees %v", email, got)
		}
	}
}

func TestAKeysPageTurnsFromWaitingToConnectedWithoutAReload(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/"+key.ID))
	unbroken := staysAsItIs(page)
	contains(page, page.Locator("#key"), "Waiting for first use")
	page.Must(page.Toggle("porch-cam").Focus())
	logsInByRealmWeb(t, program, key.Value.Reveal())
	page.Says("porch-cam is connected.")
	page.Must(page.Expect().Locator(page.Locator("#key .use")).ToHaveText(connectedByRealmWeb))
	contains(page, page.Locator("#key .facts"), "First used")
	contains(page, page.Locator("#recent"), "porch-cam signed in for the first time")
	page.Focuses(page.Toggle("porch-cam"))
	page.Press(page.Toggle("porch-cam"))
	contains(page, page.Locator("#key .notice"), "Turned off just now.")
	contains(page, page.Locator("#recent"), "Turned off porch-cam")
	page.Press(page.Locator("#undo button"))
	page.IsOn("porch-cam", true)
	page.Says("porch-cam is on.")
	page.Focuses(page.Heading("porch-cam")) // what was pressed is gone
	unbroken()
}

func TestASignInThatIsRefusedWhileWaitingSaysWhy(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana))
	unbroken := staysAsItIs(page)
	row := page.Row("porch-cam")
	page.Press(page.Toggle("porch-cam"))
	contains(page, row, "turned off before its first use")
	if got := logsInByRealmWeb(t, program, key.Value.Reveal()); got != "refused" {
		t.Fatalf("a key that is off signs in as %q", got)
	}
	page.Says("Refused porch-cam: the key was off.")
	contains(page, row, "while it was off · Help")
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is on.")
	page.IsOn("porch-cam", true)
	logsInByRealmWeb(t, program, key.Value.Reveal())
	page.Says("porch-cam is connected.")
	page.Must(page.Expect().Locator(row.Locator(".use")).ToHaveText(connectedByRealmWeb))
	unbroken()
}

func TestATurnInAnotherPlaceIsSeenWhileWaiting(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	keys := ana.Keys(t, "porch-cam", "heat-pump")
	page := program.Open(t, story.SignedIn(ana))
	contains(page, page.Row("porch-cam"), "Waiting for first use")
	if err := ana.Session.APIKeys().Disable(t.Context(), keys[0].ID); err != nil {
		t.Fatal(err)
	}
	page.IsOn("porch-cam", false)
	page.Says("porch-cam is off. It can’t sign in.")
	page.Expects(404)
	ana.Deletes(t, "heat-pump")
	page.Sees(page.GetByText("This key was deleted in another place. It can no longer sign anything in."))
}

func TestAfterTwoMinutesTheRowSaysSoAndTheKeysPageWhatToCheck(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	unbroken := staysAsItIs(page)
	row := page.Row("porch-cam")
	contains(page, row, "Waiting for first use")
	clock.Advance(2 * time.Minute)
	contains(page, row, "Nothing has reached this server yet · Help")
	page.Says("Nothing from porch-cam has reached this server yet.")
	other := page.NewTab("/keys/" + page.KeyID("porch-cam"))
	other.Sees(other.GetByText("Check three things on the device:"))
	page.Front()
	clock.Advance(13 * time.Minute)
	contains(page, row.Locator(".use"), "Never used")
	page.Must(page.Expect().Locator(page.Locator("[data-wait]")).ToHaveCount(0))
	unbroken()
}

func TestWithoutScriptRefreshShowsTheArrival(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	contains(page, page.Row("porch-cam"), "Waiting for first use")
	page.Press(page.Link("Refresh"))
	page.IsAt("/keys")
	page.Press(page.Link("porch-cam"))
	contains(page, page.Locator("#key"), "Waiting for first use")
	logsInByRealmWeb(t, program, key.Value.Reveal())
	page.Press(page.Link("Refresh"))
	page.IsAt("/keys/" + key.ID)
	contains(page, page.Locator("#key .use"), "Connected")
	page.Press(page.Link("All keys"))
	contains(page, page.Row("porch-cam"), "Node.js · realm-web · 127.0.0.1")
}

// requests are the lines of a program's log that tell of one.
type requests struct {
	mu    sync.Mutex
	lines []string
}

func (r *requests) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"msg":"request"`) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, string(line))
	}
	return len(line), nil
}

// streams are the requests of a program's log that went to a stream. They are written when it ends.
func (r *requests) streams() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(strings.Join(r.lines, ""), `/arrival"`)
}

func (r *requests) waitsForStreams(t *testing.T, n int) {
	t.Helper()
	story.Until(t, fmt.Sprintf("%d streams have ended", n), func() bool { return r.streams() >= n })
}

// hides has the tab believe that another one lies before it, or that it does not. Without a screen none ever does.
func hides(p *story.Page, hidden bool) {
	p.T.Helper()
	p.Evaluate(`(hidden) => {
		Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	}`, hidden)
}

func TestAHiddenTabHoldsNoStreamAndCatchesUpWhenItIsShown(t *testing.T) {
	t.Parallel()
	log := &requests{}
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log = io.MultiWriter(t.Output(), log), "json" })
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana))
	unbroken := staysAsItIs(page)
	opened := countsStreams(page)
	hides(page, true)
	log.waitsForStreams(t, 1)
	logsInByRealmWeb(t, program, key.Value.Reveal())
	hides(page, false)
	page.Says("porch-cam is connected.")
	log.waitsForStreams(t, 2) // which had nothing left to wait for
	unbroken()
	if opened() != 1 {
		t.Errorf("%d streams were opened after the first", opened())
	}

	ana.Keys(t, "heat-pump")
	page.Visit("/keys")
	contains(page, page.Row("heat-pump"), "Waiting for first use")
	page.Visit("/keys/which") // leaving ends it too
	log.waitsForStreams(t, 3)
}

// countsStreams gives what says how many streams the tab has opened since.
func countsStreams(p *story.Page) func() int {
	p.Evaluate(`() => {
		const Real = window.EventSource;
		window.opened = 0;
		window.EventSource = class extends Real { constructor(url) { super(url); window.opened++; } };
	}`)
	return func() int {
		p.T.Helper()
		n, _ := p.Evaluate("window.opened").(int)
		return n
	}
}

func TestNoStreamIsOpenedWhenNothingIsWaitedFor(t *testing.T) {
	clock := story.OwnClock(t)
	log := &requests{}
	program := story.StartProgram(t, func(cfg *config.Config) {
		cfg.LogTo, cfg.Log, cfg.Now = io.MultiWriter(t.Output(), log), "json", clock.Now
	})
	ana := program.Person(t)
	keys := ana.Keys(t, "porch-cam", "heat-pump")
	program.LogIn(t, client.UserAPIKey(keys[0].Value.Reveal()))
	clock.Advance(16 * time.Minute)
	page := program.Open(t, story.SignedIn(ana))
	opened := countsStreams(page)
	page.Press(page.Toggle("heat-pump"))
	page.Says("heat-pump is off. It can’t sign in.")
	contains(page, page.Row("heat-pump").Locator(".use"), "Never used")
	contains(page, page.Row("porch-cam"), "16 minutes ago")
	if log.streams() != 0 || opened() != 0 {
		t.Error("a stream was opened")
	}
}

func TestAStreamEndsQuietlyWhenThePersonSignsOutInAnotherTab(t *testing.T) {
	t.Parallel()
	log := &requests{}
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log = io.MultiWriter(t.Output(), log), "json" })
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/which"))
	page.Must(page.AddInitScript(playwright.Script{Content: playwright.String(`
		window.streams = [];
		const Real = window.EventSource;
		window.EventSource = class extends Real { constructor(url) { super(url); streams.push(this); } };
	`)}))
	page.Visit("/keys")
	contains(page, page.Row("porch-cam"), "Waiting for first use")
	other := page.NewTab("/keys/which")
	other.SignOut()
	other.Sees(other.Heading("Sign in"))
	log.waitsForStreams(t, 1)
	story.Until(t, "the stream is closed for good", func() bool {
		return page.Evaluate("streams.every((one) => one.readyState === EventSource.CLOSED)") == true
	})
	contains(page, page.Row("porch-cam"), "Waiting for first use") // and an error would be in the console
	if n := log.streams(); n != 1 {
		t.Errorf("%d streams", n)
	}
}

func TestEveryStateOfArrivalIsAccessible(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	keys := ana.Keys(t, "late", "off", "connected", "waiting")
	if err := ana.Session.APIKeys().Disable(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	clock.Advance(3 * time.Minute)
	logsInByRealmWeb(t, program, keys[1].Value.Reveal())
	logsInByRealmWeb(t, program, keys[2].Value.Reveal())
	for _, path := range []string{"/keys", "/keys/" + keys[0].ID, "/keys/" + keys[1].ID, "/keys/" + keys[2].ID, "/keys/which"} {
		page := program.Open(t, story.SignedIn(ana), story.At(path))
		page.IsAccessibleInEveryLook(path)
	}
	page := program.Open(t, story.SignedIn(ana), story.PhoneOf(320, 844))
	contains(page, page.Row("late"), "Nothing has reached this server yet")
	page.Fits()
	page.Visit("/keys/" + keys[2].ID)
	page.Fits()
	page.Visit("/keys/which")
	page.Fits()
}

// What a page asks by itself must not take the row away under an act whose answer is still on its way: it would go on showing
// what is no longer so.
func TestARowIsNotDrawnAnewUnderAnActOnIt(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"the list", "the key's page"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			ana := program.Person(t)
			key := ana.Keys(t, "porch-cam")[0]
			path := "/keys"
			if place == "the key's page" {
				path += "/" + key.ID
			}
			page := program.Open(t, story.SignedIn(ana), story.At(path))
			page.Sees(page.Toggle("porch-cam"))
			looked := countsLooks(page)
			look, act := "**/keys/*place=row&by=itself", "**/turn-off"
			if place != "the list" {
				look = "**" + path + "*by=itself"
			}
			lookGoesOn, actGoesOn := page.Hold(look), page.Hold(act)
			_, err := page.ExpectRequest(look, func() error {
				program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
				return nil
			})
			page.Must(err)
			_, err = page.ExpectRequest(act, func() error {
				page.Press(page.Toggle("porch-cam"))
				return nil
			})
			page.Must(err)
			lookGoesOn()
			story.Until(t, "the answer to the page's own look is drawn, or never will be", func() bool { return looked() > 0 })
			actGoesOn()
			page.Says("porch-cam is off. It can’t sign in.")
			page.IsOn("porch-cam", false)
		})
	}
}

// countsLooks gives what says how many questions of the tab's own have been dealt with since.
func countsLooks(p *story.Page) func() int {
	p.T.Helper()
	p.Evaluate(`() => {
		window.looks = 0;
		document.addEventListener("htmx:finally:request", ({ detail }) => { if (detail.ctx.request.method === "GET") looks++; });
	}`)
	return func() int {
		p.T.Helper()
		n, _ := p.Evaluate("looks").(int)
		return n
	}
}

func TestARowIsDrawnAnewAfterAnActThatCameToNothing(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana))
	page.Sees(page.Toggle("porch-cam"))
	looked := countsLooks(page)
	lost := make(chan struct{})
	page.Must(page.Route("**/turn-off", func(r playwright.Route) {
		go func() {
			<-lost
			_ = r.Abort()
		}()
	}))
	_, err := page.ExpectRequest("**/turn-off", func() error {
		page.Press(page.Toggle("porch-cam"))
		return nil
	})
	page.Must(err)
	program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
	story.Until(t, "the page has looked", func() bool { return looked() > 0 })
	contains(page, page.Row("porch-cam"), "Waiting for first use")
	close(lost)
	page.Says("porch-cam is connected.")
	contains(page, page.Row("porch-cam"), "Connected")
	page.IsOn("porch-cam", true)
	for _, lost := range []string{"/turn-off", "net::ERR_FAILED", "Failed to fetch"} {
		page.Forgives(lost)
	}
}
