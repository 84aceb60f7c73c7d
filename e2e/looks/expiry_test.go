package looks

import (
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

func TestKeysThatExpireAreAccessibleInEveryLookAndFitTheNarrowestPhone(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	const long = "the-longest-name-that-a-key-can-have-0123456789-0123456789-01234"
	keys := ana.Keys(t, "porch-cam", long)
	page := program.Open(t, story.PhoneOf(320, 640), story.SignedIn(ana), story.At("/keys/"+keys[1].ID))
	expires := func(id string, days int) {
		page.Visit("/keys/" + id + "/expiry")
		page.Press(page.Field("On a day"))
		page.Fill("Last day", clock.Now().AddDate(0, 0, days).Format(time.DateOnly))
		page.Fits()
		page.Press(page.Button("Save"))
		page.IsAt("/keys/" + id)
		page.Fits()
	}
	expires(keys[1].ID, 9)
	expires(keys[0].ID, 1)
	clock.Advance(5 * 24 * time.Hour)
	page.SignIn(program.Cookie(t, ana))

	tab := page.NewTab("/keys")
	tab.Sees(tab.Heading("Needs you"))
	tab.Fits()
	tab.IsAccessibleInEveryLook("keys that need their owner")
	tab = page.NewTab("/keys")
	tab.Press(tab.Locator("#keys .notice").GetByText("Extend").First())
	tab.Sees(tab.Dialog())
	tab.Press(tab.Field("On a day"))
	tab.Fits()
	tab.IsAccessibleInEveryLook("the form over the list")
	tab = page.NewTab("/keys/" + keys[0].ID)
	tab.Sees(tab.Link("Replace"))
	tab.Fits()
	tab.IsAccessibleInEveryLook("a key that has expired")
}
