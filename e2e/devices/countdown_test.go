package devices

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

func TestAQuestionCountsDownAndSaysByItselfThatItsCodeHasExpired(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	grant := program.Grant(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	page.Must(page.Clock().Install())
	page.Visit(grant.Address[strings.Index(grant.Address, "/device"):])
	page.Sees(page.Heading(story.ConnectThis))
	left := page.Locator("time.countdown")
	page.Must(page.Expect().Locator(left).ToHaveText(regexp.MustCompile(`^(10:00|9:5\d)$`)))
	page.Must(page.Clock().FastForward("05:00"))
	page.Must(page.Expect().Locator(left).ToHaveText(regexp.MustCompile(`^(5:00|4:5\d)$`)))
	clock.Advance(11 * time.Minute)
	page.Must(page.Clock().FastForward("06:00"))
	page.Sees(page.Heading("This code has expired"))
}
