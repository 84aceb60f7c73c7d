package accounts

import (
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

func TestThirtyMinutesWithoutAPersonEndASessionAlsoWithATabOpen(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), living("Europe/Berlin", "en-GB"))
	page.Must(page.Clock().Install())
	page.Visit("/keys")
	page.Sees(page.Row("porch-cam").GetByText("Waiting for first use"))

	clock.Advance(10 * time.Minute)
	program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
	page.Says("porch-cam is connected.")       // which the page has asked for by itself
	page.Must(page.Clock().RunFor(5 * 60_000)) // in which it writes times anew
	clock.Advance(20*time.Minute + time.Second)

	page.Press(page.Link("Activity"))
	isAskedToSignIn(page, "/login?ended=1&next=%2Factivity")
}
