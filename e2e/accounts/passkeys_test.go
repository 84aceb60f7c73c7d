package accounts

import (
	"net/http"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// addsPasskey adds one to the account whose page is open.
func addsPasskey(page *story.Page, name string) {
	page.T.Helper()
	page.Press(page.Button("Add a passkey"))
	page.Fill("Name", name)
	page.Press(page.Button("Create passkey"))
}

func TestAPersonGoesOnWithPasskeysAlone(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, story.ByName(t), func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusForbidden, http.StatusUnprocessableEntity)
	suggestsNothing := "PublicKeyCredential.isConditionalMediationAvailable = async () => false" // as some browsers do
	page.Must(page.AddInitScript(playwright.Script{Content: &suggestsNothing}))
	page.Visit("/account")

	laptop := page.Authenticator()
	laptop.Recognises(false)
	addsPasskey(page, "Laptop")
	page.Sees(page.GetByText("Nothing was changed."))
	laptop.Recognises(true)
	page.Press(page.Button("Create passkey"))
	page.Says("Passkey added. You can sign in with it from now on.")
	addsPasskey(page, "Laptop again")
	page.Sees(page.GetByText("This device has a passkey for your account already."))
	page.Press(page.Link("Cancel"))

	page.Press(page.Link("Stop using the password…"))
	page.Press(page.Button("Stop using the password"))
	page.Sees(page.GetByText("Add a second passkey first: with only one, losing it would lock you out."))
	page.Press(page.Link("Cancel"))
	key := page.SecurityKey()
	addsPasskey(page, "Key on my keyring")
	page.Says("Passkey added. You can sign in with it from now on.")
	key.Remove() // it is on the keyring
	page.Press(page.Link("Stop using the password…"))
	page.Press(page.Button("Stop using the password"))
	page.Says("Your password no longer works, and everything else was signed out.")
	page.Sees(page.Heading("No password"))

	page.SignOut()
	page.TriesToSignIn(ana.Email, story.Password)
	page.Sees(page.GetByText("Wrong email or password."))
	page.Press(page.Button("Sign in with a passkey"))
	page.IsAt("/keys")

	clock.Advance(20 * time.Minute)
	page.Visit("/keys")
	clock.Advance(11 * time.Minute)
	page.Visit("/keys")
	page.TriesToCreate("attic")
	page.Sees(page.Dialog())
	page.Focuses(page.InDialog("Use your passkey"))
	page.Lacks(page.Field("Password"))
	laptop.Recognises(false)
	page.Key("Enter")
	page.Sees(page.Dialog().GetByText("Nothing was changed."))
	page.Focuses(page.InDialog("Use your passkey"))
	laptop.Recognises(true)
	page.Key("Enter")
	page.Sees(page.Ready("attic"))
	page.SaveKey()

	page.Visit("/account")
	page.Press(page.Button("Remove Key on my keyring"))
	page.Says("Passkey removed. What it opened is signed out.")
	page.Sees(page.GetByText("This is the only way in that you have left."))
	page.Press(page.Link("Delete account…"))
	page.Press(page.Button("Delete account with a passkey"))
	page.Says("Your account was deleted.")
}

func TestTheBrowserSuggestsAPasskeyWhereTheEmailIsTyped(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t, story.ByName(t))
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/account"))
	laptop := page.Authenticator()
	addsPasskey(page, "Laptop")
	page.Says("Passkey added. You can sign in with it from now on.")
	page.SignOut()

	tab := page.NewTab("/help")
	laptop.MoveTo(tab.Authenticator()) // which chooses what it is offered
	to := "/device?user_code=" + program.Grant(t, "Porch Pi").UserCode
	tab.Visit(to)
	tab.IsAt(to)
	tab.Sees(tab.Heading(story.ConnectThis))
}
