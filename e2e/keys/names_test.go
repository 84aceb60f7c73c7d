package keys

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

const nameField = "Name of the device or service"

func TestABadNameComesBackWithWhatIsWrongBesideIt(t *testing.T) {
	t.Parallel()
	const characters = "That name has characters we cannot use."
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	wide := program.Open(t, story.SignedIn(ana))
	bare := program.Open(t, story.SignedIn(ana), story.NoScript)
	for _, tab := range []*story.Page{wide, bare} {
		tab.Expects(http.StatusUnprocessableEntity)
		for _, bad := range []struct{ typed, says string }{
			{"porch cam", characters + " Try porch-cam."},
			{"porch/cam", characters + " Try porch-cam."},
			{"🔑", characters},
			{"🔑 front door", characters + " Try front-door."},
			{"caméra", characters + " Try camera."},
			{"../../etc/passwd", characters + " Try etc-passwd."},
			{"<img src=x onerror=alert(1)>", characters + " Try img-src-x-onerror-alert-1."},
			{`"><script>alert(1)</script>`, characters + " Try script-alert-1-script."},
			{"{{.}} ' OR 1=1 --", characters + " Try OR-1-1."},
			{strings.Repeat("a", 65), "That name is too long: 64 characters at most. Try " + strings.Repeat("a", 64) + "."},
			{"", "Give the key a name."},
			{"porch-cam", "You already have a key with this name. It was made just now and is here: porch-cam."},
		} {
			tab.Fill(nameField, bad.typed)
			tab.Press(tab.Button("Create key"))
			explainsName(tab, bad.typed, bad.says)
		}
	}
	if keys := ana.List(t); len(keys) != 1 {
		t.Error("a bad name made a key:", keys)
	}
}

// explainsName waits for the form with what was typed, and with the reason and the rule where assistive technology finds them.
func explainsName(p *story.Page, typed, says string) {
	p.T.Helper()
	field := p.Field(nameField)
	p.Must(p.Expect().Locator(field).ToHaveAccessibleDescription(says + " Letters, digits, _ and -, at most 64. For example porch-cam."))
	p.Must(p.Expect().Locator(field).ToHaveValue(typed))
	p.Must(p.Expect().Locator(field).ToHaveAttribute("aria-invalid", "true"))
	p.Focuses(field)
}

func TestAGoodNameIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusUnprocessableEntity)
	page.Fill(nameField, "porch cam")
	page.Press(page.Button("Create key"))
	explainsName(page, "porch cam", "That name has characters we cannot use. Try porch-cam.")

	long := strings.Repeat("x", 64)
	for _, name := range []string{"porch-cam", "Porch-Cam", "-", "_", "0", long} {
		page.CreateKey(name)
		page.Sees(page.Row(name))
		page.SaveKey()
	}
	page.Fill(nameField, "  trimmed  ")
	page.Press(page.Button("Create key"))
	page.Sees(page.Row("trimmed"))
	if n := len(ana.List(t)); n != 7 {
		t.Errorf("%d keys", n)
	}
}

// A server that has the keys may have let other names in than this one does. Whatever it sends is text on our pages.
func TestAHostileNameIsText(t *testing.T) {
	t.Parallel()
	const hostile = `"><img src=x onerror=alert(1)>{{7*7}}<script>alert(2)</script>&lt;`
	upstream, tap := story.StartTapped(t, "127.0.0.1")
	ana := upstream.Person(t)
	ana.Keys(t, story.Numbered(6)...)
	tap.Edit = func(_ http.Header, body []byte) []byte {
		name, _ := json.Marshal(hostile)
		return bytes.ReplaceAll(body, []byte(`"key-01"`), name)
	}
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Upstream = upstream.URL })
	page := program.Open(t, story.SignedIn(ana))

	page.Sees(page.Row(hostile))
	page.Press(page.Toggle(hostile))
	page.IsOn(hostile, false)
	page.Says(hostile + " is off. It can’t sign in.")
	page.Press(page.Menu(hostile, "Delete…"))
	page.Sees(page.Dialog().GetByText("Delete " + hostile + "?"))
	page.Press(page.InDialog("Cancel"))
	page.Fill("Search keys", hostile+" ")
	page.Lacks(page.Row("key-02"))
	page.Sees(page.Row(hostile))
	page.Fill("Search keys", "<b>"+hostile)
	page.Sees(page.GetByText("No key’s name contains “<b>" + hostile + "”."))
	page.Visit("/keys?q=" + url.QueryEscape("<b>"+hostile))
	page.Sees(page.GetByText("No key’s name contains “<b>" + hostile + "”."))
	page.Press(page.Link("Show all 6"))
	page.Press(page.Link(hostile))
	page.Sees(page.Heading(hostile))
	page.Must(page.Expect().Page(page.Page).ToHaveTitle(hostile + " · Latchkey"))
	if page.Evaluate("document.images.length + document.querySelectorAll('b, body script').length") != 0 {
		t.Error("the name became elements of the page")
	}
}
