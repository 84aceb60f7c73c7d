package accounts

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

// deeds waits until the list of what happened says this, line by line.
func deeds(p *story.Page, texts ...string) {
	p.T.Helper()
	p.Must(p.Expect().Locator(p.Locator(".deed")).ToContainText(texts))
}

func TestAPersonSeesWhatHappenedToTheirAccount(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	keys := ana.Keys(t, "porch-cam", "garage")
	program.LogIn(t, client.UserAPIKey(keys[0].Value.Reveal()))
	program.Send(t, http.MethodPost, "/login", url.Values{"email": {ana.Email}, "password": {"wrong horse"}}, nil)
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Toggle("garage"))
	page.Says("garage is off. It can’t sign in.")
	program.Refuses(t, keys[1].Value.Reveal())

	page.Press(page.Link("Activity"))
	page.IsAt("/activity")
	deeds(page, "Refused garage: the key is off", "Turned off garage", "Signed in", "Sign-in refused: wrong password",
		"porch-cam signed in for the first time", "Created garage", "Created porch-cam", "Signed in", "Account created")
	page.Press(page.Link("Sign-ins"))
	deeds(page, "Signed in", "Sign-in refused: wrong password", "Signed in")
	page.Press(page.Link("Keys").Last())
	deeds(page, "Refused garage: the key is off", "Turned off garage", "porch-cam signed in for the first time", "Created garage", "Created porch-cam")
	page.Press(page.Link("porch-cam").First())
	deeds(page, "porch-cam signed in for the first time", "Created porch-cam")
	page.Press(page.Link("Show all keys"))
	page.Press(page.Link("Account").Last())
	deeds(page, "Account created")

	page.Visit("/keys/" + keys[0].ID)
	page.Press(page.Link("All activity"))
	page.IsAt("/activity?key=" + keys[0].ID)
	deeds(page, "porch-cam signed in for the first time", "Created porch-cam")
}

func TestWhatIsShownCanBeTakenAlongAsAFile(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam", "garage")
	page := program.Open(t, story.SignedIn(ana), story.At("/activity?kind=keys"))
	name, text := downloadBy(page, "Download as CSV")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || name != "latchkey-activity.csv" || len(rows) != 3 || rows[1][5] != "garage" {
		t.Errorf("%s: %v %v", name, rows, err)
	}
	name, text = downloadBy(page, "Download as JSON")
	var file struct{ Events []map[string]any }
	if err := json.Unmarshal([]byte(text), &file); err != nil || name != "latchkey-activity.json" || len(file.Events) != 2 || file.Events[1]["key_name"] != "porch-cam" {
		t.Errorf("%s: %v %v", name, file, err)
	}
}

// downloadBy chooses a file from the menu and gives its name and contents.
func downloadBy(p *story.Page, link string) (name, text string) {
	p.T.Helper()
	if open, err := p.Link(link).IsVisible(); err != nil || !open {
		p.Press(p.Locator("summary[aria-label='Download this list']"))
	}
	download, err := p.ExpectDownload(func() error { return p.Link(link).Click() })
	p.Must(err)
	path, err := download.Path()
	p.Must(err)
	content, err := os.ReadFile(path)
	p.Must(err)
	return download.SuggestedFilename(), string(content)
}
