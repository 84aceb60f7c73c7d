package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

func TestOneBrowserIsEndedFromAnother(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "porch-cam")
	lost := program.open(t, signedIn(ana))
	page := program.open(t, signedIn(ana))
	page.press(page.link("Sessions"))
	others := page.role("list", "Other browsers")
	page.must(expect.Locator(others.GetByRole("listitem")).ToHaveCount(1))
	page.press(others.GetByRole("button"))
	page.says("The session was ended.")
	page.sees(page.GetByText("You are signed in with no other browser."))
	page.focuses(page.heading("Other browsers"))

	lost.press(lost.toggle("porch-cam"))
	lost.isAskedToSignIn("/login?ended=1&next=%2Fkeys")
	lost.sees(lost.role("group", "Your session has ended. Sign in to go on."))
	if ana.find(t, "porch-cam").Disabled {
		t.Error("a browser that is out turned a key off")
	}
	page.press(page.link("Keys"))
	page.isOn("porch-cam", true)
}

func TestAllOtherSessionsAreEndedAtOnce(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]option{"with script": nil, "without script": {noScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := startProgram(t)
			ana := program.person(t)
			key := ana.keys(t, "porch-cam")[0]
			device := program.logIn(t, client.UserAPIKey(key.Value.Reveal()))
			lost := program.open(t, signedIn(ana))
			page := program.open(t, append(options, signedIn(ana), at("/sessions"))...)
			page.sees(page.role("list", "Apps"))
			page.sees(page.role("list", "Signed in by porch-cam"))
			page.press(page.button("End all other sessions"))
			page.says("All other sessions were ended.")
			page.must(expect.Locator(page.GetByRole("button", playwright.PageGetByRoleOptions{Name: "End"})).ToHaveCount(0))
			page.isAt("/sessions")

			_, err := lost.Reload()
			lost.must(err)
			lost.isAskedToSignIn("/login?ended=1&next=%2Fkeys")
			for who, session := range map[string]*client.Session{"the app": ana.session, "the device": device} {
				if err := session.Refresh(t.Context()); !client.IsUnauthorized(err) {
					t.Errorf("%s is still in: %v", who, err)
				}
			}
			program.logIn(t, client.UserAPIKey(key.Value.Reveal())) // the key stays as it is
		})
	}
}

func TestWithAnUpstreamBrowsersAreEndedThereToo(t *testing.T) {
	t.Parallel()
	program, upstream := startWithUpstream(t)
	g := program.guests(t, upstream)
	lost := program.open(t, signedIn(g.few))
	page := program.open(t, signedIn(g.few), at("/sessions"))
	page.press(page.role("list", "Other browsers").GetByRole("button"))
	page.says("The session was ended.")
	_, err := lost.Reload()
	lost.must(err)
	lost.isAskedToSignIn("/login?ended=1&next=%2Fkeys")
}
