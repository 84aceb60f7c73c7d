package devices

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// oldFleetUser is what a user of App Services looks like in an export.
const oldFleetUser = "5f3a1c2b9d0e4a00123456a1"

// The value is on the device for good, and the account was imported: the owner pastes the one, and the device is who it always was.
func TestADeviceIsBackOnceItsOwnerHasPastedItsValue(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]story.Option{"with script": nil, "without": {story.NoScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t, func(c *config.Config) { c.Adoption = "owners" })
			users := filepath.Join(t.TempDir(), "users.json")
			if err := os.WriteFile(users, []byte(`[{"_id": "`+oldFleetUser+`", "identities": [{"id": "5f3a1c2b9d0e4a00123456b1",
				"provider_type": "local-userpass", "provider_data": {"email": "ada@example.org"}}]}]`), 0o600); err != nil {
				t.Fatal(err)
			}
			program.Orders(t, "import-users", users)
			value := testkit.OldValue()
			signsIn := func() story.Played { return program.Plays(t, []any{"signIn", "key", value})[0] }
			if p := signsIn(); p.Status != 401 {
				t.Fatalf("before it is adopted: %+v", p)
			}

			page := program.Open(t, options...)
			link := resetLink.FindString(program.Orders(t, "user", "reset-password", "ada@example.org", "--public-url", program.URL))
			page.Visit(strings.TrimPrefix(link, program.URL))
			page.Fill("Password", story.Password)
			page.Press(page.Button("Set password and sign in"))
			page.IsAt("/keys")
			page.Press(page.Link("I have a key from App Services"))
			page.IsAt("/keys/adopt")
			field := page.Locator("#adopt-value")
			page.Focuses(field)
			page.Fill("Value", value[1:])
			if options == nil {
				page.Press(page.Button("Show value"))
				page.Must(page.Expect().Locator(field).ToHaveAttribute("type", "text"))
			}
			page.Fill("Name", "garage-pi")
			page.Expects(422)
			page.Press(page.Button("Adopt this key"))
			page.Sees(page.GetByText("A value has 64 letters and digits; this has 63."))
			page.Must(page.Expect().Locator(field).ToHaveValue(""))
			page.Must(page.Expect().Locator(field).ToHaveAttribute("type", "password"))
			page.Fill("Value", "API_KEY="+value)
			page.Press(page.Button("Adopt this key"))
			page.Says("garage-pi was adopted. It is waiting for the device’s first sign-in.")
			page.Sees(page.GetByText("Replace it when you can reach the device."))
			if p := signsIn(); p.User == nil || p.User.ID != oldFleetUser {
				t.Errorf("adopted: %+v", p)
			}
			if options != nil {
				return
			}

			page.Press(page.Link("Keys").First())
			page.Press(page.Link("I have a key from App Services"))
			page.Fill("Value", value)
			page.Press(page.Link("Cancel"))
			page.IsAt("/keys")
			if _, err := page.GoBack(); err != nil {
				t.Fatal(err)
			}
			page.Must(page.Expect().Locator(field).ToHaveValue(""))

			stranger := program.Open(t, story.SignedIn(program.PersonNamed(t, "eve@example.org")), story.At("/keys/adopt"))
			stranger.Fill("Value", value)
			stranger.Fill("Name", "mine")
			stranger.Expects(409)
			stranger.Press(stranger.Button("Adopt this key"))
			stranger.Sees(stranger.GetByText("This value cannot be adopted. Ask the administrator of this server."))
			if p := signsIn(); p.User == nil || p.User.ID != oldFleetUser {
				t.Errorf("after a stranger has tried: %+v", p)
			}
		})
	}
}
