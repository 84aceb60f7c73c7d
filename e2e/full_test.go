package e2e

import (
	"net/http"
	"testing"
)

const allInUse = "All 20 keys are in use"

func TestWithTwentyKeysThePageSaysHowToMakeRoom(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(20)...)
	ana.turnsOff(t, "key-07")
	page := program.open(t, signedIn(ana))

	page.sees(page.heading(allInUse))
	page.sees(page.GetByText("20 of 20 keys used"))
	page.sees(page.GetByText("keys that are off count too"))
	page.lacks(page.button("Create key"))
	candidates := page.Locator("#make-room").GetByRole("listitem").GetByRole("link")
	page.must(expect.Locator(candidates).ToHaveText([]string{"key-07", "Delete…", "key-01", "Delete…", "key-02", "Delete…"}))

	page.press(page.link("Delete key-07…"))
	page.press(page.inDialog("Keep it"))
	page.focuses(page.link("Delete key-07…"))
	page.press(page.link("Delete key-07…"))
	page.press(page.inDialog("Delete key-07"))
	page.says("key-07 was deleted.")
	page.sees(page.heading("Create a key"))
	page.lacks(page.heading(allInUse))
	page.lacks(page.row("key-07"))
	page.sees(page.GetByText("19 of 20 keys used"))
	page.focuses(page.heading("Devices and keys"))

	page.createKey("key-21")
	page.sees(page.GetByText("20 of 20 keys used"))
	page.press(page.field("I have saved it"))
	page.press(page.button("Done"))
	page.sees(page.heading(allInUse))
}

func (who *person) turnsOff(t *testing.T, name string) {
	t.Helper()
	if err := who.session.APIKeys().Disable(t.Context(), who.find(t, name).ID); err != nil {
		t.Fatal(err)
	}
}

// The form was there when the page was loaded. Then another tab made the twentieth key.
func TestTheTwentyFirstKeyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(19)...)
	page := program.open(t, signedIn(ana))
	page.expects(http.StatusUnprocessableEntity)
	ana.keys(t, "key-20")

	page.fill("Name of the device or service", "porch-cam")
	page.press(page.button("Create key"))
	page.sees(page.role("group", "No key was made.").GetByText("All 20 keys are in use."))
	page.sees(page.heading(allInUse))
	page.sees(page.row("key-20"))
	page.lacks(page.row("porch-cam"))
	page.sees(page.GetByText("20 of 20 keys used"))
	if n := len(ana.list(t)); n != 20 {
		t.Errorf("%d keys", n)
	}

	page.press(page.menu("key-20", "Delete…"))
	page.press(page.inDialog("Delete key-20"))
	page.sees(page.heading("Create a key"))
	page.lacks(page.role("group", "No key was made."))
	page.createKey("porch-cam")
}

// Making room must not take away a value that is on the page and nowhere else.
func TestAValueNotYetSavedStaysWhenAKeyIsDeletedAtTheLimit(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(19)...)
	page := program.open(t, signedIn(ana))
	value := page.createKey("porch-cam")
	page.sees(page.GetByText("20 of 20 keys used"))

	page.press(page.menu("key-05", "Delete…"))
	page.press(page.inDialog("Delete key-05"))
	page.says("key-05 was deleted.")
	page.sees(page.GetByText("19 of 20 keys used"))
	page.focuses(page.link("key-06"))
	page.stillShows(value)
	page.saveKey()
}
