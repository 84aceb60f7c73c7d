package accounts

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

const another = "another battery staple"

// bothWays runs a story with script and without.
func bothWays(t *testing.T, tells func(t *testing.T, script story.Option)) {
	t.Helper()
	for name, script := range map[string]story.Option{"script": func(*story.Visit) {}, "no script": story.NoScript} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tells(t, script)
		})
	}
}

// Somebody scans the code of their first device, has no account yet, and is sent through their mailbox.
func TestACodeIsStillThereAfterAMail(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, box := story.StartWithMail(t)
		to := "/device?user_code=" + program.Grant(t, "Porch Pi").UserCode
		p := program.Open(t, script, story.At(to))
		p.Press(p.Link("Create an account"))
		p.Fill("Email", "ana@example.com")
		p.Fill("Password", story.Password)
		p.Press(p.Button("Create account"))
		p.Sees(p.Heading("Confirm your email address"))
		p.Visit(box.About(t, "ana@example.com", "Confirm your email address").Link(t))
		p.Fill("Your password", story.Password)
		p.Press(p.Button("Confirm address and sign in"))
		p.IsAt(to)
		p.Sees(p.Heading(story.ConnectThis))
	})
}

func TestAnAccountIsConfirmedByMailBeforeAnybodySignsIn(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, box := story.StartWithMail(t)
		p := program.Open(t, script, story.At("/register"))
		p.Expects(http.StatusUnprocessableEntity)
		p.Fill("Email", "ana@example.com")
		p.Fill("Password", story.Password)
		p.Press(p.Button("Create account"))
		p.Sees(p.Heading("Confirm your email address"))
		p.Sees(p.GetByText("Your account was created. Open the link in the email to ana@example.com, then sign in."))
		mail := box.About(t, "ana@example.com", "Confirm your email address")

		p.TriesToSignIn("ana@example.com", story.Password)
		p.Sees(p.GetByText("Before you can sign in, open the link in the email to ana@example.com."))

		// Programs that look through mails open links too: that confirms nothing.
		p.Visit(mail.Link(t))
		p.Sees(p.GetByText("Enter the password you created the account with. This confirms your address and signs you in."))
		p.TriesToSignIn("ana@example.com", story.Password)
		p.Sees(p.GetByText("Before you can sign in"))

		box.Clock.Advance(time.Minute)
		p.Press(p.Button("Send another link"))
		p.Sees(p.GetByText("If an account for ana@example.com is waiting to be confirmed, an email with a link is on its way."))
		p.Visit(box.About(t, "ana@example.com", "Confirm your email address").Link(t))
		p.Fill("Your password", "a wrong battery")
		p.Press(p.Button("Confirm address and sign in"))
		p.Sees(p.GetByText("That isn’t the password the account was created with."))
		p.Fill("Your password", story.Password)
		p.Press(p.Button("Confirm address and sign in"))
		p.Sees(p.Heading(story.FirstVisit))

		p.Visit(mail.Link(t))
		p.Fill("Your password", story.Password)
		p.Press(p.Button("Confirm address and sign in"))
		p.Sees(p.GetByText("This link doesn’t work."))
		box.IsEmpty(t)
	})
}

func TestAForgottenPasswordIsReplacedByMail(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, box := story.StartWithMail(t)
		bob := program.Confirmed(t, box, "bob@example.com")
		key := bob.Keys(t, "porch-cam")[0]
		box.About(t, bob.Email, "New key: porch-cam")
		browsers := []*story.Page{program.Open(t, script, story.SignedIn(bob)), program.Open(t, script, story.SignedIn(bob))}

		p := program.Open(t, script)
		p.Expects(http.StatusUnprocessableEntity, http.StatusTooManyRequests)
		for _, email := range []string{"nobody@example.com", bob.Email} {
			p.Visit("/login")
			p.Press(p.Link("Forgot password?"))
			p.Fill("Email", email)
			p.Press(p.Button("Send a link"))
			p.Sees(p.GetByText("If there is an account for " + email + ", an email with a link is on its way."))
			p.Press(p.Link("send it again"))
			p.Fill("Email", email)
			p.Press(p.Button("Send a link"))
			p.Sees(p.GetByText("An email was sent a moment ago. Try again at"))
		}
		link := box.About(t, bob.Email, "Reset your password").Link(t)

		p.Visit(link)
		p.Fill("New password", "short")
		p.Press(p.Button("Set password"))
		p.Sees(p.GetByText("Use at least 8 characters."))
		p.Fill("New password", "Sunshine1")
		p.Press(p.Button("Set password"))
		p.Sees(p.GetByText("Choose another password: this one is on the list that attackers try first."))
		for _, browser := range browsers { // nothing has happened yet
			browser.Visit("/keys")
			browser.Sees(browser.Link("porch-cam"))
		}
		p.Fill("New password", another)
		p.Press(p.Button("Set password"))
		p.IsAt("/login")
		p.Says("Your new password is set, and everything was signed out. Sign in with it.")
		box.About(t, bob.Email, "Password reset")

		for _, browser := range browsers {
			browser.Visit("/keys")
			browser.Sees(browser.Heading("Sign in"))
		}
		p.TriesToSignIn(bob.Email, story.Password)
		p.Sees(p.GetByText("Wrong email or password."))
		p.TriesToSignIn(bob.Email, another)
		p.Sees(p.Link("porch-cam"))
		p.Sees(p.GetByText("1 key from before your new password still works."))
		program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))

		p.Visit(link)
		p.Sees(p.GetByText("This link doesn’t work."))
		p.Press(p.Link("Get a new link"))
		p.Sees(p.Heading("Reset your password"))
		box.IsEmpty(t)
	})
}

func TestAPasswordIsChangedInOneBrowserAndTheOtherIsSignedOut(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		program, box := story.StartWithMail(t)
		ana := program.Confirmed(t, box, "ana@example.com")
		here, there := program.Open(t, script, story.SignedIn(ana), story.Granting("clipboard-read", "clipboard-write")), program.Open(t, script, story.SignedIn(ana))
		here.Expects(http.StatusUnprocessableEntity)
		here.Press(here.Link("Account"))
		change := func(current, replacement string) {
			here.Fill("Current password", current)
			here.Fill("New password", replacement)
			here.Press(here.Button("Change password"))
		}
		change("not this one", another)
		here.Sees(here.GetByText("Wrong password."))
		change(story.Password, "short")
		here.Sees(here.GetByText("Use at least 8 characters."))
		change(story.Password, ana.Email)
		here.Sees(here.GetByText("The password must not be the email address."))
		for _, label := range []string{"Current password", "New password"} {
			if typed, err := here.Field(label).InputValue(); err != nil || typed != "" {
				t.Errorf("%s is drawn again with what was typed: %v", label, err)
			}
			if kind, err := here.Field(label).GetAttribute("type"); err != nil || kind != "password" {
				t.Errorf("%s is of type %q: %v", label, kind, err)
			}
		}
		there.Visit("/keys")
		there.Sees(there.Heading(story.FirstVisit))

		here.Evaluate("text => navigator.clipboard.writeText(text)", another)
		here.Fill("Current password", story.Password)
		here.Press(here.Field("New password"))
		here.Must(here.Keyboard().Press("Control+V")) // as password managers and people do
		here.Press(here.Button("Change password"))
		here.IsAt("/account")
		here.Says("Your password was changed, and everything else was signed out.")
		box.About(t, ana.Email, "Password changed")

		there.Visit("/keys")
		there.Sees(there.Heading("Sign in"))
		if _, err := ana.Session.APIKeys().FetchAll(t.Context()); !client.IsUnauthorized(err) {
			t.Error("a program is still logged in:", err)
		}
		here.Visit("/keys")
		here.Sees(here.Heading(story.FirstVisit))
		there.Expects(http.StatusUnprocessableEntity)
		there.TriesToSignIn(ana.Email, story.Password)
		there.Sees(there.GetByText("Wrong email or password."))
		there.TriesToSignIn(ana.Email, another)
		there.Sees(there.Heading(story.FirstVisit))
	})
}

func TestTooManyWrongPasswordsHaveToWait(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	p := program.Open(t, story.SignedIn(ana), story.At("/account"))
	p.Expects(http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	for range 11 {
		p.Fill("Current password", "not this one")
		p.Fill("New password", another)
		p.Press(p.Button("Change password"))
	}
	p.Sees(p.GetByText("Too many attempts. Try again at"))
	p.Visit("/account/delete")
	p.Fill("Your password", story.Password)
	p.Press(p.Button("Delete account"))
	p.Sees(p.GetByText("Too many attempts. Try again at"))
}

func TestAnAccountIsDeletedByWhoKnowsItsPassword(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *story.Program{
		"embedded": func(t *testing.T) *story.Program { return story.StartProgram(t) },
		"upstream": startBehind,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, script story.Option) {
				program := start(t)
				ana := program.Person(t)
				keys := ana.Keys(t, "porch-cam", "garage")
				p, other := program.Open(t, script, story.SignedIn(ana), story.At("/account")), program.Open(t, script, story.SignedIn(ana))
				p.Expects(http.StatusUnprocessableEntity)
				p.Press(p.Link("Delete account…"))
				p.Sees(p.GetByText("Your 2 keys stop working: porch-cam, garage."))
				p.Press(p.Link("Cancel"))
				p.IsAt("/account")
				p.Press(p.Link("Delete account…"))
				p.Press(p.Button("Delete account"))
				p.Sees(p.GetByText("Enter your password."))
				p.Fill("Your password", "not this one")
				p.Press(p.Button("Delete account"))
				p.Sees(p.GetByText("Wrong password."))
				if len(ana.List(t)) != 2 {
					t.Error("keys are gone")
				}
				p.Fill("Your password", story.Password)
				p.Press(p.Button("Delete account"))
				p.IsAt("/login")
				p.Says("Your account was deleted.")

				other.Visit("/keys")
				other.Sees(other.Heading("Sign in"))
				p.TriesToSignIn(ana.Email, story.Password)
				p.Sees(p.GetByText("Wrong email or password."))
				for _, key := range keys {
					program.Refuses(t, key.Value.Reveal())
				}
			})
		})
	}
}

// startBehind starts the dashboard of another program.
func startBehind(t *testing.T) *story.Program {
	t.Helper()
	upstream := story.StartProgram(t)
	program := story.StartProgram(t, behind(upstream))
	program.Client = upstream.Client
	return program
}

// behind has a program serve as the dashboard of another.
func behind(upstream *story.Program) func(*config.Config) {
	return func(cfg *config.Config) { cfg.Upstream = upstream.URL }
}

func TestPeopleAreToldByMailOfNewKeysAndDevices(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) (*story.Program, *story.Mailbox, *story.Person){
		"embedded": func(t *testing.T) (*story.Program, *story.Mailbox, *story.Person) {
			program, box := story.StartWithMail(t)
			return program, box, program.Confirmed(t, box, "ana@example.com")
		},
		"upstream": func(t *testing.T) (*story.Program, *story.Mailbox, *story.Person) {
			upstream := story.StartProgram(t)
			program, box := story.StartWithMail(t, behind(upstream))
			program.Client = upstream.Client
			return program, box, program.Person(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, box, ana := start(t)
			p := program.Open(t, story.SignedIn(ana))
			p.CreateKey("porch-cam")
			mail := box.About(t, ana.Email, "New key: porch-cam")
			if !strings.Contains(mail.Text, "From: 127.0.0.1") || !strings.Contains(mail.Text, program.URL) || strings.Contains(mail.Text, program.URL+"/") {
				t.Errorf("the mail says %q", mail.Text)
			}
			p.SaveKey()
			grant := program.Grant(t, "Greenhouse Pi")
			p.Visit("/device")
			p.EnterCode(grant.UserCode)
			p.Press(p.Button("Approve"))
			p.Sees(p.Heading("Approved"))
			paired := box.Next(t)
			if paired.To != ana.Email || !strings.HasPrefix(paired.Subject, "Latchkey: New device: ") || strings.Contains(paired.Text, "Greenhouse Pi") {
				t.Errorf("a mail to %s about %q: %s", paired.To, paired.Subject, paired.Text)
			}
			box.IsEmpty(t)
		})
	}
}

func TestWithoutMailThePageSaysWhomToAsk(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	p := program.Open(t, story.At("/login"))
	p.Sees(p.GetByText("Can’t sign in? Ask the administrator of this server."))
	p.Visit("/forgot")
	p.Sees(p.GetByText("This server can’t send email. Ask the administrator of this server for a reset link."))
	p.Lacks(p.Button("Send a link"))
}

// An upstream that is another Latchkey without mails says that it sends none.
func TestAnUpstreamWithoutMailIsTheSame(t *testing.T) {
	t.Parallel()
	program := startBehind(t)
	p := program.Open(t, story.At("/forgot"))
	p.Expects(http.StatusUnprocessableEntity)
	p.Fill("Email", "ana@example.com")
	p.Press(p.Button("Send a link"))
	p.Sees(p.GetByText("This server can’t send email."))
	p = program.Open(t, story.SignedIn(program.Person(t)), story.At("/account"))
	p.Sees(p.GetByText("Your password is kept by the key service and changed there."))
	p.Lacks(p.Button("Change password"))
}

func TestTheLinkOfAMailIsInNoLog(t *testing.T) {
	t.Parallel()
	log := &testkit.Log{}
	program, box := story.StartWithMail(t, func(cfg *config.Config) { cfg.LogTo, cfg.Log, cfg.LogLevel = log, "json", "debug" })
	known := secrets{"password": story.Password, "another password": another}
	if err := program.Client.Register(t.Context(), "ana@example.com", story.Password); err != nil {
		t.Fatal(err)
	}
	use := func(name, subject, password string) {
		link, err := url.Parse(box.About(t, "ana@example.com", subject).Link(t))
		if err != nil {
			t.Fatal(err)
		}
		known[name] = link.Query().Get("token")
		program.Send(t, http.MethodGet, link.RequestURI(), nil, nil)
		form := link.Query()
		form.Set("password", "short")
		program.Send(t, http.MethodPost, "/reset", form, nil)
		form.Set("password", password)
		program.Follow(t, &url.URL{Path: link.Path, RawQuery: form.Encode()})
		program.Send(t, http.MethodPost, link.Path, form, nil) // and once more
	}
	use("confirmation", "Confirm your email address", story.Password)
	box.Clock.Advance(time.Minute)
	program.Send(t, http.MethodPost, "/forgot", url.Values{"email": {"ana@example.com"}}, nil)
	use("reset", "Reset your password", another)
	box.About(t, "ana@example.com", "Password reset")
	written := log.String()
	if len(written) == 0 || len(known["confirmation"]) != 64 || len(known["reset"]) != 64 {
		t.Fatalf("%d bytes of log, %v", len(written), known)
	}
	if found := known.found([]byte(written)); len(found) > 0 {
		t.Errorf("the log has the %v", found)
	}
	if strings.Contains(written, "ana@") {
		t.Error("the log has the address")
	}
}
