package e2e

import (
	"os"
	"testing"

	"latchkey/client"
)

// This is the product as one story: an account, a key, a device that uses it, and the end of both.
func TestAPersonMakesUsesTurnsOffAndDeletesAKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	page := program.open(t, granting("clipboard-read", "clipboard-write"))
	page.makeAccount("ana@example.com")

	page.isAt("/keys")
	page.sees(page.GetByText("0 of 20 keys used"))
	page.sees(page.heading("No keys yet"))
	page.sees(page.role("img", "Picture of a row in the list: a key named porch-cam, which is on."))
	page.lacks(page.GetByRole("switch"))

	value := page.createKey("porch-cam")
	page.says("Key created. Save its value now.")
	page.sees(page.GetByText("1 of 20 keys used"))
	page.isOn("porch-cam", true)
	page.savesValueInThreeWays("porch-cam", value)
	page.saveKey()
	page.isOn("porch-cam", true)

	ana := program.logIn(t, client.EmailPassword("ana@example.com", password))
	device := program.logIn(t, client.UserAPIKey(value))
	if device.UserID() != ana.UserID() {
		t.Error("the device is not the user who made the key")
	}

	page.press(page.toggle("porch-cam"))
	page.isOn("porch-cam", false)
	page.says("porch-cam is off. It can no longer sign in.")
	program.refuses(t, value)
	if err := device.Refresh(t.Context()); !client.IsUnauthorized(err) {
		t.Error("the device's session goes on:", err)
	}

	page.press(page.link("porch-cam"))
	page.sees(page.heading("porch-cam"))
	page.isOn("porch-cam", false)
	page.sees(page.GetByText("It cannot sign in. Turn it on and the same value works again."))
	page.press(page.toggle("porch-cam"))
	page.isOn("porch-cam", true)
	page.says("porch-cam is on.")
	program.logIn(t, client.UserAPIKey(value))

	keys, err := ana.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	page.isAt("/keys/" + keys[0].ID)
	page.press(page.link("All keys"))
	page.deletesTheOnlyKey("porch-cam")
	program.refuses(t, value)

	if again := page.createKey("porch-cam"); again == value {
		t.Error("the new key has the value of the deleted one")
	}
	page.saveKey()
	program.refuses(t, value)

	page.press(page.button("Sign out"))
	page.sees(page.heading("Sign in"))
	page.visit("/keys")
	page.isAt("/login?next=%2Fkeys")
}

// makeAccount goes from the log-in page, which the printed address leads to, to the keys page.
func (p *page) makeAccount(email string) {
	p.t.Helper()
	p.sees(p.heading("Sign in"))
	p.press(p.link("Create one"))
	p.sees(p.heading("Create your account"))
	p.fill("E-mail", email)
	p.fill("Password", password)
	p.press(p.button("Create account"))
	p.sees(p.heading("Devices and keys"))
}

// savesValueInThreeWays looks at the value, copies it and downloads it, while the panel shows it as it should.
func (p *page) savesValueInThreeWays(name, value string) {
	p.t.Helper()
	p.must(expect.Locator(p.field("Value")).ToHaveAttribute("type", "password"))
	p.sees(p.GetByText("Not copied yet."))
	p.copies(value)
	p.must(expect.Locator(p.field("Value")).ToHaveAttribute("type", "password"))

	p.press(p.button("Show"))
	p.must(expect.Locator(p.field("Value")).ToHaveAttribute("type", "text"))
	p.must(expect.Locator(p.button("Hide")).ToHaveAttribute("aria-pressed", "true"))
	p.press(p.button("Hide"))
	p.must(expect.Locator(p.field("Value")).ToHaveAttribute("type", "password"))

	want := "# The key " + name + ". Keep this file out of version control.\n" +
		"APP_ID=latchkey-local\nBASE_URL=" + p.program.url + "\nAPI_KEY=" + value + "\n"
	if file, text := p.download("Download as .env"); file != name+".env" || text != want {
		p.t.Errorf("downloaded %s with\n%s\nwant\n%s", file, text, want)
	}
	p.reads(p.Locator("#copy-status"), "Your browser was asked to save "+name+".env.")
}

func (p *page) copies(value string) {
	p.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	if got := p.evaluate("navigator.clipboard.readText()"); got == value {
		p.t.Error("the value is on the clipboard before it was copied")
	}
	p.press(p.button("Copy"))
	p.reads(p.Locator("#copy-status"), "Copied.")
	if got := p.evaluate("navigator.clipboard.readText()"); got != value {
		p.t.Errorf("the clipboard has %q", got)
	}
}

// download presses the button and gives the file's name and contents.
func (p *page) download(button string) (name, text string) {
	p.t.Helper()
	download, err := p.ExpectDownload(func() error { return p.button(button).Click() })
	p.must(err)
	path, err := download.Path()
	p.must(err)
	content, err := os.ReadFile(path)
	p.must(err)
	return download.SuggestedFilename(), string(content)
}

func (p *page) deletesTheOnlyKey(name string) {
	p.t.Helper()
	p.press(p.menu(name, "Delete…"))
	p.sees(p.dialog().GetByText("This cannot be undone; the name becomes free."))
	p.focuses(p.inDialog("Keep it"))
	p.press(p.inDialog("Keep it"))
	p.lacks(p.dialog())
	p.focuses(p.row(name).GetByLabel("More about " + name))
	p.isOn(name, true)

	p.press(p.menu(name, "Delete…"))
	p.press(p.inDialog("Delete " + name))
	p.says(name + " was deleted.")
	p.lacks(p.dialog())
	p.sees(p.heading("No keys yet"))
	p.sees(p.GetByText("0 of 20 keys used"))
	p.focuses(p.heading("Devices and keys"))
}

func TestAfterADeletionTheFocusIsOnTheNextRow(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "first", "second", "third")
	page := program.open(t, signedIn(ana))
	for _, step := range []struct{ deletes, focuses string }{{"second", "third"}, {"third", "first"}} {
		page.press(page.menu(step.deletes, "Delete…"))
		page.press(page.inDialog("Delete " + step.deletes))
		page.says(step.deletes + " was deleted.")
		page.lacks(page.row(step.deletes))
		page.focuses(page.link(step.focuses))
	}
}

func TestTurningOffIsOfferedInsteadOfDeleting(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "heat-pump")[0]
	page := program.open(t, signedIn(ana))
	page.press(page.menu("heat-pump", "Delete…"))
	page.press(page.inDialog("Turn off instead"))
	page.isOn("heat-pump", false)
	page.says("heat-pump is off. It can no longer sign in.")
	program.refuses(t, key.Value.Reveal())

	page.press(page.menu("heat-pump", "Delete…"))
	page.sees(page.inDialog("Keep it"))
	page.lacks(page.inDialog("Turn off instead"))
}

func TestSearchingFindsKeysWhileTyping(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "porch-cam", "garage-cam", "heat-pump", "pi-1", "pi-2", "pi-3")
	page := program.open(t, signedIn(ana))
	page.fill("Search keys", "CAM")
	page.lacks(page.row("heat-pump"))
	page.sees(page.row("porch-cam"))
	page.sees(page.row("garage-cam"))
	page.fill("Search keys", "boat")
	page.sees(page.GetByText("No key’s name contains “boat”."))
	page.lacks(page.heading("No keys yet"))
	page.press(page.link("Show all 6"))
	page.sees(page.row("heat-pump"))
}
