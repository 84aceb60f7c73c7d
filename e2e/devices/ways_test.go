package devices

import (
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
)

func TestOneWayToRunSomethingOnADeviceIsInSightAtATime(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	page := program.Open(t, story.SignedIn(program.Person(t)), story.NoScript, story.At("/device"))
	for _, way := range []struct{ name, id string }{{"shell script", "shell"}, {"curl", "curl"}, {"latchkey", "latchkey"}} {
		page.Must(page.Locator(".chip", playwright.PageLocatorOptions{HasText: way.name}).Click())
		page.Sees(page.Locator("#run-" + way.id))
		page.Must(page.Expect().Locator(page.Locator(".way code:visible")).ToHaveCount(1))
	}
}
