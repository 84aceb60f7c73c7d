package e2e

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/internal/app/config"
)

// logsInByRealmWeb logs in with the value as realm-web does, and gives whose the key is, or "refused".
func (p *program) logsInByRealmWeb(t *testing.T, value string) string {
	t.Helper()
	return node(t, "", value, "realmweb.mjs", "device", p.url)
}

// contains waits until the text is somewhere in what.
func (p *page) contains(what playwright.Locator, text string) {
	p.t.Helper()
	p.must(expect.Locator(what).ToContainText(text))
}

// staysAsItIs leaves a mark in the page, and gives what makes sure that the page has not been loaded again since.
func (p *page) staysAsItIs() func() {
	p.t.Helper()
	p.evaluate("window.unbroken = true; undefined")
	return func() {
		p.t.Helper()
		if p.evaluate("window.unbroken") != true {
			p.t.Error("the page was loaded again")
		}
	}
}

var connectedByRealmWeb = regexp.MustCompile(`^\s*Connected \d\d?:\d\d(\s[AP]M)?, node, realm-web 2\.0\.1, from\s+127\.0\.0\.1\s*$`)

func TestARowTurnsFromWaitingToConnectedWithoutAReload(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "heat-pump")
	page := program.open(t, signedIn(ana), phone)
	value := page.createKey("porch-cam")
	unbroken := page.staysAsItIs()
	page.contains(page.row("porch-cam"), "Waiting for first use") // beside the value, which is still shown

	if got := program.logsInByRealmWeb(t, value); got != ana.session.UserID() {
		t.Fatalf("the device is %q", got)
	}
	page.says("porch-cam is connected.")
	page.must(expect.Locator(page.row("porch-cam").Locator(".use")).ToHaveText(connectedByRealmWeb))
	page.must(expect.Locator(page.row("porch-cam")).ToHaveClass("key new"))
	page.must(expect.Locator(page.row("porch-cam").Locator("time.clock")).ToHaveAttribute("title", regexp.MustCompile(`20\d\d`)))
	page.contains(page.row("heat-pump"), "Waiting for first use")
	page.must(expect.Locator(page.field("Value")).ToHaveValue(value))
	unbroken()
	page.saveKey()
	page.must(expect.Locator(page.row("porch-cam").Locator(".use")).ToHaveText(connectedByRealmWeb))
	page.fits()
}

func TestAKeysPageTurnsFromWaitingToConnectedWithoutAReload(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana), at("/keys/"+key.ID))
	unbroken := page.staysAsItIs()
	page.contains(page.Locator("#key"), "Waiting for first use")
	page.must(page.toggle("porch-cam").Focus())
	program.logsInByRealmWeb(t, key.Value.Reveal())
	page.says("porch-cam is connected.")
	page.must(expect.Locator(page.Locator("#key .arrived")).ToHaveText(connectedByRealmWeb))
	page.contains(page.Locator("#key .facts"), "First used")
	page.focuses(page.toggle("porch-cam"))
	unbroken()
}

func TestALogInThatIsRefusedWhileWaitingSaysWhyAndCanBeHelped(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana))
	unbroken := page.staysAsItIs()
	row := page.row("porch-cam")
	page.press(page.toggle("porch-cam"))
	page.contains(row, "Turned off before its first use")
	if got := program.logsInByRealmWeb(t, key.Value.Reveal()); got != "refused" {
		t.Fatalf("a key that is off logs in as %q", got)
	}
	page.says("A log-in with porch-cam was refused: it was off.")
	page.contains(row, "A log-in with this key was refused at")
	page.press(page.button("Turn on"))
	page.says("porch-cam is on.")
	page.isOn("porch-cam", true)
	page.contains(row, "It is on now, so the device can try again.")
	program.logsInByRealmWeb(t, key.Value.Reveal())
	page.says("porch-cam is connected.")
	page.must(expect.Locator(row.Locator(".use")).ToHaveText(connectedByRealmWeb))
	unbroken()
}

func TestATurnInAnotherPlaceIsSeenWhileWaiting(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	keys := ana.keys(t, "porch-cam", "heat-pump")
	page := program.open(t, signedIn(ana))
	page.contains(page.row("porch-cam"), "Waiting for first use")
	if err := ana.session.APIKeys().Disable(t.Context(), keys[0].ID); err != nil {
		t.Fatal(err)
	}
	page.isOn("porch-cam", false)
	page.says("porch-cam is off. It can no longer sign in.")
	page.expects(404)
	ana.deletes(t, "heat-pump")
	page.sees(page.GetByText("This key was deleted in another place. It can no longer sign anything in."))
}

// passed is how far the clocks of this file's stories have been moved on.
var passed time.Duration

// ownClock is a clock for a story about a key's age, which its id tells. Ids of one process never go back, whatever clock
// each program has, so such stories run one after the other, each beginning when the one before has ended: none of them is
// parallel.
func ownClock(t *testing.T) *clock {
	var clock clock
	clock.advance(passed)
	t.Cleanup(func() { passed = time.Duration(clock.ahead.Load()) })
	return &clock
}

func TestAfterTwoMinutesTheRowSaysWhatToCheckWithoutAReload(t *testing.T) {
	clock := ownClock(t)
	program := startProgram(t, func(cfg *config.Config) { cfg.Now = clock.now })
	ana := program.person(t)
	ana.keys(t, "porch-cam")
	page := program.open(t, signedIn(ana))
	unbroken := page.staysAsItIs()
	row := page.row("porch-cam")
	page.contains(row, "Waiting for first use")
	page.lacks(row.GetByText("No log-in with this key has reached this server."))
	clock.advance(2 * time.Minute)
	page.sees(row.GetByText("No log-in with this key has reached this server."))
	page.says("No log-in with porch-cam has reached this server yet.")
	clock.advance(13 * time.Minute)
	page.reads(row.Locator(".use"), "Never used")
	page.must(expect.Locator(page.Locator("[data-wait]")).ToHaveCount(0))
	unbroken()
}

func TestWithoutScriptRefreshShowsTheArrival(t *testing.T) {
	clock := ownClock(t)
	program := startProgram(t, func(cfg *config.Config) { cfg.Now = clock.now })
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, noScript, signedIn(ana))
	refresh := func() {
		t.Helper()
		page.press(page.link("Refresh porch-cam"))
	}
	row := page.row("porch-cam")
	refresh()
	page.isAt("/keys")
	page.contains(row, "Waiting for first use")
	clock.advance(2 * time.Minute)
	refresh()
	page.contains(row, "No log-in with this key has reached this server.")
	page.press(row.GetByRole("link", playwright.LocatorGetByRoleOptions{Name: "this key’s page"}))
	page.contains(page.Locator("#key"), "No log-in with this key has reached this server.")
	program.logsInByRealmWeb(t, key.Value.Reveal())
	refresh()
	page.isAt("/keys/" + key.ID)
	page.contains(page.Locator("#key .arrived"), "Connected")
	page.press(page.link("All keys"))
	page.contains(row.Locator(".arrived"), "UTC, node, realm-web 2.0.1, from 127.0.0.1")
}

func TestRefreshLooksAgainWhereItIsAndKeepsTheFocus(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	unbroken := page.staysAsItIs()
	page.press(page.link("Refresh porch-cam")) // and nobody asks whether to leave the value
	page.says("Still waiting for the first use of porch-cam.")
	page.focuses(page.link("Refresh porch-cam"))
	page.must(expect.Locator(page.field("Value")).ToHaveValue(value))
	page.lacks(page.dialog())
	unbroken()
	program.logsInByRealmWeb(t, value)
	page.says("porch-cam is connected.")
	page.focuses(page.link("porch-cam")) // the link that had the focus is gone
}

// streams are the requests of a program's log that went to a stream. They are written when it ends.
func (r *requests) streams() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(strings.Join(r.lines, ""), `/arrival"`)
}

func (r *requests) waitsForStreams(t *testing.T, n int) {
	t.Helper()
	for range 250 {
		if r.streams() >= n {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%d streams have ended, want %d", r.streams(), n)
}

// hides has the tab believe that another one lies before it, or that it does not. Without a screen none ever does.
func (p *page) hides(hidden bool) {
	p.t.Helper()
	p.evaluate(`(hidden) => {
		Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	}`, hidden)
}

func TestAHiddenTabHoldsNoStreamAndCatchesUpWhenItIsShown(t *testing.T) {
	t.Parallel()
	log := &requests{}
	program := startProgram(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log = io.MultiWriter(t.Output(), log), "json" })
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana))
	unbroken := page.staysAsItIs()
	opened := page.countsStreams()
	page.hides(true)
	log.waitsForStreams(t, 1)
	program.logsInByRealmWeb(t, key.Value.Reveal())
	page.hides(false)
	page.says("porch-cam is connected.")
	log.waitsForStreams(t, 2) // which had nothing left to wait for
	unbroken()
	if opened() != 1 {
		t.Errorf("%d streams were opened after the first", opened())
	}

	ana.keys(t, "heat-pump")
	page.visit("/keys")
	page.contains(page.row("heat-pump"), "Waiting for first use")
	page.visit("/keys/which") // leaving ends it too
	log.waitsForStreams(t, 3)
}

// countsStreams gives what says how many streams the tab has opened since.
func (p *page) countsStreams() func() int {
	p.evaluate(`() => {
		const Real = window.EventSource;
		window.opened = 0;
		window.EventSource = class extends Real { constructor(url) { super(url); window.opened++; } };
	}`)
	return func() int {
		p.t.Helper()
		n, _ := p.evaluate("window.opened").(int)
		return n
	}
}

func TestNoStreamIsOpenedWhenNothingIsWaitedFor(t *testing.T) {
	clock := ownClock(t)
	log := &requests{}
	program := startProgram(t, func(cfg *config.Config) {
		cfg.LogTo, cfg.Log, cfg.Now = io.MultiWriter(t.Output(), log), "json", clock.now
	})
	ana := program.person(t)
	keys := ana.keys(t, "porch-cam", "heat-pump")
	program.logIn(t, client.UserAPIKey(keys[0].Value.Reveal()))
	clock.advance(16 * time.Minute)
	page := program.open(t, signedIn(ana))
	opened := page.countsStreams()
	page.press(page.toggle("heat-pump"))
	page.says("heat-pump is off. It can no longer sign in.")
	page.reads(page.row("heat-pump").Locator(".use"), "Never used")
	page.contains(page.row("porch-cam"), "Last used 16 minutes ago by")
	if log.streams() != 0 || opened() != 0 {
		t.Error("a stream was opened")
	}
}

func TestAStreamEndsQuietlyWhenThePersonSignsOutInAnotherTab(t *testing.T) {
	t.Parallel()
	log := &requests{}
	program := startProgram(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log = io.MultiWriter(t.Output(), log), "json" })
	ana := program.person(t)
	ana.keys(t, "porch-cam")
	page := program.open(t, signedIn(ana))
	page.contains(page.row("porch-cam"), "Waiting for first use")
	other := page.newTab("/keys/which")
	other.press(other.button("Sign out"))
	other.sees(other.heading("Sign in"))
	log.waitsForStreams(t, 1)
	time.Sleep(1500 * time.Millisecond)
	page.contains(page.row("porch-cam"), "Waiting for first use") // and an error would be in the console
	if n := log.streams(); n != 1 {
		t.Errorf("%d streams", n)
	}
}

func TestEveryStateOfArrivalIsAccessible(t *testing.T) {
	clock := ownClock(t)
	program := startProgram(t, func(cfg *config.Config) { cfg.Now = clock.now })
	ana := program.person(t)
	keys := ana.keys(t, "late", "off", "connected", "waiting")
	if err := ana.session.APIKeys().Disable(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	clock.advance(3 * time.Minute)
	program.logsInByRealmWeb(t, keys[1].Value.Reveal())
	program.logsInByRealmWeb(t, keys[2].Value.Reveal())
	for _, path := range []string{"/keys", "/keys/" + keys[0].ID, "/keys/" + keys[1].ID, "/keys/" + keys[2].ID, "/keys/which"} {
		page := program.open(t, signedIn(ana), at(path))
		page.isAccessibleInEveryLook(path)
	}
	page := program.open(t, signedIn(ana), phoneOf(320, 844))
	page.contains(page.row("late"), "No log-in with this key")
	page.fits()
	page.visit("/keys/" + keys[2].ID)
	page.fits()
	page.visit("/keys/which")
	page.fits()
}
