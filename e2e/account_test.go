package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
)

const another = "another battery staple"

// tries fills in the form for signing in.
func (p *page) tries(email, with string) {
	p.t.Helper()
	p.visit("/login")
	p.fill("E-mail", email)
	p.fill("Password", with)
	p.press(p.button("Sign in"))
}

// bothWays runs a story with script and without.
func bothWays(t *testing.T, story func(t *testing.T, script option)) {
	t.Helper()
	for name, script := range map[string]option{"script": func(*visit) {}, "no script": noScript} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, script)
		})
	}
}

func TestAnAccountIsConfirmedByMailBeforeAnybodySignsIn(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script option) {
		program, box := startWithMail(t)
		p := program.open(t, script, at("/register"))
		p.expects(http.StatusUnprocessableEntity)
		p.fill("E-mail", "ana@example.com")
		p.fill("Password", password)
		p.press(p.button("Create account"))
		p.sees(p.heading("Confirm your address"))
		p.sees(p.GetByText("Your account was made. Open the link in the mail to ana@example.com, then sign in."))
		mail := box.about(t, "ana@example.com", "Confirm your address")

		p.tries("ana@example.com", password)
		p.sees(p.GetByText("Before you can sign in, open the link in the mail to ana@example.com."))

		// Programs that look through mails open links too: that confirms nothing.
		p.visit(mail.link(t))
		p.sees(p.GetByText("One click, and you can sign in."))
		p.tries("ana@example.com", password)
		p.sees(p.GetByText("Before you can sign in"))

		box.clock.advance(time.Minute)
		p.press(p.button("Send another link"))
		p.sees(p.GetByText("If an account with the address ana@example.com waits to be confirmed, a mail with a link is on its way."))
		p.visit(box.about(t, "ana@example.com", "Confirm your address").link(t))
		p.press(p.button("Confirm address"))
		p.isAt("/login")
		p.says("Your address is confirmed. Sign in to go on.")
		p.tries("ana@example.com", password)
		p.sees(p.heading("No keys yet"))

		p.visit(mail.link(t))
		p.press(p.button("Confirm address"))
		p.sees(p.GetByText("This link does not work."))
		box.isEmpty(t)
	})
}

func TestAForgottenPasswordIsReplacedByMail(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script option) {
		program, box := startWithMail(t)
		bob := program.confirmed(t, box, "bob@example.com")
		key := bob.keys(t, "porch-cam")[0]
		box.about(t, bob.email, "A key was made: porch-cam")
		browsers := []*page{program.open(t, script, signedIn(bob)), program.open(t, script, signedIn(bob))}

		p := program.open(t, script)
		p.expects(http.StatusUnprocessableEntity, http.StatusTooManyRequests)
		for _, email := range []string{"nobody@example.com", bob.email} {
			p.visit("/login")
			p.press(p.link("Forgot your password?"))
			p.fill("E-mail", email)
			p.press(p.button("Send a link"))
			p.sees(p.GetByText("If there is an account with the address " + email + ", a mail with a link is on its way."))
			p.press(p.link("ask again"))
			p.fill("E-mail", email)
			p.press(p.button("Send a link"))
			p.sees(p.GetByText("A mail was sent a moment ago. If it does not come, try again in a minute."))
		}
		link := box.about(t, bob.email, "Choose a new password").link(t)

		p.visit(link)
		p.fill("New password", "short")
		p.press(p.button("Set password"))
		p.sees(p.GetByText("Use at least 8 characters."))
		p.fill("New password", "Sunshine1")
		p.press(p.button("Set password"))
		p.sees(p.GetByText("password is one of the most common ones"))
		for _, browser := range browsers { // nothing has happened yet
			browser.visit("/keys")
			browser.sees(browser.link("porch-cam"))
		}
		p.fill("New password", another)
		p.press(p.button("Set password"))
		p.isAt("/login")
		p.says("Your new password is set, and everything was signed out. Sign in with it.")
		box.about(t, bob.email, "Your password was reset")

		for _, browser := range browsers {
			browser.visit("/keys")
			browser.sees(browser.heading("Sign in"))
		}
		p.tries(bob.email, password)
		p.sees(p.GetByText("The e-mail address or the password is wrong."))
		p.tries(bob.email, another)
		p.sees(p.link("porch-cam"))
		program.logIn(t, client.UserAPIKey(key.Value.Reveal()))

		p.visit(link)
		p.fill("New password", password)
		p.press(p.button("Set password"))
		p.sees(p.GetByText("This link does not work."))
		p.press(p.link("Get a new link"))
		p.sees(p.heading("Forgotten password"))
		box.isEmpty(t)
	})
}

func TestAPasswordIsChangedInOneBrowserAndTheOtherIsSignedOut(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script option) {
		program, box := startWithMail(t)
		ana := program.confirmed(t, box, "ana@example.com")
		here, there := program.open(t, script, signedIn(ana), granting("clipboard-read", "clipboard-write")), program.open(t, script, signedIn(ana))
		here.expects(http.StatusUnprocessableEntity)
		here.press(here.link("Account"))
		change := func(current, replacement string) {
			here.fill("Current password", current)
			here.fill("New password", replacement)
			here.press(here.button("Change password"))
		}
		change("not this one", another)
		here.sees(here.GetByText("This is not your current password."))
		change(password, "short")
		here.sees(here.GetByText("Use at least 8 characters."))
		change(password, ana.email)
		here.sees(here.GetByText("password must not be the e-mail address."))
		for _, label := range []string{"Current password", "New password"} {
			if typed, err := here.field(label).InputValue(); err != nil || typed != "" {
				t.Errorf("%s is drawn again with what was typed: %v", label, err)
			}
			if kind, err := here.field(label).GetAttribute("type"); err != nil || kind != "password" {
				t.Errorf("%s is of type %q: %v", label, kind, err)
			}
		}
		there.visit("/keys")
		there.sees(there.heading("No keys yet"))

		here.evaluate("text => navigator.clipboard.writeText(text)", another)
		here.fill("Current password", password)
		here.press(here.field("New password"))
		here.must(here.Keyboard().Press("Control+V")) // as password managers and people do
		here.press(here.button("Change password"))
		here.isAt("/account")
		here.says("Your password was changed, and everything else was signed out.")
		box.about(t, ana.email, "Your password was changed")

		there.visit("/keys")
		there.sees(there.heading("Sign in"))
		if _, err := ana.session.APIKeys().FetchAll(t.Context()); !client.IsUnauthorized(err) {
			t.Error("a program is still logged in:", err)
		}
		here.visit("/keys")
		here.sees(here.heading("No keys yet"))
		there.expects(http.StatusUnprocessableEntity)
		there.tries(ana.email, password)
		there.sees(there.GetByText("The e-mail address or the password is wrong."))
		there.tries(ana.email, another)
		there.sees(there.heading("No keys yet"))
	})
}

func TestTooManyWrongPasswordsHaveToWait(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	p := program.open(t, signedIn(ana), at("/account"))
	p.expects(http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	for range 11 {
		p.fill("Current password", "not this one")
		p.fill("New password", another)
		p.press(p.button("Change password"))
	}
	p.sees(p.GetByText("Too many tries. Try again in 5 minutes."))
	p.visit("/account/delete")
	p.fill("Your password", password)
	p.press(p.button("Delete account"))
	p.sees(p.GetByText("Too many tries. Try again in 5 minutes."))
}

func TestAnAccountIsDeletedByWhoKnowsItsPassword(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *program{
		"embedded": func(t *testing.T) *program { return startProgram(t) },
		"upstream": startBehind,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, script option) {
				program := start(t)
				ana := program.person(t)
				keys := ana.keys(t, "porch-cam", "garage")
				p, other := program.open(t, script, signedIn(ana), at("/account")), program.open(t, script, signedIn(ana))
				p.expects(http.StatusUnprocessableEntity)
				p.press(p.link("Delete account…"))
				p.sees(p.GetByText("Your 2 keys stop working: porch-cam, garage."))
				p.press(p.link("Keep it"))
				p.isAt("/account")
				p.press(p.link("Delete account…"))
				p.press(p.button("Delete account"))
				p.sees(p.GetByText("Enter your password."))
				p.fill("Your password", "not this one")
				p.press(p.button("Delete account"))
				p.sees(p.GetByText("The password is wrong."))
				if len(ana.list(t)) != 2 {
					t.Error("keys are gone")
				}
				p.fill("Your password", password)
				p.press(p.button("Delete account"))
				p.isAt("/login")
				p.says("Your account was deleted.")

				other.visit("/keys")
				other.sees(other.heading("Sign in"))
				p.tries(ana.email, password)
				p.sees(p.GetByText("The e-mail address or the password is wrong."))
				for _, key := range keys {
					program.refuses(t, key.Value.Reveal())
				}
			})
		})
	}
}

// startBehind starts the dashboard of another program.
func startBehind(t *testing.T) *program {
	t.Helper()
	upstream := startProgram(t)
	program := startProgram(t, behind(upstream))
	program.client = upstream.client
	return program
}

// behind has a program serve as the dashboard of another.
func behind(upstream *program) func(*config.Config) {
	return func(cfg *config.Config) { cfg.Upstream = upstream.url }
}

func TestPeopleAreToldByMailOfNewKeysAndDevices(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) (*program, *mailbox, *person){
		"embedded": func(t *testing.T) (*program, *mailbox, *person) {
			program, box := startWithMail(t)
			return program, box, program.confirmed(t, box, "ana@example.com")
		},
		"upstream": func(t *testing.T) (*program, *mailbox, *person) {
			upstream := startProgram(t)
			program, box := startWithMail(t, behind(upstream))
			program.client = upstream.client
			return program, box, program.person(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, box, ana := start(t)
			p := program.open(t, signedIn(ana))
			p.createKey("porch-cam")
			mail := box.about(t, ana.email, "A key was made: porch-cam")
			if !strings.Contains(mail.text, "From: 127.0.0.1") || !strings.Contains(mail.text, program.url) || strings.Contains(mail.text, program.url+"/") {
				t.Errorf("the mail says %q", mail.text)
			}
			p.saveKey()
			grant := program.grant(t, "Greenhouse Pi")
			p.visit("/device")
			p.enterCode(grant.UserCode)
			p.press(p.button("Approve"))
			p.sees(p.heading("Waiting for the device"))
			paired := box.next(t)
			if paired.to != ana.email || !strings.HasPrefix(paired.subject, "A device was connected: ") || strings.Contains(paired.text, "Greenhouse Pi") {
				t.Errorf("a mail to %s about %q: %s", paired.to, paired.subject, paired.text)
			}
			box.isEmpty(t)
		})
	}
}

func TestWithoutMailThePageSaysWhomToAsk(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	p := program.open(t, at("/login"))
	p.press(p.link("Forgot your password?"))
	p.sees(p.GetByText("No mails are sent here. Ask whoever runs this server for a link with which to choose a new password."))
	p.lacks(p.button("Send a link"))
}

// An upstream that is another Latchkey without mails says that it sends none.
func TestAnUpstreamWithoutMailIsTheSame(t *testing.T) {
	t.Parallel()
	program := startBehind(t)
	p := program.open(t, at("/forgot"))
	p.expects(http.StatusUnprocessableEntity)
	p.fill("E-mail", "ana@example.com")
	p.press(p.button("Send a link"))
	p.sees(p.GetByText("No mails are sent here."))
	p = program.open(t, signedIn(program.person(t)), at("/account"))
	p.sees(p.GetByText("Your password is kept by the key service, and is changed there."))
	p.lacks(p.button("Change password"))
}

func TestTheLinkOfAMailIsInNoLog(t *testing.T) {
	t.Parallel()
	log := &notebook{}
	program, box := startWithMail(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log, cfg.LogLevel = log, "json", "debug" })
	known := secrets{"password": password, "another password": another}
	if err := program.client.Register(t.Context(), "ana@example.com", password); err != nil {
		t.Fatal(err)
	}
	use := func(name, subject string) {
		link, err := url.Parse(box.about(t, "ana@example.com", subject).link(t))
		if err != nil {
			t.Fatal(err)
		}
		known[name] = link.Query().Get("token")
		program.send(t, http.MethodGet, link.RequestURI(), nil, nil)
		form := link.Query()
		form.Set("password", "short")
		program.send(t, http.MethodPost, "/reset", form, nil)
		form.Set("password", another)
		program.follow(t, &url.URL{Path: link.Path, RawQuery: form.Encode()})
		program.send(t, http.MethodPost, link.Path, form, nil) // and once more
	}
	use("confirmation", "Confirm your address")
	box.clock.advance(time.Minute)
	program.send(t, http.MethodPost, "/forgot", url.Values{"email": {"ana@example.com"}}, nil)
	use("reset", "Choose a new password")
	box.about(t, "ana@example.com", "Your password was reset")
	written := log.read()
	if len(written) == 0 || len(known["confirmation"]) != 64 || len(known["reset"]) != 64 {
		t.Fatalf("%d bytes of log, %v", len(written), known)
	}
	if found := known.found(written); len(found) > 0 {
		t.Errorf("the log has the %v", found)
	}
	if strings.Contains(string(written), "ana@") {
		t.Error("the log has the address")
	}
}

// statesOfAccount are those of the pages about an account that is ours, where there is mail.
func statesOfAccount(ana *person) []state {
	press := func(button, label, typed, sees string) func(*page, *gateway) {
		return func(p *page, _ *gateway) {
			p.fill(label, typed)
			p.press(p.button(button))
			p.sees(p.GetByText(sees))
		}
	}
	const link = "?token=0123456789&tokenId=6b00a2000000000000000000"
	return []state{
		{name: "a forgotten password", path: "/forgot"},
		{name: "a link that was sent", path: "/forgot", reach: press("Send a link", "E-mail", "nobody@example.com", "If there is an account")},
		{name: "too many links", path: "/forgot", status: http.StatusTooManyRequests, reach: press("Send a link", "E-mail", "nobody@example.com", "A mail was sent a moment ago.")},
		{name: "no address", path: "/forgot", reach: press("Send a link", "E-mail", "nobody", "Enter an e-mail address")},
		{name: "a new password", path: "/reset" + link},
		{name: "a short new password", path: "/reset" + link, reach: press("Set password", "New password", "short", "Use at least 8 characters.")},
		{name: "a link that leads nowhere", path: "/reset" + link, reach: press("Set password", "New password", another, "This link does not work.")},
		{name: "a link that is not complete", path: "/reset"},
		{name: "an address to confirm", path: "/confirm" + link},
		{name: "a confirmation that leads nowhere", path: "/confirm" + link, reach: func(p *page, _ *gateway) {
			p.press(p.button("Confirm address"))
			p.sees(p.GetByText("This link does not work."))
		}},
		{name: "another link", path: "/confirm", reach: press("Send another link", "E-mail", "no-one@example.com", "waits to be confirmed")},
		{name: "an account that was made", path: "/register", reach: func(p *page, _ *gateway) {
			p.fill("Password", password)
			press("Create account", "E-mail", "new@example.com", "Your account was made.")(p, nil)
		}},
		{name: "an account that waits", path: "/login", reach: func(p *page, _ *gateway) {
			p.tries("new@example.com", password)
			p.sees(p.GetByText("Before you can sign in"))
		}},
		{name: "the account", who: ana, path: "/account"},
		{name: "a wrong current password", who: ana, path: "/account", reach: func(p *page, _ *gateway) {
			p.fill("New password", another)
			press("Change password", "Current password", "not this one", "This is not your current password.")(p, nil)
		}},
		{name: "a password that was changed", who: ana, path: "/account", reach: func(p *page, _ *gateway) {
			p.fill("New password", password)
			p.fill("Current password", password)
			p.press(p.button("Change password"))
			p.says("Your password was changed, and everything else was signed out.")
		}},
		{name: "the question before an account goes", who: ana, path: "/account/delete"},
		{name: "the question with a wrong password", who: ana, path: "/account/delete",
			reach: press("Delete account", "Your password", "not this one", "The password is wrong.")},
	}
}

func TestEveryStateOfTheAccountPagesIsAccessibleInEveryLook(t *testing.T) {
	t.Parallel()
	program, box := startWithMail(t)
	ana := program.confirmed(t, box, "ana@example.com")
	ana.keys(t, "porch-cam", "garage")
	browsers := map[*person]*page{nil: program.open(t, reducedMotion), ana: program.open(t, reducedMotion, signedIn(ana))}
	for _, s := range statesOfAccount(ana) {
		browsers[s.who].expects(http.StatusUnprocessableEntity)
		if s.status != 0 {
			browsers[s.who].expects(s.status)
		}
		tab := browsers[s.who].newTab(s.path)
		if s.reach != nil {
			s.reach(tab, nil)
		}
		tab.isAccessibleInEveryLook(s.name)
	}
}

func TestThePagesAboutAnAccountFitAPhone(t *testing.T) {
	t.Parallel()
	program, box := startWithMail(t)
	ana := program.confirmed(t, box, "ana@example.com")
	ana.keys(t, numbered(client.MaxKeys)...)
	for _, width := range []int{390, 320} {
		p := program.open(t, phoneOf(width, 844), signedIn(ana))
		for _, path := range []string{"/account", "/account/delete", "/forgot", "/reset?token=x", "/confirm?token=x", "/confirm"} {
			p.visit(path)
			p.fits()
		}
	}
}
