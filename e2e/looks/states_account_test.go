package looks

import (
	"net/http"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// statesOfTheAccount are those of what happened, and of where somebody is signed in.
func statesOfTheAccount(g story.Guests) []story.State {
	return []story.State{
		{Name: "what happened", Who: g.Few, Path: "/activity", Reach: func(p *story.Page, _ *story.Gateway) { p.Sees(p.GetByText("Signed in")) }},
		{Name: "what happened, narrowed down to nothing", Who: g.Few, Path: "/activity?kind=devices", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Sees(p.Link("Show all activity"))
		}},
		{Name: "a refusal among what happened", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Toggle("porch-cam"))
			p.Says("porch-cam is off. It can’t sign in.")
			p.Visit("/activity?kind=keys")
			p.Sees(p.GetByText("Turned off"))
		}},
		{Name: "the first session", Who: g.None, Path: "/sessions", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Sees(p.GetByText("This browser", playwright.PageGetByTextOptions{Exact: playwright.Bool(true)}))
		}},
		{Name: "several sessions", Who: g.Few, Path: "/sessions", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Program.Cookie(p.T, g.Few)
			p.Visit("/sessions")
			p.Sees(p.Button("Sign out everywhere else"))
		}},
		{Name: "sessions after one was ended", Who: g.Many, Path: "/sessions", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Program.Cookie(p.T, g.Many)
			p.Visit("/sessions")
			p.Press(p.Role("list", "Browsers").GetByRole("button").Nth(1))
			p.Says("Session signed out.")
		}},
		{Name: "sessions of apps that are not known", Who: g.Full, Path: "/keys", Reach: func(p *story.Page, upstream *story.Gateway) {
			upstream.Breaks(story.Says(404, ""))
			p.Visit("/sessions")
			p.Sees(p.GetByText("The key service doesn’t list the apps you’re signed in with."))
		}},
	}
}

func TestRefusalsAndTheQuestionForThePasswordAreAccessibleInEveryLook(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")
	program.Refuses(t, key.Value.Reveal())
	tab := page.NewTab("/activity")
	story.Until(t, "the refusal is written down", func() bool {
		tab.Visit("/activity")
		n, err := tab.GetByText("the key is off").Count()
		return err == nil && n > 0
	})
	tab.IsAccessibleInEveryLook("a refusal")
	clock.Advance(29 * time.Minute)
	page.Visit("/keys")
	clock.Advance(2 * time.Minute)
	page.Expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	tab = page.NewTab("/keys")
	tab.Press(tab.Toggle("porch-cam"))
	tab.Sees(tab.Dialog())
	tab.IsAccessibleInEveryLook("the question in a dialog")
	tab = page.NewTab("/keys")
	tab.Press(tab.Toggle("porch-cam"))
	tab.Must(tab.Dialog().GetByRole("textbox").Fill("wrong horse"))
	tab.Press(tab.InDialog("Turn on"))
	tab.Sees(tab.GetByText("Wrong password."))
	tab.IsAccessibleInEveryLook("the question as a page")
}

func TestPasskeysAndTheQuestionForOneAreAccessibleInEveryLook(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, story.ByName(t), func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana), story.At("/account"))
	page.Expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	page.Authenticator()
	page.Press(page.Button("Add a passkey"))
	page.Fill("Name", "The laptop that stands in the kitchen, with a fingerprint")
	page.Press(page.Button("Create passkey"))
	page.Says("Passkey added. You can sign in with it from now on.")

	tab := page.NewTab("/account")
	tab.Sees(tab.Link("Stop using the password…"))
	tab.IsAccessibleInEveryLook("an account with a passkey")
	tab = page.NewTab("/account")
	tab.Authenticator().Recognises(false)
	tab.Press(tab.Button("Add a passkey"))
	tab.Press(tab.Button("Create passkey"))
	tab.Sees(tab.GetByText("Nothing was changed."))
	tab.IsAccessibleInEveryLook("a passkey that was not created")
	tab = page.NewTab("/account/password/stop")
	tab.Press(tab.Button("Stop using the password"))
	tab.Sees(tab.GetByText("Add a second passkey first"))
	tab.IsAccessibleInEveryLook("a password that has to stay")

	clock.Advance(29 * time.Minute)
	page.Visit("/keys")
	clock.Advance(2 * time.Minute)
	tab = page.NewTab("/keys")
	tab.TriesToCreate("attic")
	tab.Focuses(tab.InDialog("Use your passkey"))
	tab.IsAccessibleInEveryLook("the question for a passkey or the password")
	tab = page.NewTab("/account/delete")
	tab.Sees(tab.Button("Delete account with a passkey"))
	tab.IsAccessibleInEveryLook("an account to delete with a passkey")
	page.SignOut()
	tab = program.Open(t, story.At("/login"))
	tab.Sees(tab.Button("Sign in with a passkey"))
	tab.IsAccessibleInEveryLook("a sign-in page with passkeys")
}
