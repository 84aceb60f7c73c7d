package keys

import (
	"net/http"
	"testing"

	"latchkey/e2e/story"
)

// Two tabs, two devices, two people at one account: what a page shows may be old. Acting on it must tell the truth.

func TestASwitchShowsWhatTheServerSaysNotWhatTheTabHoped(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.UsedKeys(t, ana, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	other := page.NewTab("/keys")

	other.Press(other.Toggle("porch-cam"))
	other.IsOn("porch-cam", false)
	page.Front()
	page.IsOn("porch-cam", true) // it does not know yet
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")
	page.IsOn("porch-cam", false)
	if !ana.Find(t, "porch-cam").Disabled {
		t.Error("the key is on, though both tabs turned it off")
	}
	page.Press(page.Toggle("porch-cam"))
	page.IsOn("porch-cam", true)
}

func TestAKeyThatIsGoneSaysSoInItsRow(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.UsedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusNotFound)
	ana.Deletes(t, "porch-cam")

	page.Press(page.Toggle("porch-cam"))
	gone := page.Role("region", "Your keys").GetByText("This key was deleted in another place. It can no longer sign anything in.")
	page.Sees(gone)
	page.Says("This key was deleted in another place.")
	page.Focuses(page.Locator("#keys li.gone"))
	page.Lacks(page.Toggle("porch-cam"))
	page.IsOn("heat-pump", true)

	page.Press(page.Link("Update the list"))
	page.Lacks(gone)
	page.Sees(page.Row("heat-pump"))
	page.Sees(page.GetByText("1 of 20"))
}

func TestDeletingAKeyThatIsGoneIsNoFailure(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.UsedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Menu("porch-cam", "Delete…"))
	page.Sees(page.Dialog())
	ana.Deletes(t, "porch-cam")
	page.Must(page.Dialog().GetByRole("textbox").Fill("porch-cam"))
	page.Press(page.InDialog("Delete porch-cam"))
	page.Says("That key was deleted already, in another place.")
	page.Lacks(page.Row("porch-cam"))
	page.Focuses(page.Link("heat-pump"))

	ana.Deletes(t, "heat-pump")
	page.Expects(http.StatusNotFound)
	page.Press(page.Link("heat-pump"))
	page.Sees(page.Heading("Key not found"))
	page.Press(page.Link("Go to your keys"))
	page.Sees(page.Heading(story.FirstVisit))
}

func TestOpeningTheDialogOfAKeyThatIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.UsedKeys(t, ana, "porch-cam", "heat-pump")
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusNotFound)
	ana.Deletes(t, "porch-cam")
	page.Press(page.Menu("porch-cam", "Delete…"))
	page.Sees(page.Role("group", "Key not found"))
	page.Lacks(page.Dialog())
}

func TestANameTakenInAnotherTabIsRefusedAndTheKeyNamed(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "garage")
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusUnprocessableEntity)
	key := ana.Keys(t, "porch-cam")[0]

	page.TriesToCreate("porch-cam")
	page.Sees(page.GetByText("You already have a key with this name."))
	page.Must(page.Expect().Locator(page.Field("Name")).ToHaveValue("porch-cam"))
	page.Focuses(page.Field("Name"))
	page.Sees(page.Row("porch-cam")) // the list has caught up
	page.Sees(page.GetByText("2 of 20"))

	page.Press(page.Locator("#name-error").GetByRole("link"))
	page.IsAt("/keys/" + key.ID)
}

// In one tab a person signs out and another one signs in; the other tab still shows the first one's keys.
func TestATabOfSomebodyElseDoesNothing(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ada, bob := program.PersonNamed(t, "ada@example.com"), program.PersonNamed(t, "bob@example.com")
	program.UsedKeys(t, ada, story.Numbered(6)...)
	program.UsedKeys(t, bob, "bobs-cam")
	const told = "This page was opened as ada@example.com. You are now signed in as bob@example.com, so nothing was done."
	for name, script := range map[string]story.Option{"script": func(*story.Visit) {}, "no script": story.NoScript} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := program.Open(t, script, story.SignedIn(ada))
			page.Expects(http.StatusConflict)
			page.NamesKey("porch-cam")
			other := page.NewTab("/keys")
			other.SignOut()
			other.IsAt("/login")
			other.Fill("Email", "bob@example.com")
			other.Fill("Password", story.Password)
			other.Press(other.Button("Sign in"))
			other.Sees(other.Row("bobs-cam"))

			page.Front()
			page.Press(page.Button("Create key"))
			page.Sees(page.GetByText(told))
			page.Lacks(page.GetByText("bobs-cam"))
			if name == "script" {
				_, err := page.ExpectResponse("**/keys?q=key-0*", func() error {
					page.Fill("Search keys", "key-0")
					return nil
				})
				page.Must(err)
				page.Sees(page.Row("key-01"))
				page.Lacks(page.GetByText("bobs-cam"))
				page.Press(page.Toggle("key-01"))
				page.IsOn("key-01", true)
				page.SignOut()
				page.Sees(page.GetByText(told))
			}
			page.Press(page.Link("Go to your keys"))
			page.Sees(page.Row("bobs-cam"))
			page.Lacks(page.Row("porch-cam"))
			if keys := bob.List(t); len(keys) != 1 || keys[0].Disabled {
				t.Errorf("bob has the keys %v", keys)
			}
		})
	}
}
