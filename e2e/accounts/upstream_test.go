package accounts

import (
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

const createRequest = "POST /api/client/v2.0/auth/api_keys"

func TestKeysAtAnotherServerAreManagedLikeOurOwn(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, upstream := story.StartWithUpstream(t)
		device, err := client.New(upstream.URL, "latchkey-local")
		if err != nil {
			t.Fatal(err)
		}
		page := program.Open(t, script, story.At("/register"))
		page.Fill("Email", "ana@example.com")
		page.Fill("Password", story.Password)
		page.Press(page.Button("Create account"))
		page.Sees(page.Heading(story.FirstVisit))
		value := client.UserAPIKey(page.CreateKey("porch-cam"))
		page.SaveKey()
		if _, err := device.Login(t.Context(), value); err != nil {
			t.Error(err)
		}
		page.Press(page.Toggle("porch-cam"))
		page.Says("porch-cam is off. It can’t sign in.")
		if _, err := device.Login(t.Context(), value); !client.IsUnauthorized(err) {
			t.Errorf("a key that is off logs in: %v", err)
		}
		page.Press(page.Link("porch-cam"))
		page.Press(page.Heading("Set up a device"))
		page.Sees(page.GetByText(upstream.URL).First()) // where devices are to go
		page.Press(page.Link("All keys"))
		page.Press(page.Menu("porch-cam", "Delete…"))
		page.Press(page.Button("Delete porch-cam"))
		page.Says("porch-cam was deleted.")
		page.SignOut()
		page.Sees(page.Heading("Sign in"))
		if upstream.Count("DELETE /api/client/v2.0/auth/session") != 1 {
			t.Error("the session at the key service goes on")
		}
	})
}

// upstreamPerson has an account at the server behind the gateway.
func upstreamPerson(t *testing.T, p *story.Program, g *story.Gateway) *story.Person {
	t.Helper()
	c, err := client.New(g.URL, "latchkey-local", client.WithHTTPClient(p.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	p.Client = c
	return p.Person(t)
}

func TestASearchThatFailsKeepsNothingBack(t *testing.T) {
	t.Parallel()
	program, upstream := story.StartWithUpstream(t)
	ana := upstreamPerson(t, program, upstream)
	ana.Keys(t, story.Numbered(6)...)
	page := program.Open(t, story.SignedIn(ana))
	upstream.Breaks(story.LosesRequest)
	page.Expects(http.StatusBadGateway)
	page.Fill("Search keys", "03")
	page.Sees(page.GetByText("We couldn’t read your keys."))
	page.Lacks(page.GetByText("No key matches"))
	upstream.Recovers()
	page.Fill("Search keys", "04")
	page.Sees(page.Row("key-04"))
	page.Lacks(page.Row("key-03"))
}

// What every fault means for a creation is in the fault matrix; what a person can do about it is here.
func TestAfterACreationThatFailedAPersonCanGoOn(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, upstream := story.StartWithUpstream(t)
		ana := upstreamPerson(t, program, upstream)
		page := program.Open(t, script, story.SignedIn(ana))
		page.Expects(http.StatusBadGateway)

		upstream.Breaks(story.Only(story.LosesAnswer, http.MethodPost))
		page.TriesToCreate("porch-cam")
		page.Sees(page.GetByText("porch-cam was created, but its value was lost. Delete it and create it again."))
		upstream.Recovers()
		deletesTheLostKey(page, "porch-cam")

		upstream.Breaks(story.Only(story.LosesRequest, http.MethodPost))
		page.TriesToCreate("porch-cam")
		page.Sees(page.GetByText("Your list has no key named porch-cam: it was not created."))
		upstream.Recovers()
		page.Press(page.Button("Create key")) // the same form once more
		page.Sees(page.Locator("#once-title"))
		page.SaveKey()
		page.Sees(page.Row("porch-cam"))
	})
}

// deletesTheLostKey follows the offer on a page that found a key whose value nobody has.
func deletesTheLostKey(p *story.Page, name string) {
	p.T.Helper()
	p.Sees(p.Row(name))
	p.Press(p.Link("Delete " + name + "…"))
	p.Press(p.Button("Delete " + name))
	p.Says(name + " was deleted.")
}

func TestWhenNothingCanBeReadAfterAFailedCreationThePageSaysSo(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, upstream := story.StartWithUpstream(t)
		ana := upstreamPerson(t, program, upstream)
		page := program.Open(t, script, story.SignedIn(ana))
		page.NamesKey("porch-cam")
		upstream.Breaks(story.FromThenOn(http.MethodPost, story.LosesAnswer))
		page.Expects(http.StatusBadGateway)
		page.Press(page.Button("Create key"))
		page.Sees(page.GetByText("We asked to create porch-cam and don’t know whether it was created."))
		page.Sees(page.GetByText("We couldn’t read your keys."))
		if n := upstream.Count(createRequest); n != 1 {
			t.Errorf("the key was asked for %d times", n)
		}
		upstream.Recovers()
		page.Press(page.Link("Check now"))
		page.Sees(page.Row("porch-cam"))
	})
}

func TestASwitchOfWhichNothingIsKnownSaysSoAndCanBeCheckedLater(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, upstream := story.StartWithUpstream(t)
		ana := upstreamPerson(t, program, upstream)
		ana.Keys(t, "porch-cam")
		page := program.Open(t, script, story.SignedIn(ana))
		page.Expects(http.StatusBadGateway)
		const unknown = "We asked to turn porch-cam off and got no answer. It may be on or off."

		for _, place := range []string{"in the list", "on its page"} {
			upstream.Breaks(story.LosesAnswer)
			page.Press(page.Toggle("porch-cam"))
			page.Sees(page.Locator("p:not([role])").GetByText(unknown))
			upstream.Recovers()
			page.Press(page.Link("Check now"))
			page.Sees(page.GetByText("nothing can sign in with it. Turn it on and the same value works again."))
			page.IsOn("porch-cam", false)
			page.Press(page.Toggle("porch-cam"))
			page.Says("porch-cam is on.")
			if place == "in the list" {
				page.Visit("/keys")
				page.Press(page.Link("porch-cam"))
			}
		}
	})
}

// What went wrong is announced, and goes when the next act succeeds.
func TestANoticeIsSaidAndGoesWithTheNextSuccess(t *testing.T) {
	t.Parallel()
	program, upstream := story.StartWithUpstream(t)
	ana := upstreamPerson(t, program, upstream)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	upstream.Closes()
	page.Expects(http.StatusBadGateway)
	page.Press(page.Toggle("porch-cam"))
	page.Says("")
	page.Sees(page.Locator("[aria-live=polite]").GetByRole("group", playwright.LocatorGetByRoleOptions{Name: "We can’t reach the key service"}))
	page.IsOn("porch-cam", true)
	upstream.OpensAgain()
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")
	page.Lacks(page.Role("group", "We can’t reach the key service"))
}

func TestNobodySignsInWhileTheKeyServiceIsAway(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, upstream := story.StartWithUpstream(t)
		ana := upstreamPerson(t, program, upstream)
		upstream.Closes()
		page := program.Open(t, script)
		page.Expects(http.StatusBadGateway)
		page.Fill("Email", ana.Email)
		page.Fill("Password", story.Password)
		page.Press(page.Button("Sign in"))
		page.Sees(page.Heading("We can’t reach the key service"))
		page.Lacks(page.GetByText("still signed in"))
		if content, err := page.Content(); err != nil || strings.Contains(content, story.Password) || strings.Contains(content, strings.TrimPrefix(upstream.URL, "http://")) {
			t.Errorf("the page tells too much (%v)", err)
		}
		upstream.OpensAgain()
		page.Press(page.Link("Try again"))
		page.Fill("Email", ana.Email)
		page.Fill("Password", story.Password)
		page.Press(page.Button("Sign in"))
		page.Sees(page.Heading(story.FirstVisit))
	})
}
