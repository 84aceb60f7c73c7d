package keys

import (
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

// sendsTo presses and checks how the form that this sends to the path is answered.
func sendsTo(p *story.Page, path string, what playwright.Locator, status int) {
	p.T.Helper()
	sent := func(r playwright.Response) bool {
		return r.Request().Method() == http.MethodPost && r.URL() == p.Program.URL+path
	}
	event, err := p.ExpectEvent("response", func() error {
		p.Press(what)
		return nil
	}, playwright.PageExpectEventOptions{Predicate: sent})
	p.Must(err)
	if answer, ok := event.(playwright.Response); !ok || answer.Status() != status {
		p.T.Errorf("POST %s: %d, want %d", path, answer.Status(), status)
	}
}

func TestThePagesDoAllTheirWorkWithoutScript(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]story.Option{"desktop": func(*story.Visit) {}, "phone": story.Phone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			page := program.Open(t, story.NoScript, size)
			registersWithoutScript(page)
			value := createsWithoutScript(page, "porch-cam")
			turnsOffAndOnWithoutScript(page, "porch-cam", value)
			deletesWithoutScript(page, "porch-cam", value)
			signsOutAndInWithoutScript(page)
		})
	}
}

// registersWithoutScript goes from the printed address to an empty keys page.
func registersWithoutScript(p *story.Page) {
	p.T.Helper()
	p.IsAt("/login?next=%2Fkeys")
	p.Press(p.Link("Create an account"))
	p.Fill("Email", "ana")
	p.Fill("Password", "short")
	sendsTo(p, "/register", p.Button("Create account"), http.StatusUnprocessableEntity)
	p.Expects(http.StatusUnprocessableEntity)
	p.Sees(p.GetByText("Enter an email address, like ana@example.com."))
	p.Sees(p.GetByText("Use at least 8 characters."))
	p.Must(p.Expect().Locator(p.Field("Email")).ToHaveValue("ana"))
	p.Must(p.Expect().Locator(p.Field("Password")).ToHaveValue(""))
	p.Fill("Email", "ana@example.com")
	p.Fill("Password", story.Password)
	sendsTo(p, "/register", p.Button("Create account"), http.StatusSeeOther)
	p.IsAt("/keys")
	p.Sees(p.Heading(story.FirstVisit))
}

// createsWithoutScript gives the value, after the panel has been left.
func createsWithoutScript(p *story.Page, name string) string {
	p.T.Helper()
	p.NamesKey(name)
	sendsTo(p, "/keys", p.Button("Create key"), http.StatusOK)
	p.Sees(p.Ready(name))
	p.Must(p.Expect().Locator(p.Locator("#value")).ToHaveCSS("-webkit-text-security", "none")) // nothing could unmask it
	for _, useless := range []string{"Show", "Copy value", "Download .env", "Copy code with the key", "Copy code"} {
		p.Lacks(p.Button(useless))
	}
	value := p.Value()
	if len(value) != 64 {
		p.T.Errorf("the value is %q", value)
	}
	p.Press(p.Button("Done")) // the browser itself asks for the tick
	p.Must(p.Expect().Locator(p.Field("I have saved it")).Not().ToBeChecked())
	p.Reads(p.Locator("#value"), value)
	p.Press(p.Field("I have saved it"))
	p.Press(p.Button("Done"))
	p.Lacks(p.Locator("#once"))
	p.Reads(p.Row(name).Locator(".state"), "On")
	return value
}

func turnsOffAndOnWithoutScript(p *story.Page, name, value string) {
	p.T.Helper()
	key := client.UserAPIKey(value)
	id := p.KeyID(name)
	sendsTo(p, "/keys/"+id+"/turn-off", p.Toggle(name), http.StatusSeeOther)
	p.Says(name + " is off. It can’t sign in.")
	p.IsAt("/keys")
	p.IsOn(name, false)
	if _, err := p.Program.Client.Login(p.T.Context(), key); !client.IsUnauthorized(err) {
		p.T.Errorf("a key that is off logs in: %v", err)
	}
	p.Press(p.Link(name))
	p.Sees(p.GetByText("Nothing can sign in with it. Turn it on and the same value works again."))
	sendsTo(p, "/keys/"+id+"/turn-on", p.Toggle(name), http.StatusSeeOther)
	p.Says(name + " is on.")
	p.IsAt("/keys/" + id) // the switch was pressed here
	p.IsOn(name, true)
	if _, err := p.Program.Client.Login(p.T.Context(), key); err != nil {
		p.T.Errorf("a key that is on again does not log in: %v", err)
	}
	p.Visit("/keys/" + id)
	p.Says("") // what was said is said once
	p.Press(p.Link("All keys"))
}

func deletesWithoutScript(p *story.Page, name, value string) {
	p.T.Helper()
	id := p.KeyID(name)
	p.Visit("/keys/" + id) // on a phone the row has no menu
	p.Press(p.Link("Delete key…"))
	p.IsAt("/keys/" + id + "/delete")
	p.Sees(p.Heading("Delete " + name + "?"))
	p.Press(p.Link("Cancel"))
	p.Press(p.Link("Delete key…"))
	p.Fill("Type "+name+" to delete it", "another")
	sendsTo(p, "/keys/"+id+"/delete", p.Button("Delete "+name), http.StatusUnprocessableEntity)
	p.Expects(http.StatusUnprocessableEntity)
	p.Fill("Type "+name+" to delete it", name)
	sendsTo(p, "/keys/"+id+"/delete", p.Button("Delete "+name), http.StatusSeeOther)
	p.IsAt("/keys")
	p.Says(name + " was deleted.")
	p.Sees(p.Heading(story.FirstVisit))
	if _, err := p.Program.Client.Login(p.T.Context(), client.UserAPIKey(value)); !client.IsUnauthorized(err) {
		p.T.Errorf("a deleted key logs in: %v", err)
	}
}

func signsOutAndInWithoutScript(p *story.Page) {
	p.T.Helper()
	p.Press(p.PersonMenu())
	sendsTo(p, "/logout", p.Button("Sign out"), http.StatusSeeOther)
	p.Sees(p.Heading("Sign in"))
	p.Visit("/keys")
	p.Sees(p.Heading("Sign in"))
	p.Fill("Email", "ana@example.com")
	p.Fill("Password", "wrong")
	sendsTo(p, "/login", p.Button("Sign in"), http.StatusUnprocessableEntity)
	p.Sees(p.GetByText("Wrong email or password."))
	p.Must(p.Expect().Locator(p.Field("Email")).ToHaveValue("ana@example.com"))
	p.Fill("Password", story.Password)
	sendsTo(p, "/login", p.Button("Sign in"), http.StatusSeeOther)
	p.IsAt("/keys")
}

func TestWithoutScriptAFormSentAgainMakesNoSecondKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")

	page.Expects(http.StatusConflict)
	answer, err := page.Reload() // which sends the form again, as after the question that browsers ask
	page.Must(err)
	if answer.Request().Method() != http.MethodPost || answer.Status() != http.StatusConflict {
		t.Errorf("%s: %d", answer.Request().Method(), answer.Status())
	}
	page.Sees(page.GetByText("Already created."))
	page.Sees(page.GetByText("Its value was in the first answer and cannot be shown again."))
	if content, err := page.Content(); err != nil || strings.Contains(content, value) {
		t.Errorf("the value is shown a second time (%v)", err)
	}
	page.Press(page.Link("Open porch-cam"))
	page.Sees(page.Heading("porch-cam"))

	keys, err := ana.Session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 {
		t.Errorf("there are %d keys, %v", len(keys), err)
	}
}

func TestWithoutScriptABadNameBringsTheFormBack(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.NoScript, story.SignedIn(ana), story.At("/keys/new"))
	page.Expects(http.StatusUnprocessableEntity)
	name := page.Field("Name")
	page.Focuses(page.Field("Label"))
	for typed, complaint := range map[string]string{
		"porch cam": "Names can have letters, digits, - and _ only. Try porch-cam.",
		"🔑":         "Names can have letters, digits, - and _ only.",
		"porch-cam": "You already have a key with this name. It was created just now and is here: porch-cam.",
	} {
		page.Must(name.Fill(typed))
		sendsTo(page, "/keys", page.Button("Create key"), http.StatusUnprocessableEntity)
		page.Sees(page.Heading("Create a key"))
		page.Must(page.Expect().Locator(name).ToHaveValue(typed))
		page.Must(page.Expect().Locator(name).ToHaveAccessibleDescription(complaint))
		page.Focuses(name)
	}
	keys, err := ana.Session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 {
		t.Errorf("there are %d keys, %v", len(keys), err)
	}
}

func TestWithoutScriptTheListIsSearchedByAForm(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, append(story.Numbered(6), "porch-cam")...)
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	page.Fill("Search keys", "PORCH")
	page.Press(page.Button("Show"))
	page.IsAt("/keys?q=PORCH&sort=&show=")
	page.Sees(page.Row("porch-cam"))
	page.Lacks(page.Row("key-01"))
	page.Fill("Search keys", "attic")
	page.Press(page.Button("Show"))
	page.Sees(page.GetByText("No key matches “attic”."))
	page.Press(page.Link("Show all 7"))
	page.IsAt("/keys")
	page.Sees(page.Row("key-01"))
}

func TestWithoutScriptTheChoiceOfColoursIsKept(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	paper := func() any { return page.Evaluate(`getComputedStyle(document.body).backgroundColor`) }
	light := paper()
	page.Press(page.PersonMenu())
	sendsTo(page, "/theme", page.Button("Dark"), http.StatusSeeOther)
	page.IsAt("/keys")
	night := paper()
	if night == light {
		t.Errorf("the paper is %s", night)
	}
	page.Press(page.PersonMenu())
	page.Must(page.Expect().Locator(page.Button("Dark")).ToHaveAttribute("aria-pressed", "true"))
	page.Press(page.Button("Sign out"))
	page.Sees(page.Heading("Sign in"))
	if got := paper(); got != night {
		t.Errorf("after signing out the paper is %s", got)
	}
}

func TestWithoutScriptAKeyThatWentAwayIsExplained(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam", "garage")
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	for _, key := range made {
		if err := ana.Session.APIKeys().Delete(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
	}
	page.Expects(http.StatusNotFound)
	sendsTo(page, "/keys/"+made[0].ID+"/turn-off", page.Toggle("porch-cam"), http.StatusNotFound)
	page.Sees(page.Heading("Key not found"))
	page.Press(page.Link("Go to your keys"))
	page.Sees(page.Heading(story.FirstVisit))
}
