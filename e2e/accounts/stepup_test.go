package accounts

import (
	"net/http"
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// late is a program in which everybody's last proof of who they are is too old: what the options open was signed in 31 minutes ago. The first of the
// keys is off.
func late(t *testing.T, keys []string, options ...story.Option) (*story.Program, *story.Person, *story.Page) {
	t.Helper()
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	if made := ana.Keys(t, keys...); len(made) > 0 {
		if err := ana.Session.APIKeys().Disable(t.Context(), made[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	page := program.Open(t, append(options, story.SignedIn(ana))...)
	clock.Advance(20 * time.Minute)
	page.Visit("/keys")
	clock.Advance(11 * time.Minute)
	page.Visit("/keys")
	return program, ana, page
}

func TestMakingAKeyAsksForThePasswordAndKeepsWhatWasTyped(t *testing.T) {
	_, ana, page := late(t, nil)
	page.Expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	page.TriesToCreate("attic")
	page.Sees(page.Dialog())
	page.Focuses(page.Field("Password"))
	page.Key("Escape")
	page.Lacks(page.Dialog())
	page.Focuses(page.Button("Create key"))
	typed, err := page.Field("Name").InputValue()
	page.Must(err)
	if typed != "attic" {
		t.Errorf("the name is %q", typed)
	}

	page.Key("Enter")
	page.Must(page.Field("Password").Fill("wrong horse"))
	page.Key("Enter")
	page.Sees(page.Dialog().GetByText("Wrong password."))
	page.Focuses(page.Field("Password"))
	inField := page.Evaluate(`() => document.querySelector("dialog .peek").offsetHeight === document.querySelector("dialog #password").offsetHeight`)
	if inField != true {
		t.Error("the button that shows the password is not in the field")
	}
	page.Press(page.InDialog("Show password"))
	page.Must(page.Expect().Locator(page.Field("Password")).ToHaveAttribute("type", "text"))
	page.Fill("Password", story.Password)
	page.Press(page.InDialog("Create key"))
	page.Sees(page.Locator("#once-title"))
	value := page.Value()
	page.SaveKey()
	page.Lacks(page.GetByText(value))
	ana.Find(t, "attic")

	page.CreateKey("cellar") // without another word
	page.SaveKey()
}

func TestTurningOnAsksForThePasswordAndTurningOffDoesNot(t *testing.T) {
	_, ana, page := late(t, []string{"garage", "porch-cam"})
	page.Expects(http.StatusForbidden)
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")
	page.Press(page.Toggle("garage"))
	page.Sees(page.Dialog())
	page.Press(page.InDialog("Cancel"))
	page.Lacks(page.Dialog())
	page.Focuses(page.Toggle("garage"))
	page.IsOn("garage", false)
	page.Press(page.Toggle("garage"))
	page.Must(page.Field("Password").Fill(story.Password))
	page.Press(page.InDialog("Turn on"))
	page.Says("garage is on.")
	page.IsOn("garage", true)
	if ana.Find(t, "garage").Disabled || !ana.Find(t, "porch-cam").Disabled {
		t.Error("the server has it otherwise")
	}
}

func TestApprovingADeviceAsksForThePassword(t *testing.T) {
	program, ana, page := late(t, []string{"garage"})
	page.Expects(http.StatusForbidden)
	grant := program.Grant(t, "Greenhouse Pi")
	page.Visit("/device")
	page.EnterCode(grant.UserCode)
	page.Fill("Key name", "greenhouse")
	page.Press(page.Button("Approve"))
	page.Must(page.Field("Password").Fill(story.Password))
	page.Press(page.InDialog("Approve"))
	page.Sees(page.Heading("Approved"))
	ana.Find(t, "greenhouse")
	if got, _ := program.Poll(t.Context(), grant); got.AccessToken == "" {
		t.Error("the device gets no key:", got.Error)
	}
}

func TestWithoutScriptTheQuestionIsAPage(t *testing.T) {
	_, ana, page := late(t, nil, story.NoScript)
	page.Expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	page.TriesToCreate("attic")
	page.Sees(page.Heading("Confirm it’s you"))
	page.Press(page.Link("Cancel"))
	page.IsAt("/keys/new?name=attic")
	page.Press(page.Button("Create key"))
	page.Fill("Password", "wrong horse")
	page.Press(page.Button("Create key"))
	page.Sees(page.GetByText("Wrong password."))
	page.Fill("Password", story.Password)
	page.Press(page.Button("Create key"))
	page.Sees(page.Locator("#once-title"))
	ana.Find(t, "attic")
}
