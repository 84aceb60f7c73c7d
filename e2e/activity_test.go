package e2e

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"latchkey/client"
)

// deeds waits until the list of what happened says this, line by line.
func (p *page) deeds(texts ...string) {
	p.t.Helper()
	p.must(expect.Locator(p.Locator(".deed")).ToContainText(texts))
}

func TestAPersonSeesWhatHappenedToTheirAccount(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	keys := ana.keys(t, "porch-cam", "garage")
	program.logIn(t, client.UserAPIKey(keys[0].Value.Reveal()))
	program.send(t, http.MethodPost, "/login", url.Values{"email": {ana.email}, "password": {"wrong horse"}}, nil)
	page := program.open(t, signedIn(ana))
	page.press(page.toggle("garage"))
	page.says("garage is off. It can no longer sign in.")
	program.refuses(t, keys[1].Value.Reveal())

	page.press(page.link("Activity"))
	page.isAt("/activity")
	page.deeds("Log-in refused with garage: it was off", "Turned off garage", "Signed in", "Sign-in refused: wrong password",
		"First use of porch-cam", "Made garage", "Made porch-cam", "Signed in", "Account made")
	page.press(page.link("Sign-ins"))
	page.deeds("Signed in", "Sign-in refused: wrong password", "Signed in")
	page.press(page.link("Keys").Last())
	page.deeds("Log-in refused with garage: it was off", "Turned off garage", "First use of porch-cam", "Made garage", "Made porch-cam")
	page.press(page.link("porch-cam").First())
	page.deeds("First use of porch-cam", "Made porch-cam")
	page.press(page.link("Show all keys"))
	page.press(page.link("Account").Last())
	page.deeds("Account made")

	page.visit("/keys/" + keys[0].ID)
	page.press(page.link("Activity").Last())
	page.isAt("/activity?key=" + keys[0].ID)
	page.deeds("First use of porch-cam", "Made porch-cam")
}

func TestWhatIsShownCanBeTakenAlongAsAFile(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "porch-cam", "garage")
	page := program.open(t, signedIn(ana), at("/activity?kind=keys"))
	name, text := page.downloadBy("CSV")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || name != "latchkey-activity.csv" || len(rows) != 3 || rows[1][5] != "garage" {
		t.Errorf("%s: %v %v", name, rows, err)
	}
	name, text = page.downloadBy("JSON")
	var file struct{ Events []map[string]string }
	if err := json.Unmarshal([]byte(text), &file); err != nil || name != "latchkey-activity.json" || len(file.Events) != 2 || file.Events[1]["key_name"] != "porch-cam" {
		t.Errorf("%s: %v %v", name, file, err)
	}
}

// downloadBy follows a link to a file and gives its name and contents.
func (p *page) downloadBy(link string) (name, text string) {
	p.t.Helper()
	download, err := p.ExpectDownload(func() error { return p.link(link).Click() })
	p.must(err)
	path, err := download.Path()
	p.must(err)
	content, err := os.ReadFile(path)
	p.must(err)
	return download.SuggestedFilename(), string(content)
}
