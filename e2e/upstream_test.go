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

// What every fault means for a creation is in the fault matrix; what a person can do about it is here.
func TestAfterACreationThatFailedAPersonCanGoOn(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		page := program.open(t, script, signedIn(ana))
		page.expects(http.StatusBadGateway)

		upstream.breaks(only(losesAnswer, http.MethodPost))
		page.fill("Name of the device or service", "porch-cam")
		page.press(page.button("Create key"))
		page.sees(page.GetByText("porch-cam was created, but its value was lost. Delete it and create it again."))
		upstream.recovers()
		page.deletesTheLostKey("porch-cam")

		upstream.breaks(only(losesRequest, http.MethodPost))
		page.fill("Name of the device or service", "porch-cam")
		page.press(page.button("Create key"))
		page.sees(page.GetByText("Your list has no key named porch-cam: it was not made."))
		upstream.recovers()
		page.press(page.button("Create key")) // the same form once more
		page.sees(page.heading("Save this key now"))
		page.saveKey()
		page.sees(page.row("porch-cam"))
	})
}

// deletesTheLostKey follows the offer on a page that found a key whose value nobody has.
func (p *page) deletesTheLostKey(name string) {
	p.t.Helper()
	p.sees(p.row(name))
	p.press(p.link("Delete " + name + "…"))
	p.press(p.button("Delete " + name))
	p.says(name + " was deleted.")
}

func TestWhenNothingCanBeReadAfterAFailedCreationThePageSaysSo(t *testing.T) {
	t.Parallel()
	scripted(t, func(t *testing.T, script option) {
		program, upstream := startWithUpstream(t)
		ana := program.upstreamPerson(t, upstream)
		page := program.open(t, script, signedIn(ana))
		page.fill("Name of the device or service", "porch-cam")
		upstream.breaks(fromThenOn(http.MethodPost, losesAnswer))
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
