package looks

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// statesOfAccount are those of the pages about an account that is ours, where there is mail.
func statesOfAccount(ana *story.Person, reset string) []story.State {
	press := func(button, label, typed, sees string) func(*story.Page, *story.Gateway) {
		return func(p *story.Page, _ *story.Gateway) {
			p.Fill(label, typed)
			p.Press(p.Button(button))
			p.Sees(p.GetByText(sees))
		}
	}
	const link = "?token=0123456789&tokenId=6b00a2000000000000000000"
	return []story.State{
		{Name: "a forgotten password", Path: "/forgot"},
		{Name: "a link that was sent", Path: "/forgot", Reach: press("Send a link", "Email", "nobody@example.com", "If there is an account")},
		{Name: "too many links", Path: "/forgot", Status: http.StatusTooManyRequests, Reach: press("Send a link", "Email", "nobody@example.com", "An email was sent a moment ago.")},
		{Name: "no address", Path: "/forgot", Reach: press("Send a link", "Email", "nobody", "Enter an email address")},
		{Name: "a new password", Path: reset},
		{Name: "a short new password", Path: reset, Reach: press("Set password", "New password", "short", "Use at least 8 characters.")},
		{Name: "a link that leads nowhere", Path: "/reset" + link},
		{Name: "help", Path: "/help"},
		{Name: "a link that is not complete", Path: "/reset"},
		{Name: "an address to confirm", Path: "/confirm" + link},
		{Name: "a confirmation that leads nowhere", Path: "/confirm" + link,
			Reach: press("Confirm address and sign in", "Your password", story.Password, "This link doesn’t work.")},
		{Name: "another link", Path: "/confirm", Reach: press("Send another link", "Email", "no-one@example.com", "is waiting to be confirmed")},
		{Name: "an account that was made", Path: "/register", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Password", story.Password)
			press("Create account", "Email", "new@example.com", "Your account was created.")(p, nil)
		}},
		{Name: "an account that waits", Path: "/login", Reach: func(p *story.Page, _ *story.Gateway) {
			p.TriesToSignIn("new@example.com", story.Password)
			p.Sees(p.GetByText("Before you can sign in"))
		}},
		{Name: "the account", Who: ana, Path: "/account"},
		{Name: "a wrong current password", Who: ana, Path: "/account", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("New password", "another battery staple")
			press("Change password", "Current password", "not this one", "Wrong password.")(p, nil)
		}},
		{Name: "a password that was changed", Who: ana, Path: "/account", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("New password", story.Password)
			p.Fill("Current password", story.Password)
			p.Press(p.Button("Change password"))
			p.Says("Your password was changed, and everything else was signed out.")
		}},
		{Name: "a value that is not adopted", Who: ana, Path: "/keys/adopt", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Name", "Küche 2")
			press("Adopt this key", "Value", "nonsense", "Names can have letters, digits")(p, nil)
		}},
		{Name: "the question before an account goes", Who: ana, Path: "/account/delete"},
		{Name: "the question with a wrong password", Who: ana, Path: "/account/delete",
			Reach: press("Delete account", "Your password", "not this one", "Wrong password.")},
	}
}

func TestEveryStateOfTheAccountPagesIsAccessibleInEveryLook(t *testing.T) {
	t.Parallel()
	program, box := story.StartWithMail(t, func(cfg *config.Config) { cfg.Adoption = "owners" })
	ana := program.Confirmed(t, box, "ana@example.com")
	box.Clock.Advance(time.Minute)
	program.Send(t, http.MethodPost, "/forgot", url.Values{"email": {ana.Email}}, nil)
	reset := box.About(t, ana.Email, "Reset your password").Link(t)
	ana.Keys(t, "porch-cam", "garage")
	browsers := map[*story.Person]*story.Page{nil: program.Open(t), ana: program.Open(t, story.SignedIn(ana))}
	for _, s := range statesOfAccount(ana, reset) {
		browsers[s.Who].Expects(http.StatusUnprocessableEntity)
		if s.Status != 0 {
			browsers[s.Who].Expects(s.Status)
		}
		t.Run(s.Name, func(t *testing.T) {
			tab := browsers[s.Who].On(t).NewTab(s.Path)
			if s.Reach != nil {
				s.Reach(tab, nil)
			}
			tab.IsAccessibleInEveryLook(s.Name)
		})
	}
}

func TestThePagesAboutAnAccountFitAPhone(t *testing.T) {
	t.Parallel()
	program, box := story.StartWithMail(t)
	ana := program.Confirmed(t, box, "ana@example.com")
	ana.Keys(t, story.Numbered(client.MaxKeys)...)
	for _, width := range []int{390, 320} {
		p := program.Open(t, story.PhoneOf(width, 844), story.SignedIn(ana))
		for _, path := range []string{"/account", "/account/delete", "/forgot", "/reset?token=x", "/confirm?token=x", "/confirm", "/docs/api"} {
			p.Visit(path)
			p.Fits()
		}
	}
}

// On the narrowest phones the header has no room for whose account it is, and there much depends on it.
func TestQuestionsSayWhoseAccountTheyAreAboutOnTheNarrowestPhone(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.PersonNamed(t, "a.person.with.quite.a.long.address@mail.example.com")
	p := program.Open(t, story.PhoneOf(320, 640), story.SignedIn(ana), story.At("/device?user_code="+program.Grant(t, "Porch Pi").UserCode))
	p.Sees(p.Heading("Connect this device?"))
	p.Sees(p.GetByRole("main").GetByText(ana.Email))
	p.Fits()
	p.Visit("/account/delete")
	p.Sees(p.GetByRole("main").GetByText(ana.Email))
	p.Fits()
}
