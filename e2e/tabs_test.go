package e2e

import (
	"net/http"
	"testing"
)

// Two tabs, two devices, two people at one account: what a page shows may be old. Acting on it must tell the truth.

func TestASwitchShowsWhatTheServerSaysNotWhatTheTabHoped(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	program.usedKeys(t, ana, "porch-cam")
	page := program.open(t, signedIn(ana))
	other := page.newTab("/keys")

	other.press(other.toggle("porch-cam"))
	other.isOn("porch-cam", false)
	page.front()
	page.isOn("porch-cam", true) // it does not know yet
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is off. It can no longer sign in.")
	page.isOn("porch-cam", false)
	if !ana.find(t, "porch-cam").Disabled {
		t.Error("the key is on, though both tabs turned it off")
	}
	page.press(page.toggle("porch-cam"))
	page.isOn("porch-cam", true)
}

func TestAKeyThatIsGoneSaysSoInItsRow(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	program.usedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.open(t, signedIn(ana))
	page.expects(http.StatusNotFound)
	ana.deletes(t, "porch-cam")

	page.press(page.toggle("porch-cam"))
	gone := page.role("region", "Your keys").GetByText("This key was deleted in another place. It can no longer sign anything in.")
	page.sees(gone)
	page.says("This key was deleted in another place.")
	page.focuses(page.role("region", "Your keys").GetByRole("listitem").First())
	page.lacks(page.toggle("porch-cam"))
	page.isOn("heat-pump", true)

	page.press(page.link("Update the list"))
	page.lacks(gone)
	page.sees(page.row("heat-pump"))
	page.sees(page.GetByText("1 of 20 keys used"))
}

func TestDeletingAKeyThatIsGoneIsNoFailure(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	program.usedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.open(t, signedIn(ana))
	page.press(page.menu("porch-cam", "Delete…"))
	page.sees(page.dialog())
	ana.deletes(t, "porch-cam")
	page.press(page.inDialog("Delete porch-cam"))
	page.says("That key was deleted already, in another place.")
	page.lacks(page.row("porch-cam"))
	page.focuses(page.link("heat-pump"))

	ana.deletes(t, "heat-pump")
	page.expects(http.StatusNotFound)
	page.press(page.link("heat-pump"))
	page.sees(page.heading("There is no such key"))
	page.press(page.link("Go to your keys"))
	page.sees(page.heading("No keys yet"))
}

func TestOpeningTheDialogOfAKeyThatIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	program.usedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.open(t, signedIn(ana))
	page.expects(http.StatusNotFound)
	ana.deletes(t, "porch-cam")
	page.press(page.menu("porch-cam", "Delete…"))
	page.sees(page.role("group", "There is no such key"))
	page.lacks(page.dialog())
}

func TestANameTakenInAnotherTabIsRefusedAndTheKeyNamed(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	page.expects(http.StatusUnprocessableEntity)
	key := ana.keys(t, "porch-cam")[0]

	page.fill("Name of the device or service", "porch-cam")
	page.press(page.button("Create key"))
	page.sees(page.GetByText("You already have a key with this name."))
	page.must(expect.Locator(page.field("Name of the device or service")).ToHaveValue("porch-cam"))
	page.focuses(page.field("Name of the device or service"))
	page.sees(page.row("porch-cam")) // the list has caught up
	page.sees(page.GetByText("1 of 20 keys used"))

	page.press(page.Locator("#name-error").GetByRole("link"))
	page.isAt("/keys/" + key.ID)
}
