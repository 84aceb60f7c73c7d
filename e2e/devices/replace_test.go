package devices

import (
	"strings"
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// The whole line by the program's clock: a device takes the new value over, the old one falls silent and is turned off, and is wanted back.
// Not parallel: see story.OwnClock.
func TestAKeyIsReplacedWithoutAnybodyBeingLeftOut(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	old := ana.Keys(t, "garage-pi")[0]
	uses(t, program, old.Value.Reveal(), ana)
	page := program.Open(t, story.SignedIn(ana))
	row := page.Row("garage-pi")
	page.Visit("/keys/" + old.ID)
	page.Press(page.Link("Replace…"))
	page.Sees(page.Heading("Replace garage-pi?"))
	page.Axe()
	page.Press(page.Button("Create the replacement"))
	page.Sees(page.Ready("garage-pi-2"))
	value := page.Value()
	page.Sees(row.GetByText("→ garage-pi-2 · waiting for its first use"))
	clock.Advance(time.Second)
	uses(t, program, value, ana)
	page.Sees(row.GetByText("→ garage-pi-2 is in use · off after")) // without a reload
	page.SaveKey()
	program.GoesOn(t, clock, 50*time.Minute, func() { page.Visit("/keys") })
	page.IsOn("garage-pi", true)
	program.GoesOn(t, clock, 10*time.Minute, func() {})
	page.Says("garage-pi is off: garage-pi-2 has taken its place.")
	page.IsOn("garage-pi", false)
	page.Sees(row.GetByText("Replaced by garage-pi-2"))
	program.Refuses(t, old.Value.Reveal())

	page.Press(page.Link("garage-pi"))
	page.Expects(403) // the password, in the dialog
	page.Press(page.Button("Bring the old key back"))
	page.Fill("Password", story.Password)
	page.Press(page.InDialog("Bring it back"))
	page.Says("garage-pi is on again. Nothing replaces it any more.")
	page.Lacks(page.Button("Bring the old key back"))
	uses(t, program, old.Value.Reveal(), ana)
	uses(t, program, value, ana)
}

// On a phone and without script the page refreshes by a link.
func TestTwoDevicesWithAnOldAndANewKeyAreSeenWithoutScript(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	old := ana.Keys(t, "garage-pi")[0]
	phone := program.Open(t, story.SignedIn(ana), story.Phone, story.NoScript)
	phone.Press(phone.Link("garage-pi"))
	phone.Press(phone.Link("Replace…"))
	phone.Sees(phone.Heading("Replace garage-pi?"))
	phone.Fits()
	phone.Press(phone.Button("Create the replacement"))
	phone.Sees(phone.Ready("garage-pi-2"))
	phone.Fits()
	value := phone.Value()
	phone.SaveKey()
	phone.Sees(phone.Row("garage-pi").GetByText("→ garage-pi-2 · waiting for its first use"))
	phone.Press(phone.Link("garage-pi"))
	uses(t, program, value, ana)
	phone.Press(phone.Link("Refresh").First())
	phone.Sees(phone.GetByText("New value in use since"))
	phone.Fits()
	uses(t, program, old.Value.Reveal(), ana)
	phone.Press(phone.Link("Refresh").First())
	phone.Sees(phone.GetByText("If that is one device, it has not taken the new value everywhere."))
	phone.Fits()
	phone.Press(phone.Button("Turn garage-pi off"))
	phone.Sees(phone.GetByText("replaced by"))
	phone.Fits()
	program.Refuses(t, old.Value.Reveal())
	phone.Visit("/keys")
	phone.Sees(phone.Row("garage-pi").GetByText("Replaced by garage-pi-2"))
	phone.Fits()
}

func TestADeviceThatShowsACodeTakesOverFromAKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	old := ana.Keys(t, "garage-pi")[0]
	device := device(t, program, "--name", "Garage Pi")
	phone := program.Open(t, story.SignedIn(ana), story.Phone)
	phone.Press(phone.Link("garage-pi"))
	phone.Press(phone.Link("Replace…"))
	phone.Press(phone.Field("The device shows a code, which I enter here"))
	phone.Press(phone.Field("Now: the device can’t sign in until it has the new value"))
	phone.Press(phone.Button("Create the replacement"))
	phone.Sees(phone.GetByText("Its key will replace garage-pi."))
	phone.EnterCode(strings.ToLower(device.code))
	phone.Sees(phone.GetByText("which is turned off at once"))
	phone.Must(phone.Expect().Locator(phone.Field("Key name")).ToHaveValue("garage-pi-2"))
	phone.Fits()
	phone.Press(phone.Button("Approve"))
	phone.Sees(phone.Heading("garage-pi-2 has its key"))
	got := device.key()
	uses(t, program, got.APIKey, ana)
	program.Refuses(t, old.Value.Reveal())
	phone.Visit("/keys")
	phone.Sees(phone.Row("garage-pi").GetByText("Replaced by garage-pi-2"))
}
