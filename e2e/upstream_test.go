package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

const createRequest = "POST /api/client/v2.0/auth/api_keys"

// scripted runs a story twice: as most browsers are, and without script.
func scripted(t *testing.T, story func(t *testing.T, script option)) {
	t.Helper()
	for name, script := range map[string]option{"with script": func(*visit) {}, "without script": noScript} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, script)
		})
	}
}

func TestKeysAtAnotherServerAreManagedLikeOurOwn(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		device, err := client.New(upstream.url, "latchkey-local")
		if err != nil {
			t.Fatal(err)
		}
		page := program.open(t, script, at("/register"))
		page.fill("E-mail", "ana@example.com")
		page.fill("Password", password)
		page.press(page.button("Create account"))
		page.sees(page.heading("No keys yet"))
		value := client.UserAPIKey(page.createKey("porch-cam"))
		page.saveKey()
		if _, err := device.Login(t.Context(), value); err != nil {
			t.Error(err)
		}
		page.press(page.toggle("porch-cam"))
		page.says("porch-cam is off. It can no longer sign in.")
		if _, err := device.Login(t.Context(), value); !client.IsUnauthorized(err) {
			t.Errorf("a key that is off logs in: %v", err)
		}
		page.press(page.link("porch-cam"))
		page.sees(page.GetByText(upstream.url).First()) // where devices are to go
		page.press(page.link("All keys"))
		page.press(page.menu("porch-cam", "Delete…"))
		page.press(page.button("Delete porch-cam"))
		page.says("porch-cam was deleted.")
		page.press(page.button("Sign out"))
		page.sees(page.heading("Sign in"))
		if upstream.count("DELETE /api/client/v2.0/auth/session") != 1 {
			t.Error("the session at the key service goes on")
		}
	})
}

// away is a server that a redirect leads to, and how often it was asked.
func away(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	return server.URL, &asked
}

const (
	broke    = "The connection to the key service broke."
	unusable = "The key service gave an answer we cannot use."
	busy     = "The key service is busy."
	noReach  = "We cannot reach the key service."
)

func TestKeysThatCannotBeReadAreNeverDrawnAsNone(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		ana.keys(t, numbered(6)...)
		page := program.open(t, script, signedIn(ana))
		redirect, asked := away(t)
		for _, tc := range []struct {
			fault  fault
			status int
			says   string
		}{
			{losesRequest, 502, broke},
			{losesAnswer, 502, broke},
			{cutsAnswer, 502, unusable},
			{truncatesAnswer, 502, unusable},
			{says(500, "<h1>Boom</h1>"), 502, unusable},
			{says(200, "<h1>Boom</h1>"), 502, unusable},
			{says(200, `{"keys":[]}`), 502, unusable},
			{says(200, `[{"name":"key-01"}]`), 502, unusable},
			{says(302, "", "Location", redirect), 502, unusable},
			{says(429, `{"error":"slow down"}`, "Retry-After", "30"), 503, busy},
			{says(503, "<h1>Boom</h1>"), 503, busy},
		} {
			upstream.breaks(tc.fault)
			page.expects(tc.status)
			answer, err := page.Reload()
			page.must(err)
			if answer.Status() != tc.status {
				t.Errorf("%s: %d, want %d", tc.says, answer.Status(), tc.status)
			}
			page.cannotRead(tc.says)
			upstream.recovers()
			page.press(page.link("Try again"))
			page.sees(page.row("key-01"))
		}
		if asked.Load() != 0 {
			t.Error("a redirect was followed")
		}

		upstream.closes()
		_, err := page.Reload()
		page.must(err)
		page.cannotRead(noReach)
		upstream.opensAgain()
		page.press(page.link("Try again"))
		page.sees(page.row("key-01"))
	})
}

// cannotRead is the keys page without keys. It says why, draws no empty list, offers nothing that needs the list, and the
// person is still signed in.
func (p *page) cannotRead(why string) {
	p.t.Helper()
	p.sees(p.GetByText("We could not read your keys."))
	p.sees(p.GetByText(why))
	p.sees(p.GetByText("ana@example.com"))
	for _, untrue := range []playwright.Locator{
		p.heading("No keys yet"), p.GetByText("0 of 20 keys used"), p.button("Create key"), p.GetByText("Boom"),
	} {
		p.lacks(untrue)
	}
}

// upstreamPerson has an account at the server behind the gateway.
func (p *program) upstreamPerson(t *testing.T, g *gateway) *person {
	t.Helper()
	c, err := client.New(g.url, "latchkey-local", client.WithHTTPClient(p.http))
	if err != nil {
		t.Fatal(err)
	}
	p.client = c
	return p.person(t)
}

func TestASearchThatFailsKeepsNothingBack(t *testing.T) {
	t.Parallel()
	program, upstream := startWithUpstream(t)
	ana := program.upstreamPerson(t, upstream)
	ana.keys(t, numbered(6)...)
	page := program.open(t, signedIn(ana))
	upstream.breaks(losesRequest)
	page.expects(http.StatusBadGateway)
	page.fill("Search keys", "03")
	page.sees(page.GetByText("We could not read your keys."))
	page.lacks(page.GetByText("No key’s name contains"))
	upstream.recovers()
	page.fill("Search keys", "04")
	page.sees(page.row("key-04"))
	page.lacks(page.row("key-03"))
}

func TestAKeyWhoseCreationFailedIsAskedForOnceAndTheTruthIsTold(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		page := program.open(t, script, signedIn(ana))
		for _, tc := range []struct {
			fault  fault
			status int
			says   string
			made   bool
		}{
			{losesAnswer, 502, broke, true},
			{cutsAnswer, 502, unusable, true},
			{truncatesAnswer, 502, unusable, true},
			{losesRequest, 502, broke, false},
			{says(500, "<h1>Boom</h1>"), 502, unusable, false},
			{says(200, "<h1>Boom</h1>"), 502, unusable, false},
			{says(201, `{"_id":"6b00a2000000000000000000","name":"porch-cam"}`), 502, unusable, false},
			{says(429, `{"error":"slow down"}`, "Retry-After", "30"), 503, busy, false},
			{says(302, "", "Location", "/"), 502, unusable, false},
		} {
			page.createFails(upstream, tc.fault, tc.status, tc.says)
			if tc.made {
				page.deletesTheLostKey("porch-cam")
				continue
			}
			page.sees(page.GetByText("No key was made.").Or(page.GetByText("Your list has no key named porch-cam: it was not made.")))
			page.must(expect.Locator(page.field("Name of the device or service")).ToHaveValue("porch-cam"))
			page.press(page.button("Create key")) // the same form once more
			page.sees(page.heading("Save this key now"))
			page.saveKey()
			page.deletes("porch-cam")
		}
	})
}

// createFails sends the form while creations meet the fault.
func (p *page) createFails(upstream *gateway, f fault, status int, why string) {
	p.t.Helper()
	p.visit("/keys")
	upstream.breaks(only(f, http.MethodPost))
	p.expects(status)
	p.fill("Name of the device or service", "porch-cam")
	p.sendsTo("/keys", p.button("Create key"), status)
	p.sees(p.GetByText(why))
	p.lacks(p.heading("Save this key now"))
	p.lacks(p.GetByText("Boom"))
	if n := upstream.count(createRequest); n != 1 {
		p.t.Errorf("%s the key was asked for %d times", why, n)
	}
	upstream.recovers()
}

// deletesTheLostKey follows the offer on a page that found a key whose value nobody has.
func (p *page) deletesTheLostKey(name string) {
	p.t.Helper()
	p.sees(p.GetByText("There is a key named " + name + ", made "))
	p.sees(p.GetByText("If it is the one you asked for, its value is lost: delete it and create it again."))
	p.sees(p.row(name))
	p.press(p.link("Delete " + name + "…"))
	p.press(p.button("Delete " + name))
	p.says(name + " was deleted.")
}

func (p *page) deletes(name string) {
	p.t.Helper()
	p.press(p.menu(name, "Delete…"))
	p.press(p.button("Delete " + name))
	p.says(name + " was deleted.")
	p.lacks(p.row(name))
}

// The one test that waits for the program's patience to end, which is eight seconds.
func TestAKeyWhoseCreationTakesTooLongIsLookedFor(t *testing.T) {
	t.Parallel()
	program, upstream := startWithUpstream(t)
	ana := program.upstreamPerson(t, upstream)
	page := program.open(t, signedIn(ana))
	upstream.breaks(only(answersTooLate, http.MethodPost))
	page.expects(http.StatusGatewayTimeout)
	page.fill("Name of the device or service", "porch-cam")
	page.press(page.button("Create key"))
	page.must(expect.Locator(page.GetByText("The key service did not answer in time.")).
		ToBeVisible(playwright.LocatorAssertionsToBeVisibleOptions{Timeout: playwright.Float(15_000)}))
	if n := upstream.count(createRequest); n != 1 {
		t.Errorf("the key was asked for %d times", n)
	}
	upstream.recovers()
	page.deletesTheLostKey("porch-cam")
}

func TestWhenNothingCanBeReadAfterAFailedCreationThePageSaysSo(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		page := program.open(t, script, signedIn(ana))
		page.fill("Name of the device or service", "porch-cam")
		upstream.breaks(only(losesAnswer, http.MethodPost, http.MethodGet))
		page.expects(http.StatusBadGateway)
		page.press(page.button("Create key"))
		page.sees(page.GetByText("We asked to create porch-cam and do not know whether it was made."))
		page.sees(page.GetByText("We could not read your keys."))
		if n := upstream.count(createRequest); n != 1 {
			t.Errorf("the key was asked for %d times", n)
		}
		upstream.recovers()
		page.press(page.link("Check now"))
		page.sees(page.row("porch-cam"))
	})
}

func TestASwitchWhoseAnswerGotLostShowsWhatIsTrue(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		ana.keys(t, "porch-cam")
		page := program.open(t, script, signedIn(ana))

		upstream.breaks(only(losesAnswer, http.MethodPut))
		page.press(page.toggle("porch-cam"))
		page.says("porch-cam is off. It can no longer sign in.")
		page.isOn("porch-cam", false)

		upstream.breaks(only(losesRequest, http.MethodPut))
		page.press(page.toggle("porch-cam"))
		page.says("Nothing changed: porch-cam is still off.")
		page.isOn("porch-cam", false)
	})
}

func TestASwitchOfWhichNothingIsKnownSaysSoAndCanBeCheckedLater(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		ana.keys(t, "porch-cam")
		page := program.open(t, script, signedIn(ana))
		page.expects(http.StatusBadGateway)
		const unknown = "We asked to turn porch-cam off and got no answer. It may be on or off."

		for _, place := range []string{"in the list", "on its page"} {
			upstream.breaks(losesAnswer)
			page.press(page.toggle("porch-cam"))
			page.sees(page.Locator("p:not([role])").GetByText(unknown))
			upstream.recovers()
			page.press(page.link("Check now"))
			page.sees(page.GetByText("It cannot sign in. Turn it on and the same value works again."))
			page.isOn("porch-cam", false)
			page.press(page.toggle("porch-cam"))
			page.says("porch-cam is on.")
			if place == "in the list" {
				page.visit("/keys")
				page.press(page.link("porch-cam"))
			}
		}
	})
}

// What went wrong is announced, and goes when the next act succeeds.
func TestANoticeIsSaidAndGoesWithTheNextSuccess(t *testing.T) {
	t.Parallel()
	program, upstream := startWithUpstream(t)
	ana := program.upstreamPerson(t, upstream)
	ana.keys(t, "porch-cam")
	page := program.open(t, signedIn(ana))
	upstream.closes()
	page.expects(http.StatusBadGateway)
	page.press(page.toggle("porch-cam"))
	page.says("")
	page.sees(page.Locator("[aria-live=polite]").GetByRole("group", playwright.LocatorGetByRoleOptions{Name: "We cannot reach the key service"}))
	page.isOn("porch-cam", true)
	upstream.opensAgain()
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is off. It can no longer sign in.")
	page.lacks(page.role("group", "We cannot reach the key service"))
}

func TestADeletionWhoseAnswerGotLostIsLookedInto(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		ana.keys(t, "porch-cam", "garage")
		page := program.open(t, script, signedIn(ana))

		upstream.breaks(only(losesAnswer, http.MethodDelete))
		page.deletes("porch-cam")

		upstream.breaks(only(losesRequest, http.MethodDelete))
		page.expects(http.StatusBadGateway)
		page.press(page.menu("garage", "Delete…"))
		page.press(page.button("Delete garage"))
		page.sees(page.GetByText("the key is still there"))
		upstream.recovers()
		page.visit("/keys")
		page.sees(page.row("garage"))
	})
}

func TestASessionThatTheKeyServiceEndedLeadsToTheLogInPageAndBack(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		ana.keys(t, "porch-cam")
		page := program.open(t, script, signedIn(ana))
		ended := says(401, `{"error":"invalid session","error_code":"InvalidSession"}`)
		for _, act := range []func(){
			func() { page.press(page.link("porch-cam")) },
			func() { page.press(page.toggle("porch-cam")) },
			func() {
				page.fill("Name of the device or service", "garage")
				page.press(page.button("Create key"))
			},
		} {
			page.visit("/keys")
			upstream.breaks(ended)
			act()
			page.sees(page.heading("Sign in"))
			page.sees(page.GetByText("Your session has ended. Sign in to go on."))
			upstream.recovers()
			page.fill("E-mail", ana.email)
			page.fill("Password", password)
			page.press(page.button("Sign in"))
			page.sees(page.toggle("porch-cam"))
		}
	})
}

func TestARefusalOfTheKeyServiceIsExplained(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		ana.keys(t, "porch-cam")
		page := program.open(t, script, signedIn(ana))
		page.expects(http.StatusForbidden)
		upstream.breaks(says(403, ""))
		page.press(page.toggle("porch-cam"))
		page.sees(page.GetByText("Keys cannot be managed from here"))
		page.visit("/keys")
		page.sees(page.heading("Keys cannot be managed from here"))
		page.sees(page.button("Sign out"))
		upstream.recovers()
		page.visit("/keys")
		page.sees(page.row("porch-cam"))
	})
}

func TestNobodySignsInWhileTheKeyServiceIsAway(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		upstream.closes()
		page := program.open(t, script)
		page.expects(http.StatusBadGateway)
		page.fill("E-mail", ana.email)
		page.fill("Password", password)
		page.press(page.button("Sign in"))
		page.sees(page.heading("We cannot reach the key service"))
		page.lacks(page.GetByText("still signed in"))
		if content, err := page.Content(); err != nil || strings.Contains(content, password) || strings.Contains(content, strings.TrimPrefix(upstream.url, "http://")) {
			t.Errorf("the page tells too much (%v)", err)
		}
		upstream.opensAgain()
		page.press(page.link("Try again"))
		page.fill("E-mail", ana.email)
		page.fill("Password", password)
		page.press(page.button("Sign in"))
		page.sees(page.heading("No keys yet"))
	})
}
