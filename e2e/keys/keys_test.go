package keys

import (
	"os"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/model"
)

// This is the product as one story: an account, a key, a device that uses it, and the end of both.
func TestAPersonMakesUsesTurnsOffAndDeletesAKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.Granting("clipboard-read", "clipboard-write"))
	page.MakeAccount("ana@example.com")

	page.IsAt("/keys")
	page.Sees(page.GetByText("0 of 20"))
	page.Sees(page.Heading(story.FirstVisit))
	page.Lacks(page.GetByRole("switch"))

	value := page.CreateKey("porch-cam")
	page.Sees(page.GetByText("1 of 20"))
	page.IsOn("porch-cam", true)
	savesValueInThreeWays(page, "porch-cam", value)
	page.SaveKey()
	page.IsOn("porch-cam", true)

	ana := program.LogIn(t, client.EmailPassword("ana@example.com", story.Password))
	device := program.LogIn(t, client.UserAPIKey(value))
	if device.UserID() != ana.UserID() {
		t.Error("the device is not the user who made the key")
	}

	page.Press(page.Toggle("porch-cam"))
	page.IsOn("porch-cam", false)
	page.Says("porch-cam is off. It can’t sign in.")
	program.Refuses(t, value)
	if err := device.Refresh(t.Context()); !client.IsUnauthorized(err) {
		t.Error("the device's session goes on:", err)
	}

	page.Press(page.Link("porch-cam"))
	page.Sees(page.Heading("porch-cam"))
	page.IsOn("porch-cam", false)
	page.Sees(page.GetByText("Nothing can sign in with it. Turn it on and the same value works again."))
	page.Press(page.Toggle("porch-cam"))
	page.IsOn("porch-cam", true)
	page.Says("porch-cam is on.")
	program.LogIn(t, client.UserAPIKey(value))

	keys, err := ana.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	page.IsAt("/keys/" + keys[0].ID)
	page.Press(page.Link("All keys"))
	deletesTheOnlyKey(page, "porch-cam")
	program.Refuses(t, value)

	if again := page.CreateKey("porch-cam"); again == value {
		t.Error("the new key has the value of the deleted one")
	}
	page.SaveKey()
	program.Refuses(t, value)

	page.SignOut()
	page.Sees(page.Heading("Sign in"))
	page.Visit("/keys")
	page.IsAt("/login?next=%2Fkeys")
}

// savesValueInThreeWays looks at the value, copies it and downloads it, while the panel shows it as it should.
func savesValueInThreeWays(p *story.Page, name, value string) {
	p.T.Helper()
	isMasked(p, true)
	copies(p, value)
	isMasked(p, true)
	p.Press(p.Button("Show"))
	isMasked(p, false)
	p.Press(p.Button("Hide"))
	isMasked(p, true)

	want := "# The key " + model.WordsOf(model.FingerprintOf(model.Secret(value))).Beside(name) + ". Keep this file out of version control.\n" +
		"APP_ID=latchkey-local\nBASE_URL=" + p.Program.URL + "\nAPI_KEY=" + value + "\n"
	if file, text := download(p, "Download .env"); file != name+".env" || text != want {
		p.T.Errorf("downloaded %s with\n%s\nwant\n%s", file, text, want)
	}
	p.Must(p.Expect().Locator(p.Locator("#saved")).ToContainText("✓ Downloaded at "))
}

func copies(p *story.Page, value string) {
	p.T.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	if got := p.Evaluate("navigator.clipboard.readText()"); got == value {
		p.T.Error("the value is on the clipboard before it was copied")
	}
	p.Press(p.Button("Copy value"))
	p.Must(p.Expect().Locator(p.Locator("#saved")).ToHaveText(copied))
	if got := p.Evaluate("navigator.clipboard.readText()"); got != value {
		p.T.Errorf("the clipboard has %q", got)
	}
}

// download presses the button and gives the file's name and contents.
func download(p *story.Page, button string) (name, text string) {
	p.T.Helper()
	download, err := p.ExpectDownload(func() error { return p.Button(button).Click() })
	p.Must(err)
	path, err := download.Path()
	p.Must(err)
	content, err := os.ReadFile(path)
	p.Must(err)
	return download.SuggestedFilename(), string(content)
}

func deletesTheOnlyKey(p *story.Page, name string) {
	p.T.Helper()
	p.Press(p.Menu(name, "Delete…"))
	p.Sees(p.Dialog().GetByText("Its devices are signed out and can’t sign in again. This can’t be undone."))
	p.Focuses(p.InDialog("Cancel"))
	p.Press(p.InDialog("Cancel"))
	p.Lacks(p.Dialog())
	p.Focuses(p.Row(name).GetByLabel("More about " + name))
	p.IsOn(name, true)

	p.Press(p.Menu(name, "Delete…"))
	p.Must(p.InDialog("Delete " + name).Click(playwright.LocatorClickOptions{Force: playwright.Bool(true)}))
	p.Focuses(p.Dialog().GetByRole("textbox")) // it only shows where to type
	p.Must(p.Dialog().GetByRole("textbox").Fill(name))
	p.Press(p.InDialog("Delete " + name))
	p.Says(name + " was deleted.")
	p.Lacks(p.Dialog())
	p.Sees(p.Heading(story.FirstVisit))
	p.Sees(p.GetByText("0 of 20"))
	p.Focuses(p.Heading("Keys"))
}

func TestAfterADeletionTheFocusIsOnTheNextRow(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "first", "second", "third")
	page := program.Open(t, story.SignedIn(ana))
	for _, step := range []struct{ deletes, focuses string }{{"second", "first"}, {"first", "third"}} {
		page.Press(page.Menu(step.deletes, "Delete…"))
		page.Press(page.InDialog("Delete " + step.deletes))
		page.Says(step.deletes + " was deleted.")
		page.Lacks(page.Row(step.deletes))
		page.Focuses(page.Link(step.focuses))
	}
}

func TestTurningOffIsOfferedInsteadOfDeleting(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := program.UsedKeys(t, ana, "heat-pump")[0]
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Menu("heat-pump", "Delete…"))
	page.Press(page.InDialog("Turn off instead"))
	page.IsOn("heat-pump", false)
	page.Says("heat-pump is off. It can’t sign in.")
	program.Refuses(t, key.Value.Reveal())

	page.Press(page.Menu("heat-pump", "Delete…"))
	page.Sees(page.InDialog("Cancel"))
	page.Lacks(page.InDialog("Turn off instead"))
}

func TestTheCountsOfTheFiltersFollowASwitch(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "a", "b", "c", "d", "e", "heat-pump")
	page := program.Open(t, story.SignedIn(ana), story.At("/keys?show=on"))
	page.Press(page.Toggle("heat-pump"))
	page.IsOn("heat-pump", false)
	page.Sees(page.Link("On 5"))
	page.Sees(page.Link("Off 1"))
	page.Press(page.Toggle("heat-pump"))
	page.IsOn("heat-pump", true)
	page.Sees(page.Link("On 6"))
	page.Sees(page.Link("Off 0"))
	page.Sees(page.Link("All 6"))
}

func TestSearchingFindsKeysWhileTyping(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam", "garage-cam", "heat-pump", "pi-1", "pi-2", "pi-3")
	page := program.Open(t, story.SignedIn(ana))
	page.Fill("Search keys", "CAM")
	page.Lacks(page.Row("heat-pump"))
	page.Sees(page.Row("porch-cam"))
	page.Sees(page.Row("garage-cam"))
	page.Fill("Search keys", "boat")
	page.Sees(page.GetByText("No key matches “boat”."))
	page.Lacks(page.Heading(story.FirstVisit))
	page.Press(page.Link("Show all 6"))
	page.Sees(page.Row("heat-pump"))
}
