package keys

import (
	"net/http"
	"testing"

	"latchkey/e2e/story"
)

func TestWithTwentyKeysThePageSaysHowToMakeRoom(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(20)...)
	ana.TurnsOff(t, "key-07")
	page := program.Open(t, story.SignedIn(ana))

	page.Sees(page.Heading(story.AllInUse))
	page.Sees(page.GetByText("20 of 20"))
	page.Sees(page.GetByText("keys that are off count too"))
	page.Lacks(page.Button("Create key"))
	candidates := page.Locator("#make-room").GetByRole("listitem").GetByRole("link")
	page.Must(page.Expect().Locator(candidates).ToHaveText([]string{"key-07", "Delete…", "key-01", "Delete…", "key-02", "Delete…"}))

	page.Press(page.Link("Delete key-07…"))
	page.Press(page.InDialog("Cancel"))
	page.Focuses(page.Link("Delete key-07…"))
	page.Press(page.Link("Delete key-07…"))
	page.Press(page.InDialog("Delete key-07"))
	page.Says("key-07 was deleted.")
	page.Sees(page.Heading("Create a key"))
	page.Lacks(page.Heading(story.AllInUse))
	page.Lacks(page.Row("key-07"))
	page.Sees(page.GetByText("19 of 20"))
	page.Focuses(page.Heading("Keys"))

	page.CreateKey("key-21")
	page.Sees(page.GetByText("20 of 20"))
	page.Press(page.Field("I have saved it"))
	page.Press(page.Button("Done"))
	page.Sees(page.Heading(story.AllInUse))
}

// The form was there when the page was loaded. Then another tab made the twentieth key.
func TestTheTwentyFirstKeyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(19)...)
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusUnprocessableEntity)
	ana.Keys(t, "key-20")

	page.Fill("Name of the device or service", "porch-cam")
	page.Press(page.Button("Create key"))
	page.Sees(page.Role("group", "No key was made.").GetByText("All 20 keys are in use."))
	page.Sees(page.Heading(story.AllInUse))
	page.Sees(page.Row("key-20"))
	page.Lacks(page.Row("porch-cam"))
	page.Sees(page.GetByText("20 of 20"))
	if n := len(ana.List(t)); n != 20 {
		t.Errorf("%d keys", n)
	}

	page.Press(page.Menu("key-20", "Delete…"))
	page.Press(page.InDialog("Delete key-20"))
	page.Sees(page.Heading("Create a key"))
	page.Lacks(page.Role("group", "No key was made."))
	page.CreateKey("porch-cam")
}

// Making room must not take away a value that is on the page and nowhere else.
func TestAValueNotYetSavedStaysWhenAKeyIsDeletedAtTheLimit(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(19)...)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	page.Sees(page.GetByText("20 of 20"))

	page.Press(page.Menu("key-05", "Delete…"))
	page.Press(page.InDialog("Delete key-05"))
	page.Says("key-05 was deleted.")
	page.Sees(page.GetByText("19 of 20"))
	page.Focuses(page.Link("key-06"))
	page.StillShows(value)
	page.SaveKey()
}
