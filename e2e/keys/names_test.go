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

// What is typed becomes a name that a key can have, under the eyes of who types it.
func TestWhatIsTypedBecomesANameThatAKeyCanHave(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/new"))
	hint := page.Locator("#name-taken")
	page.Reads(page.Locator("#name-hint"), "For programs; can’t be changed later. Letters, digits, - and _; up to 64.")
	for typed, name := range map[string]string{
		"porch cam": "porch-cam", "  Porch   Cam!  ": "Porch-Cam", "🔑 front door": "front-door", "../../etc/passwd": "etc-passwd", "<b>cam</b>": "b-cam-b",
		"Łódź, Straße; Søren’s ﬁsh １": "Lodz-Strasse-Soren-s-fish-1", "ÆGIR ẞ Þ ĸ": "AEGIR-SS-TH-k", "e\u0301cran": "ecran",
		strings.Repeat("x", 63) + "-y": strings.Repeat("x", 63), strings.Repeat("é", 65): strings.Repeat("e", 64),
	} {
		page.Fill("Name", typed)
		page.Reads(hint, "Will be called "+name)
	}
	for _, typed := range []string{"", "porch-cam", " porch-cam ", "-", "_", "-x-", "🔑", "камера 2", strings.Repeat("x", 64)} { // as they are, or beyond help
		page.Fill("Name", typed)
		page.Reads(hint, "")
	}
	page.TriesToCreate("Porch cam")
	page.Sees(page.Ready("Porch-cam"))
	page.SaveKey()
	for _, name := range []string{"porch-cam", "-", strings.Repeat("x", 64), "  trimmed  "} {
		page.CreateKey(strings.TrimSpace(name))
		page.Sees(page.Row(strings.TrimSpace(name)))
		page.SaveKey()
	}
	if n := len(ana.List(t)); n != 5 {
		t.Errorf("%d keys", n)
	}
}

// What a form says is wrong stands in it, where assistive technology finds it, and the form stays where it is.
func TestANameThatIsRefusedIsExplainedInTheForm(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusUnprocessableEntity)
	for _, bad := range []struct{ typed, says string }{
		{"🔑", "Names can have letters, digits, - and _ only."},
		{"", "Give the key a name."},
		{"porch cam", "You already have a key with this name. It was created just now and is here: porch-cam."},
	} {
		page.TriesToCreate(bad.typed)
		field := page.Dialog().GetByLabel("Name")
		page.Must(page.Expect().Locator(field).ToHaveAccessibleDescription(bad.says))
		page.Must(page.Expect().Locator(field).ToHaveAttribute("aria-invalid", "true"))
		page.Focuses(field)
	}
	page.CreateKey("garage")
	page.Lacks(page.Dialog())
	if keys := ana.List(t); len(keys) != 2 {
		t.Error("a bad name created a key:", keys)
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
	page.Sees(page.GetByText("No key matches “<b>" + hostile + "”."))
	page.Visit("/keys?q=" + url.QueryEscape("<b>"+hostile))
	page.Sees(page.GetByText("No key matches “<b>" + hostile + "”."))
	page.Press(page.Link("Show all 6"))
	page.Press(page.Link(hostile))
	page.Sees(page.Heading(hostile))
	page.Must(page.Expect().Page(page.Page).ToHaveTitle(hostile + " · Latchkey"))
	if page.Evaluate("document.images.length + document.querySelectorAll('b, body script').length") != 0 {
		t.Error("the name became elements of the page")
	}
}
