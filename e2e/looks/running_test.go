package looks

import (
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

func TestThePagesForOperatorsAreAccessibleInEveryLookAndFitTheNarrowestPhone(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ada := program.PersonNamed(t, "ada@example.org")
	ana := program.PersonNamed(t, "a.person.with.quite.a.long.address@mail.example.com")
	key := ana.Keys(t, "the-longest-name-that-a-key-can-have-0123456789-0123456789-01234", "garage")[0]
	program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
	program.Orders(t, "user", "make-operator", ada.Email)
	program.Orders(t, "user", "disable", program.PersonNamed(t, "eve@example.org").Email)
	program.Orders(t, "webhook", "add", "https://operations.example.org/hooks/latchkey")
	user := "/running/users/" + ana.Session.UserID()
	page, phone := program.Open(t, story.SignedIn(ada)), program.Open(t, story.PhoneOf(320, 640), story.SignedIn(ada))
	page.Visit(user)
	page.Press(page.Button("Turn off garage"))
	page.Says("garage is off. Its devices were signed out.")
	for _, path := range []string{"/keys", "/running", user, "/running/knocks", "/running/acts", "/running/webhooks", "/running/server-keys"} {
		if path == "/running" || path == user {
			page.NewTab(path).IsAccessibleInEveryLook(path)
		}
		phone.Visit(path)
		phone.Fits()
		phone.Axe()
		if beyond := phone.Evaluate(`() => {
			const nav = document.querySelector("nav.places"), end = nav.getBoundingClientRect().right;
			return [...nav.children].filter(a => a.getBoundingClientRect().right > end + .5).map(a => a.innerText).join(" ");
		}`); beyond != "" {
			t.Errorf("%s: beyond the end of the row of pages: %s", path, beyond)
		}
	}
	phone.Fill("Name", "collector")
	phone.Press(phone.Button("Create server key"))
	phone.Sees(phone.Heading("collector is ready. Save its value now"))
	phone.Fits()
	phone.IsAccessibleInEveryLook("the value of a server key")
}
