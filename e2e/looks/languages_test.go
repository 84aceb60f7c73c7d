package looks

import (
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

// The pseudo-language stands for the languages to come: its texts are longer by 40 %. Arabic is read from right to left, and axe sees what
// a text in it does to names, roles and contrast.
func TestPagesFitTheNarrowestPhoneInALanguageThatIsLongAndAreAccessibleFromRightToLeft(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.PersonNamed(t, "a.person.with.quite.a.long.address@mail.example.com")
	keys := ana.Keys(t, "the-longest-name-that-a-key-can-have-0123456789-0123456789-01234", "garage", "attic", "cellar", "porch", "shed")
	program.LogIn(t, client.UserAPIKey(keys[0].Value.Reveal()))
	program.Orders(t, "user", "make-operator", ana.Email)
	key := "/keys/" + keys[0].ID
	page := program.Open(t, story.SignedIn(ana), story.PhoneOf(320, 640))
	speak := func(language string) {
		page.Evaluate(`language => fetch("/language", { method: "POST", body: new URLSearchParams({ language }) }).then(r => r.ok)`, language)
	}
	in := func(language string, paths ...string) {
		for _, path := range paths {
			page.Visit(path)
			if got := page.Evaluate("document.documentElement.lang"); got != language {
				t.Fatalf("%s is in %v, not in %s", path, got, language)
			}
			page.Fits()
			if language == "ar" {
				page.Axe()
			}
		}
	}
	inside := []string{"/keys", "/keys?select=all", "/keys/new", key, key + "/delete", key + "/replace", "/device", "/account", "/sessions", "/activity", "/running"}
	speak("en-XA")
	in("en-XA", inside...)
	speak("ar")
	in("ar", inside...)
	page.Must(page.Context.ClearCookies())
	speak("en-XA")
	in("en-XA", "/login", "/register", "/help")
	speak("ar")
	in("ar", "/login")
}
