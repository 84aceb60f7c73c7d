package keys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

// Nothing here is found by its words: it is the same story for all, in the language that the browser asks for. With LATCHKEY_PICTURES and
// -artifacts it leaves pictures of each state.
func TestAPersonCreatesUsesTurnsOffAndDeletesAKeyInEveryLanguage(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for tag, dir := range map[string]string{"en": "ltr", "de": "ltr", "ar": "rtl"} {
		t.Run(tag, func(t *testing.T) {
			who := program.PersonNamed(t, tag+"@example.com")
			from := func(v *story.Visit) { v.Context.Locale = playwright.String(tag) }
			r := reader{program.Open(t, story.SignedIn(who), story.At("/keys/new"), story.Phone, from), tag, dir}
			r.reads()

			r.Must(r.Locator("#name").Fill("porch-cam"))
			r.Must(r.Locator("#name").Press("Enter"))
			r.Sees(r.Locator("#once"))
			value := r.Value()
			r.stays("#value")
			r.picture("value")
			r.Press(r.Locator("[data-once=download]"))
			r.Press(r.Locator("#once .done button"))
			r.Lacks(r.Locator("#once"))
			r.Visit("/keys")
			r.reads()
			key := who.Find(t, "porch-cam")
			row, toggle := r.Locator("#key-"+key.ID), r.Locator("#switch-"+key.ID)
			r.Sees(row)
			r.Lacks(r.GetByText(value))

			program.LogIn(t, client.UserAPIKey(value))
			r.Visit("/keys")
			r.picture("used")
			r.Press(toggle)
			r.Must(r.Expect().Locator(toggle).ToHaveAttribute("aria-checked", "false"))
			r.Must(r.Expect().Locator(r.Locator("#status")).ToContainText("porch-cam"))
			program.Refuses(t, value)
			r.picture("off")
			r.isReadable("/keys")

			r.Press(row.Locator("a[href='/keys/" + key.ID + "']").First())
			r.Sees(r.Locator("#key"))
			r.Press(r.Locator("a[href='/keys/" + key.ID + "/delete']").First())
			r.Sees(r.Locator("#dialog[open]"))
			r.picture("delete")
			r.Press(r.Locator("#dialog form[action='/keys/" + key.ID + "/delete'] button"))
			r.Must(r.Expect().Locator(r.Locator("#status")).ToContainText("porch-cam"))
			r.Lacks(row)
			program.Refuses(t, value)
			r.isReadable("/device")
		})
	}
}

// reader is a person who reads one language.
type reader struct {
	*story.Page
	tag, dir string
}

// reads makes sure that the page is in the language.
func (r reader) reads() {
	r.T.Helper()
	r.Must(r.Expect().Locator(r.Locator("html")).ToHaveAttribute("lang", r.tag))
	r.Must(r.Expect().Locator(r.Locator("html")).ToHaveAttribute("dir", r.dir))
}

// stays makes sure that what is there is read from left to right whatever is around it: the parts of a code change places else.
func (r reader) stays(selector string) {
	r.T.Helper()
	if dir := r.Evaluate("selector => getComputedStyle(document.querySelector(selector)).direction", selector); dir != "ltr" {
		r.T.Errorf("%s runs %s", selector, dir)
	}
}

// isReadable looks at a page in a tab of its own: by axe, and on the narrowest phone. English ones are looked at elsewhere.
func (r reader) isReadable(path string) {
	r.T.Helper()
	if r.tag == "en" {
		return
	}
	tab := r.NewTab(path)
	tab.Axe()
	tab.Must(tab.SetViewportSize(320, 844))
	tab.Fits()
	tab.BreaksNoWords()
	tab.Must(tab.Close())
}

func (r reader) picture(state string) {
	r.T.Helper()
	if os.Getenv("LATCHKEY_PICTURES") == "" {
		return
	}
	file := filepath.Join(r.T.ArtifactDir(), state+".png")
	_, err := r.Screenshot(playwright.PageScreenshotOptions{Path: &file, FullPage: playwright.Bool(true)})
	r.Must(err)
}
