package keys

import (
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

// One press turns a key off whose value leaked. To turn it on again takes its name.
func TestAKeyWhoseValueLeakedIsOffAtOnceAndTurnedOnByItsName(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]story.Option{"script": func(*story.Visit) {}, "no script": story.NoScript} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			page := program.Open(t, script, story.SignedIn(program.Person(t)))
			value := page.CreateKey("garage-pi")
			page.SaveKey()
			program.LogIn(t, client.UserAPIKey(value))
			page.Press(page.Link("garage-pi"))
			page.Press(page.Button("This value leaked"))
			page.Sees(page.Heading("garage-pi is off"))
			page.Sees(page.GetByText("Its value is of no use to anyone now."))
			page.Sees(page.GetByText("It had 1 sign-in, which ended then."))

			page.Press(page.Link("All keys"))
			page.Sees(page.Row("garage-pi").GetByText("You said its value leaked"))
			page.Expects(403)
			page.Press(page.Toggle("garage-pi"))
			page.Sees(page.GetByText("You said that this value leaked."))
			page.Fill("Type garage-pi to turn it on", "garage-pi")
			page.Press(page.Button("Turn garage-pi on"))
			page.IsOn("garage-pi", true)
			program.LogIn(t, client.UserAPIKey(value))
		})
	}
}

// A pasted value is found in the browser, and the report of its leak does not carry it.
func TestAValueThatWasFoundIsReportedWithoutIt(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	page := program.Open(t, story.SignedIn(program.Person(t)))
	value := page.CreateKey("garage-pi")
	page.SaveKey()
	page.Visit("/keys/which")
	page.Fill("Value", value)
	page.Press(page.Button("This value leaked"))
	page.Sees(page.Heading("garage-pi is off"))
	if found := strings.Join(tap.Holding(value), ", "); found != "POST /keys" {
		t.Error("the value is in", found)
	}
}
