package accounts

import (
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

func TestOneBrowserIsEndedFromAnother(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	lost := program.Open(t, story.SignedIn(ana))
	page := program.Open(t, story.SignedIn(ana))
	page.FromPersonMenu("link", "Sessions")
	browsers := page.Role("list", "Browsers").GetByRole("listitem")
	page.Must(page.Expect().Locator(browsers).ToHaveCount(2))
	page.Press(browsers.Last().GetByRole("button"))
	page.Says("Session signed out.")
	page.Must(page.Expect().Locator(browsers).ToHaveCount(1))
	page.Focuses(page.Heading("Browsers"))

	lost.Press(lost.Toggle("porch-cam"))
	isAskedToSignIn(lost, "/login?ended=1&next=%2Fkeys")
	lost.Sees(lost.Role("group", "Your session has ended. Sign in to continue."))
	if ana.Find(t, "porch-cam").Disabled {
		t.Error("a browser that is out turned a key off")
	}
	page.Press(page.Link("Keys"))
	page.IsOn("porch-cam", true)
}

func TestAllOtherSessionsAreEndedAtOnce(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]story.Option{"with script": nil, "without script": {story.NoScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			ana := program.Person(t)
			key := ana.Keys(t, "porch-cam")[0]
			device := program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
			lost := program.Open(t, story.SignedIn(ana))
			page := program.Open(t, append(options, story.SignedIn(ana), story.At("/sessions"))...)
			page.Sees(page.Role("list", "Apps"))
			page.Sees(page.Role("list", "Devices with porch-cam"))
			page.Press(page.Button("Sign out everywhere else"))
			page.Says("Signed out everywhere else.")
			page.Must(page.Expect().Locator(page.Locator("#sessions li")).ToHaveCount(1))
			page.IsAt("/sessions")

			_, err := lost.Reload()
			lost.Must(err)
			isAskedToSignIn(lost, "/login?ended=1&next=%2Fkeys")
			for who, session := range map[string]*client.Session{"the app": ana.Session, "the device": device} {
				if err := session.Refresh(t.Context()); !client.IsUnauthorized(err) {
					t.Errorf("%s is still in: %v", who, err)
				}
			}
			program.LogIn(t, client.UserAPIKey(key.Value.Reveal())) // the key stays as it is
		})
	}
}

func TestWithAnUpstreamBrowsersAreEndedThereToo(t *testing.T) {
	t.Parallel()
	program, upstream := story.StartWithUpstream(t)
	g := program.Guests(t, upstream)
	lost := program.Open(t, story.SignedIn(g.Few))
	page := program.Open(t, story.SignedIn(g.Few), story.At("/sessions"))
	page.Press(page.Role("list", "Browsers").GetByRole("button").Nth(1))
	page.Says("Session signed out.")
	_, err := lost.Reload()
	lost.Must(err)
	isAskedToSignIn(lost, "/login?ended=1&next=%2Fkeys")
}
