package e2e

import (
	"net/http"
	"testing"
	"time"

	"latchkey/internal/app/config"
)

// late is a program in which everybody's last proof of who they are is too old: what the options open was signed in 31 minutes ago.
func late(t *testing.T, options ...option) (*program, *person, *page) {
	t.Helper()
	clock := ownClock(t)
	program := startProgram(t, func(cfg *config.Config) { cfg.Now = clock.now })
	ana := program.person(t)
	made := ana.keys(t, "garage", "porch-cam")
	if err := ana.session.APIKeys().Disable(t.Context(), made[0].ID); err != nil {
		t.Fatal(err)
	}
	page := program.open(t, append(options, signedIn(ana))...)
	clock.advance(20 * time.Minute)
	page.visit("/keys")
	clock.advance(11 * time.Minute)
	page.visit("/keys")
	return program, ana, page
}

func TestMakingAKeyAsksForThePasswordAndKeepsWhatWasTyped(t *testing.T) {
	_, ana, page := late(t)
	page.expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	page.fill("Name of the device or service", "attic")
	page.press(page.button("Create key"))
	page.sees(page.dialog())
	page.focuses(page.dialog().GetByLabel("Password"))
	page.key("Escape")
	page.lacks(page.dialog())
	page.focuses(page.button("Create key"))
	typed, err := page.field("Name of the device or service").InputValue()
	page.must(err)
	if typed != "attic" {
		t.Errorf("the name is %q", typed)
	}

	page.key("Enter")
	page.must(page.dialog().GetByLabel("Password").Fill("wrong horse"))
	page.key("Enter")
	page.sees(page.GetByText("The password is wrong."))
	page.focuses(page.field("Password"))
	page.fill("Password", password)
	page.press(page.button("Create key"))
	page.sees(page.heading("Save this key now"))
	value, err := page.field("Value").InputValue()
	page.must(err)
	page.saveKey()
	page.lacks(page.GetByText(value))
	ana.find(t, "attic")

	page.createKey("cellar") // without another word
	page.saveKey()
}

func TestTurningOnAsksForThePasswordAndTurningOffDoesNot(t *testing.T) {
	_, ana, page := late(t)
	page.expects(http.StatusForbidden)
	page.press(page.toggle("porch-cam"))
	page.says("porch-cam is off. It can no longer sign in.")
	page.press(page.toggle("garage"))
	page.sees(page.dialog())
	page.press(page.inDialog("Cancel"))
	page.lacks(page.dialog())
	page.focuses(page.toggle("garage"))
	page.isOn("garage", false)
	page.press(page.toggle("garage"))
	page.must(page.dialog().GetByLabel("Password").Fill(password))
	page.press(page.inDialog("Turn on"))
	page.says("garage is on.")
	page.isOn("garage", true)
	if ana.find(t, "garage").Disabled || !ana.find(t, "porch-cam").Disabled {
		t.Error("the server has it otherwise")
	}
}

func TestApprovingADeviceAsksForThePassword(t *testing.T) {
	program, ana, page := late(t)
	page.expects(http.StatusForbidden)
	grant := program.grant(t, "Greenhouse Pi")
	page.visit("/device")
	page.enterCode(grant.UserCode)
	page.fill("Name of its key", "greenhouse")
	page.press(page.button("Approve"))
	page.must(page.dialog().GetByLabel("Password").Fill(password))
	page.press(page.inDialog("Approve"))
	page.sees(page.heading("Waiting for the device"))
	ana.find(t, "greenhouse")
	if got, _ := program.poll(t.Context(), grant); got.AccessToken == "" {
		t.Error("the device gets no key:", got.Error)
	}
}

func TestWithoutScriptTheQuestionIsAPage(t *testing.T) {
	_, ana, page := late(t, noScript)
	page.expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	page.fill("Name of the device or service", "attic")
	page.press(page.button("Create key"))
	page.sees(page.heading("Confirm that it is you"))
	page.press(page.link("Cancel"))
	page.isAt("/keys?name=attic")
	page.press(page.button("Create key"))
	page.fill("Password", "wrong horse")
	page.press(page.button("Create key"))
	page.sees(page.GetByText("The password is wrong."))
	page.fill("Password", password)
	page.press(page.button("Create key"))
	page.sees(page.heading("Save this key now"))
	ana.find(t, "attic")
}
