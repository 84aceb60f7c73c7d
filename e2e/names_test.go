package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/app/config"
)

const nameField = "Name of the device or service"

func TestABadNameComesBackWithWhatIsWrongBesideIt(t *testing.T) {
	t.Parallel()
	const characters = "That name has characters we cannot use."
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "porch-cam")
	wide := program.open(t, signedIn(ana))
	bare := program.open(t, signedIn(ana), noScript)
	for _, tab := range []*page{wide, bare} {
		tab.expects(http.StatusUnprocessableEntity)
		for _, bad := range []struct{ typed, says string }{
			{"porch cam", characters + " Try porch-cam."},
			{"porch/cam", characters + " Try porch-cam."},
			{"🔑", characters},
			{"🔑 front door", characters + " Try front-door."},
			{"caméra", characters + " Try cam-ra."},
			{"../../etc/passwd", characters + " Try etc-passwd."},
			{"<img src=x onerror=alert(1)>", characters + " Try img-src-x-onerror-alert-1."},
			{`"><script>alert(1)</script>`, characters + " Try script-alert-1-script."},
			{"{{.}} ' OR 1=1 --", characters + " Try OR-1-1."},
			{strings.Repeat("a", 65), "That name is too long: 64 characters at most. Try " + strings.Repeat("a", 64) + "."},
			{"", "Give the key a name."},
			{"porch-cam", "You already have a key with this name. It was made just now and is here: porch-cam."},
		} {
			tab.fill(nameField, bad.typed)
			tab.press(tab.button("Create key"))
			tab.explainsName(bad.typed, bad.says)
		}
	}
	if keys := ana.list(t); len(keys) != 1 {
		t.Error("a bad name made a key:", keys)
	}
}

// explainsName waits for the form with what was typed, and with the reason and the rule where assistive technology finds them.
func (p *page) explainsName(typed, says string) {
	p.t.Helper()
	field := p.field(nameField)
	p.must(expect.Locator(field).ToHaveAccessibleDescription(says + " Letters, digits, _ and -, at most 64. For example porch-cam."))
	p.must(expect.Locator(field).ToHaveValue(typed))
	p.must(expect.Locator(field).ToHaveAttribute("aria-invalid", "true"))
	p.focuses(field)
}

func TestAGoodNameIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	page.expects(http.StatusUnprocessableEntity)
	page.fill(nameField, "porch cam")
	page.press(page.button("Create key"))
	page.explainsName("porch cam", "That name has characters we cannot use. Try porch-cam.")

	long := strings.Repeat("x", 64)
	for _, name := range []string{"porch-cam", "Porch-Cam", "-", "_", "0", long} {
		page.createKey(name)
		page.sees(page.row(name))
		page.saveKey()
	}
	page.fill(nameField, "  trimmed  ")
	page.press(page.button("Create key"))
	page.sees(page.row("trimmed"))
	if n := len(ana.list(t)); n != 7 {
		t.Errorf("%d keys", n)
	}
}

// A server that has the keys may have let other names in than this one does. Whatever it sends is text on our pages.
func TestAHostileNameIsText(t *testing.T) {
	t.Parallel()
	const hostile = `"><img src=x onerror=alert(1)>{{7*7}}<script>alert(2)</script>&lt;`
	upstream, tap := startTapped(t, "127.0.0.1")
	ana := upstream.person(t)
	ana.keys(t, numbered(6)...)
	tap.edit = func(_ http.Header, body []byte) []byte {
		name, _ := json.Marshal(hostile)
		return bytes.ReplaceAll(body, []byte(`"key-01"`), name)
	}
	program := startProgram(t, func(cfg *config.Config) { cfg.Upstream = upstream.url })
	page := program.open(t, signedIn(ana))

	page.sees(page.row(hostile))
	page.press(page.toggle(hostile))
	page.isOn(hostile, false)
	page.says(hostile + " is off. It can no longer sign in.")
	page.press(page.menu(hostile, "Delete…"))
	page.sees(page.dialog().GetByText("Delete " + hostile + "?"))
	page.press(page.inDialog("Keep it"))
	page.fill("Search keys", hostile+" ")
	page.lacks(page.row("key-02"))
	page.sees(page.row(hostile))
	page.fill("Search keys", "<b>"+hostile)
	page.sees(page.GetByText("No key’s name contains “<b>" + hostile + "”."))
	page.visit("/keys?q=" + url.QueryEscape("<b>"+hostile))
	page.sees(page.GetByText("No key’s name contains “<b>" + hostile + "”."))
	page.press(page.link("Show all 6"))
	page.press(page.link(hostile))
	page.sees(page.heading(hostile))
	page.must(expect.Page(page.Page).ToHaveTitle(hostile + " · Latchkey"))
	if page.evaluate("document.images.length + document.querySelectorAll('b, body script').length") != 0 {
		t.Error("the name became elements of the page")
	}
}
