package e2e

import (
	"net/http"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
)

// statesOfTheAccount are those of what happened, and of where somebody is signed in.
func statesOfTheAccount(g guests) []state {
	return []state{
		{name: "what happened", who: g.few, path: "/activity", reach: func(p *page, _ *gateway) { p.sees(p.GetByText("Signed in")) }},
		{name: "what happened, narrowed down to nothing", who: g.few, path: "/activity?kind=devices", reach: func(p *page, _ *gateway) {
			p.sees(p.link("Show all activity"))
		}},
		{name: "a refusal among what happened", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) {
			p.press(p.toggle("porch-cam"))
			p.says("porch-cam is off. It can no longer sign in.")
			p.visit("/activity?kind=keys")
			p.sees(p.GetByText("Turned off"))
		}},
		{name: "the first session", who: g.none, path: "/sessions", reach: func(p *page, _ *gateway) {
			p.sees(p.GetByText("You are signed in with no other browser."))
		}},
		{name: "several sessions", who: g.few, path: "/sessions", reach: func(p *page, _ *gateway) {
			p.program.cookie(p.t, g.few)
			p.visit("/sessions")
			p.sees(p.button("End all other sessions"))
		}},
		{name: "sessions after one was ended", who: g.many, path: "/sessions", reach: func(p *page, _ *gateway) {
			p.program.cookie(p.t, g.many)
			p.visit("/sessions")
			p.press(p.role("list", "Other browsers").GetByRole("button"))
			p.says("The session was ended.")
		}},
		{name: "sessions of apps that are not known", who: g.full, path: "/keys", reach: func(p *page, upstream *gateway) {
			upstream.breaks(says(404, ""))
			p.visit("/sessions")
			p.sees(p.GetByText("The key service does not say which apps you are signed in with."))
		}},
	}
}

func TestRefusalsAndTheQuestionForThePasswordAreAccessibleInEveryLook(t *testing.T) {
	clock := ownClock(t)
	program := startProgram(t, func(cfg *config.Config) { cfg.Now = clock.now })
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	program.logIn(t, client.UserAPIKey(key.Value.Reveal()))
	page := program.open(t, reducedMotion, signedIn(ana))
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is off. It can no longer sign in.")
	program.refuses(t, key.Value.Reveal())
	tab := page.newTab("/activity")
	tab.sees(tab.GetByText("Log-in refused with"))
	tab.isAccessibleInEveryLook("a refusal")
	clock.advance(29 * time.Minute)
	page.visit("/keys")
	clock.advance(2 * time.Minute)
	page.expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	tab = page.newTab("/keys")
	tab.press(tab.toggle("porch-cam"))
	tab.sees(tab.dialog())
	tab.isAccessibleInEveryLook("the question in a dialog")
	tab = page.newTab("/keys")
	tab.press(tab.toggle("porch-cam"))
	tab.must(tab.dialog().GetByLabel("Password").Fill("wrong horse"))
	tab.press(tab.inDialog("Turn on"))
	tab.sees(tab.GetByText("The password is wrong."))
	tab.isAccessibleInEveryLook("the question as a page")
}
