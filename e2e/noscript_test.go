package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

// sendsTo presses and checks how the form that this sends to the path is answered.
func (p *page) sendsTo(path string, what playwright.Locator, status int) {
	p.t.Helper()
	sent := func(r playwright.Response) bool {
		return r.Request().Method() == http.MethodPost && r.URL() == p.program.url+path
	}
	event, err := p.ExpectEvent("response", func() error {
		p.press(what)
		return nil
	}, playwright.PageExpectEventOptions{Predicate: sent})
	p.must(err)
	if answer, ok := event.(playwright.Response); !ok || answer.Status() != status {
		p.t.Errorf("POST %s: %d, want %d", path, answer.Status(), status)
	}
}

func TestThePagesDoAllTheirWorkWithoutScript(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]option{"desktop": func(*visit) {}, "phone": phone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := startProgram(t)
			page := program.open(t, noScript, size)
			page.registersWithoutScript()
			value := page.createsWithoutScript("porch-cam")
			page.turnsOffAndOnWithoutScript("porch-cam", value)
			page.deletesWithoutScript("porch-cam", value)
			page.signsOutAndInWithoutScript()
		})
	}
}

// registersWithoutScript goes from the printed address to an empty keys page.
func (p *page) registersWithoutScript() {
	p.t.Helper()
	p.isAt("/login?next=%2Fkeys")
	p.press(p.link("Create one"))
	p.fill("E-mail", "ana")
	p.fill("Password", "short")
	p.sendsTo("/register", p.button("Create account"), http.StatusUnprocessableEntity)
	p.expects(http.StatusUnprocessableEntity)
	p.sees(p.GetByText("Enter an e-mail address, like ana@example.com."))
	p.sees(p.GetByText("Use at least 8 characters."))
	p.must(expect.Locator(p.field("E-mail")).ToHaveValue("ana"))
	p.must(expect.Locator(p.field("Password")).ToHaveValue(""))
	p.fill("E-mail", "ana@example.com")
	p.fill("Password", password)
	p.sendsTo("/register", p.button("Create account"), http.StatusSeeOther)
	p.isAt("/keys")
	p.sees(p.heading("No keys yet"))
}

// createsWithoutScript gives the value, after the panel has been left.
func (p *page) createsWithoutScript(name string) string {
	p.t.Helper()
	p.fill("Name of the device or service", name)
	p.sendsTo("/keys", p.button("Create key"), http.StatusOK)
	p.sees(p.heading("Save this key now"))
	p.must(expect.Locator(p.field("Value")).ToHaveAttribute("type", "text")) // nothing could unmask it
	p.sees(p.GetByText("Select the value and copy it."))
	for _, useless := range []string{"Show", "Copy", "Download as .env"} {
		p.lacks(p.button(useless))
	}
	value, err := p.field("Value").InputValue()
	p.must(err)
	if len(value) != 64 {
		p.t.Errorf("the value is %q", value)
	}
	p.press(p.button("Done")) // the browser itself asks for the tick
	p.must(expect.Locator(p.field("I have saved it")).Not().ToBeChecked())
	p.must(expect.Locator(p.field("Value")).ToHaveValue(value))
	p.press(p.field("I have saved it"))
	p.press(p.button("Done"))
	p.lacks(p.heading("Save this key now"))
	p.reads(p.row(name).Locator(".state"), "On")
	return value
}

func (p *page) turnsOffAndOnWithoutScript(name, value string) {
	p.t.Helper()
	key := client.UserAPIKey(value)
	id := p.keyID(name)
	p.sendsTo("/keys/"+id+"/turn-off", p.toggle(name), http.StatusSeeOther)
	p.says(name + " is off. It can no longer sign in.")
	p.isAt("/keys")
	p.isOn(name, false)
	if _, err := p.program.client.Login(p.t.Context(), key); !client.IsUnauthorized(err) {
		p.t.Errorf("a key that is off logs in: %v", err)
	}
	p.press(p.link(name))
	p.sees(p.GetByText("It cannot sign in. Turn it on and the same value works again."))
	p.sendsTo("/keys/"+id+"/turn-on", p.toggle(name), http.StatusSeeOther)
	p.says(name + " is on.")
	p.isAt("/keys/" + id) // the switch was pressed here
	p.isOn(name, true)
	if _, err := p.program.client.Login(p.t.Context(), key); err != nil {
		p.t.Errorf("a key that is on again does not log in: %v", err)
	}
	p.visit("/keys/" + id)
	p.says("") // what was said is said once
	p.press(p.link("All keys"))
}

// keyID is the id of a key in the list.
func (p *page) keyID(name string) string {
	p.t.Helper()
	address, err := p.row(name).GetByRole("link", playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)}).GetAttribute("href")
	p.must(err)
	return strings.TrimPrefix(address, "/keys/")
}

func (p *page) deletesWithoutScript(name, value string) {
	p.t.Helper()
	id := p.keyID(name)
	p.press(p.menu(name, "Delete…"))
	p.isAt("/keys/" + id + "/delete")
	p.sees(p.heading("Delete " + name + "?"))
	p.press(p.link("Keep it"))
	p.press(p.link("Delete…"))
	p.sendsTo("/keys/"+id+"/delete", p.button("Delete "+name), http.StatusSeeOther)
	p.isAt("/keys")
	p.says(name + " was deleted.")
	p.sees(p.heading("No keys yet"))
	if _, err := p.program.client.Login(p.t.Context(), client.UserAPIKey(value)); !client.IsUnauthorized(err) {
		p.t.Errorf("a deleted key logs in: %v", err)
	}
}

func (p *page) signsOutAndInWithoutScript() {
	p.t.Helper()
	p.sendsTo("/logout", p.button("Sign out"), http.StatusSeeOther)
	p.sees(p.heading("Sign in"))
	p.visit("/keys")
	p.sees(p.heading("Sign in"))
	p.fill("E-mail", "ana@example.com")
	p.fill("Password", "wrong")
	p.sendsTo("/login", p.button("Sign in"), http.StatusUnprocessableEntity)
	p.sees(p.GetByText("The e-mail address or the password is wrong."))
	p.must(expect.Locator(p.field("E-mail")).ToHaveValue("ana@example.com"))
	p.fill("Password", password)
	p.sendsTo("/login", p.button("Sign in"), http.StatusSeeOther)
	p.isAt("/keys")
}

func TestWithoutScriptAFormSentAgainMakesNoSecondKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, noScript, signedIn(ana))
	value := page.createKey("porch-cam")

	page.expects(http.StatusConflict)
	answer, err := page.Reload() // which sends the form again, as after the question that browsers ask
	page.must(err)
	if answer.Request().Method() != http.MethodPost || answer.Status() != http.StatusConflict {
		t.Errorf("%s: %d", answer.Request().Method(), answer.Status())
	}
	page.sees(page.GetByText("Already created."))
	page.sees(page.GetByText("Its value was in the first answer and cannot be shown again."))
	if content, err := page.Content(); err != nil || strings.Contains(content, value) {
		t.Errorf("the value is shown a second time (%v)", err)
	}
	page.press(page.link("Open porch-cam"))
	page.sees(page.heading("porch-cam"))

	keys, err := ana.session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 {
		t.Errorf("there are %d keys, %v", len(keys), err)
	}
}

func TestWithoutScriptABadNameBringsTheFormBackWithTheRule(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "porch-cam")
	page := program.open(t, noScript, signedIn(ana))
	page.expects(http.StatusUnprocessableEntity)
	name := page.field("Name of the device or service")
	for typed, complaint := range map[string]string{
		"porch cam":             "That name has characters we cannot use. Try porch-cam.",
		"a/b":                   "That name has characters we cannot use. Try a-b.",
		"🔑":                     "That name has characters we cannot use.",
		"":                      "Give the key a name.",
		strings.Repeat("x", 65): "That name is too long: 64 characters at most. Try " + strings.Repeat("x", 64) + ".",
		"porch-cam":             "You already have a key with this name. It was made just now and is here: porch-cam.",
	} {
		page.must(name.Fill(typed))
		page.sendsTo("/keys", page.button("Create key"), http.StatusUnprocessableEntity)
		page.reads(page.Locator("#name-error"), complaint)
		page.must(expect.Locator(name).ToHaveValue(typed))
		page.must(expect.Locator(name).ToHaveAccessibleDescription(complaint + " Letters, digits, _ and -, at most 64. For example porch-cam."))
		page.focuses(name)
	}
	keys, err := ana.session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 {
		t.Errorf("there are %d keys, %v", len(keys), err)
	}
}

func TestWithoutScriptTheListIsSearchedByAForm(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, append(numbered(6), "porch-cam")...)
	page := program.open(t, noScript, signedIn(ana))
	page.fill("Search keys", "PORCH")
	page.press(page.button("Search"))
	page.isAt("/keys?q=PORCH")
	page.sees(page.row("porch-cam"))
	page.lacks(page.row("key-01"))
	page.fill("Search keys", "attic")
	page.press(page.button("Search"))
	page.sees(page.GetByText("No key’s name contains “attic”."))
	page.press(page.link("Show all 7"))
	page.isAt("/keys")
	page.sees(page.row("key-01"))
}

func TestWithoutScriptTheLastRoomIsMadeThroughTheConfirmation(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(client.MaxKeys)...)
	page := program.open(t, noScript, signedIn(ana))
	page.sees(page.heading("All 20 keys are in use"))
	page.lacks(page.button("Create key"))
	page.press(page.link("Delete key-01…"))
	page.press(page.button("Delete key-01"))
	page.says("key-01 was deleted.")
	page.sees(page.button("Create key"))
}

func TestWithoutScriptTheChoiceOfColoursIsKept(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, noScript, signedIn(ana))
	paper := func(colour string) {
		t.Helper()
		page.must(expect.Locator(page.Locator("body")).ToHaveCSS("background-color", colour))
	}
	const light, night = "rgb(246, 245, 241)", "rgb(19, 22, 24)"
	paper(light)
	page.sendsTo("/theme", page.button("Dark"), http.StatusSeeOther)
	page.isAt("/keys")
	paper(night)
	page.must(expect.Locator(page.button("Dark")).ToHaveAttribute("aria-pressed", "true"))
	page.press(page.button("Sign out"))
	page.sees(page.heading("Sign in"))
	paper(night)
	page.press(page.button("System"))
	page.isAt("/login")
	paper(light)
}

func TestWithoutScriptAKeyThatWentAwayIsExplained(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	made := ana.keys(t, "porch-cam", "garage")
	page := program.open(t, noScript, signedIn(ana))
	for _, key := range made {
		if err := ana.session.APIKeys().Delete(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
	}
	page.expects(http.StatusNotFound)
	page.sendsTo("/keys/"+made[0].ID+"/turn-off", page.toggle("porch-cam"), http.StatusNotFound)
	page.sees(page.heading("There is no such key"))
	page.press(page.link("Go to your keys"))
	page.sees(page.heading("No keys yet"))
}
