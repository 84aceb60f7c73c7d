package keys

import (
	"net/http"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// A key is given a day, works until then, is refused after it, and works again when it is given another.
func TestAKeyExpiresAndIsExtended(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	inNewYork := func(v *story.Visit) { v.Context.TimezoneId = playwright.String("America/New_York") }
	page := program.Open(t, story.SignedIn(ana), inNewYork)
	page.Expects(http.StatusForbidden)

	page.Press(page.GetByText("More", playwright.PageGetByTextOptions{Exact: playwright.Bool(true)}))
	page.Press(page.Field("In 30 days"))
	day := page.Locator("#expires-told time")
	page.Sees(page.Locator("#expires-told").GetByText("Nothing is deleted."))
	chosen, err := day.TextContent()
	page.Must(err)
	value := page.CreateKey("porch-cam")
	page.SaveKey()
	signsIn := func() story.Played { return program.Plays(t, []any{"signIn", "key", value})[0] }
	if played := signsIn(); played.Status != 0 || played.User == nil || played.User.ID != ana.Session.UserID() {
		t.Fatalf("before it expires: %+v", played)
	}
	page.Press(page.Link("porch-cam"))
	page.Sees(page.Locator("#key .facts").GetByText(chosen))

	clock.Advance(31 * 24 * time.Hour)
	if played := signsIn(); played.Status != http.StatusUnauthorized {
		t.Fatalf("after it has expired: %+v", played)
	}
	page.SignIn(program.Cookie(t, ana))
	page.Visit("/keys")
	clock.Advance(20 * time.Minute)
	page.Visit("/keys")
	clock.Advance(11 * time.Minute) // after which the password is asked for again
	page.Visit("/keys")
	page.Sees(page.Row("porch-cam").GetByText("Expired", playwright.LocatorGetByTextOptions{Exact: playwright.Bool(true)}).First())
	page.Lacks(page.Toggle("porch-cam"))
	page.Press(page.Locator("#keys .notice").GetByText("Extend"))
	page.Sees(page.Dialog())
	page.Press(page.Field("In a year"))
	page.Sees(page.Dialog().GetByText("Nothing is deleted.")) // says the dialog, which stays
	page.Press(page.InDialog("Save"))
	page.Fill("Password", story.Password)
	page.Press(page.InDialog("Save"))
	page.Says("Saved: porch-cam expires on the day you chose.")
	page.Lacks(page.Locator("#keys .notice"))
	page.IsOn("porch-cam", true)
	if played := signsIn(); played.Status != 0 {
		t.Fatalf("after it was extended: %+v", played)
	}

	page.Press(page.Link("porch-cam")) // and shortened, over its own page
	page.Press(page.Link("Change when porch-cam expires"))
	page.Press(page.Field("In 30 days"))
	page.Press(page.InDialog("Save"))
	page.Lacks(page.Dialog())
	page.Focuses(page.Locator("#heading"))
	page.Says("Saved: porch-cam expires on the day you chose.")
}

func TestADayIsChosenWithoutScript(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	at := "/keys/" + ana.Keys(t, "porch-cam")[0].ID
	page := program.Open(t, story.NoScript, story.SignedIn(ana), story.At(at))
	page.Press(page.Link("Change when porch-cam expires"))
	page.IsAt(at + "/expiry")
	page.Lacks(page.Field("Last day"))
	page.Press(page.Field("On a day"))
	page.Fill("Last day", "2024-02-29")
	sendsTo(page, at+"/expiry", page.Button("Save"), http.StatusUnprocessableEntity)
	page.Expects(http.StatusUnprocessableEntity)
	page.Sees(page.GetByText("That day is over."))
	page.Must(page.Expect().Locator(page.Field("Last day")).ToHaveValue("2024-02-29"))
	page.Press(page.Field("In 90 days"))
	page.Press(page.Button("Save"))
	page.IsAt(at)
	page.Says("Saved: porch-cam expires on the day you chose.")
	page.Sees(page.Locator("#key .facts").GetByText("23:59 UTC"))
}
