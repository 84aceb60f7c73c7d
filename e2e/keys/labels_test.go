package keys

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/e2e/story"
)

// A label in any language stands beside a name for programs, which a script or the server makes from it.
func TestAKeyIsLabelledInAnyLanguage(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(5)...)
	page := program.Open(t, story.SignedIn(ana))
	create := func(label, suggested, name string) {
		t.Helper()
		page.Press(page.Link("Create key"))
		page.Focuses(page.Field("Label"))
		page.Fill("Label", label)
		page.Must(page.Expect().Locator(page.Field("Name")).ToHaveValue(suggested))
		if suggested == "" {
			page.Reads(page.Locator("#name-taken"), "Will be called "+name)
		}
		page.Press(page.Button("Create key"))
		page.Sees(page.Ready(label))
		page.Reads(page.Row(label).Locator(".wire bdi"), name)
		page.SaveKey()
	}
	create("Küche Pi", "kueche-pi", "kueche-pi")
	create("كاميرا الباب", "", "kmyr-lbb")
	page.Fill("Search keys", "كاميرا")
	page.Lacks(page.Row("key-01"))

	// The label goes from right to left, beside a name that does not, and both begin where the row does.
	apart := page.Evaluate(`() => {
		const [label, name] = [".name bdi", ".wire bdi"].map((at) => document.querySelector(at));
		if (getComputedStyle(label).direction !== "rtl" || getComputedStyle(name).direction !== "ltr") return "no directions";
		return Math.round(label.getBoundingClientRect().left - name.getBoundingClientRect().left);
	}`)
	if apart != 0 {
		t.Errorf("label and name are %v apart", apart)
	}

	page.Press(page.Link("كاميرا الباب"))
	page.Press(page.Link("Rename…"))
	page.Must(page.Expect().Locator(page.Field("Label")).ToHaveValue("كاميرا الباب"))
	page.Fill("Label", "客厅")
	page.Fill("Note", "behind the lamp")
	page.Press(page.Button("Save"))
	page.Says("Saved. The name stays kmyr-lbb: programs may rely on it.")
	page.Sees(page.Heading("客厅"))

	// What a person types is no suggestion any more, and says at once that it is taken.
	page.Visit("/keys/new")
	page.Fill("Name", "kueche-pi")
	page.Reads(page.Locator("#name-taken"), "You have a key with this name")
	page.Fill("Label", "Garage")
	page.Must(page.Expect().Locator(page.Field("Name")).ToHaveValue("kueche-pi"))
}

// Without script, and in two tabs at once, each form gets a key of its own.
func TestALabelAloneMakesAKeyWithoutScript(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.NoScript, story.At("/keys/new"))
	other := page.NewTab("/keys/new")
	for _, tab := range []*story.Page{page, other} {
		tab.Front()
		tab.Fill("Label", "客厅")
		tab.Press(tab.Button("Create key"))
		tab.Sees(tab.Ready("客厅"))
		tab.SaveKey()
	}
	page.Visit("/keys")
	page.Must(page.Expect().Locator(page.Locator(".wire bdi")).ToHaveText([]string{"ke-ting-2", "ke-ting"}))
}

// What is typed into the form is asked about, and a value that is pasted into the wrong field is not: it would be in an address.
func TestAValueThatIsPastedForALabelIsInNoAddress(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "latchkey.test")
	page := program.Open(t)
	page.MakeAccount("ana@example.com")
	asked := func() (about []string) {
		for _, x := range tap.All() {
			if strings.Contains(x.What, "/keys/name") {
				about = append(about, x.What)
			}
		}
		return about
	}
	page.Fill("Name", "porch")
	story.Until(t, "the page asks about the name", func() bool { return len(asked()) > 0 })
	value := strings.Repeat("aB3dE6gH", 8)
	page.Fill("Label", value)
	page.Fill("Name", "porch-cam")
	page.Expects(http.StatusUnprocessableEntity)
	page.Press(page.Button("Create key"))
	page.Sees(page.Locator("#label-error"))
	page.Must(page.Expect().Locator(page.Field("Label")).ToHaveValue(""))
	page.Fill("Name", "porch-cam-2")
	page.Press(page.Button("Create key"))
	page.Sees(page.Ready("porch-cam-2"))
	for _, x := range tap.All() {
		if strings.Contains(strings.ToLower(x.What), strings.ToLower(value)) {
			t.Errorf("the value is in %s", x.What)
		}
	}
}
