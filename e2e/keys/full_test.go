package keys

import (
	"testing"

	"latchkey/e2e/story"
)

func TestWithTwentyKeysBothWaysLeadToWhereRoomIsMade(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]story.Option{"script": func(*story.Visit) {}, "no script": story.NoScript} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			ana := program.Person(t)
			ana.Keys(t, story.Numbered(20)...)
			ana.TurnsOff(t, "key-07")
			page := program.Open(t, script, story.SignedIn(ana))
			page.Sees(page.GetByText("20 of 20"))
			page.Press(page.Link("Connect a device"))
			page.IsAt("/keys/room")
			page.Visit("/keys")
			page.Press(page.Link("Create key"))
			page.IsAt("/keys/room")

			page.Press(page.Button("Delete selected…"))
			page.Sees(page.GetByText("Choose at least one key."))
			page.Press(page.Field("key-01"))
			page.Press(page.Field("key-03"))
			page.Press(page.Field("key-07"))
			act := page.Button("Delete 3 keys…")
			if name == "no script" {
				act = page.Button("Delete selected…")
			}
			page.Press(act)
			page.Sees(page.Heading("Delete 3 keys?"))
			ana.Deletes(t, "key-03") // in another place
			page.Press(page.Button("Delete 3 keys"))
			page.Reads(page.Role("list", "Results"), "key-01 Deletedkey-03 Was deleted already, in another placekey-07 Deleted")
			page.Sees(page.GetByText("You have 17 of 20 keys."))
			if name == "script" {
				page.Focuses(page.Heading("Make room"))
			}
			page.Press(page.Link("Create key"))
			page.IsAt("/keys/new")
			page.CreateKey("key-21")
			page.SaveKey()
			if n := len(ana.List(t)); n != 18 {
				t.Errorf("%d keys", n)
			}
		})
	}
}

// The form was there when the page was loaded. Then another tab created the twentieth key.
func TestTheTwentyFirstKeyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(19)...)
	page := program.Open(t, story.SignedIn(ana))
	page.NamesKey("porch-cam")
	ana.Keys(t, "key-20")
	page.Press(page.Button("Create key"))
	page.IsAt("/keys/room")
	page.Says("porch-cam was not created: you have 20 of 20 keys.")
	if n := len(ana.List(t)); n != 20 {
		t.Errorf("%d keys", n)
	}
}

// What leads to another key changes with the room for one.
func TestTheWaysToAKeyFollowTheRoomForOne(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(19)...)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	page.Sees(page.GetByText("20 of 20"))
	page.Must(page.Expect().Locator(page.Link("Create key")).ToHaveAttribute("href", "/keys/room"))

	page.Press(page.Menu("key-05", "Delete…"))
	page.Press(page.InDialog("Delete key-05"))
	page.Says("key-05 was deleted.")
	page.Sees(page.GetByText("19 of 20"))
	page.Must(page.Expect().Locator(page.Link("Create key")).ToHaveAttribute("href", "/keys/new"))
	page.StillShows(value) // which must not be taken away by making room
	page.SaveKey()
}
